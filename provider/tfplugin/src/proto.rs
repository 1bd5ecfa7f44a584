//! The wire protocol, generated from `proto/*.proto` (`tests/it/generated.rs` keeps it current).

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated, and more than what is served"
)]

/// What go-plugin asks of a plugin.
#[rustfmt::skip]
pub(crate) mod plugin;
/// What Terraform asks of a provider.
#[rustfmt::skip]
pub(crate) mod tfplugin6;
