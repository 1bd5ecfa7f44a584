//! A contract as HCL: what `contract::read` reads.

use std::{collections::BTreeMap, fmt::Write as _};

use provider_boundary::model::{
    Contract,
    contract::{
        AcceptedEscalation, Administrator, ApprovedExclusion, ApprovedPath, BreakGlass, ClassTerms, Review, Support,
        TopicTerms, Workload,
    },
};

/// The file's text. Human statements that are missing stand as comments.
pub fn write(contract: &Contract) -> String {
    let mut text = String::from(
        "# The boundary as it is approved. Read every line: it is what reviews compare plans with. What a store holds is guessed\n# from its name where nothing else says it.\n\n",
    );
    let _ = writeln!(text, "accounts = {}", list(&contract.accounts));
    let _ = writeln!(text, "regions  = {}", list(&contract.regions));
    for (class, terms) in &contract.classes {
        text.push_str(&block("class", Some(class.name()), &class_lines(terms)));
    }
    for one in &contract.administrators {
        text.push_str(&block("administrator", Some(&one.principal), &administrator_lines(one)));
    }
    for one in &contract.paths {
        text.push_str(&block("path", Some(&one.name), &path_lines(one)));
    }
    for one in &contract.accepted_escalations {
        text.push_str(&block("accepted_escalation", None, &escalation_lines(one)));
    }
    for one in &contract.exclusions {
        text.push_str(&block("exclusion", None, &exclusion_lines(one)));
    }
    for one in &contract.topics {
        text.push_str(&block("topic", Some(&one.name), &topic_lines(one)));
    }
    for BreakGlass { role, approval, .. } in &contract.break_glass {
        text.push_str(&block(
            "break_glass",
            Some(role),
            &[human("approval", approval.as_deref(), "how its use is approved")],
        ));
    }
    text.push_str(&map(
        "responsibilities",
        &contract.responsibilities,
        "upgrades, scaling, incidents, access_reviews, ...: who",
    ));
    text.push_str(&map("runbooks", &contract.runbooks, "key_disabled, broker_lost, ...: where the steps are"));
    text.push_str(&map("statements", &contract.statements, "schema_registry, support_store, ...: what is so"));
    text.push_str(&last_blocks(contract));
    text
}

fn class_lines(terms: &ClassTerms) -> Vec<String> {
    vec![
        some_list("stores", &terms.stores),
        some_list("readers", &terms.readers),
        some_list("deleters", &terms.deleters),
        some("key_model", terms.key_model.as_deref()),
        some("key", terms.key.as_deref()),
        number("retention_days", terms.retention_days, "least days it is kept"),
        number("deletion_days", terms.deletion_days, "days after which it is gone"),
        some("versioning", terms.versioning.as_deref()),
        number("rotation_days", terms.rotation_days, "days between rotations of its key, at most"),
        human("owner", terms.owner.as_deref(), "who answers for it"),
    ]
}

fn administrator_lines(one: &Administrator) -> Vec<String> {
    vec![
        some_list("of", &one.of),
        human("owner", one.owner.as_deref(), "who that is"),
        some("expires", one.expires.as_deref()),
    ]
}

fn path_lines(one: &ApprovedPath) -> Vec<String> {
    vec![
        given("from", &one.from),
        given("to", &one.to),
        one.port.map(|port| format!("port = {port}")).unwrap_or_default(),
        human("owner", one.owner.as_deref(), "who answers for it"),
        human("purpose", one.purpose.as_deref(), "what it is for"),
        human("mode", one.mode.as_deref(), "steady, support or migration"),
        human("encryption", one.encryption.as_deref(), "tls, sse or none"),
        some("expires", one.expires.as_deref()),
        some("ticket", one.ticket.as_deref()),
    ]
}

fn escalation_lines(one: &AcceptedEscalation) -> Vec<String> {
    vec![
        given("principal", &one.principal),
        format!("via = {}", list(&one.via)),
        given("detected_by", &one.detected_by),
        given("approved_by", &one.approved_by),
        given("expires", &one.expires),
    ]
}

fn exclusion_lines(one: &ApprovedExclusion) -> Vec<String> {
    vec![
        given("question", &one.question),
        given("subject", &one.subject),
        given("reason", &one.reason),
        given("approved_by", &one.approved_by),
        given("expires", &one.expires),
    ]
}

fn topic_lines(one: &TopicTerms) -> Vec<String> {
    vec![
        human("owner", one.owner.as_deref(), "who answers for it"),
        human("classification", one.classification.as_deref(), "what it holds"),
        number("retention_days", one.retention_days, "days it is kept"),
    ]
}

fn last_blocks(contract: &Contract) -> String {
    let workload = contract.workload.clone().map_or_else(
        || "\n# workload {            the load that costs are computed for\n#   write_mib_per_second = \"\"\n#   fan_out = \"\"\n#   retention_hours = 24\n#   zone_locality = \"1\"\n# }\n".into(),
        |Workload { write_mib_per_second, fan_out, retention_hours, zone_locality, .. }| {
            let lines = [
                some("write_mib_per_second", write_mib_per_second.as_deref()),
                some("fan_out", fan_out.as_deref()),
                number("retention_hours", retention_hours, "hours kept"),
                some("zone_locality", zone_locality.as_deref()),
            ];
            block("workload", None, &lines)
        },
    );
    let support = contract.support.clone().map_or_else(
        || "\n# support {\n#   entity = \"none\"     who supports the platform\n#   path = \"none\"       how they get in\n#   terms = \"\"          the document\n# }\n".into(),
        |Support { entity, path, terms, .. }| {
            let lines = [
                human("entity", entity.as_deref(), "who supports the platform"),
                human("path", path.as_deref(), "how they get in"),
                human("terms", terms.as_deref(), "the document"),
            ];
            block("support", None, &lines)
        },
    );
    let review = contract.review.clone().map_or_else(
        || "\n# review {\n#   cadence_days = 90   days between reviews of access\n#   last = \"\"\n#   by = \"\"\n# }\n".into(),
        |Review { cadence_days, last, by, .. }| {
            let lines = [
                number("cadence_days", cadence_days, "days between reviews of access"),
                some("last", last.as_deref()),
                human("by", by.as_deref(), "who did it"),
            ];
            block("review", None, &lines)
        },
    );
    format!("{workload}{support}{review}")
}

/// A block; empty lines are left out.
fn block(kind: &str, label: Option<&str>, lines: &[String]) -> String {
    let label = label.map(|label| format!("{} ", quoted(label))).unwrap_or_default();
    let mut text = format!("\n{kind} {label}{{\n");
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("}\n");
    text
}

fn given(name: &str, value: &str) -> String {
    format!("{name} = {}", quoted(value))
}

fn some(name: &str, value: Option<&str>) -> String {
    value.map(|value| given(name, value)).unwrap_or_default()
}

/// What people state; without it a comment that asks for it.
fn human(name: &str, value: Option<&str>, what: &str) -> String {
    value.map_or_else(|| format!("# {name} = \"\"  {what}"), |value| given(name, value))
}

fn number(name: &str, value: Option<u64>, what: &str) -> String {
    value.map_or_else(|| format!("# {name} =  {what}"), |value| format!("{name} = {value}"))
}

fn some_list(name: &str, items: &[String]) -> String {
    if items.is_empty() { String::new() } else { format!("{name} = {}", list(items)) }
}

/// A list: in one line when it is short, else one item a line, which diffs well.
fn list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|one| quoted(one)).collect();
    let short = format!("[{}]", quoted.join(", "));
    if items.len() < 2 || short.len() <= 60 {
        return short;
    }
    format!("[\n    {},\n  ]", quoted.join(",\n    "))
}

fn map(name: &str, members: &BTreeMap<String, String>, what: &str) -> String {
    if members.is_empty() {
        return format!("\n# {name} = {{}}  {what}\n");
    }
    let mut text = format!("\n{name} = {{\n");
    for (key, value) in members {
        let _ = writeln!(text, "  {} = {}", quoted(key), quoted(value));
    }
    text.push_str("}\n");
    text
}

/// A text in quotes: no template, no escape and no line of it comes to life.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut letters = text.chars().peekable();
    while let Some(one) = letters.next() {
        match one {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if letters.peek() == Some(&'{') => {
                quoted.push(one);
                quoted.push(one);
            }
            other if other.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use provider_boundary::model::Class;

    use super::*;
    use crate::contract;

    fn class(reader: &str) -> Contract {
        let terms = ClassTerms { readers: vec![reader.into()], ..ClassTerms::default() };
        Contract { classes: [(Class::Payloads, terms)].into(), ..Contract::default() }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in prop_oneof![any::<String>(), "[$%{}\"\\\\na-z\\.#:/*]{0,20}"]) {
            let read = contract::read(&write(&class(&text)), "boundary.hcl");
            prop_assert_eq!(read.unwrap().class(Class::Payloads).readers, vec![text]);
        }
    }

    #[test]
    fn every_block_is_read_back() {
        let text = "accounts = [\"1\"]\nregions = [\"r\"]\nclass \"logs\" {\n  stores = [\"log-group:a\"]\n  retention_days = 3\n  rotation_days = 365\n}\nadministrator \"a\" {\n  of = [\"keys\"]\n  owner = \"o\"\n  expires = \"2027-01-31\"\n}\npath \"p\" {\n  from = \"f\"\n  to = \"t\"\n  port = 443\n  ticket = \"T-1\"\n}\naccepted_escalation {\n  principal = \"a\"\n  via = [\"kms:PutKeyPolicy\"]\n  detected_by = \"d\"\n  approved_by = \"b\"\n  expires = \"2027-01-31\"\n}\nexclusion {\n  question = \"q\"\n  subject = \"s\"\n  reason = \"r\"\n  approved_by = \"b\"\n  expires = \"2027-01-31\"\n}\ntopic \"orders\" {\n  owner = \"o\"\n  classification = \"c\"\n  retention_days = 7\n}\nbreak_glass \"g\" {\n  approval = \"two people\"\n}\nresponsibilities = { upgrades = \"o\" }\nrunbooks = { key_disabled = \"r\" }\nstatements = { schema_registry = \"none\" }\nworkload {\n  write_mib_per_second = \"10\"\n  fan_out = \"3\"\n  retention_hours = 24\n  zone_locality = \"1\"\n}\nsupport {\n  entity = \"none\"\n  path = \"none\"\n  terms = \"t\"\n}\nreview {\n  cadence_days = 90\n  last = \"2026-11-01\"\n  by = \"b\"\n}\n";
        let once = write(&contract::read(text, "a").unwrap());
        let twice = write(&contract::read(&once, "a").unwrap());
        assert_eq!(once, twice);
        for line in text.lines().filter(|line| line.contains(" = ") && !line.contains('{')) {
            let (name, value) = line.trim().split_once(" = ").unwrap();
            assert!(
                once.contains(&format!("{name} = {value}")) || once.contains(&format!("{name}  = {value}")),
                "{line}"
            );
        }
        for line in
            ["\"upgrades\" = \"o\"", "\"key_disabled\" = \"r\"", "\"schema_registry\" = \"none\"", "class \"logs\""]
        {
            assert!(once.contains(line), "{line}");
        }
    }
}
