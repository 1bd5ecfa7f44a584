//! Policy documents: templates with symbols for the ids that AWS assigns, their filled form, and equality of meaning.
//!
//! Invariant: a template is a pure function of arguments, so a first plan shows it; the filled policy is the template
//! with every symbol replaced, nothing else.

pub mod meaning;
pub(crate) mod reading;
pub mod symbols;

use serde_json::{Value, json};

/// A policy document with these statements.
pub fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The text form shown in plans and sent to AWS: compact, in the order of construction.
pub fn text(document: &Value) -> String {
    document.to_string()
}
