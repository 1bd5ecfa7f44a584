//! Evaluates expressions of the sources, as far as they can be known before the apply.
//!
//! Invariant: an answer is what Terraform will compute, with symbols for identifiers and `Unknown` wherever that cannot
//! be said; functions and forms that are not modelled are `Unknown`, never a guess.

use std::collections::BTreeMap;

use hcl_edit::{
    expr::{BinaryOperator, Expression, ForExpr, FuncCall, ObjectKey, TraversalOperator, UnaryOperator},
    structure::{Block, Body},
    template::{Element, Template},
};

use super::{functions, graph::Graph, value::Value};
use crate::limits;

/// Where an expression stands: module instance, keys, names that are bound around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Address of the module instance; empty for the root.
    pub(crate) module: String,
    /// `each.key` and `each.value`.
    pub(crate) each: Option<(Value, Value)>,
    /// `count.index`.
    pub(crate) count: Option<f64>,
    /// Variables of `for` expressions and iterators of dynamic blocks, inner ones last.
    pub(crate) bound: Vec<(String, Value)>,
    /// How deep the evaluation is.
    pub(crate) depth: usize,
}

impl Scope {
    fn with(&self, bindings: impl IntoIterator<Item = (String, Value)>) -> Scope {
        let mut scope = self.clone();
        scope.bound.extend(bindings);
        scope
    }

    /// One level deeper; nothing when that is too deep.
    pub(crate) fn deeper(&self) -> Option<Scope> {
        let depth = self.depth + 1;
        (depth < limits::EVALUATION_DEPTH_MAX).then(|| Scope { depth, ..self.clone() })
    }
}

/// The value of an expression.
pub(crate) fn evaluate(graph: &Graph<'_>, scope: &Scope, expression: &Expression) -> Value {
    match expression {
        Expression::Null(_) => Value::Null,
        Expression::Bool(one) => Value::Bool(*one.value()),
        Expression::Number(number) => number.value().as_f64().map_or(Value::Null, Value::Number),
        Expression::String(text) => Value::text(text.value().as_str()),
        Expression::Array(items) => Value::List(items.iter().map(|one| evaluate(graph, scope, one)).collect()),
        Expression::Object(object) => {
            evaluate_object(graph, scope, object.iter().map(|(key, value)| (key, value.expr())))
        }
        Expression::StringTemplate(template) => evaluate_template(graph, scope, template),
        Expression::HeredocTemplate(heredoc) => evaluate_template(graph, scope, &heredoc.template),
        Expression::Parenthesis(inner) => evaluate(graph, scope, inner.inner()),
        Expression::Variable(name) => graph.reference(scope, name.as_str(), &[]).0,
        Expression::Conditional(one) => match evaluate(graph, scope, &one.cond_expr) {
            Value::Bool(true) => evaluate(graph, scope, &one.true_expr),
            Value::Bool(false) => evaluate(graph, scope, &one.false_expr),
            Value::Unknown(reason) => Value::Unknown(reason),
            _ => Value::unsupported("a condition that is neither true nor false"),
        },
        Expression::FuncCall(call) => evaluate_call(graph, scope, call),
        Expression::Traversal(one) => evaluate_traversal(graph, scope, &one.expr, &one.operators),
        Expression::UnaryOp(one) => match (*one.operator.value(), evaluate(graph, scope, &one.expr)) {
            (_, Value::Unknown(reason)) => Value::Unknown(reason),
            (UnaryOperator::Not, Value::Bool(one)) => Value::Bool(!one),
            (UnaryOperator::Neg, Value::Number(one)) => Value::Number(-one),
            _ => Value::unsupported("an operator on a value of another type"),
        },
        Expression::BinaryOp(one) => {
            let (left, right) = (evaluate(graph, scope, &one.lhs_expr), evaluate(graph, scope, &one.rhs_expr));
            operate(&left, *one.operator.value(), &right)
        }
        Expression::ForExpr(one) => evaluate_for(graph, scope, one),
    }
}

/// A block's arguments and nested blocks; dynamic ones written out. Every kind of nested block is a list.
pub(crate) fn evaluate_body(graph: &Graph<'_>, scope: &Scope, body: &Body) -> Value {
    let mut members: BTreeMap<String, Value> =
        body.attributes().map(|one| (one.key.to_string(), evaluate(graph, scope, &one.value))).collect();
    for block in body.blocks() {
        let (kind, values) = if block.has_ident("dynamic") {
            let kind = block.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default();
            (kind.clone(), evaluate_dynamic(graph, scope, block, &kind))
        } else {
            (block.ident.to_string(), Value::List(vec![evaluate_body(graph, scope, &block.body)]))
        };
        let merged = match (members.remove(&kind), values) {
            (Some(Value::List(mut before)), Value::List(more)) => {
                before.extend(more);
                Value::List(before)
            }
            (Some(Value::Unknown(reason)), _) | (_, Value::Unknown(reason)) => Value::Unknown(reason),
            (_, values) => values,
        };
        members.insert(kind, merged);
    }
    Value::Map(members)
}

fn evaluate_dynamic(graph: &Graph<'_>, scope: &Scope, block: &Block, kind: &str) -> Value {
    let Some(collection) = block.body.get_attribute("for_each") else {
        return Value::unsupported("a dynamic block without for_each");
    };
    let iterator = block.body.get_attribute("iterator").and_then(|one| one.value.as_variable().map(|v| v.to_string()));
    let iterator = iterator.unwrap_or_else(|| kind.to_owned());
    let Some(content) = block.body.get_blocks("content").next() else {
        return Value::unsupported("a dynamic block without content");
    };
    match pairs(&evaluate(graph, scope, &collection.value)) {
        Err(unknown) => unknown,
        Ok(pairs) => Value::List(
            pairs
                .into_iter()
                .map(|(key, value)| {
                    let one = Value::Map([("key".into(), key), ("value".into(), value)].into());
                    evaluate_body(graph, &scope.with([(iterator.clone(), one)]), &content.body)
                })
                .collect(),
        ),
    }
}

fn evaluate_object<'e>(
    graph: &Graph<'_>,
    scope: &Scope,
    members: impl Iterator<Item = (&'e ObjectKey, &'e Expression)>,
) -> Value {
    let mut map = BTreeMap::new();
    for (key, value) in members {
        let key = match key {
            ObjectKey::Ident(name) => name.as_str().to_owned(),
            // A bare name in front of `=` is a key, however it was parsed.
            ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
            ObjectKey::Expression(key) => match evaluate(graph, scope, key) {
                Value::Unknown(reason) => return Value::Unknown(reason),
                key => key.in_text(),
            },
        };
        map.insert(key, evaluate(graph, scope, value));
    }
    Value::Map(map)
}

fn evaluate_template(graph: &Graph<'_>, scope: &Scope, template: &Template) -> Value {
    // "${x}" alone is x itself, whatever its type.
    if let Some(Element::Interpolation(only)) = template.as_single_element() {
        return evaluate(graph, scope, &only.expr);
    }
    let mut text = String::new();
    for element in template {
        match element {
            Element::Literal(literal) => text.push_str(literal.value()),
            Element::Interpolation(one) => text.push_str(&evaluate(graph, scope, &one.expr).in_text()),
            Element::Directive(_) => return Value::unsupported("a directive in a template"),
        }
    }
    Value::Text(text)
}

fn evaluate_call(graph: &Graph<'_>, scope: &Scope, call: &FuncCall) -> Value {
    let name = call.name.name.as_str();
    if call.name.is_namespaced() {
        return Value::unsupported(format!("provider function {name}"));
    }
    match name {
        "try" => call
            .args
            .iter()
            .map(|one| evaluate(graph, scope, one))
            .find(|one| !matches!(one, Value::Null))
            .unwrap_or(Value::Null),
        "can" => Value::unsupported("function can"),
        _ => {
            let mut arguments: Vec<Value> = call.args.iter().map(|one| evaluate(graph, scope, one)).collect();
            if call.args.expand_final()
                && let Some(last) = arguments.pop()
            {
                match last {
                    Value::List(items) => arguments.extend(items),
                    Value::Unknown(reason) => return Value::Unknown(reason),
                    other => arguments.push(other),
                }
            }
            functions::call(name, &arguments)
        }
    }
}

fn evaluate_traversal<O>(graph: &Graph<'_>, scope: &Scope, root: &Expression, operators: &[O]) -> Value
where
    O: std::ops::Deref<Target = TraversalOperator>,
{
    let steps: Vec<Step> = operators.iter().map(|one| step(graph, scope, one)).collect();
    let (value, used) = match root {
        Expression::Variable(name) => graph.reference(scope, name.as_str(), &steps),
        other => (evaluate(graph, scope, other), 0),
    };
    walk(value, steps.get(used..).unwrap_or_default())
}

/// One step of a traversal, its index evaluated.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `.name` or `[key]`.
    Member(Value),
    /// `[*]` or `.*`.
    Splat,
}

fn step(graph: &Graph<'_>, scope: &Scope, operator: &TraversalOperator) -> Step {
    match operator {
        TraversalOperator::GetAttr(name) => Step::Member(Value::text(name.as_str())),
        TraversalOperator::Index(key) => Step::Member(evaluate(graph, scope, key)),
        TraversalOperator::LegacyIndex(at) => Step::Member(Value::text(at.to_string())),
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Splat,
    }
}

/// The value at the end of the steps.
pub(crate) fn walk(value: Value, steps: &[Step]) -> Value {
    match steps.split_first() {
        None => value,
        Some((_, _)) if matches!(value, Value::Unknown(_)) => value,
        Some((Step::Member(Value::Unknown(reason)), _)) => Value::Unknown(reason.clone()),
        Some((Step::Member(key), rest)) => walk(value.get(&key.in_text()), rest),
        Some((Step::Splat, rest)) => Value::List(value.items().into_iter().map(|one| walk(one, rest)).collect()),
    }
}

fn evaluate_for(graph: &Graph<'_>, scope: &Scope, one: &ForExpr) -> Value {
    let pairs = match pairs(&evaluate(graph, scope, &one.intro.collection_expr)) {
        Ok(pairs) => pairs,
        Err(unknown) => return unknown,
    };
    let (mut list, mut map) = (Vec::new(), BTreeMap::<String, Value>::new());
    for (key, value) in pairs {
        let key_name = one.intro.key_var.iter().map(|name| (name.to_string(), key.clone()));
        let scope = scope.with(key_name.chain([(one.intro.value_var.to_string(), value.clone())]));
        match one.cond.as_ref().map(|condition| evaluate(graph, &scope, &condition.expr)) {
            None | Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => continue,
            Some(Value::Unknown(reason)) => return Value::Unknown(reason),
            Some(_) => return Value::unsupported("a condition that is neither true nor false"),
        }
        let produced = evaluate(graph, &scope, &one.value_expr);
        match one.key_expr.as_ref().map(|key| evaluate(graph, &scope, key)) {
            None => list.push(produced),
            Some(Value::Unknown(reason)) => return Value::Unknown(reason),
            Some(key) if one.grouping => match map.entry(key.in_text()).or_insert(Value::List(Vec::new())) {
                Value::List(group) => group.push(produced),
                _ => return Value::unsupported("grouping"),
            },
            Some(key) => {
                map.insert(key.in_text(), produced);
            }
        }
    }
    if one.key_expr.is_some() { Value::Map(map) } else { Value::List(list) }
}

/// Keys and values of a collection.
fn pairs(collection: &Value) -> Result<Vec<(Value, Value)>, Value> {
    match collection {
        Value::Map(members) => Ok(members.iter().map(|(name, one)| (Value::text(name), one.clone())).collect()),
        Value::List(items) if items.len() > limits::ITEMS_MAX => Err(Value::unsupported("a very long list")),
        Value::List(items) => {
            let at = |index: usize| u32::try_from(index).map_or(Value::Null, |at| Value::Number(f64::from(at)));
            Ok(items.iter().enumerate().map(|(index, one)| (at(index), one.clone())).collect())
        }
        Value::Null => Ok(Vec::new()),
        Value::Unknown(reason) => Err(Value::Unknown(reason.clone())),
        _ => Err(Value::unsupported("iteration over a single value")),
    }
}

fn operate(left: &Value, operator: BinaryOperator, right: &Value) -> Value {
    use BinaryOperator as B;
    match (left, operator, right) {
        // One side may decide alone.
        (Value::Bool(false), B::And, _) | (_, B::And, Value::Bool(false)) => Value::Bool(false),
        (Value::Bool(true), B::Or, _) | (_, B::Or, Value::Bool(true)) => Value::Bool(true),
        (Value::Unknown(reason), _, _) | (_, _, Value::Unknown(reason)) => Value::Unknown(reason.clone()),
        (Value::Bool(a), B::And, Value::Bool(b)) => Value::Bool(*a && *b),
        (Value::Bool(a), B::Or, Value::Bool(b)) => Value::Bool(*a || *b),
        (a, B::Eq | B::NotEq, b) => match equal(a, b) {
            Some(equal) => Value::Bool(equal == (operator == B::Eq)),
            None => Value::unsupported("a comparison of identifiers that AWS assigns"),
        },
        (a, operator, b) => match (functions::number(a), functions::number(b)) {
            (Some(a), Some(b)) => calculate(a, operator, b),
            _ => Value::unsupported("an operator on a value of another type"),
        },
    }
}

/// Whether two values are the same; nothing when that depends on identifiers. A symbol is never null or empty.
fn equal(a: &Value, b: &Value) -> Option<bool> {
    let symbolic = |one: &Value| one.as_str().is_some_and(|text| text.contains("${"));
    let empty = |one: &Value| one.is_null() || one.as_str() == Some("");
    if a == b && !a.has_unknown() {
        return Some(true);
    }
    if empty(a) || empty(b) {
        return if a.has_unknown() || b.has_unknown() { None } else { Some(false) };
    }
    (!symbolic(a) && !symbolic(b) && !a.has_unknown() && !b.has_unknown()).then_some(false)
}

fn calculate(a: f64, operator: BinaryOperator, b: f64) -> Value {
    match operator {
        BinaryOperator::Plus => Value::Number(a + b),
        BinaryOperator::Minus => Value::Number(a - b),
        BinaryOperator::Mul => Value::Number(a * b),
        BinaryOperator::Div if b != 0.0 => Value::Number(a / b),
        BinaryOperator::Mod if b != 0.0 => Value::Number(a % b),
        BinaryOperator::Less => Value::Bool(a < b),
        BinaryOperator::LessEq => Value::Bool(a <= b),
        BinaryOperator::Greater => Value::Bool(a > b),
        BinaryOperator::GreaterEq => Value::Bool(a >= b),
        _ => Value::unsupported("an operator on numbers"),
    }
}
