//! Figures, and what is demanded of them.

use std::fmt;

use crate::statistics::{Spread, spread};

/// One value that a run measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is; the same in every run of a row.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The value; not a number where there was nothing to measure, which passes no target.
    pub value: f64,
}

/// What one run gave.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The figures, in the order in which they are shown.
    pub figures: Vec<Figure>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Sample {
    /// Adds a figure.
    pub fn add(&mut self, name: &'static str, unit: &'static str, value: f64) {
        self.figures.push(Figure { name, unit, value });
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl fmt::Display) {
        self.notes.push(note.to_string());
    }

    /// The value of a figure.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

/// A bound of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// No more.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) if *bound == 0.0 => f.write_str("0"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

/// Which of several runs is held against the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Their median.
    Median,
    /// Each of them: for what must never happen.
    EveryRun,
}

/// What is demanded of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Name of the figure.
    pub figure: &'static str,
    /// Its bound.
    pub bound: Bound,
    /// Of which run.
    pub over: Over,
}

impl Target {
    /// The median must not be more.
    #[must_use]
    pub const fn at_most(figure: &'static str, bound: f64) -> Self {
        Self { figure, bound: Bound::AtMost(bound), over: Over::Median }
    }

    /// The median must not be less.
    #[must_use]
    pub const fn at_least(figure: &'static str, bound: f64) -> Self {
        Self { figure, bound: Bound::AtLeast(bound), over: Over::Median }
    }

    /// Must be zero in every run.
    #[must_use]
    pub const fn none(figure: &'static str) -> Self {
        Self { figure, bound: Bound::AtMost(0.0), over: Over::EveryRun }
    }

    /// Must not be more in any run.
    #[must_use]
    pub const fn never_above(figure: &'static str, bound: f64) -> Self {
        Self { figure, bound: Bound::AtMost(bound), over: Over::EveryRun }
    }

    /// Whether these values of all runs pass; none of them fails.
    #[must_use]
    pub fn passes(&self, values: &[f64]) -> bool {
        match self.over {
            Over::Median => spread(values).is_some_and(|Spread { median, .. }| self.bound.holds(median)),
            Over::EveryRun => !values.is_empty() && values.iter().all(|value| self.bound.holds(*value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_does_not_pass() {
        let target = Target::at_most("p50", 62.0);
        assert!(target.passes(&[61.0, 70.0, 50.0]));
        assert!(!target.passes(&[]));
        assert!(!target.passes(&[f64::NAN]));
    }

    #[test]
    fn one_bad_run_fails_what_must_never_happen() {
        assert!(Target::none("lost").passes(&[0.0, 0.0]));
        assert!(!Target::none("lost").passes(&[0.0, 1.0, 0.0]));
        assert!(!Target::none("lost").passes(&[]));
    }
}
