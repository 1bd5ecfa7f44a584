//! The acceptance suite's own harness: named cases over one world, a line for each, and a closing line that counts them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, anyhow, ensure};

use crate::binaries::Scope;
use crate::cases::{bad_input, boot, broker, doubles, resources, store, topic};
use crate::clock::Stopwatch;
use crate::interrupt;
use crate::report::{Steps, Tally, say};
use crate::world::World;

/// How a case that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Did what it should.
    Passed,
    /// Could not run here, and why.
    Skipped(String),
}

/// A named check.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// A sentence, in the words of a path: `topic::grows_in_place`.
    pub name: &'static str,
    /// What is checked.
    pub run: fn(&World) -> Result<Outcome>,
}

/// Cases that run at the same time: terraform, the emulator and a broker each take a core.
const WORKERS: usize = 2;

/// Every case there is.
fn all() -> Vec<Case> {
    [doubles::CASES, store::CASES, resources::CASES, topic::CASES, bad_input::CASES, boot::CASES, broker::CASES]
        .concat()
}

/// Runs every case whose name contains `filter`, prints the closing line, and answers it.
///
/// # Errors
/// When the world cannot be set up.
pub fn run(filter: &str, scope: Scope) -> Result<Tally> {
    let mut steps = Steps::start("acceptance");
    let world = World::start(&mut steps, scope)?;
    let cases: Vec<Case> = all().into_iter().filter(|case| case.name.contains(filter)).collect();
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|threads| {
        for _ in 0..WORKERS {
            threads.spawn(|| {
                while let Some(case) =
                    cases.get(next.fetch_add(1, Ordering::SeqCst)).filter(|_| interrupt::check().is_ok())
                {
                    count(&tally, &judge(case, &world));
                }
            });
        }
    });
    interrupt::check()?;
    let tally = tally.into_inner().map_err(|_| anyhow!("a case broke the harness"))?;
    steps.end("acceptance");
    say(tally);
    Ok(tally)
}

fn count(tally: &Mutex<Tally>, outcome: &Result<Outcome>) {
    if let Ok(mut tally) = tally.lock() {
        let counter = match outcome {
            Ok(Outcome::Passed) => &mut tally.passed,
            Ok(Outcome::Skipped(_)) => &mut tally.skipped,
            Err(_) => &mut tally.failed,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Runs one case and prints its line.
fn judge(case: &Case, world: &World) -> Result<Outcome> {
    let watch = Stopwatch::start();
    let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(world))).unwrap_or_else(|_| Err(anyhow!("panicked")));
    let seconds = watch.elapsed().as_secs_f64();
    match &outcome {
        Ok(Outcome::Passed) => say(format_args!("PASS {:<70} {seconds:>6.1} s", case.name)),
        Ok(Outcome::Skipped(why)) => say(format_args!("SKIP {:<70} {why}", case.name)),
        Err(error) => say(format_args!("FAIL {:<70} {seconds:>6.1} s\n{}", case.name, indent(&format!("{error:#}")))),
    }
    outcome
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("     {line}")).collect::<Vec<_>>().join("\n")
}

/// Fails unless every one of `parts` occurs in `message`, in any case of letters.
///
/// # Errors
/// Names what is missing and shows the message.
pub fn expect_message(message: &str, parts: &[&str]) -> Result<()> {
    let lower = message.to_lowercase();
    let missing: Vec<_> = parts.iter().filter(|part| !lower.contains(&part.to_lowercase())).collect();
    ensure!(missing.is_empty(), "the message does not say {missing:?}:\n{message}");
    Ok(())
}
