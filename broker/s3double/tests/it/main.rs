//! The double over real sockets.
#![cfg(test)]

mod conformance;
mod control;
mod outcomes;
mod protocol;
mod raw;
mod rig;
