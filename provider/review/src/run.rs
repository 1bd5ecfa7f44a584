//! What the commands do: read the inputs, ask the questions, write what was asked for.
//!
//! Invariant: everything is read, judged and rendered before anything is written.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use provider_boundary::{
    model::{Contract, World},
    question,
    review::Review,
};
use thiserror::Error;

use crate::{
    accept,
    args::{AcceptArguments, Command, ExplainArguments, Inputs, ReviewArguments, TextArguments},
    contract::{self, ContractError},
    exit::{OWN_FAILURE, Outcome, USAGE},
    files::{self, WriteError},
    limits::PLAN_BYTES_MAX,
    output::{
        Report,
        explain::{self, ExplainError},
        html, json, markdown, oscal, packet, sarif, scorecard, terminal,
    },
    plan::{self, ReadError, format::PlanError},
};

/// Rounds of accepting: two are usual.
const ACCEPT_ROUNDS_MAX: usize = 5;

/// Why a command did nothing.
#[derive(Debug, Error)]
pub enum RunError {
    /// An input file cannot be read.
    #[error("read {path}: {error}")]
    Input {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The plan is larger than any that Terraform makes.
    #[error("{0}: larger than {PLAN_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    /// The plan cannot be reviewed, or its sources cannot be read.
    #[error("{path}: {error}")]
    Plan {
        /// The plan's file.
        path: PathBuf,
        /// Why.
        #[source]
        error: ReadError,
    },
    /// The plan is of another account.
    #[error("{path}: {error}")]
    Account {
        /// The plan's file.
        path: PathBuf,
        /// Which.
        #[source]
        error: PlanError,
    },
    /// The contract cannot be read; says file and line itself.
    #[error("{0}")]
    Contract(#[from] ContractError),
    /// There is no such finding.
    #[error("{0}")]
    Explain(#[from] ExplainError),
    /// Files could not be written; none was.
    #[error("{0}")]
    Write(#[from] WriteError),
}

/// What a command came to: its text, and the exit code.
#[derive(Debug)]
pub struct Done {
    /// What is printed.
    pub printed: String,
    /// The exit code.
    pub code: u8,
}

/// A function that makes a text of a review.
type Format = fn(&Report<'_>) -> String;

/// Everything that was read.
struct Read {
    planned: World,
    prior: Option<World>,
    review: Review,
    contract: Contract,
    contract_file: Option<String>,
    today: String,
    source_prefix: String,
}

impl RunError {
    /// The exit code: whose fault it is.
    pub fn code(&self) -> u8 {
        match self {
            RunError::Write(WriteError::Refused { .. }) => OWN_FAILURE,
            _ => USAGE,
        }
    }
}

/// Runs a command; `today` is the day when none is given.
///
/// # Errors
/// [`RunError`]: nothing was written.
pub fn run(command: &Command, today: jiff::civil::Date) -> Result<Done, RunError> {
    match command {
        Command::Review(arguments) => review(arguments, today),
        Command::Explain(arguments) => explain(arguments, today),
        Command::Accept(arguments) => accept(arguments, today),
        Command::Packet(arguments) => text(arguments, today, packet::packet, |_| Outcome::Good),
        Command::Scorecard(arguments) => {
            text(arguments, today, scorecard::scorecard, |review| Outcome::of(&review.findings, &BTreeSet::new()))
        }
    }
}

fn review(arguments: &ReviewArguments, today: jiff::civil::Date) -> Result<Done, RunError> {
    let read = read(&arguments.inputs, today)?;
    let report = read.report();
    let formats: [(&Option<PathBuf>, Format); 5] = [
        (&arguments.markdown, markdown::markdown),
        (&arguments.sarif, sarif::sarif),
        (&arguments.html, html::html),
        (&arguments.json, json::json),
        (&arguments.oscal, oscal::oscal),
    ];
    let named = formats.iter().filter_map(|(path, format)| path.as_ref().map(|path| (path.clone(), format(&report))));
    files::write_all(&named.collect::<Vec<_>>())?;
    let allowed = arguments.allow_unknown.iter().cloned().collect();
    let code = Outcome::of(&read.review.findings, &allowed).code();
    Ok(Done { printed: terminal::summary(&read.review), code })
}

fn explain(arguments: &ExplainArguments, today: jiff::civil::Date) -> Result<Done, RunError> {
    let read = read(&arguments.inputs, today)?;
    let report = read.report();
    let found = explain::find(&report, &arguments.finding)?;
    Ok(Done { printed: explain::explain(&report, found), code: 0 })
}

fn accept(arguments: &AcceptArguments, today: jiff::civil::Date) -> Result<Done, RunError> {
    let read = read(&arguments.inputs, today)?;
    let approval = arguments.approved_by.as_deref().zip(arguments.expires);
    let approval = approval.map(|(by, expires)| accept::Approval { by: by.into(), expires: expires.to_string() });
    let mut accepted = accept::accept(&read.review, &read.contract, approval.as_ref());
    // Who reads a class is known once the contract says where it lies: each round sees what the one before it named.
    for _ in 0..ACCEPT_ROUNDS_MAX {
        let review = question::review(&read.planned, read.prior.as_ref(), &accepted, &read.today);
        let next = accept::accept(&review, &accepted, approval.as_ref());
        if next == accepted {
            break;
        }
        accepted = next;
    }
    let after = accept::hcl::write(&accepted);
    let named = arguments.output.as_ref().or(arguments.inputs.contract.as_ref());
    let target = named.cloned().unwrap_or_else(|| "boundary.hcl".into());
    let before = match fs::read_to_string(&target) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(RunError::Input { path: target, error }),
    };
    files::write_all(&[(target.clone(), after.clone())])?;
    Ok(Done { printed: accept::diff::unified(&target.to_string_lossy(), &before, &after), code: 0 })
}

fn text(
    arguments: &TextArguments,
    today: jiff::civil::Date,
    format: Format,
    outcome: fn(&Review) -> Outcome,
) -> Result<Done, RunError> {
    let read = read(&arguments.inputs, today)?;
    let text = format(&read.report());
    let code = outcome(&read.review).code();
    let Some(path) = &arguments.output else { return Ok(Done { printed: text, code }) };
    files::write_all(&[(path.clone(), text)])?;
    Ok(Done { printed: String::new(), code })
}

impl Read {
    fn report(&self) -> Report<'_> {
        Report {
            review: &self.review,
            today: &self.today,
            contract_file: self.contract_file.as_deref(),
            source_prefix: &self.source_prefix,
        }
    }
}

fn read(inputs: &Inputs, today: jiff::civil::Date) -> Result<Read, RunError> {
    let today = inputs.now.unwrap_or(today).to_string();
    let contract_file = inputs.contract.as_ref().map(|path| path.to_string_lossy().replace('\\', "/"));
    let contract = match (&inputs.contract, &contract_file) {
        (Some(path), Some(name)) => {
            let text = fs::read_to_string(path).map_err(|error| RunError::Input { path: path.clone(), error })?;
            contract::read(&text, name)?
        }
        _ => Contract::default(),
    };
    let text = plan_text(&inputs.plan)?;
    let source = inputs.source.clone().or_else(|| folder_with_sources(&inputs.plan));
    let read =
        plan::read(&text, source.as_deref()).map_err(|error| RunError::Plan { path: inputs.plan.clone(), error })?;
    plan::check_account(&read.planned, &contract)
        .map_err(|error| RunError::Account { path: inputs.plan.clone(), error })?;
    let prior = Some(read.prior).filter(|prior| !is_empty(prior));
    let planned = read.planned;
    let review = question::review(&planned, prior.as_ref(), &contract, &today);
    Ok(Read { planned, prior, review, contract, contract_file, today, source_prefix: prefix(source.as_deref()) })
}

fn plan_text(path: &Path) -> Result<Vec<u8>, RunError> {
    let refused = |error| RunError::Input { path: path.to_owned(), error };
    let length = fs::metadata(path).map_err(refused)?.len();
    if length > PLAN_BYTES_MAX {
        return Err(RunError::TooLarge(path.to_owned()));
    }
    fs::read(path).map_err(refused)
}

/// Whether nothing of the boundary was there.
fn is_empty(world: &World) -> bool {
    let data = world.buckets.len() + world.log_groups.len() + world.secrets.len() + world.keys.len();
    let acting = world.identities.len() + world.machines.len() + world.scaling_groups.len();
    let network = world.vpcs.len() + world.security_groups.len() + world.endpoints.len() + world.subnets.len();
    data + acting + network + world.topics.len() + world.clusters.len() == 0
}

/// The plan's folder, when a configuration is in it.
fn folder_with_sources(plan: &Path) -> Option<PathBuf> {
    let folder = plan.parent().filter(|one| !one.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut names = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|one| one.path());
    let found = names.any(|path| path.extension().is_some_and(|kind| kind == "tf"));
    found.then(|| folder.to_owned())
}

/// The folder of the sources as it is seen from where the command runs, with `/` at its end.
fn prefix(source: Option<&Path>) -> String {
    let Some(source) = source else { return String::new() };
    let here = std::env::current_dir().unwrap_or_default();
    let relative = source.strip_prefix(&here).unwrap_or(source);
    let plain = relative.to_string_lossy().replace('\\', "/");
    let plain = plain.trim_start_matches("./").trim_end_matches('/');
    if plain.is_empty() || plain == "." { String::new() } else { format!("{plain}/") }
}
