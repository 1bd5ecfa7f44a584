//! The one place that reads environment variables and knows where the checkout is.

use std::path::{Path, PathBuf};

/// Reads one environment variable; empty counts as unset.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The checkout's root: the parent of this crate's folder, wherever the command was started.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&here).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The user's cache folder for this project; what is in it can be deleted at any time.
#[must_use]
pub fn cache() -> PathBuf {
    let base = variable("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".cache"));
    base.join("ringfence")
}

/// The user's home folder.
#[must_use]
pub fn home() -> PathBuf {
    variable("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

/// The first file called `name` on PATH.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
