//! What a run prints: numbered steps with their time, and the closing line of a suite.
#![expect(clippy::print_stdout, reason = "printing is what this module is for")]

use std::fmt::Display;

use anyhow::{Context, Result};

use crate::clock::Stopwatch;
use crate::interrupt;

/// A run that prints one line for each step as it ends.
#[derive(Debug)]
pub struct Steps {
    total: Stopwatch,
    number: usize,
}

impl Steps {
    /// Starts the clock and prints what is about to run.
    #[must_use]
    pub fn start(title: &str) -> Self {
        println!("{title}");
        Self { total: Stopwatch::start(), number: 0 }
    }

    /// Runs one step and prints its line, its time, and what it notes.
    ///
    /// # Errors
    /// Those of the step, with its name in front.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce(&mut Notes) -> Result<T>) -> Result<T> {
        interrupt::check()?;
        self.number = self.number.saturating_add(1);
        let watch = Stopwatch::start();
        let mut notes = Notes::default();
        let done = work(&mut notes);
        let seconds = watch.elapsed().as_secs_f64();
        let verdict = if done.is_ok() { "" } else { "  FAILED" };
        println!("{:>3}  {name:.<58} {seconds:>6.1} s{verdict}", self.number);
        for line in notes.0 {
            println!("       {line}");
        }
        done.with_context(|| format!("step {}, {name}", self.number))
    }

    /// Prints the total time.
    pub fn end(self, verdict: &str) {
        let seconds = self.total.elapsed().as_secs();
        println!("{verdict} in {} min {:02} s", seconds / 60, seconds % 60);
    }
}

/// Lines printed below a step.
#[derive(Debug, Default)]
pub struct Notes(Vec<String>);

impl Notes {
    /// Adds a line.
    pub fn add(&mut self, line: impl Display) {
        self.0.push(line.to_string());
    }
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Did what they should.
    pub passed: usize,
    /// Did not.
    pub failed: usize,
    /// Could not run here, each with its reason printed.
    pub skipped: usize,
}

impl Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Prints a line as it is.
pub fn say(line: impl Display) {
    println!("{line}");
}
