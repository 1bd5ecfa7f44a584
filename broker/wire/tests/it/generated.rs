//! The checked-in messages are what the tables say.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::emit;
use crate::table::{apis, crate_file};

fn errors() -> Vec<(i16, String, bool)> {
    let text = std::fs::read_to_string(crate_file("errors.table")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[0].parse().unwrap(), words[1].to_owned(), words.contains(&"retriable"))
        })
        .collect()
}

fn formatted(code: &str) -> String {
    let mut rustfmt = Command::new("rustfmt");
    let config = crate_file("../../.rustfmt.toml");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(config).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = rustfmt.spawn().unwrap_or_else(|e| panic!("run rustfmt (rustup component add rustfmt): {e}"));
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "rustfmt refused:\n{code}");
    String::from_utf8(output.stdout).unwrap()
}

fn compare(path: &Path, code: &str, update: bool, stale: &mut Vec<String>) {
    let code = formatted(code);
    if std::fs::read_to_string(path).is_ok_and(|found| found == code) {
        return;
    }
    if update {
        std::fs::write(path, code).unwrap();
    } else {
        stale.push(path.display().to_string());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the switch between comparing and writing, as expect-test has it")]
fn the_messages_in_the_repository_are_those_of_the_tables() {
    let update = std::env::var_os("UPDATE_MESSAGES").is_some();
    let apis = apis();
    let mut stale = Vec::new();
    for api in &apis {
        let path = crate_file("src/messages").join(format!("{}.rs", api.module()));
        compare(&path, &emit::api_file(api), update, &mut stale);
    }
    compare(&crate_file("src/messages.rs"), &emit::messages_file(&apis), update, &mut stale);
    compare(&crate_file("src/error_code.rs"), &emit::error_file(&errors()), update, &mut stale);
    assert!(stale.is_empty(), "run UPDATE_MESSAGES=1 cargo test -p broker-wire; stale: {stale:#?}");
}
