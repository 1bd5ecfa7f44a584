//! Black-box acceptance: real terraform, an emulated AWS, hosts that boot what was provisioned, real Kafka clients.
//!
//! This crate depends on no other crate of the workspace. It builds their binaries, starts them as anyone would, and talks to
//! them through terraform's command line, TCP and HTTP only. Everything here is synchronous: a test orchestrator waits for
//! processes, and threads say that most plainly. A module that serves sockets may own a runtime; none leaks into another.

pub mod binaries;
pub mod cache;
pub mod cases;
pub mod client_env;
pub mod clock;
pub mod denial;
pub mod emulator;
pub mod environment;
pub mod fixtures;
pub mod host;
pub mod http;
pub mod interrupt;
pub mod localstack;
pub mod measure;
pub mod mirror;
pub mod package;
pub mod process;
pub mod python;
pub mod quickstart;
pub mod report;
pub mod suite;
pub mod terraform;
pub mod terraform_cli;
pub mod verify;
pub mod world;
