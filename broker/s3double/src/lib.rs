//! A server that speaks S3 from memory, for tests and benchmarks; development only.
//!
//! What it promises: conditional PUTs are atomic per key; a request whose body has arrived is carried out even when its
//! client goes away; latency is drawn from log-normal distributions by a seed; faults strike as the control port says;
//! every request is counted and priced. `s3s` reads requests and writes answers, so that the protocol is not ours alone.
//!
//! What it does not know: policies, encryption (the headers are kept and answered), lifecycle, object lock.

mod chunked;
mod clock;
mod control;
mod counters;
mod fault;
mod gate;
mod latency;
mod objects;
mod operation;
mod random;
mod server;
mod service;

pub mod args;
pub mod limits;
pub mod prices;

pub use counters::{Dollars, OperationReport, Report};
pub use fault::{InvalidRules, Kind, Rule, RuleReport};
pub use latency::{NotASpread, Spread, Spreads};
pub use operation::Operation;
pub use server::{Double, Settings};
