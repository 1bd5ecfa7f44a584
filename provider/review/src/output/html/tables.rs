//! The lists of the boundary as tables: removed entries stand in them too, marked.

use std::fmt::Write as _;

use provider_boundary::{
    model::{
        Fact, Reason,
        artifact::{Aspect, Class},
    },
    review::{At, Review, StoreEntry},
};

use super::{Page, chip, chips, heading};
use crate::output::{
    consequence::{days, dollars, told, total},
    delta::{self, Move},
    escape,
    json::{file, move_name},
    scorecard,
};

/// All stores with what happens to them, in the order of the table.
pub(super) fn stores(review: &Review) -> Vec<(Move, &StoreEntry)> {
    delta::of(review, |summary| summary.stores.as_slice()).moves().collect()
}

impl Page<'_> {
    /// Readers, administrators, escalations, paths, stores, cost.
    pub(super) fn lists(&self) -> String {
        let mut text = self.readers();
        text.push_str(&self.administrators());
        text.push_str(&self.escalations());
        text.push_str(&self.paths());
        text.push_str(&self.stores());
        text.push_str(&self.cost());
        text
    }

    fn readers(&self) -> String {
        let readers = delta::of(self.report.review, |summary| summary.readers.as_slice());
        let rows = readers.moves().map(|(change, one)| {
            let via: Vec<String> = one.via.iter().map(|statement| code(statement)).collect();
            let approved = approval(one.approved, one.doubt.as_ref());
            vec![
                moved(change),
                code(&one.principal),
                one.class.name().into(),
                via.join(" "),
                approved,
                self.at(&one.at, "readers"),
            ]
        });
        table("readers", &["", "who", "reads", "allowed by", "contract", "evidence"], rows)
    }

    fn administrators(&self) -> String {
        let administrators = delta::of(self.report.review, |summary| summary.administrators.as_slice());
        let rows = administrators.moves().map(|(change, one)| {
            let actions = escape::html(&one.actions.join(", "));
            let approved = approval(one.approved, one.doubt.as_ref());
            vec![
                moved(change),
                code(&one.principal),
                escape::html(&one.of),
                actions,
                approved,
                self.at(&one.at, "administrators"),
            ]
        });
        table("administrators", &["", "who", "administers", "by", "contract", "evidence"], rows)
    }

    fn escalations(&self) -> String {
        let escalations = delta::of(self.report.review, |summary| summary.escalations.as_slice());
        let rows = escalations.moves().map(|(change, one)| {
            let detector = one.detected_by.as_ref().map_or_else(|| chip("violated", "nobody"), |name| code(name));
            let via = escape::html(&one.via.join(" → "));
            vec![
                moved(change),
                code(&one.principal),
                one.class.name().into(),
                via,
                detector,
                approval(one.approved, None),
                self.at(&one.at, "escalations"),
            ]
        });
        let mut text = table(
            "escalations",
            &["", "who", "would read", "by these recorded calls", "seen by", "contract", "evidence"],
            rows,
        );
        text.push_str("<p>Nobody else becomes a reader without one of these recorded changes.</p>\n");
        text
    }

    fn paths(&self) -> String {
        let paths = delta::of(self.report.review, |summary| summary.paths.as_slice());
        let rows = paths.moves().map(|(change, one)| {
            let price = one.monthly_micro_usd.as_ref().map_or_else(String::new, price);
            let hops: Vec<String> = one.enforced_by.iter().map(|hop| code(hop)).collect();
            let terms = [
                ("owner", &one.owner),
                ("purpose", &one.purpose),
                ("mode", &one.mode),
                ("encryption", &one.encryption),
                ("until", &one.expires),
            ];
            let stated = terms.iter().filter_map(|(name, word)| word.as_ref().map(|word| (name, word)));
            let stated: Vec<String> = stated.map(|(name, word)| format!("{name} {}", escape::html(word))).collect();
            vec![
                moved(change),
                code(&one.from),
                code(&one.to),
                escape::html(&one.port),
                if stated.is_empty() { "nothing".into() } else { stated.join("<br/>") },
                hops.join("<br/>"),
                price,
                approval(one.approved, one.doubt.as_ref()),
                self.at(&one.at, "paths"),
            ]
        });
        let columns = ["", "from", "to", "port", "stated", "let through by", "per month", "contract", "evidence"];
        table("paths", &columns, rows)
    }

    fn stores(&self) -> String {
        let all = stores(self.report.review);
        let rows = all.iter().enumerate().map(|(at, (change, one))| {
            let classes: Vec<&str> = one.classes.iter().map(|class| class.name()).collect();
            let word =
                |fact: &Option<Fact<String>>| fact.as_ref().map_or_else(|| "-".to_owned(), |fact| code(told(fact)));
            let copies: Vec<String> = one.copies.iter().map(|copy| code(copy)).collect();
            vec![
                moved(*change),
                format!("<span id=\"store-{at}\">{}</span>", code(&one.name)),
                classes.join(", "),
                format!("{} {}", code(told(&one.account)), code(told(&one.region))),
                format!("{} {}", word(&one.key), word(&one.key_model)),
                format!("{}, versioning {}", escape::html(&days(&one.retention_days)), word(&one.versioning)),
                if copies.is_empty() { "none".into() } else { copies.join(" ") },
                approval(one.approved, None),
                self.at(&one.at, "stores"),
            ]
        });
        let columns = ["", "store", "holds", "account, region", "key", "kept", "copies", "contract", "evidence"];
        table("stores", &columns, rows)
    }

    fn cost(&self) -> String {
        let cost = &self.report.review.after.cost;
        let rows = cost.items.iter().map(|one| {
            let kind = if one.usage_based { "by use" } else { "fixed" };
            let path = one.path.as_deref().map_or_else(|| "-".to_owned(), code);
            vec![escape::html(&one.what), path, kind.into(), price(&one.monthly_micro_usd), self.at(&one.at, "cost")]
        });
        let mut text = table("cost", &["item", "path", "kind", "per month", "evidence"], rows);
        let (known, unknown) = total(cost);
        let _ = writeln!(
            text,
            "<p>Known: {} per month, by prices of {}. Items without a known price: {unknown}; they are not zero.</p>",
            dollars(known),
            escape::html(&cost.prices_of)
        );
        text
    }

    /// Classes by aspects.
    pub(super) fn class_matrix(&self) -> String {
        let matrix = &self.report.review.matrix;
        let rows = Class::ALL.into_iter().map(|class| {
            let cells = Aspect::ALL.into_iter().map(|aspect| {
                let cell = matrix.iter().find(|cell| cell.class == class && cell.aspect == aspect);
                cell.map_or_else(String::new, |cell| {
                    let word = cell.verdict.word();
                    chip(word.split(' ').next().unwrap_or(word), word)
                })
            });
            std::iter::once(class.name().replace('_', " ")).chain(cells).collect()
        });
        table("classes", &["class", "residency", "access", "retention", "deletion"], rows)
    }

    /// The gates, in three groupings.
    pub(super) fn scorecard(&self) -> String {
        let mut text = heading("scorecard");
        for grouping in &self.report.review.scorecard {
            let _ = write!(
                text,
                "<h3>{} <a class=\"e\" href=\"#r-{1}\">requirement {1}</a></h3>\n<table>\n<thead><tr><th>gate</th><th></th><th>verdicts</th></tr></thead>\n<tbody>\n",
                escape::html(&grouping.name),
                grouping.requirement
            );
            for gate in &grouping.gates {
                let colour = gate.colour.name();
                let sign = format!("{} {colour}", scorecard::sign(gate.colour));
                let _ = writeln!(
                    text,
                    "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                    escape::html(&gate.name),
                    chip(colour, &sign),
                    chips(&gate.counts)
                );
            }
            text.push_str("</tbody>\n</table>\n");
        }
        text
    }

    /// Where an entry comes from, and its evidence.
    fn at(&self, at: &At, part: &str) -> String {
        let address = at.address.as_ref().map(|address| code(address)).unwrap_or_default();
        let place = at.place.as_ref().map(|place| code(&format!("{}:{}", file(self.report, place), place.line)));
        format!("{address} {}{}", place.unwrap_or_default(), self.links(&at.evidence, part))
    }
}

fn table(id: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: String = columns.iter().map(|column| format!("<th>{column}</th>")).collect();
    let body: String = rows
        .map(|row| format!("<tr>{}</tr>\n", row.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>()))
        .collect();
    let body = if body.is_empty() { format!("<tr><td colspan=\"{}\">none</td></tr>\n", columns.len()) } else { body };
    format!(
        "{}<div class=\"scroll\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n",
        heading(id)
    )
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape::html(text))
}

fn moved(change: Move) -> String {
    match change {
        Move::Same => String::new(),
        Move::Added => "<b>+ added</b>".into(),
        other => format!("<b>{}</b>", move_name(other)),
    }
}

fn price(fact: &Fact<i64>) -> String {
    match fact {
        Fact::Known(micro) => dollars(*micro),
        Fact::Symbolic(template) => escape::html(template.as_str()),
        Fact::Unknown(reason) => format!("unknown: {}", escape::html(&reason.to_string())),
    }
}

fn approval(approved: bool, doubt: Option<&Reason>) -> String {
    let word = if approved { chip("proved", "named") } else { chip("violated", "not named") };
    match doubt {
        Some(reason) => format!("{word}<br/>maybe: {}", escape::html(&reason.to_string())),
        None => word,
    }
}
