//! The broker process: sockets, dispatch, configuration, health and metrics.
