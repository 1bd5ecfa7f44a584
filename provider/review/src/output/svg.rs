//! The zone diagram as SVG, inside the HTML report.
//!
//! Every zone has its box even when it is empty: that nothing is in a vendor's zone is the statement.

use std::fmt::Write as _;

use provider_boundary::model::artifact::Zone;

use super::{
    delta::Move,
    diagram::{Diagram, Edge, zone_title},
    escape,
};

/// Width of the drawing, in its own units.
const WIDTH: i32 = 1240;
/// Width of a box of nodes.
const BOX_WIDTH: i32 = 380;
const NODE_HEIGHT: i32 = 24;
const NODE_GAP: i32 = 10;
const TITLE_HEIGHT: i32 = 34;
/// Characters of a name that fit into a node.
const NAME_MAX: usize = 52;
/// Nodes of a zone that are drawn.
const NODES_MAX: usize = 24;

/// Where a zone's box stands.
struct Frame {
    zone: Zone,
    x: i32,
    y: i32,
    height: i32,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Spot {
    x: i32,
    y: i32,
}

/// The drawing as an `svg` element. `link` gives the anchor of a node by its name.
pub fn svg(diagram: &Diagram, link: impl Fn(&str) -> String) -> String {
    let (frames, height) = frames(diagram);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Zones, what is in them, and what reaches what\">\n{MARKERS}"
    );
    let mut spots: Vec<Option<Spot>> = vec![None; diagram.nodes.len()];
    for frame in &frames {
        text.push_str(&zone(diagram, frame, &mut spots, &link));
    }
    for (number, edge) in diagram.edges.iter().enumerate() {
        let spot = |node: usize| spots.get(node).copied().flatten();
        if let (Some(from), Some(to)) = (spot(edge.from), spot(edge.to)) {
            text.push_str(&arrow(diagram, edge, number, from, to));
        }
    }
    text.push_str("</svg>\n");
    text
}

const MARKERS: &str = "<defs>\
<marker id=\"m-same\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#57606a\"/></marker>\
<marker id=\"m-added\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"10\" markerHeight=\"10\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#1a7f37\"/></marker>\
<marker id=\"m-bad\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"10\" markerHeight=\"10\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#d1242f\"/></marker>\
</defs>\n";

/// Runtime and storage above, the vendor's two zones and the outside below; and the drawing's height.
fn frames(diagram: &Diagram) -> ([Frame; 5], i32) {
    let height = |zone: Zone| {
        let nodes = diagram.nodes.iter().filter(|node| node.zone == zone).count();
        let rows = i32::try_from(nodes.clamp(1, NODES_MAX + 1)).unwrap_or(1);
        TITLE_HEIGHT + rows * (NODE_HEIGHT + NODE_GAP) + NODE_GAP
    };
    let top = height(Zone::CustomerRuntime).max(height(Zone::CustomerStorage)).max(160);
    let bottom = height(Zone::VendorControlPlane).max(height(Zone::VendorSupport)).max(height(Zone::Outside));
    let (left, middle, right) = (10, 430, WIDTH - BOX_WIDTH - 40);
    let below = 10 + top + 40;
    let frames = [
        Frame { zone: Zone::CustomerRuntime, x: left, y: 10, height: top },
        Frame { zone: Zone::CustomerStorage, x: right, y: 10, height: top },
        Frame { zone: Zone::VendorControlPlane, x: left, y: below, height: bottom },
        Frame { zone: Zone::VendorSupport, x: middle - 10, y: below, height: bottom },
        Frame { zone: Zone::Outside, x: right, y: below, height: bottom },
    ];
    (frames, below + bottom + 10)
}

fn zone(diagram: &Diagram, frame: &Frame, spots: &mut [Option<Spot>], link: &impl Fn(&str) -> String) -> String {
    let class = match frame.zone {
        Zone::CustomerRuntime | Zone::CustomerStorage => "zone customer",
        Zone::VendorControlPlane | Zone::VendorSupport => "zone vendor",
        Zone::Outside => "zone outside",
    };
    let mut text = format!(
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{BOX_WIDTH}\" height=\"{}\" rx=\"8\"/>\n<text class=\"zone-title\" x=\"{}\" y=\"{}\">{}</text>\n",
        frame.x,
        frame.y,
        frame.height,
        frame.x + 12,
        frame.y + 22,
        zone_title(frame.zone)
    );
    let mut y = frame.y + TITLE_HEIGHT;
    let nodes = diagram.nodes.iter().enumerate().filter(|(_, node)| node.zone == frame.zone);
    let mut left_off = 0;
    let mut drawn = 0;
    for (number, node) in nodes {
        if drawn == NODES_MAX {
            left_off += 1;
            continue;
        }
        drawn += 1;
        let x = frame.x + 12;
        if let Some(spot) = spots.get_mut(number) {
            *spot = Some(Spot { x, y });
        }
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "<a href=\"#{}\"><title>{}</title><rect class=\"node\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{NODE_HEIGHT}\" rx=\"4\"/><text class=\"name\" x=\"{}\" y=\"{}\">{}</text></a>",
            escape::html(&link(&node.name)),
            escape::html(&node.name),
            BOX_WIDTH - 24,
            x + 8,
            y + 16,
            escape::html(&escape::shorten(&escape::visible(&node.name), NAME_MAX))
        );
        y += NODE_HEIGHT + NODE_GAP;
    }
    let rest = match (drawn, left_off) {
        (0, _) => "nothing".to_owned(),
        (_, 0) => return text,
        (_, more) => format!("… and {more} more"),
    };
    let _ = writeln!(text, "<text class=\"rest\" x=\"{}\" y=\"{}\">{rest}</text>", frame.x + 20, y + 16);
    text
}

/// A curve from one node's edge to the other's; nodes in one column are joined on the side of the middle.
fn arrow(diagram: &Diagram, edge: &Edge, number: usize, from: Spot, to: Spot) -> String {
    let width = BOX_WIDTH - 24;
    let middle = NODE_HEIGHT / 2;
    let steps = i32::try_from(number % 5).unwrap_or(0);
    let (x1, x2, bend1, bend2) = if from.x + width <= to.x {
        (from.x + width, to.x, 90, -90)
    } else if to.x + width <= from.x {
        (from.x, to.x + width, -90, 90)
    } else if from.x < WIDTH / 2 {
        // Curves of one column go different distances, so that they are told apart.
        let bend = 50 + 40 * steps + (from.y - to.y).abs() / 4;
        (from.x + width, to.x + width, bend, bend)
    } else {
        let bend = 50 + 40 * steps + (from.y - to.y).abs() / 4;
        (from.x, to.x, -bend, -bend)
    };
    let (y1, y2) = (from.y + middle, to.y + middle);
    let class = match (edge.change, edge.approved) {
        (Move::Removed, _) => "removed",
        (_, false) => "bad",
        (Move::Added | Move::Changed, true) => "added",
        (Move::Same, true) => "same",
    };
    let marker = if class == "removed" { "same" } else { class };
    let sign = match edge.change {
        Move::Added => "+ ",
        Move::Removed => "removed: ",
        Move::Changed => "± ",
        Move::Same => "",
    };
    let not_approved = if class == "bad" { " ✘" } else { "" };
    // Labels of neighbours stand at different places of their curves.
    let share = if from.x == to.x { 5 } else { 3 + steps };
    let at = |a: i32, b: i32, bend_a: i32, bend_b: i32| on_curve([a, a + bend_a, b + bend_b, b], share);
    let (label_x, label_y) = (at(x1, x2, bend1, bend2), at(y1, y2, 0, 0));
    let name = |node: usize| diagram.nodes.get(node).map(|node| escape::html(&node.name)).unwrap_or_default();
    format!(
        "<g class=\"edge {class}\"><title>{} → {}: {}</title><path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\" marker-end=\"url(#m-{marker})\"/><text x=\"{label_x}\" y=\"{}\">{sign}{}{not_approved}</text></g>\n",
        name(edge.from),
        name(edge.to),
        escape::html(&edge.label),
        x1 + bend1,
        x2 + bend2,
        label_y - 3,
        escape::html(&escape::shorten(&edge.label, 28)),
    )
}

/// A point of a cubic curve, `tenths` of the way.
fn on_curve([a, b, c, d]: [i32; 4], tenths: i32) -> i32 {
    let (t, u) = (tenths, 10 - tenths);
    (u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d) / 1_000
}
