//! The scorecard: the same questions in three groupings.

use std::fmt::Write as _;

use provider_boundary::review::{Colour, Gate};

use super::{Report, escape};

/// The scorecard as Markdown that terminals show well, too.
pub fn scorecard(report: &Report<'_>) -> String {
    let mut text = String::from(
        "# Scorecard\n\ngreen: all proved and fresh · yellow: something unknown, excluded or stale · red: something violated\n",
    );
    for grouping in &report.review.scorecard {
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n## {} (requirement {})\n\n| gate | | proved | excluded | unknown | violated |\n|---|---|--:|--:|--:|--:|\n",
            escape::markdown(&grouping.name),
            grouping.requirement
        );
        for gate in &grouping.gates {
            let _ = writeln!(text, "{}", row(gate));
        }
    }
    text
}

/// A gate as a row of a Markdown table.
pub fn row(gate: &Gate) -> String {
    let counts = gate.counts;
    format!(
        "| {} | {} {} | {} | {} | {} | {} |",
        escape::markdown(&gate.name),
        sign(gate.colour),
        gate.colour.name(),
        counts.proved,
        counts.excluded,
        counts.unknown,
        counts.violated
    )
}

/// A sign that is told apart without colours, too.
pub fn sign(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => "✔",
        Colour::Yellow => "◐",
        Colour::Red => "✘",
    }
}
