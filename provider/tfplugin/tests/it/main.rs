//! What the crate promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where something is amiss")]

mod breaches;
mod generated;
mod lamp;
mod life;
mod plans;
mod random;
mod values;
