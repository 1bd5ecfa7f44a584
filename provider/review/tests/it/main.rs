//! Real plans, read into the model.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod bad_input;
mod cli;
mod difference;
mod fixtures;
mod good;
mod large;
mod mutations;
