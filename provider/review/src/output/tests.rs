//! What the formats promise, on reviews made by hand.

use std::collections::BTreeSet;

use expect_test::{expect, expect_file};
use provider_boundary::review::Review;
use serde_json::Value;

use super::{
    explain, finding_id, html::html, json::json, markdown, oscal::oscal, packet::packet, sample, sarif::sarif,
    scorecard::scorecard,
};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_comment_of_a_bad_change() {
    expect_file!["golden/changed.md"].assert_eq(&markdown::markdown(&sample::report(&sample::changed())));
}

#[test]
fn the_comment_of_a_first_plan() {
    expect_file!["golden/first.md"].assert_eq(&markdown::markdown(&sample::report(&sample::first())));
}

#[test]
fn the_packet_of_a_bad_change() {
    expect_file!["golden/packet.md"].assert_eq(&packet(&sample::report(&sample::changed())));
}

#[test]
fn the_json_of_a_bad_change() {
    expect_file!["golden/out.json"].assert_eq(&json(&sample::report(&sample::changed())));
}

#[test]
fn the_sarif_of_a_bad_change() {
    expect_file!["golden/out.sarif"].assert_eq(&sarif(&sample::report(&sample::changed())));
}

#[test]
fn the_first_twelve_lines_of_a_comment_are_the_consequences() {
    for review in [sample::changed(), sample::first(), sample::many(2_000)] {
        let text = markdown::markdown(&sample::report(&review));
        let lines: Vec<&str> = text.lines().take(13).collect();
        assert!(lines.first().is_some_and(|line| line.starts_with("### Ringfence: ")), "{lines:?}");
        assert!(lines.iter().skip(1).take(11).all(|line| line.starts_with("- ")), "{lines:?}");
        assert_eq!(lines.last(), Some(&""), "{lines:?}");
        for label in ["Readers", "Administrators", "Paths", "Copies", "Retention", "Cost per month"] {
            assert!(lines.iter().any(|line| line.contains(label)), "{label} in {lines:?}");
        }
    }
}

#[test]
fn a_comment_on_2000_findings_is_short_enough_and_counts_what_it_leaves_off() {
    let review = sample::many(2_000);
    let text = markdown::markdown(&sample::report(&review));
    assert!(text.len() <= markdown::CHARACTERS_MAX, "{} bytes", text.len());
    assert!(text.contains("more, in the JSON and HTML reports"), "what is left off is counted");
    let violated = review.counts().violated;
    assert!(text.contains(&format!("<summary>Violated ({violated})</summary>")));
}

#[test]
fn even_a_comment_full_of_long_names_is_short_enough() {
    let text = markdown::markdown(&sample::report(&sample::saying(&"<\u{202e}@漢`".repeat(400))));
    assert!(text.len() <= markdown::CHARACTERS_MAX, "{} bytes", text.len());
}

#[test]
fn two_runs_give_equal_bytes_in_every_format() {
    for format in [json, sarif, oscal, html, packet, markdown::markdown, scorecard] {
        assert_eq!(format(&sample::report(&sample::changed())), format(&sample::report(&sample::changed())));
    }
}

#[test]
fn the_day_of_the_review_stands_in_oscal_only() {
    let review = sample::changed();
    let (one, other) = (sample::report(&review), super::Report { today: "2031-05-06", ..sample::report(&review) });
    for format in [json, sarif, html, packet, markdown::markdown, scorecard] {
        assert_eq!(format(&one), format(&other));
    }
    assert_ne!(oscal(&one), oscal(&other));
}

#[test]
fn sarif_stays_within_githubs_limits() {
    let review = sample::many(20_000);
    let sarif = read(&sarif(&sample::report(&review)));
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 5_000);
    assert!(results.iter().all(|one| one["level"] == "error"), "the gravest come first");
    assert!(
        run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| { rule["properties"]["tags"].as_array().unwrap().len() <= 10 })
    );
    let notes = run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes.contains("results are left off"), "{notes}");
}

#[test]
fn every_result_points_into_the_configuration() {
    let review = sample::changed();
    let sarif = read(&sarif(&sample::report(&review)));
    let places: BTreeSet<String> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let place = &one["locations"][0]["physicalLocation"];
            format!("{}:{}", place["artifactLocation"]["uri"].as_str().unwrap(), place["region"]["startLine"])
        })
        .collect();
    assert_eq!(places, ["boundary.hcl:1".to_owned(), "infra/main.tf:12".to_owned()].into());
}

/// The schema of SARIF 2.1.0, as the crate `serde-sarif` carries it: a development dependency for this file alone.
fn sarif_schema() -> Value {
    let metadata = cargo_metadata::MetadataCommand::new().exec().unwrap();
    let package = metadata.packages.iter().find(|one| one.name.as_str() == "serde-sarif").unwrap();
    let path = package.manifest_path.with_file_name("src").join("schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    // Languages, which no report names, have a pattern with a stray bracket: ECMA 262 allows it, this validator does not.
    read(&text.replace("{2}]?$", "{2}?$"))
}

#[test]
fn sarif_validates_against_its_schema() {
    let validator = jsonschema::validator_for(&sarif_schema()).unwrap();
    for review in
        [sample::changed(), sample::first(), sample::many(300), sample::saying("%\\ü \"]("), Review::default()]
    {
        let sarif = read(&sarif(&sample::report(&review)));
        let errors: Vec<String> =
            validator.iter_errors(&sarif).map(|one| format!("{}: {one}", one.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0"})), "the schema refuses what is no SARIF");
}

/// The identifiers and the links of a page.
fn anchors(text: &str) -> (Vec<String>, Vec<String>) {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).unwrap();
    let of = |name: &str| -> Vec<String> {
        document.descendants().filter_map(|one| one.attribute(name)).map(str::to_owned).collect()
    };
    (of("id"), of("href"))
}

#[test]
fn every_link_of_the_page_leads_somewhere_in_it() {
    for review in [sample::changed(), sample::first(), sample::many(300), sample::saying("</a> \" #")] {
        let (ids, links) = anchors(&html(&sample::report(&review)));
        let unique: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(unique.len(), ids.len(), "an identifier stands twice");
        for link in &links {
            let anchor = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads outside"));
            assert!(unique.contains(anchor), "{link} leads nowhere");
        }
        assert!(links.len() > 100, "{} links", links.len());
    }
}

#[test]
fn every_sentence_of_the_page_links_its_evidence() {
    let text = html(&sample::report(&sample::changed()));
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&text, options).unwrap();
    let is_sentence = |one: &roxmltree::Node<'_, '_>| {
        let of = |class: &str| one.ancestors().any(|up| up.attribute("class").is_some_and(|all| all.contains(class)));
        one.has_tag_name("li") && (of("consequences") || of("finding"))
            || one.has_tag_name("p")
                && of("finding")
                && one.attribute("class").is_none()
                && one.prev_sibling_element().is_some()
    };
    let sentences: Vec<_> = document.descendants().filter(is_sentence).collect();
    assert!(sentences.len() > 20, "{}", sentences.len());
    for one in sentences {
        let links = one.descendants().filter(|inner| matches!(inner.attribute("class"), Some("e" | "none")));
        let linked = links.clone().any(|link| link.has_attribute("href"));
        assert!(linked, "{:?}", one.descendants().filter_map(|inner| inner.text()).collect::<String>());
    }
}

#[test]
fn the_first_table_of_the_page_is_the_decision_matrix() {
    let text = html(&sample::report(&sample::changed()));
    let table = text.split("<table>").nth(1).unwrap();
    assert!(table.contains("<th>requirement</th><th>evidence</th><th>strong signal</th>"));
    let rows = (1..=105).filter(|number| table.contains(&format!("<tr id=\"r-{number}\">")));
    assert_eq!(rows.count(), 105);
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let text = html(&sample::report(&sample::changed()));
    for foreign in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        let found = text.match_indices(foreign).filter(|(at, _)| !text[*at..].starts_with("url(#")).count();
        assert_eq!(found, 0, "{foreign}");
    }
}

#[test]
fn a_requirement_is_satisfied_only_by_proofs() {
    let oscal = read(&oscal(&sample::report(&sample::changed())));
    let findings = oscal["assessment-results"]["results"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 105);
    let state = |number: usize| findings[number - 1]["target"]["status"]["state"].as_str().unwrap();
    let reason = |number: usize| findings[number - 1]["target"]["status"]["reason"].as_str().unwrap();
    assert_eq!((state(21), reason(21)), ("not-satisfied", "fail"));
    assert_eq!((state(1), reason(1)), ("not-satisfied", "other"));
}

#[test]
fn a_finding_is_explained_statement_by_statement() {
    let review = sample::changed();
    let report = sample::report(&review);
    let found = explain::find(&report, "reads-now").unwrap();
    assert_eq!(explain::find(&report, &finding_id(found)).unwrap(), found);
    assert_eq!(explain::find(&report, "reads-now payloads").unwrap(), found);
    expect![[r#"
        4c9d33a2cadc reads-now payloads: violated

        reads-now of payloads.

        question: What about reads-now?
        requirement 21: Who can decrypt, and can administrators not?
          strong signal: readers and administrators are disjoint
        requirement 28: Which identities read, write, list and delete in storage?
          strong signal: the contract's readers
        change: aws_s3_bucket_policy.data
        at: infra/main.tf:12

        witness 1 of 1
          a principal outside the contract reads payloads
          principal: arn:aws:iam::222222222222:role/etl
          action: s3:GetObject
          resource: arn:aws:s3:::orders-data/data/*
          statement: aws_s3_bucket_policy.data#AllowEtl
          statement: aws_kms_key.data#Root
          1. internet
          2. aws_vpc_endpoint.s3

        evidence 33d4d26f0fdca5f52cfee96c92f9c26e8588d5a72b4f08e6b6ca7e98d67e7d95
          plan aws_s3_bucket_policy.data
          {
            "policy": "{\"Statement\":[{\"Effect\":\"Allow\"}]}"
          }
    "#]]
    .assert_eq(&explain::explain(&report, found));
}

#[test]
fn a_name_without_a_finding_is_refused() {
    let review = sample::changed();
    let error = explain::find(&sample::report(&review), "no-such").unwrap_err();
    expect!["no finding is called no-such; `ringfence review` prints identifiers, and questions are names too"]
        .assert_eq(&error.to_string());
}

#[test]
fn the_scorecard_has_signs_beside_colours() {
    expect![[r#"
        # Scorecard

        green: all proved and fresh · yellow: something unknown, excluded or stale · red: something violated

        ## Five gates (requirement 93)

        | gate | | proved | excluded | unknown | violated |
        |---|---|--:|--:|--:|--:|
        | boundary | ✘ red | 2 | 1 | 3 | 1 |
    "#]]
    .assert_eq(&scorecard(&sample::report(&sample::changed())));
}
