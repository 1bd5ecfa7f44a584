//! What a run of the benchmarks prints: one table, and everything as JSON.
#![expect(clippy::print_stdout, reason = "printing is what this module is for")]

use std::fmt::{self, Display};

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::figure::{Figure, Sample};
use crate::specification::Specification;
use crate::statistics::{Spread, spread};

/// Minutes and runs below which figures are for orientation only.
const PROPER: (f64, u32) = (3.0, 3);

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every target is met.
    Passed,
    /// Some target is not met, or a run broke off.
    Failed,
    /// It could not run here.
    Skipped,
}

impl Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        })
    }
}

/// A row and what its runs gave.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The row.
    pub specification: Specification,
    /// Its runs.
    pub samples: Vec<Sample>,
    /// Why runs broke off.
    pub broken: Vec<String>,
    /// Why it could not run.
    pub skipped: Option<String>,
}

/// One line of the table.
struct Line {
    figure: Figure,
    spread: Spread,
    values: Vec<f64>,
    target: Option<(String, bool)>,
}

impl Measured {
    /// A row of which nothing ran yet.
    #[must_use]
    pub fn new(specification: Specification) -> Self {
        Self { specification, samples: Vec::new(), broken: Vec::new(), skipped: None }
    }

    /// The values of a figure in all runs.
    #[must_use]
    pub fn values(&self, figure: &str) -> Vec<f64> {
        self.samples.iter().filter_map(|sample| sample.value(figure)).collect()
    }

    /// How it ended.
    #[must_use]
    pub fn end(&self) -> End {
        if self.skipped.is_some() {
            return End::Skipped;
        }
        // A figure that some run lacks was not measured properly.
        let complete = |values: &[f64]| values.len() == self.samples.len();
        let met = self.specification.targets.iter().all(|target| {
            let values = self.values(target.figure);
            complete(&values) && target.passes(&values)
        });
        if met && self.broken.is_empty() && !self.samples.is_empty() { End::Passed } else { End::Failed }
    }

    fn lines(&self) -> Vec<Line> {
        let mut figures: Vec<Figure> = Vec::new();
        for figure in self.samples.iter().flat_map(|sample| &sample.figures) {
            if !figures.iter().any(|known| known.name == figure.name) {
                figures.push(figure.clone());
            }
        }
        let line = |figure: Figure| {
            let values = self.values(figure.name);
            let target = self.specification.targets.iter().find(|target| target.figure == figure.name);
            let target = target.map(|target| (target.bound.to_string(), target.passes(&values)));
            spread(&values).map(|spread| Line { figure, spread, values, target })
        };
        figures.into_iter().filter_map(line).collect()
    }

    /// Targets of which no run has a figure.
    fn unmeasured(&self) -> impl Iterator<Item = &'static str> {
        let targets = self.specification.targets.iter().map(|target| target.figure);
        targets.filter(|name| self.values(name).is_empty())
    }

    fn json(&self) -> Value {
        let figures = self.lines().into_iter().map(|line| {
            let target = line.target.map(|(bound, met)| json!({"bound": bound, "met": met}));
            let Spread { median, min, max } = line.spread;
            let value = json!({
                "unit": line.figure.unit, "median": median, "min": min, "max": max, "values": line.values, "target": target,
            });
            (line.figure.name.to_owned(), value)
        });
        json!({
            "row": self.specification.name,
            "load": self.specification.load,
            "end": self.end().to_string(),
            "n": self.samples.len(),
            "figures": serde_json::Map::from_iter(figures),
            "not_measured": self.unmeasured().collect::<Vec<_>>(),
            "notes": self.notes(),
            "broken_off": self.broken,
            "skipped": self.skipped,
        })
    }

    fn notes(&self) -> Vec<&String> {
        let mut notes: Vec<&String> = Vec::new();
        for note in self.samples.iter().flat_map(|sample| &sample.notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }

    /// Prints the row's part of the table.
    pub fn print(&self) {
        let Specification { name, load, .. } = self.specification;
        println!("{name}: {} (n = {})\n  {load}", self.end(), self.samples.len());
        for Line { figure, spread, target, .. } in self.lines() {
            let verdict = target.map_or_else(String::new, |(bound, met)| {
                format!("{bound:>10}  {}", if met { "met" } else { "MISSED" })
            });
            let range = format!("{} – {}", number(spread.min), number(spread.max));
            let median = number(spread.median);
            println!("    {:<32} {median:>10} {:<8} {range:<22} {verdict}", figure.name, figure.unit);
        }
        for name in self.unmeasured() {
            println!("    {name:<32} {:>10}", "not measured");
        }
        self.notes().iter().for_each(|note| println!("    {note}"));
        self.broken.iter().for_each(|why| println!("    broke off: {why}"));
        if let Some(why) = &self.skipped {
            println!("    skipped: {why}");
        }
    }
}

/// A number with about three digits that say something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size == 0.0 || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    if value.is_nan() { "none".to_owned() } else { format!("{value:.digits$}") }
}

/// Prints what was measured on.
pub fn print_head(environment: &Environment, minutes: f64, runs: u32) {
    let Environment { cpu, cores, memory_gib, kernel, commit, load_before, client, .. } = environment;
    println!(
        "cargo broker-bench at {commit}: {cpu}, {cores} cores for client, brokers and double together, {memory_gib:.1} GiB, \
         Linux {kernel}; load before {load_before}; librdkafka {client}"
    );
    println!(
        "store: S3 double, PUT p50 30 / p99 120 ms, GET 15 / 60 ms; {minutes} minutes, {runs} runs: median, spread"
    );
    if minutes < PROPER.0 || runs < PROPER.1 {
        println!("for orientation only: proper figures take {} minutes and {} runs", PROPER.0, PROPER.1);
    }
}

/// Prints how the rows ended.
pub fn print_end(rows: &[Measured]) {
    let count = |end| rows.iter().filter(|row| row.end() == end).count();
    let (passed, failed, skipped) = (count(End::Passed), count(End::Failed), count(End::Skipped));
    println!("broker-bench: {passed} passed, {failed} failed, {skipped} skipped");
}

/// Prints a line as it is.
pub fn say(line: impl Display) {
    println!("{line}");
}

/// Everything as JSON.
#[must_use]
pub fn json(environment: &Environment, minutes: f64, runs: u32, rows: &[Measured]) -> Value {
    json!({
        "environment": environment,
        "minutes": minutes,
        "runs": runs,
        "orientation_only": minutes < PROPER.0 || runs < PROPER.1,
        "rows": rows.iter().map(Measured::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specification::{FAILED, P50, P99, ROWS};

    fn measured(figures: &[&[(&'static str, f64)]]) -> Measured {
        let mut measured = Measured::new(ROWS[0]);
        for run in figures {
            let mut sample = Sample::default();
            run.iter().for_each(|(name, value)| sample.add(name, "ms", *value));
            measured.samples.push(sample);
        }
        measured
    }

    #[test]
    fn a_row_passes_when_all_its_targets_are_met() {
        let good = measured(&[&[(P50, 60.0), (P99, 150.0), (FAILED, 0.0)]]);
        assert_eq!(good.end(), End::Passed);
        let text = good.json().to_string();
        assert!(text.contains("\"median\":60.0") && text.contains("\"bound\":\"≤ 62\""), "{text}");
    }

    #[test]
    fn a_row_fails_when_a_figure_is_missing_a_run_broke_off_or_nothing_ran() {
        assert_eq!(measured(&[&[(P50, 60.0), (P99, 150.0)]]).end(), End::Failed);
        assert_eq!(measured(&[]).end(), End::Failed);
        let mut broken = measured(&[&[(P50, 60.0), (P99, 150.0), (FAILED, 0.0)]]);
        broken.broken.push("a broker ended".to_owned());
        assert_eq!(broken.end(), End::Failed);
        assert_eq!(measured(&[&[(P50, 62.1), (P99, 150.0), (FAILED, 0.0)]]).end(), End::Failed);
    }

    #[test]
    fn a_row_that_cannot_run_is_neither_passed_nor_failed() {
        let mut row = measured(&[]);
        row.skipped = Some("no memory".to_owned());
        assert_eq!(row.end(), End::Skipped);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.01234, 0.456, 12.34, 1234.5].map(number), ["0", "0.0123", "0.46", "12.3", "1234"]);
    }
}
