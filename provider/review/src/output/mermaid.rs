//! The zone diagram in Mermaid, as GitHub draws it.

use std::fmt::Write as _;

use super::{
    delta::Move,
    diagram::{Diagram, Edge, ZONES, zone_title},
    escape,
};

/// How many characters of a name a node shows.
const LABEL_MAX: usize = 48;

/// The source of the drawing, without fences.
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, zone) in ZONES.into_iter().enumerate() {
        let nodes: Vec<(usize, &str)> = diagram
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.zone == zone)
            .map(|(at, node)| (at, node.name.as_str()))
            .collect();
        push(&mut text, format_args!("  subgraph z{number}[\"{}\"]\n", zone_title(zone)));
        if nodes.is_empty() {
            push(&mut text, format_args!("    z{number}_empty[\"nothing\"]:::empty\n"));
        }
        for (at, name) in nodes {
            push(&mut text, format_args!("    n{at}[\"{}\"]\n", escape::mermaid(&escape::shorten(name, LABEL_MAX))));
        }
        text.push_str("  end\n");
    }
    for edge in &diagram.edges {
        let arrow = if edge.change == Move::Removed { "-.->" } else { "-->" };
        push(&mut text, format_args!("  n{} {arrow}|\"{}\"| n{}\n", edge.from, label(edge), edge.to));
    }
    for (number, edge) in diagram.edges.iter().enumerate() {
        if let Some(style) = style(edge) {
            push(&mut text, format_args!("  linkStyle {number} {style}\n"));
        }
    }
    text.push_str("  classDef empty fill:none,stroke:none,color:#888\n");
    text
}

fn label(edge: &Edge) -> String {
    let sign = match edge.change {
        Move::Added => "+ ",
        Move::Removed => "removed: ",
        Move::Changed => "changed: ",
        Move::Same => "",
    };
    let not_approved = if edge.approved || edge.change == Move::Removed { "" } else { ", not approved" };
    escape::mermaid(&escape::shorten(&format!("{sign}{}{not_approved}", edge.label), LABEL_MAX))
}

/// Red: not approved. Green: added. Grey: removed. Changed ones are thick.
fn style(edge: &Edge) -> Option<&'static str> {
    match (edge.change, edge.approved) {
        (Move::Removed, _) => Some("stroke:#888,stroke-width:2px"),
        (_, false) => Some("stroke:#d1242f,stroke-width:3px"),
        (Move::Added, true) => Some("stroke:#1a7f37,stroke-width:3px"),
        (Move::Changed, true) => Some("stroke:#9a6700,stroke-width:3px"),
        (Move::Same, true) => None,
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = text.write_fmt(line);
}
