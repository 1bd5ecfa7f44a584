//! The tests of the broker's process: real sockets, and bytes as clients and others send them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod admin;
mod broker;
mod client;
mod files;
mod groups;
mod hostile;
mod log;
mod peers;
mod sessions;
mod traps;
mod zones;
