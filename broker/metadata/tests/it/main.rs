//! Tests of the metadata from outside.
#![cfg(test)]

mod balance;
mod codec;
mod golden;
mod log;
mod proposals;
mod state;
mod topic_configs;
mod world;
