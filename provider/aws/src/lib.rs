//! The Ringfence provider: AWS resources, Kafka resources, and the policies between them.
//!
//! Invariant: planning makes no AWS call and reads no clock; everything a plan shows is a function of the arguments, the
//! prior state and who is calling.

#![expect(dead_code, reason = "the resources that use these pieces follow")]

pub mod autoscaling;
pub mod client;
pub mod ec2;
pub mod failure;
pub mod iam;
pub mod kms;
pub mod limits;
pub mod names;
pub mod partition;
pub mod policy;
pub mod s3;
pub mod settings;
