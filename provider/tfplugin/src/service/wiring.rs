//! Values to and from messages.

use crate::context::Private;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6 as wire;
use crate::schema::{Schema, attribute_of};
use crate::value::{Problem, Type, Value, ValueError, json, msgpack};

/// A value of the type; absent counts as null.
pub(super) fn decode(value: Option<&wire::DynamicValue>, ty: &Type) -> Result<Value, Diagnostics> {
    let Some(value) = value else { return Ok(Value::Null) };
    if !value.msgpack.is_empty() {
        return Ok(msgpack::decode(&value.msgpack, ty)?);
    }
    if value.json.is_empty() {
        return Ok(Value::Null);
    }
    let text = std::str::from_utf8(&value.json).map_err(|_| ValueError::from(Problem::Malformed))?;
    Ok(json::decode(text, ty)?)
}

pub(super) fn encode(value: &Value, ty: &Type) -> Result<wire::DynamicValue, Diagnostics> {
    Ok(wire::DynamicValue { msgpack: msgpack::encode(value, ty)?, json: Vec::new() })
}

/// What is kept beside the state. Bytes of another origin, such as another provider's, are dropped.
pub(super) fn decode_private(bytes: &[u8]) -> Private {
    serde_json::from_slice(bytes).unwrap_or_default()
}

pub(super) fn encode_private(private: &Private) -> Vec<u8> {
    if private.is_empty() {
        return Vec::new();
    }
    serde_json::to_vec(private).unwrap_or_default()
}

/// An older Terraform would save what must not be saved.
pub(super) fn refuse_write_only(schema: &Schema, config: &Value) -> Diagnostics {
    let written = schema.attributes.iter().filter(|(_, attribute)| attribute.write_only);
    let set = written.filter(|(name, _)| !attribute_of(config, name).is_null());
    set.map(|(name, _)| {
        let detail = "A write-only attribute needs Terraform 1.11 or newer.";
        Diagnostic::error(format!("{name} cannot be used with this version of Terraform"), detail).at(name.as_str())
    })
    .collect()
}
