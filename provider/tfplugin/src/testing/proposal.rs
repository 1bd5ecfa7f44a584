//! What Terraform proposes: the configuration, and for what it leaves out what is saved, if the provider may set it.
//! Source: `objchange.ProposedNew` in Terraform's core.

use crate::plan::algorithm::{At, elements};
use crate::schema::{Attributes, Nesting, Shape, attribute_of};
use crate::value::Value;

pub(super) fn propose(attributes: &Attributes, prior: &Value, config: &Value) -> Value {
    let each = attributes.iter().map(|(name, attribute)| {
        let (prior, config) = (attribute_of(prior, name), attribute_of(config, name));
        let value = match &attribute.shape {
            _ if config.is_null() && attribute.is_computed() && !attribute.write_only => prior.clone(),
            Shape::Nested(nesting, inner) if !config.is_null() && !config.is_unknown() => {
                nested(*nesting, inner, prior, config)
            }
            _ => config.clone(),
        };
        (name.clone(), value)
    });
    Value::Map(each.collect())
}

fn nested(nesting: Nesting, inner: &Attributes, prior: &Value, config: &Value) -> Value {
    let proposed = elements(nesting, config).into_iter().map(|(at, config)| {
        let value = if config.is_unknown() { config.clone() } else { propose(inner, at.of(prior), config) };
        (at, value)
    });
    match nesting {
        Nesting::Single => proposed.map(|(_, value)| value).next().unwrap_or_default(),
        Nesting::List => Value::List(proposed.map(|(_, value)| value).collect()),
        Nesting::Map => Value::Map(proposed.filter_map(|(at, value)| Some((key(&at)?, value))).collect()),
    }
}

fn key(at: &At<'_>) -> Option<String> {
    match at {
        At::Key(key) => Some((*key).to_owned()),
        At::Whole | At::Index(_) => None,
    }
}
