//! The Terraform plugin protocol, version 6, for providers written in Rust.
//!
//! A provider implements [`Provider`], registers its [`Resource`]s, [`DataSource`]s and [`Function`]s, and its `main` is
//! one call of [`serve`]. The crate does the rest: process, mutual TLS, values, the plan algorithm, and the rules whose
//! breach would lose an object from the state. It knows nothing of any cloud.
//!
//! What a resource author works with:
//! - [`schema`]: attributes, checks, defaults, what needs a replacement;
//! - [`Plan`], [`Config`] and [`Attr`]: values that may not be known yet;
//! - one's own `State` and `Args` types: values that are known, by `serde`; unknown values do not fit in, so that
//!   "unknown after apply" does not compile;
//! - [`Context`]: the configured provider, cancellation, and [`Context::keep`] for half-made objects;
//! - [`Diagnostic`] and [`Diagnostics`]: what went wrong, what to do, at which attribute.
//!
//! `examples/files.rs` shows the whole life of a resource.

mod attr;
mod config;
mod context;
mod data_source;
mod diagnostic;
mod function;
pub mod limits;
mod path;
mod plan;
mod process;
mod proto;
mod provider;
mod resource;
pub mod schema;
mod service;
pub mod testing;
pub mod value;
pub mod wait;

pub use self::attr::Attr;
pub use self::config::Config;
pub use self::context::Context;
pub use self::data_source::DataSource;
pub use self::diagnostic::{Diagnostic, Diagnostics, Severity};
pub use self::function::{Function, FunctionError, Signature};
pub use self::path::{Path, Step};
pub use self::plan::Plan;
pub use self::process::serve;
pub use self::provider::{Provider, Registry};
pub use self::resource::{Outcome, Resource};
