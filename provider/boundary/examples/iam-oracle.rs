//! Compares the IAM evaluator with another open implementation over the same cases: `cargo run -p provider-boundary --example
//! iam-oracle`.
//!
//! The other one (`oracle/package.json`, from npm) is a program of its own, is never linked, and answers allowed or denied only.
//! Differences must be explained in `oracle/differences.txt`; one that is not ends with exit code 1. Without node and npm nothing is
//! compared: that is said, and is no success.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "a development tool that shares the test's reader of cases"
)]

#[path = "../tests/it/iam/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use case::{Case, Ready};
use provider_boundary::iam::{Caller, Decision, KeyState, Resource};
use serde_json::{Value, json};

/// Keys that follow from the caller and that the other evaluator is given.
const DERIVED: &[&str] = &[
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalType",
    "aws:PrincipalIsAWSService",
    "aws:username",
    "aws:ResourceAccount",
    "kms:CallerAccount",
];

/// Why a case is not compared.
fn beyond(case: &Case, ready: &Ready, ours: &Decision) -> Option<&'static str> {
    let line = |word: &str| case.lines.iter().any(|(own, _)| own == word);
    let text: String = case.lines.iter().map(|(_, rest)| rest.as_str()).collect::<Vec<_>>().join(" ");
    match ready.request.caller {
        Caller::Federated { .. } => return Some("callers with a token of an identity provider"),
        Caller::RoleSession { session: None, .. } => return Some("sessions whose name is not known"),
        _ => {}
    }
    if matches!(ready.request.resource, Resource::AnyOf(_)) {
        Some("sets of resources")
    } else if matches!(ours, Decision::Maybe(_)) {
        Some("answers that are maybe")
    } else if ["${key", "${vpce", "${account", "${aws_", "${unknown"].iter().any(|symbol| text.contains(symbol)) {
        Some("symbols")
    } else if line("grant") || line("more-grants") {
        Some("grants")
    } else if line("point") {
        Some("access points")
    } else if line("acl") {
        Some("access control lists")
    } else if text.contains("unreadable")
        || text.contains("foreign ")
        || text.contains("unknown")
        || text.contains(":null")
    {
        Some("what is not known")
    } else {
        None
    }
}

fn principal(caller: &Caller) -> Value {
    match caller {
        Caller::Anonymous => Value::Null,
        Caller::Service { name } => json!(name),
        other => json!(other.session_arn().or_else(|| other.arn())),
    }
}

fn input(case: &Case, ready: &Ready) -> Value {
    let mut context = BTreeMap::new();
    for (_, line) in case.lines.iter().filter(|(word, _)| word == "with") {
        let keys: Value = serde_json::from_str(line).unwrap();
        for key in keys.as_object().unwrap().keys() {
            if let KeyState::Known(values) = ready.request.key(key) {
                context.insert(key.clone(), if values.len() == 1 { json!(values[0]) } else { json!(values) });
            }
        }
    }
    for key in DERIVED {
        if let KeyState::Known(values) = ready.request.key(key) {
            context.entry((*key).to_owned()).or_insert_with(|| json!(values[0]));
        }
    }
    let document = |one: &case::LayerDocument| json!({"layer": one.layer, "policy": one.policy, "level": one.level});
    let documents: Vec<Value> = ready.documents.iter().map(document).collect();
    json!({
        "place": case.place, "principal": principal(&ready.request.caller), "action": ready.request.action,
        "resource": ready.request.resource.text(), "account": ready.request.resource_account, "context": context,
        "documents": documents, "restrict_public": case.lines.iter().any(|(word, rest)| word == "restrict" && rest == "on"),
    })
}

/// An answer of the other evaluator.
enum Other {
    Says(String),
    Refuses(String),
}

/// Sets the other evaluator up in `target/`; nothing if npm is missing.
fn set_up() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    let folder = std::env::current_exe().unwrap().parent().unwrap().join("other-iam-evaluator");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["package.json", "package-lock.json", "compare.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    let install = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"])
        .current_dir(&folder)
        .status();
    match install {
        Ok(status) if status.success() => Ok(folder),
        Ok(status) => Err(format!("npm ci ended with {status}: is there a network?")),
        Err(error) => Err(format!("npm could not be started ({error}): install nodejs and npm")),
    }
}

fn ask(folder: &Path, cases: &[Value]) -> Result<BTreeMap<String, Other>, String> {
    let mut node = Command::new("node");
    node.arg("compare.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = node.spawn().map_err(|error| format!("node could not be started: {error}"))?;
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    writer.join().expect("the writer does not panic").map_err(|error| error.to_string())?;
    let mut answers = BTreeMap::new();
    for (line, case) in String::from_utf8_lossy(&output.stdout).lines().zip(cases) {
        let answer: Value = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        // It takes only keys that AWS lists for the action; what no policy asks for does not matter.
        let policies = case["documents"].to_string().to_lowercase();
        let asked = |key: &Value| policies.contains(&key.as_str().unwrap_or_default().to_lowercase());
        let ignored = answer["ignored"].as_array().is_some_and(|keys| keys.iter().any(asked));
        let other = match (answer["decision"].as_str(), ignored) {
            (Some(_), true) => Other::Refuses(format!("it ignores keys: {}", answer["ignored"])),
            (Some(decision), false) => Other::Says(decision.to_owned()),
            (None, _) => Other::Refuses(format!("{} {}", answer["error"], answer["detail"])),
        };
        answers.insert(answer["place"].as_str().unwrap().to_owned(), other);
    }
    Ok(answers)
}

/// `title prefix => why`: what is known to differ.
fn explained() -> Vec<(String, String)> {
    let text = include_str!("../oracle/differences.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(" => ").expect("title => why"))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

fn main() -> ExitCode {
    let folder = match set_up() {
        Ok(folder) => folder,
        Err(why) => {
            println!("SKIP nothing was compared: {why}");
            return ExitCode::from(2);
        }
    };
    let (mut inputs, mut ours, mut left_out) = (Vec::new(), BTreeMap::new(), BTreeMap::<&str, usize>::new());
    for case in case::all() {
        let ready = case.ready();
        let decision = ready.answer().decision;
        if let Some(why) = beyond(&case, &ready, &decision) {
            *left_out.entry(why).or_default() += 1;
            continue;
        }
        inputs.push(input(&case, &ready));
        ours.insert(case.place.clone(), (case, decision));
    }
    let others = match ask(&folder, &inputs) {
        Ok(others) => others,
        Err(why) => {
            println!("SKIP nothing was compared: {why}");
            return ExitCode::from(2);
        }
    };
    report(&ours, &others, &left_out)
}

fn report(
    ours: &BTreeMap<String, (Case, Decision)>,
    others: &BTreeMap<String, Other>,
    left_out: &BTreeMap<&str, usize>,
) -> ExitCode {
    let explained = explained();
    let (mut agree, mut differ, mut refused, mut open) = (0_usize, 0_usize, BTreeMap::<String, usize>::new(), 0_usize);
    let mut used = std::collections::BTreeSet::new();
    for (place, (case, decision)) in ours {
        let own = if decision.is_allowed() { "Allowed" } else { "Denied" };
        match others.get(place) {
            Some(Other::Says(said)) if said.starts_with("Allow") == decision.is_allowed() => agree += 1,
            Some(Other::Says(said)) => match explained.iter().find(|(title, _)| *title == case.title) {
                Some((title, why)) => {
                    differ += 1;
                    used.insert(title.clone());
                    println!("differs   {place} {}: ours {own}, theirs {said}: {why}", case.title);
                }
                None => {
                    open += 1;
                    println!("UNEXPLAINED {place} {}: ours {own}, theirs {said}", case.title);
                }
            },
            Some(Other::Refuses(why)) => *refused.entry(why.clone()).or_default() += 1,
            None => *refused.entry("no answer".to_owned()).or_default() += 1,
        }
    }
    for (why, count) in &refused {
        println!("not taken {count:>4}  {}", why.chars().take(200).collect::<String>());
    }
    for (why, count) in left_out {
        println!("left out  {count:>4}  {why}");
    }
    let stale: Vec<_> = explained.iter().filter(|(title, _)| !used.contains(title)).collect();
    for (title, _) in &stale {
        println!("STALE     {title}: explained, and does not differ");
    }
    let (taken, left) = (refused.values().sum::<usize>(), left_out.values().sum::<usize>());
    println!(
        "{agree} agree, {differ} differ for an explained reason, {open} unexplained, {taken} not taken by the other, {left} left out"
    );
    if open > 0 || !stale.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
