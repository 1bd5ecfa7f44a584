//! `cargo broker-bench`: what the broker promises in figures, measured on real processes.
//!
//! Each [`specification::Row`] is one load with its targets. A run of a row starts a fresh S3 double and fresh brokers
//! (`ringfence-broker serve`, release build) on loopback, drives them with librdkafka, and answers figures; the median of
//! several runs is held against the targets. Latency is that of an open loop: from the moment at which a record was due,
//! whenever it was really sent, to its delivery report. Rows with failures keep a [`history`] of unique values and read
//! everything back.
//!
//! Invariants: nothing that was started outlives its run; a row that cannot run says so and never counts as passed.
//!
//! librdkafka is compiled only with the feature `client`, which the alias of `cargo broker-bench` sets.

pub mod args;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod double;
pub mod environment;
pub mod figure;
pub mod history;
pub mod http;
pub mod process;
pub mod programs;
pub mod report;
pub mod specification;
pub mod statistics;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod rows;
