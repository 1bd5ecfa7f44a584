//! Folders in the user's cache that are made once: named after a hash of what they are made from, guarded by a lock file.
//!
//! A folder without its `ready` mark is half made (the maker was killed) and is made again from nothing.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::environment;

/// Hexadecimal SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder `{name}-{hash of inputs}` of the cache; `make` fills it if nobody did before.
///
/// # Errors
/// Those of `make`, or of the file system.
pub fn folder(name: &str, inputs: &[&str], make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = environment::cache();
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let key: String = sha256(inputs.join("\n").as_bytes()).chars().take(12).collect();
    let folder = cache.join(format!("{name}-{key}"));
    let ready = folder.join("ready");
    if ready.exists() {
        return Ok(folder);
    }
    let lock = File::create(cache.join(format!("{name}-{key}.lock")))?;
    lock.lock().context("cannot lock the cache")?;
    if ready.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    make(&folder)?;
    std::fs::write(&ready, b"")?;
    Ok(folder)
}
