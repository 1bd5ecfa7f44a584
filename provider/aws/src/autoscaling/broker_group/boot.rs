//! User-data: one python script that fetches, verifies and starts the broker on a stock image.
//!
//! Invariant: what boots is what the launch template's bytes say, checksum included; the script holds no secret.

use serde::Serialize;
use thiserror::Error;

use crate::limits;

const SCRIPT: &str = include_str!("boot.py");
/// Link-local and the same in every partition.
const IMDS: &str = "http://169.254.169.254";

/// What the script is told. Field names are the keys of `CONFIG` in `boot.py`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BootConfig {
    pub(crate) cluster: String,
    pub(crate) cluster_id: String,
    pub(crate) region: String,
    /// Host that serves virtual-hosted buckets, `s3.REGION.SUFFIX`.
    pub(crate) s3_host: String,
    /// Base URL of another store, addressed by path.
    pub(crate) s3_endpoint: Option<String>,
    /// Unique id of the brokers' role.
    pub(crate) role_id: Option<String>,
    pub(crate) data_bucket: String,
    pub(crate) metadata_bucket: String,
    pub(crate) data_kms_key_id: Option<String>,
    pub(crate) metadata_kms_key_id: Option<String>,
    pub(crate) package_sha256: String,
    pub(crate) port: u16,
    pub(crate) health_port: u16,
    pub(crate) put_budget_per_second: Option<u32>,
    /// Tries of one HTTP exchange before the boot fails.
    pub(crate) attempts: u32,
}

/// The rendered script would not fit.
#[derive(Debug, Error)]
#[error("the user-data is {found} bytes long, more than the {max} that are left for it", max = limits::USER_DATA_BYTES_MAX)]
pub(crate) struct TooLong {
    found: usize,
}

/// The script for these settings.
///
/// # Errors
/// [`TooLong`] when EC2 would refuse it.
pub(crate) fn render(config: &BootConfig) -> Result<String, TooLong> {
    let script = render_for(config, IMDS, "");
    if script.len() > limits::USER_DATA_BYTES_MAX {
        return Err(TooLong { found: script.len() });
    }
    Ok(script)
}

/// `imds` and `root` differ from EC2's only in tests.
fn render_for(config: &BootConfig, imds: &str, root: &str) -> String {
    let config = serde_json::json!(config).to_string();
    SCRIPT.replacen("__CONFIG__", &literal(&config), 1).replacen("__IMDS__", &literal(imds), 1).replacen(
        "__ROOT__",
        &literal(root),
        1,
    )
}

/// A JSON string is a Python string.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
