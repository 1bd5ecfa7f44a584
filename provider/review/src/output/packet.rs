//! The packet: ten questions, answered in writing (requirement 98). Every sentence names its evidence.

use std::{collections::BTreeSet, fmt::Write as _};

use provider_boundary::{
    model::{EvidenceId, Finding, artifact::Class},
    review::Summary,
};

use super::{
    Report,
    consequence::{days, headline, path, reader, told},
    finding_id,
    json::source_name,
    sentence::{self, Sentence},
};

/// How many identifiers stand behind one sentence.
const IDS_MAX: usize = 8;

/// One of the ten questions.
struct Part {
    title: &'static str,
    question: &'static str,
    /// Numbers of the requirements whose findings belong here.
    requirements: &'static [u16],
    /// What the lists of the boundary say about it.
    facts: fn(&Summary) -> Vec<Sentence>,
}

const PARTS: [Part; 10] = [
    Part {
        title: "Data",
        question: "Where do records live, and in what form?",
        requirements: &[1, 2, 4, 10, 11, 12, 60, 64, 65],
        facts: |summary| stores(summary, &[Class::Payloads, Class::Progress, Class::Schemas, Class::WriteAheadLog]),
    },
    Part {
        title: "Metadata",
        question: "Which metadata exists, where does it live, and what leaves the account?",
        requirements: &[3, 6, 9, 13],
        facts: |summary| stores(summary, &[Class::ClusterMetadata, Class::Metrics, Class::Support]),
    },
    Part {
        title: "Region",
        question: "In which accounts and regions does everything happen?",
        requirements: &[14, 15, 16, 17],
        facts: regions,
    },
    Part {
        title: "Encryption",
        question: "Under which keys, who administers them, and who decrypts?",
        requirements: &[18, 19, 20, 21, 22, 23, 24, 25, 26],
        facts: keys,
    },
    Part {
        title: "Identities",
        question: "Who reads, who administers, and how could one become the other?",
        requirements: &[27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39],
        facts: identities,
    },
    Part {
        title: "Network",
        question: "Which paths are there, in and out?",
        requirements: &[40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50],
        facts: |summary| summary.paths.iter().map(|one| ended(path(one))).collect(),
    },
    Part {
        title: "Observability",
        question: "What is recorded, where, and who notices?",
        requirements: &[5, 8, 53, 54, 69, 74, 75],
        facts: |summary| stores(summary, &[Class::Logs, Class::AuditEvents]),
    },
    Part {
        title: "Support",
        question: "Who supports the platform, and how do they get in?",
        requirements: &[51, 52, 55, 56, 57, 58, 59],
        facts: |summary| {
            let foreign = summary.administrators.iter().filter(|one| !one.approved);
            foreign
                .map(|one| {
                    let sentence = Sentence::default().name(&one.principal).words(format!(" administers {}", one.of));
                    sentence.words(" without being named in the contract.").shown_by(&one.at.evidence)
                })
                .collect()
        },
    },
    Part {
        title: "Backup and deletion",
        question: "Which copies exist, how long is data kept, and how does it go?",
        requirements: &[7, 61, 62, 66, 83],
        facts: retention,
    },
    Part {
        title: "Exit",
        question: "How does one leave, and what proves that nothing stays?",
        requirements: &[63, 71, 82, 86, 87],
        facts: |summary| stores(summary, &[Class::Exit, Class::Backups]),
    },
];

/// The packet as Markdown.
pub fn packet(report: &Report<'_>) -> String {
    let review = report.review;
    let mut text = format!(
        "# Review packet\n\n{}. Fingerprint of the boundary: `{}`.\n\nAn identifier in brackets is the beginning of the SHA-256 of a fact; the list at the end says where it was read.\n",
        headline(&review.counts()),
        review.after.fingerprint()
    );
    let mut used = BTreeSet::new();
    for (number, part) in PARTS.iter().enumerate() {
        // Writing to a text does not fail.
        let _ = write!(text, "\n## {}. {}\n\n*{}*\n\n", number + 1, part.title, part.question);
        let facts = (part.facts)(&review.after);
        let answers = review
            .findings
            .iter()
            .filter(|one| part.requirements.iter().any(|number| one.requirements.contains(number)));
        let sentences: Vec<Sentence> = facts.into_iter().chain(answers.map(answer)).collect();
        if sentences.is_empty() {
            text.push_str("- Nothing in this plan speaks of it. [no evidence: not asked]\n");
        }
        for sentence in sentences {
            let _ = writeln!(text, "- {} {}", sentence.markdown(), ids(&sentence.evidence));
            used.extend(sentence.evidence);
        }
    }
    text.push_str("\n## Evidence\n\n");
    for one in review.evidence.iter().filter(|one| used.contains(&one.id())) {
        let address = Sentence::default().name(&one.address).markdown();
        let _ = writeln!(text, "- `{}` {} {address}", one.id(), source_name(one.source));
    }
    text
}

fn ids(evidence: &BTreeSet<EvidenceId>) -> String {
    if evidence.is_empty() {
        return "[no evidence in this plan]".into();
    }
    let shown: Vec<String> = evidence.iter().take(IDS_MAX).map(|id| format!("`{}`", id.short())).collect();
    let more = match evidence.len().saturating_sub(IDS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("[{}{more}]", shown.join(" "))
}

/// A finding as an answer: its word, its sentence, its grounds.
fn answer(one: &Finding) -> Sentence {
    let mut sentence = Sentence::new(format!("{}: ", capital(one.verdict.word())))
        .words(&one.sentence)
        .words(format!(" ({}", one.question));
    for ground in sentence::grounds(&one.verdict).into_iter().take(3) {
        sentence = sentence.words("; ").then(ground);
    }
    sentence.words(format!("; finding {})", finding_id(one))).shown_by(&one.evidence)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn ended(sentence: Sentence) -> Sentence {
    sentence.words(".")
}

fn stores(summary: &Summary, classes: &[Class]) -> Vec<Sentence> {
    let of_class = |class: Class| {
        summary.stores.iter().filter(move |one| one.classes.contains(&class)).map(move |one| (class, one))
    };
    let sentences = classes.iter().flat_map(|class| of_class(*class)).map(|(class, one)| {
        let sentence = Sentence::new(format!("{} lies in ", capital(&class.name().replace('_', " ")))).name(&one.name);
        let sentence = sentence.words(", account ").name(told(&one.account)).words(", region ").name(told(&one.region));
        ended(sentence).shown_by(&one.at.evidence)
    });
    sentences.collect()
}

fn regions(summary: &Summary) -> Vec<Sentence> {
    let places: BTreeSet<(&str, &str)> =
        summary.stores.iter().map(|one| (told(&one.account), told(&one.region))).collect();
    let sentences = places.into_iter().map(|(account, region)| {
        let here = summary.stores.iter().filter(|one| told(&one.account) == account && told(&one.region) == region);
        let sentence = Sentence::new("Account ").name(account).words(" in region ").name(region).words(" holds ");
        let names: Vec<&str> = here.clone().map(|one| one.name.as_str()).collect();
        let sentence = ended(sentence.names(names, 12));
        here.fold(sentence, |sentence, one| sentence.shown_by(&one.at.evidence))
    });
    sentences.collect()
}

fn keys(summary: &Summary) -> Vec<Sentence> {
    let sentences = summary.stores.iter().map(|one| {
        let sentence = Sentence::default().name(&one.name);
        let sentence = match &one.key {
            Some(key) => sentence.words(" is encrypted under ").name(told(key)),
            None => sentence.words(" has no key of the customer"),
        };
        let sentence = match &one.key_model {
            Some(model) => sentence.words(", which is ").words(told(model).replace('_', " ")),
            None => sentence,
        };
        ended(sentence).shown_by(&one.at.evidence)
    });
    sentences.collect()
}

fn identities(summary: &Summary) -> Vec<Sentence> {
    let readers = summary.readers.iter().map(|one| ended(reader(one)));
    let administrators = summary.administrators.iter().map(|one| {
        let sentence = Sentence::default().name(&one.principal).words(format!(" administers {}.", one.of));
        sentence.shown_by(&one.at.evidence)
    });
    let escalations = summary.escalations.iter().map(|one| {
        let sentence = Sentence::default().name(&one.principal);
        let sentence = sentence.words(format!(" could read {} after the recorded calls ", one.class.name()));
        let sentence = sentence.names(one.via.iter().map(String::as_str), 8);
        let sentence = match &one.detected_by {
            Some(detector) => sentence.words(", seen by ").name(detector),
            None => sentence.words(", seen by nobody"),
        };
        ended(sentence).shown_by(&one.at.evidence)
    });
    readers.chain(administrators).chain(escalations).collect()
}

fn retention(summary: &Summary) -> Vec<Sentence> {
    let sentences = summary.stores.iter().map(|one| {
        let sentence =
            Sentence::default().name(&one.name).words(format!(" keeps data for {}", days(&one.retention_days)));
        let sentence = match &one.versioning {
            Some(versioning) => sentence.words(", versioning ").words(told(versioning)),
            None => sentence,
        };
        let sentence = match one.copies.is_empty() {
            true => sentence.words(", without copies"),
            false => sentence.words(", with copies in ").names(one.copies.iter().map(String::as_str), 8),
        };
        ended(sentence).shown_by(&one.at.evidence)
    });
    sentences.collect()
}
