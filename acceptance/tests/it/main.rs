//! Tidy tests: rules of this repository that no compiler checks.
#![cfg(test)]

mod files;
mod host;
mod imports;
mod readme;

use std::path::{Path, PathBuf};

/// The checkout's root.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
