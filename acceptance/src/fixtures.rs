//! Makes the plans that the review's tests read: real ones, of a good configuration and of one mutation of it each.
//!
//! For `provider/review/tests/fixtures/KIND` it copies `good/`, plans it from nothing (`plans/first.json.gz`), applies
//! it to LocalStack, plans it again with and without asking AWS (`refreshed`, `good`), and then plans each scenario of
//! `scenarios.toml` against the state of the good one, as a pull request would. Nothing of the plans is left out.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::binaries::{self, Scope};
use crate::localstack::{self, LocalStack};
use crate::report::{Steps, say};
use crate::terraform::{self, Refresh, Terraform};
use crate::{environment, interrupt, mirror, terraform_cli};

/// LocalStack keeps accounts apart by access key; the fixtures' contracts name this one.
const ACCOUNT: &str = "123456789012";

/// A file of scenarios.
#[derive(Debug, Deserialize)]
struct Scenarios {
    scenario: Vec<Scenario>,
}

/// One mutation of the good configuration.
#[derive(Debug, Deserialize)]
struct Scenario {
    name: String,
    edits: Vec<Edit>,
}

/// One change of one file.
#[derive(Debug, Deserialize)]
struct Edit {
    file: PathBuf,
    #[serde(default)]
    find: Option<String>,
    #[serde(default)]
    replace: String,
    #[serde(default)]
    append: String,
}

/// Makes the plans of both kinds whose scenario's name contains `filter`; the good ones always.
///
/// # Errors
/// When a tool is missing, a configuration cannot be planned, or a scenario does not fit the good configuration.
pub fn run(provider: Option<PathBuf>, filter: &str) -> Result<()> {
    let mut steps = Steps::start("fixtures");
    let scratch = tempfile::Builder::new().prefix("ringfence-fixtures-").tempdir()?;
    let provider = match provider {
        Some(provider) => provider,
        None => binaries::build(Scope::Programs, &scratch.path().join("build.log"))?.provider,
    };
    let mirror = mirror::lay(&provider, scratch.path())?;
    let program = terraform_cli::find()?;
    for kind in ["aws", "ours"] {
        let place = environment::workspace().join("provider/review/tests/fixtures").join(kind);
        let state = scratch.path().join(kind);
        // An emulator each: names of one account would collide.
        let localstack = steps
            .step("start LocalStack", |_| LocalStack::start(&localstack::prepare()?, &state.join("localstack"), 0))?;
        let mut terraform = Terraform::new(&program, &mirror, state.join("work"), state.clone()).in_account(ACCOUNT);
        terraform.set("aws_endpoint", &localstack.endpoint());
        steps.step(&format!("plan and apply the good configuration ({kind})"), |_| good(&terraform, &place))?;
        steps.step(&format!("plan its mutations ({kind})"), |_| mutations(&terraform, &place, filter))?;
    }
    steps.end("fixtures");
    Ok(())
}

fn good(terraform: &Terraform, place: &Path) -> Result<()> {
    lay(terraform, place)?;
    terraform.init()?;
    store(terraform, place, "first", Refresh::Yes)?;
    terraform.apply_plan()?;
    store(terraform, place, "refreshed", Refresh::Yes)?;
    store(terraform, place, "good", Refresh::No)
}

fn mutations(terraform: &Terraform, place: &Path, filter: &str) -> Result<()> {
    let text = std::fs::read_to_string(place.join("scenarios.toml"))?;
    let all: Scenarios = toml::from_str(&text).context("scenarios.toml")?;
    for scenario in all.scenario.iter().filter(|one| one.name.contains(filter)) {
        interrupt::check()?;
        lay(terraform, place)?;
        for edit in &scenario.edits {
            apply(terraform.folder(), edit).with_context(|| scenario.name.clone())?;
        }
        store(terraform, place, &scenario.name, Refresh::No).with_context(|| scenario.name.clone())?;
        say(format_args!("  {}", scenario.name));
    }
    Ok(())
}

/// The good configuration in the working directory, as it is in the repository.
fn lay(terraform: &Terraform, place: &Path) -> Result<()> {
    terraform::copy(&place.join("good"), terraform.folder())
}

fn apply(folder: &Path, edit: &Edit) -> Result<()> {
    let path = folder.join(&edit.file);
    let text = std::fs::read_to_string(&path)?;
    let text = match &edit.find {
        Some(find) => {
            let found = text.matches(find.as_str()).count();
            ensure!(found == 1, "{} holds this {found} times, not once:\n{find}", edit.file.display());
            text.replace(find.as_str(), &edit.replace)
        }
        None => text + &edit.append,
    };
    Ok(std::fs::write(path, text)?)
}

/// Plans, and stores the plan's JSON as terraform prints it, compressed without a time so that equal plans are equal files.
fn store(terraform: &Terraform, place: &Path, name: &str, refresh: Refresh) -> Result<()> {
    let plan = terraform.plan(refresh)?;
    let folder = place.join("plans");
    std::fs::create_dir_all(&folder)?;
    let file = std::fs::File::create(folder.join(format!("{name}.json.gz")))?;
    let mut writer = flate2::GzBuilder::new().mtime(0).write(file, flate2::Compression::best());
    writer.write_all(plan.json.to_string().as_bytes())?;
    writer.finish()?;
    Ok(())
}
