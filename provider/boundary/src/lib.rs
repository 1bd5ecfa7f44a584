//! The boundary: which data lives where, under which key, who can read or administer it, over which paths, for how
//! long - and what proves it.
//!
//! Pure: no input or output, no clock, no tasks. Readers of plans, of AWS and of the bucket fill [`model::World`];
//! questions compare it with [`model::contract::Contract`] and answer with a [`model::verdict::Verdict`] each, and all
//! answers together are a [`review::Review`]. Begin with the documentation of [`model`].

pub mod iam;
pub mod model;
pub mod question;
pub mod reach;
pub mod requirement;
pub mod review;
