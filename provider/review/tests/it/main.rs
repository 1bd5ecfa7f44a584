//! Real plans, read into the model.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod fixtures;
mod good;
