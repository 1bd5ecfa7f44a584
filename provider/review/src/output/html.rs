//! The report for people: one self-contained file, to be read, clicked through and printed.
//!
//! Invariants: no script, no address outside the file; every sentence links its evidence or says that there is none;
//! every link leads to something in the file. The text is well-formed XML, so that its structure can be tested.

mod findings;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use provider_boundary::{
    model::{EvidenceId, Finding},
    review::{Counts, Review},
};

use super::{
    Report,
    consequence::{consequences, headline},
    diagram::diagram,
    escape,
    sentence::Sentence,
    svg,
};

/// How many identifiers of evidence stand behind one sentence.
const LINKS_MAX: usize = 6;

/// What the parts of the page share.
struct Page<'a> {
    report: &'a Report<'a>,
    /// Evidence that stands in this file.
    held: BTreeSet<&'a EvidenceId>,
    /// Findings by the requirement they answer.
    by_requirement: BTreeMap<u16, Vec<&'a Finding>>,
}

/// The file's text.
pub fn html(report: &Report<'_>) -> String {
    let ids: Vec<EvidenceId> = report.review.evidence.iter().map(provider_boundary::model::Evidence::id).collect();
    let mut by_requirement: BTreeMap<u16, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.review.findings {
        for number in &finding.requirements {
            by_requirement.entry(*number).or_default().push(finding);
        }
    }
    let page = Page { report, held: ids.iter().collect(), by_requirement };
    let mut text = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n<title>Ringfence review</title>\n<style>\n",
    );
    text.push_str(include_str!("html/style.css"));
    text.push_str("</style>\n</head>\n<body>\n");
    text.push_str(&head(report.review));
    text.push_str(&page.consequences());
    text.push_str(&page.decision_matrix());
    text.push_str(&page.drawing());
    text.push_str(&page.lists());
    text.push_str(&page.class_matrix());
    text.push_str(&page.scorecard());
    text.push_str(&page.findings());
    text.push_str(&page.evidence(&ids));
    text.push_str("</body>\n</html>\n");
    text
}

const PARTS: [(&str, &str); 13] = [
    ("consequences", "Consequences"),
    ("requirements", "Requirements"),
    ("zones", "Zones"),
    ("readers", "Readers"),
    ("administrators", "Administrators"),
    ("escalations", "Ways to become a reader"),
    ("paths", "Paths"),
    ("stores", "Stores"),
    ("cost", "Cost"),
    ("classes", "Classes"),
    ("scorecard", "Scorecard"),
    ("findings", "Findings"),
    ("evidence", "Evidence"),
];

fn head(review: &Review) -> String {
    let links: String = PARTS.iter().map(|(id, title)| format!("<a href=\"#{id}\">{title}</a>\n")).collect();
    format!(
        "<h1>Boundary review</h1>\n<p class=\"facts\">{} · fingerprint <code>{}</code> · ringfence {}</p>\n<nav>\n{links}</nav>\n",
        headline(&review.counts()),
        review.after.fingerprint(),
        env!("CARGO_PKG_VERSION")
    )
}

/// A part's heading.
fn heading(id: &str) -> String {
    let title = PARTS.iter().find(|(part, _)| *part == id).map(|(_, title)| *title).unwrap_or_default();
    format!("<h2 id=\"{id}\">{title}</h2>\n")
}

/// The anchor of a piece of evidence.
fn evidence_anchor(id: &EvidenceId) -> String {
    format!("e-{}", id.short())
}

/// A verdict as a coloured word.
fn chip(class: &str, word: &str) -> String {
    format!("<span class=\"v {class}\">{}</span>", escape::html(word))
}

/// Verdicts as coloured words with their numbers, the worst first.
fn chips(counts: &Counts) -> String {
    let all = [
        ("violated", counts.violated),
        ("unknown", counts.unknown),
        ("excluded", counts.excluded),
        ("proved", counts.proved),
    ];
    let some = all.iter().filter(|(_, count)| *count > 0);
    some.map(|(word, count)| format!("{} ", chip(word, &format!("{word} {count}")))).collect()
}

impl Page<'_> {
    /// A sentence and what shows it. Without evidence it says so, and links to `else_to`.
    fn sentence(&self, sentence: &Sentence, else_to: &str) -> String {
        format!("{}{}", sentence.html(), self.links(&sentence.evidence, else_to))
    }

    /// Links to evidence; without any, to the place that says why there is none.
    fn links(&self, evidence: &BTreeSet<EvidenceId>, else_to: &str) -> String {
        let held: Vec<&EvidenceId> = evidence.iter().filter(|id| self.held.contains(id)).collect();
        if held.is_empty() {
            return format!("<a class=\"none\" href=\"#{}\">no evidence in this plan</a>", escape::html(else_to));
        }
        let mut text: String = held
            .iter()
            .take(LINKS_MAX)
            .map(|id| format!("<a class=\"e\" href=\"#{}\">{}</a>", evidence_anchor(id), id.short()))
            .collect();
        if held.len() > LINKS_MAX {
            let more = held.len() - LINKS_MAX;
            text.push_str(&format!("<a class=\"e\" href=\"#{}\">+{more}</a>", escape::html(else_to)));
        }
        text
    }

    fn consequences(&self) -> String {
        let mut text = heading("consequences");
        text.push_str("<ul class=\"consequences\">\n");
        for one in consequences(self.report.review) {
            let class = if one.moved { " class=\"moved\"" } else { "" };
            let else_to = match one.label {
                "Readers" => "readers",
                "Administrators" => "administrators",
                "Ways to become a reader" => "escalations",
                "Paths" => "paths",
                "Stores" | "Keys" | "Copies" | "Retention" => "stores",
                "Cost per month" => "cost",
                "Violated" => "findings",
                _ => "evidence",
            };
            let sentence = self.sentence(&one.sentence, else_to);
            text.push_str(&format!("<li{class}><b>{}</b>: {sentence}</li>\n", one.label));
        }
        text.push_str("</ul>\n");
        text
    }

    fn drawing(&self) -> String {
        let diagram = diagram(self.report.review);
        let stores = tables::stores(self.report.review);
        let anchors: BTreeMap<&str, String> =
            stores.iter().enumerate().map(|(at, (_, store))| (store.name.as_str(), format!("store-{at}"))).collect();
        let link = |name: &str| anchors.get(name).cloned().unwrap_or_else(|| "paths".into());
        let left_off = match (diagram.edges_left_off, diagram.stores_left_off) {
            (0, 0) => String::new(),
            (edges, stores) => format!("<p>Not drawn: {edges} edges and {stores} stores; the tables have them.</p>\n"),
        };
        format!(
            "{}<p>Drawn from facts. Green and <b>+</b>: added. Red and ✘: not approved. Dashed: removed.</p>\n{}{left_off}",
            heading("zones"),
            svg::svg(&diagram, link)
        )
    }
}
