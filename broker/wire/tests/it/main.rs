//! The tests of broker-wire, and the generator of its messages.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod emit;
mod frames;
mod generated;
mod hostile;
mod oracle;
mod reference;
mod round_trip;
mod table;
