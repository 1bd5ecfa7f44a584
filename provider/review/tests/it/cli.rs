//! The command line as scripts use it: exit codes, files, and what happens to bad input.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::fixtures;

/// A folder with the plan of the good configuration.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with_plan() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.path("plan.json"), fixtures::json("aws", "first")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ringfence(&self, arguments: &[&str]) -> Output {
        let source = fixtures::folder().join("aws/good");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.current_dir(self.0.path()).args(arguments);
        if arguments.contains(&"--plan") && !arguments.contains(&"--source") {
            command.arg("--source").arg(source);
        }
        command.output().unwrap()
    }

    /// Files that are there, besides the plan.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "plan.json");
        names.sort();
        names
    }
}

const REPORTS: [&str; 10] = [
    "--markdown",
    "out.md",
    "--sarif",
    "out.sarif",
    "--html",
    "out.html",
    "--json",
    "out.json",
    "--oscal",
    "out.oscal.json",
];

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_review_writes_every_report_and_two_runs_are_byte_identical() {
    let folder = Folder::with_plan();
    let names = ["out.html", "out.json", "out.md", "out.oscal.json", "out.sarif"];
    let mut runs = Vec::new();
    for _ in 0..2 {
        let output =
            folder.ringfence(&[&["review", "--plan", "plan.json", "--now", "2026-11-21"][..], &REPORTS].concat());
        assert!([0, 2, 3].contains(&code(&output)), "{}", stderr(&output));
        assert_eq!(folder.names(), names);
        runs.push(names.map(|name| fs::read(folder.path(name)).unwrap()));
    }
    assert_eq!(runs.first(), runs.last());
    let out = json(&folder.path("out.json"));
    assert!(!out["findings"].as_array().unwrap().is_empty());
    for finding in out["findings"].as_array().unwrap() {
        for member in ["question", "subject", "verdict", "reason", "witness", "address", "file", "line", "requirement"]
        {
            assert!(finding.get(member).is_some(), "{member} in {finding}");
        }
    }
    for list in ["readers", "administrators", "paths", "stores"] {
        assert!(out[list].is_array(), "{list}");
    }
    assert_eq!(out["fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn the_exit_code_follows_the_findings() {
    let folder = Folder::with_plan();
    let output = folder.ringfence(&["review", "--plan", "plan.json", "--json", "out.json"]);
    let out = json(&folder.path("out.json"));
    let counts = &out["counts"];
    let expected = match (counts["violated"].as_u64().unwrap(), counts["unknown"].as_u64().unwrap()) {
        (1.., _) => 2,
        (0, 1..) => 3,
        (0, 0) => 0,
    };
    assert_eq!(code(&output), expected, "{counts}");
}

#[test]
fn an_accepted_plan_violates_nothing_and_accepting_it_again_changes_nothing() {
    let folder = Folder::with_plan();
    let counts = |arguments: &[&str]| {
        folder.ringfence(&[&["review", "--plan", "plan.json", "--json", "out.json"][..], arguments].concat());
        let counts = json(&folder.path("out.json"))["counts"].clone();
        (counts["violated"].as_u64().unwrap(), counts["proved"].as_u64().unwrap())
    };
    let (_, proved_before) = counts(&[]);
    let output = folder.ringfence(&["accept", "--plan", "plan.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("--- /dev/null\n+++ b/boundary.hcl\n@@ -0,0 +1,"), "{printed}");
    let (violated, proved) = counts(&["--contract", "boundary.hcl"]);
    assert_eq!(violated, 0);
    assert!(proved > proved_before, "{proved} proved, {proved_before} without a contract");
    let again = folder.ringfence(&["accept", "--plan", "plan.json", "--contract", "boundary.hcl"]);
    assert_eq!((code(&again), again.stdout), (0, Vec::new()));
}

#[test]
fn bad_input_names_the_file_and_writes_nothing() {
    let folder = Folder::with_plan();
    let good = String::from_utf8(fixtures::json("aws", "first")).unwrap();
    let mut plan: serde_json::Value = serde_json::from_str(&good).unwrap();
    let mut write = |name: &str, member: &str, value: serde_json::Value| {
        let before = plan[member].clone();
        plan[member] = value;
        fs::write(folder.path(name), plan.to_string()).unwrap();
        plan[member] = before;
    };
    write("errored.json", "errored", true.into());
    write("incomplete.json", "complete", false.into());
    write("newer.json", "format_version", "2.0".into());
    fs::write(folder.path("text.json"), "no plan").unwrap();
    fs::write(folder.path("other.json"), "{\"a\": 1}").unwrap();
    fs::write(folder.path("broken.hcl"), "accounts = [\n").unwrap();
    fs::write(folder.path("foreign.hcl"), "accounts = [\"999999999999\"]\n").unwrap();
    let before = folder.names();
    for (inputs, said) in [
        (vec!["--plan", "none.json"], "none.json"),
        (vec!["--plan", "text.json"], "text.json"),
        (vec!["--plan", "other.json"], "other.json"),
        (vec!["--plan", "errored.json"], "errored"),
        (vec!["--plan", "incomplete.json"], "incomplete"),
        (vec!["--plan", "newer.json"], "2.0"),
        (vec!["--plan", "plan.json", "--contract", "none.hcl"], "none.hcl"),
        (vec!["--plan", "plan.json", "--contract", "broken.hcl"], "broken.hcl:"),
        (vec!["--plan", "plan.json", "--contract", "foreign.hcl"], "999999999999"),
        (vec!["--plan", "plan.json", "--source", "no-such-folder"], "no-such-folder"),
        (vec!["--plan", "plan.json", "--markdown", "out.json"], "out.json"),
        (vec!["--plan", "plan.json", "--now", "tomorrow"], "tomorrow"),
        (vec!["--plan", "plan.json", "--allow-unknown", "everything"], "everything"),
        (vec![], "--plan"),
    ] {
        let reports: &[&str] = if inputs.contains(&"--markdown") { &["--json", "out.json"] } else { &REPORTS };
        let output = folder.ringfence(&[&["review"], inputs.as_slice(), reports].concat());
        assert_eq!(code(&output), 64, "{inputs:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{inputs:?}: {}", stderr(&output));
        assert_eq!(folder.names(), before, "{inputs:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_no_fault_of_the_input() {
    let folder = Folder::with_plan();
    let output =
        folder.ringfence(&["review", "--plan", "plan.json", "--json", "out.json", "--html", "no/such/out.html"]);
    assert_eq!(code(&output), 70, "{}", stderr(&output));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn a_finding_can_be_explained_by_its_identifier() {
    let folder = Folder::with_plan();
    folder.ringfence(&["review", "--plan", "plan.json", "--json", "out.json"]);
    let out = json(&folder.path("out.json"));
    let finding = out["findings"].as_array().unwrap().first().unwrap();
    let (id, question) = (finding["id"].as_str().unwrap(), finding["question"].as_str().unwrap());
    let output = folder.ringfence(&["explain", "--plan", "plan.json", id]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&format!("{id} {question} ")));
    assert_eq!(code(&folder.ringfence(&["explain", "--plan", "plan.json", "no such finding"])), 64);
}

#[test]
fn packet_and_scorecard_are_printed_or_written() {
    let folder = Folder::with_plan();
    let printed = folder.ringfence(&["packet", "--plan", "plan.json"]);
    assert_eq!(code(&printed), 0, "{}", stderr(&printed));
    let text = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("## ")).count(), 11, "ten answers and the evidence");
    folder.ringfence(&["packet", "--plan", "plan.json", "--output", "packet.md"]);
    assert_eq!(fs::read_to_string(folder.path("packet.md")).unwrap(), text);
    let scorecard = String::from_utf8(folder.ringfence(&["scorecard", "--plan", "plan.json"]).stdout).unwrap();
    for requirement in [93, 94, 95] {
        assert!(scorecard.contains(&format!("(requirement {requirement})")), "{scorecard}");
    }
}

#[test]
fn help_is_worth_reading() {
    let folder = Folder::with_plan();
    let help = folder.ringfence(&["--help"]);
    assert_eq!(code(&help), 0);
    let text = String::from_utf8(help.stdout).unwrap();
    for word in ["Examples:", "Exit codes", "terraform show -json", "ringfence accept", "70"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_eq!(code(&folder.ringfence(&[])), 64);
    assert_eq!(code(&folder.ringfence(&["review", "--no-such-flag"])), 64);
}
