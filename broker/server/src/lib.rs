//! The broker process: sockets, dispatch, configuration, health and metrics.
//!
//! Frames come from sockets, requests from frames; `api` turns each into calls of the engine and back. What Kafka's
//! semantics are is the engine's affair, where bytes are kept is the store's.
//!
//! Invariants: what a client sends cannot end the process or take memory that it has not paid for in bytes; requests of
//! one connection are begun and answered in order; nothing is advertised that does not work.

mod api;
pub mod args;
pub mod config;
mod connection;
mod counters;
mod frame;
mod health;
pub mod limits;
mod listener;
mod memory;
mod metric;
mod peers;
pub mod process;
mod sessions;
mod stores;
