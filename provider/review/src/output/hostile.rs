//! No text from a plan changes the structure of a report.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use super::{
    html::html, json, markdown::markdown, mermaid::mermaid, oscal::oscal, packet::packet, sample, sarif::sarif,
};

/// Texts that try to become something: markup, quotes, fences, controls, tables, links, mentions.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "</style>",
        "</td></tr>",
        "<!--",
        "-->",
        "]]>",
        "&lt;",
        "&",
        "\"",
        "'",
        "`",
        "```",
        "~~~",
        "\n",
        "\r\n",
        "\n\n# h\n",
        "\n- x",
        "|",
        "\\",
        "\\|",
        "[a](javascript:x)",
        "![i](http://x)",
        "@all",
        "#12",
        "http://x.y",
        "www.x.yz",
        "<http://x.y>",
        "<details>",
        "</details>",
        "</summary>",
        "{0}",
        "${x}",
        "%%",
        "---",
        "===",
        "**",
        "__",
        "$$",
        "\u{202e}",
        "\u{0}",
        "\u{1b}[2J",
        "\u{2028}",
        "end",
        "subgraph",
        "-->|x|",
        "]:::empty",
        ";",
        "1. ",
        "    ",
        "\t",
        "é",
        "漢",
    ]);
    let words = prop::collection::vec(prop_oneof![parts.prop_map(str::to_owned), "\\PC{0,6}", ".{0,6}"], 0..5);
    words
        .prop_map(|words| words.concat())
        .prop_filter("a text without words has no text", |text| !text.trim().is_empty())
}

/// The kinds of events, without their texts.
fn structure(markdown: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        let kind = match event {
            Event::Text(_) | Event::Code(_) => "text".to_owned(),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => "a link".to_owned(),
            Event::InlineHtml(html) | Event::Html(html) => format!("tag {html}"),
            Event::Start(tag) => format!("start {}", format!("{tag:?}").split(['(', ' ']).next().unwrap_or_default()),
            other => format!("{other:?}"),
        };
        // One text may come in several pieces.
        if kind != "text" || found.last().map(String::as_str) != Some("text") {
            found.push(kind);
        }
    }
    found
}

/// The elements of well-formed XML, in order, with their attributes' names.
fn elements(text: &str) -> Vec<String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).expect("well-formed");
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|one| {
            let names: Vec<&str> = one.attributes().map(|attribute| attribute.name()).collect();
            format!("{} {}", one.tag_name().name(), names.join(" "))
        })
        .collect()
}

/// The shape of a JSON value: members and kinds, without texts.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::String("text".into()),
        Value::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_structure_of_markdown(text in hostile()) {
        let (tame, wild) = (sample::saying("x"), sample::saying(&text));
        for format in [markdown, packet] {
            prop_assert_eq!(structure(&format(&sample::report(&wild))), structure(&format(&sample::report(&tame))));
        }
    }

}

proptest! {
    // The pages are large.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_structure_of_html(text in hostile()) {
        let (tame, wild) = (sample::saying("x"), sample::saying(&text));
        prop_assert_eq!(elements(&html(&sample::report(&wild))), elements(&html(&sample::report(&tame))));
    }

    #[test]
    fn no_text_changes_the_shape_of_json(text in hostile()) {
        let (tame, wild) = (sample::saying("x"), sample::saying(&text));
        for format in [json::json, sarif, oscal] {
            let tame: Value = serde_json::from_str(&format(&sample::report(&tame))).unwrap();
            let wild: Value = serde_json::from_str(&format(&sample::report(&wild))).unwrap();
            prop_assert_eq!(shape(&wild), shape(&tame));
        }
    }

    #[test]
    fn no_text_adds_a_line_to_the_drawing(text in hostile()) {
        let (tame, wild) = (sample::saying("x"), sample::saying(&text));
        let lines = |review| mermaid(&super::diagram::diagram(review)).lines().count();
        prop_assert_eq!(lines(&wild), lines(&tame));
    }

    #[test]
    fn no_control_character_reaches_a_terminal(text in hostile()) {
        let wild = sample::saying(&text);
        let shown = super::terminal::summary(&wild);
        prop_assert!(shown.chars().all(|one| one == '\n' || !one.is_control()));
        prop_assert_eq!(shown.lines().count(), super::terminal::summary(&sample::saying("x")).lines().count());
    }
}
