//! Schemas as the protocol writes them.

use super::attribute::Mode;
use super::{Attribute, Attributes, Nesting, Schema, Shape};
use crate::proto::tfplugin6 as wire;

impl Schema {
    pub(crate) fn to_wire(&self) -> wire::Schema {
        wire::Schema {
            version: self.version,
            block: Some(wire::schema::Block {
                version: self.version,
                attributes: attributes(&self.attributes),
                block_types: Vec::new(),
                description: self.description.clone(),
                description_kind: wire::StringKind::Markdown.into(),
                deprecated: self.deprecated.is_some(),
                deprecation_message: self.deprecated.clone().unwrap_or_default(),
                computed: false,
            }),
        }
    }
}

fn attributes(attributes: &Attributes) -> Vec<wire::schema::Attribute> {
    attributes.iter().map(|(name, attribute)| one(name, attribute)).collect()
}

fn one(name: &str, attribute: &Attribute) -> wire::schema::Attribute {
    let (ty, nested_type) = match &attribute.shape {
        Shape::Plain(ty) => (ty.to_bytes(), None),
        Shape::Integer => (attribute.shape.ty().to_bytes(), None),
        Shape::Nested(nesting, inner) => (Vec::new(), Some(nested(*nesting, inner))),
    };
    wire::schema::Attribute {
        name: name.to_owned(),
        r#type: ty,
        nested_type,
        description: attribute.description.clone(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: wire::StringKind::Markdown.into(),
        deprecated: attribute.deprecated.is_some(),
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}

fn nested(nesting: Nesting, inner: &Attributes) -> wire::schema::Object {
    let nesting = match nesting {
        Nesting::Single => wire::schema::object::NestingMode::Single,
        Nesting::List => wire::schema::object::NestingMode::List,
        Nesting::Map => wire::schema::object::NestingMode::Map,
    };
    wire::schema::Object { attributes: attributes(inner), nesting: nesting.into(), min_items: 0, max_items: 0 }
}
