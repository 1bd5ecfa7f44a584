//! The references that a plan lists for each expression, and whether a source has the same.

use std::collections::BTreeSet;

use hcl_edit::{
    expr::{Expression, ForExpr, Traversal, TraversalOperator},
    structure::Body,
    visit::{self, Visit},
};
use serde_json::Value as Json;

use super::instance::Instance;

/// The references of one expression of the plan's configuration.
pub(crate) fn references(expression: Option<&Json>) -> Option<Vec<String>> {
    let list = expression?.get("references")?.as_array()?;
    Some(list.iter().filter_map(Json::as_str).map(str::to_owned).collect())
}

/// References that are no prefix of another one and stand for a value: Terraform lists `a.b.id` and `a.b`.
pub(crate) fn leaves(references: &[String]) -> Vec<&str> {
    let is_prefix = |one: &str| {
        references
            .iter()
            .any(|other| other.strip_prefix(one).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('[')))
    };
    let mut leaves: Vec<&str> = references.iter().map(String::as_str).filter(|one| !is_prefix(one)).collect();
    leaves.retain(|one| !matches!(*one, "each.key" | "count.index"));
    leaves.dedup();
    leaves
}

/// Whether an argument's source refers to what the plan says it refers to. A folder at another commit than the plan's
/// must not fill what the plan leaves open.
pub(crate) fn agree(instance: &Instance<'_>, name: &str, source: &Expression) -> bool {
    let Some(planned) = references(instance.config.and_then(|config| config.expressions.get(name))) else {
        // A constant, or a nested block: nothing to compare with.
        return true;
    };
    let planned: BTreeSet<String> = planned.iter().map(|one| root(one.split('.'))).collect();
    let mut found = Found::default();
    found.visit_expr(source);
    found.roots.retain(|root| !found.bound.contains(root.split('.').next().unwrap_or_default()));
    planned == found.roots
}

/// The same for nested blocks: what the plan lists has to be among what the source's block refers to. The plan lists
/// nothing for dynamic blocks, so more may stand in the source.
pub(crate) fn agree_within(instance: &Instance<'_>, name: &str, body: &Body) -> bool {
    let mut planned = BTreeSet::new();
    if let Some(expression) = instance.config.and_then(|config| config.expressions.get(name)) {
        collect(expression, &mut planned);
    }
    let mut found = Found::default();
    found.visit_body(body);
    planned.is_subset(&found.roots)
}

fn collect(expression: &Json, roots: &mut BTreeSet<String>) {
    if let Some(list) = references(Some(expression)) {
        roots.extend(list.iter().map(|one| root(one.split('.'))));
        return;
    }
    match expression {
        Json::Array(items) => items.iter().for_each(|one| collect(one, roots)),
        Json::Object(members) => members.values().for_each(|one| collect(one, roots)),
        _ => {}
    }
}

/// `aws_vpc.this`, `data.aws_region.current`, `var.name`, `each.key`: a reference without what it takes of the object.
fn root<'t>(mut parts: impl Iterator<Item = &'t str>) -> String {
    let first = parts.next().unwrap_or_default();
    let more = if first == "data" { 2 } else { 1 };
    let plain = |part: &'t str| part.split('[').next().unwrap_or_default();
    std::iter::once(plain(first)).chain(parts.take(more).map(plain)).collect::<Vec<_>>().join(".")
}

/// What an expression refers to, and the names that its own `for`s bind.
#[derive(Debug, Default)]
struct Found {
    roots: BTreeSet<String>,
    bound: BTreeSet<String>,
}

impl Visit for Found {
    fn visit_traversal(&mut self, node: &Traversal) {
        if let Expression::Variable(name) = &node.expr {
            let members = node.operators.iter().map_while(|operator| match operator.value() {
                TraversalOperator::GetAttr(member) => Some(member.as_str()),
                _ => None,
            });
            self.roots.insert(root(std::iter::once(name.as_str()).chain(members)));
        }
        visit::visit_traversal(self, node);
    }

    fn visit_for_expr(&mut self, node: &ForExpr) {
        self.bound.extend(node.intro.key_var.iter().map(|name| name.to_string()));
        self.bound.insert(node.intro.value_var.to_string());
        visit::visit_for_expr(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_a_source_are_found_wherever_they_stand() {
        let text =
            r#"jsonencode({ A = [for b in aws_s3_bucket.this : "${b.arn}/${var.x}"], B = data.aws_region.r.name })"#;
        let mut found = Found::default();
        found.visit_expr(&hcl_edit::parser::parse_expr(text).unwrap());
        found.roots.retain(|root| !found.bound.contains(root.split('.').next().unwrap_or_default()));
        let expected = ["aws_s3_bucket.this", "data.aws_region.r", "var.x"];
        assert_eq!(found.roots.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_reference_without_what_it_takes_is_its_root() {
        for (reference, expected) in [
            ("aws_kms_key.this[\"a\"].arn", "aws_kms_key.this"),
            ("data.aws_region.r.name", "data.aws_region.r"),
            ("module.network", "module.network"),
            ("each.value.id", "each.value"),
        ] {
            assert_eq!(root(reference.split('.')), expected);
        }
    }
}
