//! The boundary as a graph of zones, nodes and edges: what the drawings are made from.
//!
//! Invariant: every edge that changes or is not approved is drawn before any other; what finds no room is counted.

use std::collections::{BTreeMap, BTreeSet};

use provider_boundary::{
    model::{artifact::Zone, fact::Fact},
    review::{PathEntry, Reader, Review, StoreEntry},
};

use super::delta::{self, Move};

/// How many edges a drawing shows: more is not read, and GitHub refuses drawings that are too large.
pub const EDGES_MAX: usize = 40;

/// Who or what is in which zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its zone.
    pub zone: Zone,
    /// Its name.
    pub name: String,
}

/// Something that reaches or reads something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where it begins: an index into the nodes.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// `443`, `reads payloads`.
    pub label: String,
    /// What the plan does to it.
    pub change: Move,
    /// Whether the contract names it.
    pub approved: bool,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// Nodes, in the order of zones and names.
    pub nodes: Vec<Node>,
    /// Edges, the most important ones first.
    pub edges: Vec<Edge>,
    /// How many edges found no room.
    pub edges_left_off: usize,
    /// How many stores found no room.
    pub stores_left_off: usize,
}

impl Diagram {
    /// Takes out the nodes that no edge touches.
    pub fn drop_lonely_nodes(&mut self) {
        let used: BTreeSet<usize> = self.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        let kept: BTreeMap<usize, usize> = used.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let number = |old: usize| kept.get(&old).copied().unwrap_or_default();
        for edge in &mut self.edges {
            (edge.from, edge.to) = (number(edge.from), number(edge.to));
        }
        let nodes = std::mem::take(&mut self.nodes);
        self.nodes =
            nodes.into_iter().enumerate().filter(|(old, _)| used.contains(old)).map(|(_, node)| node).collect();
    }
}

/// An edge before its nodes have numbers.
struct Line {
    from: Node,
    to: Node,
    label: String,
    change: Move,
    approved: bool,
}

/// The drawing of a review.
pub fn diagram(review: &Review) -> Diagram {
    let paths = delta::of(review, |summary| summary.paths.as_slice());
    let readers = delta::of(review, |summary| summary.readers.as_slice());
    let stores = delta::of(review, |summary| summary.stores.as_slice());
    let all_stores: Vec<&StoreEntry> = stores.moves().map(|(_, store)| store).collect();
    let accounts: BTreeSet<&str> = all_stores.iter().filter_map(|store| Fact::text(&store.account)).collect();

    let mut lines: Vec<Line> = paths.moves().map(|(change, path)| path_line(change, path)).collect();
    for (change, reader) in readers.moves() {
        lines.extend(reader_lines(change, reader, &all_stores, &accounts));
    }
    lines.sort_by(|a, b| {
        importance(a).cmp(&importance(b)).then_with(|| (&a.from, &a.to, &a.label).cmp(&(&b.from, &b.to, &b.label)))
    });
    let edges_left_off = lines.len().saturating_sub(EDGES_MAX);
    lines.truncate(EDGES_MAX);

    let mut nodes: BTreeSet<Node> = lines.iter().flat_map(|line| [line.from.clone(), line.to.clone()]).collect();
    let (drawn, left_off) = all_stores.split_at(all_stores.len().min(EDGES_MAX));
    nodes.extend(drawn.iter().map(|store| store_node(store)));
    let stores_left_off = left_off.iter().filter(|store| !nodes.contains(&store_node(store))).count();
    let nodes: Vec<Node> = nodes.into_iter().collect();
    let numbers: BTreeMap<&Node, usize> = nodes.iter().enumerate().map(|(number, node)| (node, number)).collect();
    let edges = lines.into_iter().filter_map(|line| {
        let (from, to) = (*numbers.get(&line.from)?, *numbers.get(&line.to)?);
        Some(Edge { from, to, label: line.label, change: line.change, approved: line.approved })
    });
    Diagram { edges: edges.collect(), nodes, edges_left_off, stores_left_off }
}

/// The zones in the order of the drawings.
pub const ZONES: [Zone; 5] =
    [Zone::CustomerRuntime, Zone::CustomerStorage, Zone::VendorControlPlane, Zone::VendorSupport, Zone::Outside];

/// A zone's title.
pub fn zone_title(zone: Zone) -> &'static str {
    match zone {
        Zone::CustomerRuntime => "Customer runtime",
        Zone::CustomerStorage => "Customer durable storage",
        Zone::VendorControlPlane => "Vendor control plane",
        Zone::VendorSupport => "Vendor support",
        Zone::Outside => "Outside",
    }
}

fn importance(line: &Line) -> (bool, bool) {
    (line.approved, line.change == Move::Same)
}

fn path_line(change: Move, path: &PathEntry) -> Line {
    Line {
        from: Node { zone: path.from_zone, name: path.from.clone() },
        to: Node { zone: path.to_zone, name: path.to.clone() },
        label: path.port.clone(),
        change,
        approved: path.approved,
    }
}

/// One line from a reader to each store of the class.
fn reader_lines<'a>(
    change: Move,
    reader: &'a Reader,
    stores: &'a [&'a StoreEntry],
    accounts: &BTreeSet<&str>,
) -> impl Iterator<Item = Line> + use<'a> {
    let zone = if is_of_accounts(&reader.principal, accounts) { Zone::CustomerRuntime } else { Zone::Outside };
    let stores = stores.iter().filter(|store| store.classes.contains(&reader.class));
    stores.map(move |store| Line {
        from: Node { zone, name: reader.principal.clone() },
        to: store_node(store),
        label: format!("reads {}", reader.class.name()),
        change,
        approved: reader.approved,
    })
}

fn store_node(store: &StoreEntry) -> Node {
    Node { zone: store.zone, name: store.name.clone() }
}

/// Whether an ARN is of one of the accounts; `arn:PARTITION:SERVICE:REGION:ACCOUNT:...`.
fn is_of_accounts(principal: &str, accounts: &BTreeSet<&str>) -> bool {
    let account = principal.split(':').nth(4);
    account.is_some_and(|account| accounts.contains(account) || account.starts_with("${"))
}
