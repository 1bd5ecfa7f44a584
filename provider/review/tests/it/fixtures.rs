//! Plans that Terraform made, as `cargo run -p acceptance -- fixtures` stored them, and the sources they were made from.

use std::{io::Read, path::PathBuf};

use provider_review::plan::{self, PlanRead};

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The JSON of one plan.
pub(crate) fn json(kind: &str, name: &str) -> Vec<u8> {
    let path = folder().join(kind).join("plans").join(format!("{name}.json.gz"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut text).unwrap();
    text
}

/// A plan of the good configuration, with its sources.
pub(crate) fn good(kind: &str, name: &str) -> PlanRead {
    plan::read(&json(kind, name), Some(&folder().join(kind).join("good"))).unwrap()
}
