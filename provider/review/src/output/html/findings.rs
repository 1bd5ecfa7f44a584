//! Requirements, findings and the evidence that both link to.

use std::{collections::BTreeSet, fmt::Write as _};

use provider_boundary::{
    model::{Evidence, EvidenceId, Finding, evidence::canonical},
    requirement::{self, Requirement},
    review::Counts,
};

use super::{LINKS_MAX, Page, chip, chips, evidence_anchor, heading};
use crate::output::{
    escape, finding_id,
    json::{file, source_name},
    sentence,
};

/// Characters of a fact that the page shows.
const FACT_MAX: usize = 1_500;
/// Reasons and witnesses of a finding that the page shows.
const GROUNDS_MAX: usize = 20;

impl Page<'_> {
    /// Requirement, evidence, strong signal, and how it stands.
    pub(super) fn decision_matrix(&self) -> String {
        let mut text = heading("requirements");
        text.push_str("<table>\n<thead><tr><th>#</th><th>requirement</th><th>evidence</th><th>strong signal</th><th>verdict</th></tr></thead>\n<tbody>\n");
        let mut section = "";
        for one in requirement::all() {
            if one.section != section {
                section = one.section;
                let _ = writeln!(text, "<tr class=\"section\"><th colspan=\"5\">{}</th></tr>", escape::html(section));
            }
            text.push_str(&self.requirement(one));
        }
        text.push_str("</tbody>\n</table>\n");
        text
    }

    fn requirement(&self, one: &Requirement) -> String {
        let findings = self.by_requirement.get(&one.number).map(Vec::as_slice).unwrap_or_default();
        let evidence: BTreeSet<EvidenceId> =
            findings.iter().flat_map(|finding| &finding.evidence).take(10_000).cloned().collect();
        let questions: BTreeSet<&str> = findings.iter().map(|finding| finding.question.as_str()).collect();
        let links = questions
            .iter()
            .map(|name| format!("<a href=\"#{}\">{}</a> ", question_anchor(name), escape::html(name)))
            .collect::<String>();
        let else_to = questions.first().map_or_else(|| "requirements".into(), |name| question_anchor(name));
        let verdict = if findings.is_empty() {
            chip("unknown", "not asked")
        } else {
            chips(&Counts::of(findings.iter().map(|finding| &finding.verdict)))
        };
        let human = if one.human.is_empty() {
            String::new()
        } else {
            format!("<br/><span class=\"none\">people state: {}</span>", escape::html(one.human))
        };
        format!(
            "<tr id=\"r-{0}\"><td class=\"n\">{0}</td><td>{1}</td><td>{2} {3}{human}</td><td>{4}</td><td>{verdict}<br/>{links}</td></tr>\n",
            one.number,
            escape::html(one.question),
            escape::html(one.evidence),
            self.links(&evidence, &else_to),
            escape::html(one.strong_signal),
        )
    }

    /// All findings, by question.
    pub(super) fn findings(&self) -> String {
        let mut text = heading("findings");
        let mut question = None;
        for one in &self.report.review.findings {
            if question != Some(one.question.as_str()) {
                question = Some(one.question.as_str());
                text.push_str(&self.question(&one.question));
            }
            text.push_str(&self.finding(one));
        }
        text
    }

    fn question(&self, name: &str) -> String {
        let info = self.report.review.questions.iter().find(|one| one.name == name);
        let numbers = info.map(|info| &info.requirements).into_iter().flatten();
        let links: String = numbers
            .filter(|number| requirement::by_number(**number).is_some())
            .map(|number| format!("<a href=\"#r-{number}\">{number}</a> "))
            .collect();
        format!(
            "<h3 id=\"{}\"><code>{}</code> {} <span class=\"none\">requirements {links}</span></h3>\n",
            question_anchor(name),
            escape::html(name),
            escape::html(info.map(|info| info.text.as_str()).unwrap_or_default()),
        )
    }

    fn finding(&self, one: &Finding) -> String {
        let class = match one.verdict.word() {
            "proved (symbolic)" => "proved",
            word => word,
        };
        let id = finding_id(one);
        let place = one
            .place
            .as_ref()
            .map(|place| format!(" · <code>{}:{}</code>", escape::html(&file(self.report, place)), place.line));
        let address = one.address.as_ref().map(|address| format!(" · <code>{}</code>", escape::html(address)));
        let mut text = format!(
            "<div class=\"finding {class}\" id=\"f-{id}\"><p>{} <code>{}</code>{}{} <span class=\"none\">{id}</span></p>\n<p>{}{}</p>\n",
            chip(class, one.verdict.word()),
            escape::html(&one.subject),
            place.unwrap_or_default(),
            address.unwrap_or_default(),
            escape::html(&one.sentence),
            self.all_links(&one.evidence, &format!("f-{id}")),
        );
        // What the sentence says already is not said again.
        let mut grounds = sentence::grounds(&one.verdict);
        grounds.retain(|ground| ground.plain() != one.sentence);
        if !grounds.is_empty() {
            text.push_str("<ul>");
            for ground in grounds.iter().take(GROUNDS_MAX) {
                let _ = write!(text, "<li>{}{}</li>", ground.html(), self.links(&one.evidence, &format!("f-{id}")));
            }
            if grounds.len() > GROUNDS_MAX {
                let _ = write!(text, "<li>… and {} more, in the JSON report</li>", grounds.len() - GROUNDS_MAX);
            }
            text.push_str("</ul>\n");
        }
        text.push_str("</div>\n");
        text
    }

    /// Links to all evidence of a finding, however much.
    fn all_links(&self, evidence: &BTreeSet<EvidenceId>, else_to: &str) -> String {
        let held: Vec<&EvidenceId> = evidence.iter().filter(|id| self.held.contains(id)).collect();
        if held.len() <= LINKS_MAX {
            return self.links(evidence, else_to);
        }
        let links = held.iter().take(100);
        links.map(|id| format!("<a class=\"e\" href=\"#{}\">{}</a>", evidence_anchor(id), id.short())).collect()
    }

    /// Every piece of evidence.
    pub(super) fn evidence(&self, ids: &[EvidenceId]) -> String {
        let mut text = heading("evidence");
        text.push_str("<p>An identifier is the SHA-256 of the fact and where it was read, without times.</p>\n");
        let mut seen = BTreeSet::new();
        for (one, id) in self.report.review.evidence.iter().zip(ids) {
            if seen.insert(id.short()) {
                text.push_str(&piece(one, id));
            }
        }
        text
    }
}

fn piece(one: &Evidence, id: &EvidenceId) -> String {
    let fact = canonical(&one.fact);
    let left_off = fact.chars().count().saturating_sub(FACT_MAX);
    let more = if left_off == 0 {
        String::new()
    } else {
        format!("<p class=\"none\">{left_off} more characters in the JSON report</p>")
    };
    let place = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" · {name} <code>{}</code>", escape::html(value))).unwrap_or_default()
    };
    format!(
        "<div class=\"evidence\" id=\"{}\"><p><code>{id}</code> {} <code>{}</code>{}{}</p><pre>{}</pre>{more}</div>\n",
        evidence_anchor(id),
        source_name(one.source),
        escape::html(&one.address),
        place("account", &one.account),
        place("region", &one.region),
        escape::html(&escape::shorten(&fact, FACT_MAX)),
    )
}

/// The anchor of a question: its name, of which other characters than these become dashes.
fn question_anchor(name: &str) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || one == '_' { one } else { '-' };
    format!("q-{}", name.chars().map(plain).collect::<String>())
}
