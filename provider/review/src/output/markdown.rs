//! The pull request comment: consequences first, then the drawing, then what is folded away.
//!
//! Invariants: at most [`CHARACTERS_MAX`] characters however many findings there are, because GitHub refuses longer
//! comments; the first twelve lines are the consequences; what finds no room is counted.

use provider_boundary::{
    model::{
        Evidence, Finding, Verdict,
        artifact::{Aspect, Class},
    },
    review::Review,
};

use super::{
    Report,
    consequence::{consequences, headline},
    delta::Move,
    diagram::{EDGES_MAX, diagram},
    escape, finding_id, json,
    json::source_name,
    mermaid::mermaid,
    scorecard,
    sentence::{self, Sentence},
};

/// The most characters of a comment on GitHub. Bytes are counted here, which are never fewer.
pub const CHARACTERS_MAX: usize = 65_536;

/// Bytes that each part may take; their sum leaves room for the fixed words.
const LINE_MAX: usize = 700;
const DIAGRAM_MAX: usize = 9_000;
const VIOLATED_MAX: usize = 18_000;
const UNKNOWN_MAX: usize = 12_000;
const EXCLUDED_MAX: usize = 3_000;
const EVIDENCE_MAX: usize = 6_000;

/// The comment's text.
pub fn markdown(report: &Report<'_>) -> String {
    let review = report.review;
    let mut text = format!("### Ringfence: {}\n", headline(&review.counts()));
    for one in consequences(review) {
        let sign = if one.moved { "**" } else { "" };
        let mut line = format!("- {sign}{}{sign}: {}", one.label, one.sentence.markdown());
        if line.len() > LINE_MAX {
            line = format!("- {sign}{}{sign}: {}", one.label, cut(&one.sentence));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&drawing(review));
    let violated = findings(review, Verdict::is_violated);
    let unknown = findings(review, Verdict::is_unknown);
    let excluded = findings(review, |verdict| matches!(verdict, Verdict::Excluded(_)));
    text.push_str(&folded("Violated", &violated, |one| finding(report, one), VIOLATED_MAX));
    text.push_str(&folded("Unknown", &unknown, |one| finding(report, one), UNKNOWN_MAX));
    text.push_str(&folded("Excluded", &excluded, |one| finding(report, one), EXCLUDED_MAX));
    text.push_str(&matrix(review));
    text.push_str(&scorecards(review));
    let named = named_evidence(review);
    text.push_str(&folded("Evidence of what is violated", &named, |one| evidence(one), EVIDENCE_MAX));
    text
}

/// The sentence without formats, cut to the length of a line.
fn cut(sentence: &Sentence) -> String {
    let plain = sentence.plain();
    let mut most = LINE_MAX / 2;
    loop {
        let line = escape::markdown(&escape::shorten(&plain, most));
        if line.len() <= LINE_MAX - 40 || most < 8 {
            return line;
        }
        most /= 2;
    }
}

fn findings(review: &Review, want: impl Fn(&Verdict) -> bool) -> Vec<&Finding> {
    review.findings.iter().filter(|one| want(&one.verdict)).collect()
}

/// The drawing, with fewer edges until it is small enough.
fn drawing(review: &Review) -> String {
    let mut diagram = diagram(review);
    if diagram.nodes.is_empty() {
        return String::new();
    }
    let mut text = mermaid(&diagram);
    while text.len() > DIAGRAM_MAX && !diagram.edges.is_empty() {
        let keep = diagram.edges.len() / 2;
        diagram.edges_left_off += diagram.edges.len() - keep;
        diagram.edges.truncate(keep);
        diagram.drop_lonely_nodes();
        text = mermaid(&diagram);
    }
    let changed = diagram.edges.iter().filter(|edge| edge.change != Move::Same).count();
    let left_off = match (diagram.edges_left_off, diagram.stores_left_off) {
        (0, 0) => String::new(),
        (edges, stores) => format!(" Not drawn, at most {EDGES_MAX} are: {edges} edges, {stores} stores."),
    };
    format!(
        "```mermaid\n{text}```\n\n{changed} edges change: green is added, grey removed, red not approved.{left_off}\n\n"
    )
}

/// A part that opens on a click: as many rows as fit, and how many more there are.
fn folded<T>(title: &str, items: &[T], row: impl Fn(&T) -> String, most: usize) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("<details><summary>{title} ({})</summary>\n\n", items.len());
    let mut shown = 0;
    for item in items {
        let row = row(item);
        if text.len() + row.len() > most - 100 {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    if shown < items.len() {
        text.push_str(&format!("- … and {} more, in the JSON and HTML reports\n", items.len() - shown));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn finding(report: &Report<'_>, one: &Finding) -> String {
    let subject = escape::markdown_name(&escape::shorten(&one.subject, 120));
    let said = escape::markdown(&escape::shorten(&one.sentence, 240));
    let mut row = format!("- `{}` {} {subject}: {said}", finding_id(one), escape::markdown_name(&one.question));
    if let Some(place) = &one.place {
        let place = format!("{}:{}", json::file(report, place), place.line);
        row.push_str(&format!(" ({})", escape::markdown_name(&escape::shorten(&place, 120))));
    }
    row.push('\n');
    for ground in sentence::grounds(&one.verdict).iter().take(3) {
        let ground = ground.markdown();
        let ground = if ground.len() > LINE_MAX { "see the JSON report".into() } else { ground };
        row.push_str(&format!("  - {ground}\n"));
    }
    row
}

fn matrix(review: &Review) -> String {
    if review.matrix.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "<details><summary>Matrix of classes</summary>\n\n| | residency | access | retention | deletion |\n|---|---|---|---|---|\n",
    );
    for class in Class::ALL {
        let cells = Aspect::ALL.map(|aspect| {
            let cell = review.matrix.iter().find(|cell| cell.class == class && cell.aspect == aspect);
            cell.map_or("-", |cell| cell.verdict.word())
        });
        text.push_str(&format!("| {} | {} |\n", class.name().replace('_', " "), cells.join(" | ")));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn scorecards(review: &Review) -> String {
    if review.scorecard.is_empty() {
        return String::new();
    }
    let mut text = String::from("<details><summary>Scorecard</summary>\n\n");
    for grouping in review.scorecard.iter().take(8) {
        let title = escape::markdown(escape::shorten(&grouping.name, 80).trim());
        text.push_str(&format!(
            "**{title}**\n\n| gate | | proved | excluded | unknown | violated |\n|---|---|--:|--:|--:|--:|\n"
        ));
        for gate in grouping.gates.iter().take(12) {
            text.push_str(&scorecard::row(gate));
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str("</details>\n\n");
    text
}

fn named_evidence(review: &Review) -> Vec<&Evidence> {
    let named = findings(review, Verdict::is_violated).into_iter().flat_map(|one| &one.evidence);
    let named: std::collections::BTreeSet<_> = named.collect();
    review.evidence.iter().filter(|one| named.contains(&one.id())).collect()
}

fn evidence(one: &Evidence) -> String {
    let address = escape::markdown_name(&escape::shorten(&one.address, 160));
    format!("- `{}` {} {address}\n", one.id().short(), source_name(one.source))
}
