//! IAM policy documents and their three-valued evaluation: who may do what, who may not, and what that depends on.
//!
//! [`document::Document::parse`] reads policies, [`evaluate::evaluate`] answers a [`request::Request`] in its
//! [`evaluate::Circumstances`] with a witness: layer, policy, statement, conditions. Every rule cites the AWS page that it follows
//! (`Source:`). What is not modelled answers maybe with a [`truth::Reason`], never allowed and never denied.
//!
//! On top of it [`readers`] answers who holds and who reads records now, and [`chain`] who can come to read them, and by which calls.
//!
//! It does not know which actions and condition keys exist, and reads nothing: policies, grants and settings are given.

mod arn;
pub mod chain;
pub mod condition;
pub mod document;
pub mod escalation;
pub mod estate;
pub mod evaluate;
mod glob;
pub mod guardrail;
mod json;
pub mod kms;
pub mod layer;
pub mod limits;
pub mod parse;
mod principal;
pub mod readers;
pub mod request;
mod resolve;
pub mod s3;
mod statement;
pub mod text;
pub mod truth;

pub use document::{Document, Effect};
pub use evaluate::{Answer, Circumstances, Decision, Denial, Path, ResourceSide, evaluate};
pub use layer::{Layer, Policies, Policy};
pub use request::{Caller, Context, KeyState, Request, Resource};
pub use statement::{Applied, ConditionTrace};
pub use truth::{Reason, Reasons, Truth};
