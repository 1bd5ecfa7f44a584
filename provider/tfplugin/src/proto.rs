//! The wire protocol, generated from `proto/*.proto` (`tests/it/generated.rs` keeps it current).

/// What Terraform asks of a provider.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, reason = "generated")]
#[rustfmt::skip]
pub mod tfplugin6;

/// What go-plugin asks of a plugin.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, reason = "generated")]
#[rustfmt::skip]
pub(crate) mod plugin;
