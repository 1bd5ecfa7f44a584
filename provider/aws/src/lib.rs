//! The Ringfence provider: AWS resources, Kafka resources, and the policies between them.
//!
//! Invariant: planning makes no AWS call and reads no clock; everything a plan shows is a function of the arguments, the
//! prior state and who is calling.

mod attributes;
mod autoscaling;
pub mod client;
mod ec2;
pub mod failure;
mod iam;
mod kafka;
mod kms;
pub mod limits;
pub mod names;
pub mod ownership;
pub mod partition;
pub mod policy;
pub mod provider;
mod s3;
pub mod settings;
pub mod wait;
