//! Plans that Terraform made, as `cargo run -p acceptance -- fixtures` stored them, and the sources they were made from.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use provider_review::plan::{self, PlanRead};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Scenarios {
    pub(crate) scenario: Vec<Scenario>,
}

/// One mutation of the good configuration.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    edits: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    file: PathBuf,
    find: Option<String>,
    #[serde(default)]
    replace: String,
    #[serde(default)]
    append: String,
}

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

pub(crate) fn scenarios(kind: &str) -> Vec<Scenario> {
    let text = std::fs::read_to_string(folder().join(kind).join("scenarios.toml")).unwrap();
    toml::from_str::<Scenarios>(&text).unwrap().scenario
}

/// The good configuration with one mutation, in a folder of its own.
pub(crate) fn sources(kind: &str, scenario: &Scenario) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    copy(&folder().join(kind).join("good"), copied.path());
    for edit in &scenario.edits {
        let path = copied.path().join(&edit.file);
        let text = std::fs::read_to_string(&path).unwrap();
        let text = match &edit.find {
            Some(find) => text.replacen(find.as_str(), &edit.replace, 1),
            None => text + &edit.append,
        };
        std::fs::write(&path, text).unwrap();
    }
    copied
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
