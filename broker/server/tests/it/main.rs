//! The tests of the broker's process: real sockets, and bytes as clients and others send them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, which is its purpose")]

mod broker;
mod client;
mod hostile;
mod traps;
