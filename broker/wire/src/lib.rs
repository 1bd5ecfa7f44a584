//! Kafka protocol messages, generated from a table, without input or output.
