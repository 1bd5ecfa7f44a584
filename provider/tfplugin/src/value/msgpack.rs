//! The wire form. Source: the `cty` library's msgpack mapping, which Terraform uses on its side.
//!
//! Unknown is extension 0, or 12 with refinements; any other extension is taken as unknown too. Numbers arrive as
//! integer, float or text. A value of type dynamic is the pair of its type (JSON bytes) and itself.

use std::collections::BTreeMap;

use super::number::Form;
use super::reader::{Reader, Token};
use super::{Number, Problem, Refinements, Type, Typed, Value, ValueError};
use crate::limits::NESTING_MAX;
use crate::path::Step;

const UNKNOWN: [u8; 3] = [0xd4, 0, 0];
const REFINED: i8 = 12;

/// Reads a value of the type.
///
/// # Errors
/// When the bytes are no msgpack, or hold a value of another type.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, ValueError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader, ty, 0)?;
    if reader.is_at_end() { Ok(value) } else { Err(Problem::Malformed.into()) }
}

/// Writes a value as the type. An object's attribute that is missing is written as null, one that the type does not
/// have is left out.
///
/// # Errors
/// When the value is of another type.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    write(&mut out, value, ty, 0)?;
    Ok(out)
}

/// Puts the elements of a set into the one order, each once.
pub(crate) fn normalize_set(elements: Vec<Value>, ty: &Type) -> Vec<Value> {
    let mut keyed: Vec<_> =
        elements.into_iter().map(|element| (encode(&element, ty).unwrap_or_default(), element)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    keyed.dedup_by(|(a, one), (b, _)| a == b && one.is_wholly_known());
    keyed.into_iter().map(|(_, element)| element).collect()
}

fn read(reader: &mut Reader<'_>, ty: &Type, depth: usize) -> Result<Value, ValueError> {
    if depth > NESTING_MAX {
        return Err(Problem::TooDeep.into());
    }
    let token = reader.token()?;
    match (ty, token) {
        (_, Token::Nil) => Ok(Value::Null),
        (_, Token::Extension(REFINED, bytes)) => Ok(Value::Unknown(refinements(bytes)?)),
        (_, Token::Extension(..)) => Ok(Value::Unknown(None)),
        (Type::Bool, Token::Bool(value)) => Ok(Value::Bool(value)),
        (Type::Number, token) => number(&token).map(Value::Number),
        (Type::String, Token::Text(text)) => Ok(Value::String(text.to_owned())),
        (Type::List(ty), Token::List(length)) => read_elements(reader, ty, length, depth).map(Value::List),
        (Type::Set(ty), Token::List(length)) => {
            Ok(Value::List(normalize_set(read_elements(reader, ty, length, depth)?, ty)))
        }
        (Type::Tuple(types), Token::List(length)) if length == types.len() => {
            let each = types.iter().enumerate();
            let elements = each.map(|(at, ty)| read(reader, ty, depth + 1).map_err(|e| e.under(Step::Index(at))));
            elements.collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Map(ty), Token::Map(length)) => {
            let mut elements = BTreeMap::new();
            for _ in 0..length {
                let key = key(reader)?;
                let value = read(reader, ty, depth + 1).map_err(|e| e.under(Step::Key(key.to_owned())))?;
                elements.insert(key.to_owned(), value);
            }
            Ok(Value::Map(elements))
        }
        (Type::Object(types), Token::Map(length)) => read_object(reader, types, length, depth),
        (Type::Dynamic, Token::List(2)) => {
            let Token::Bytes(ty) = reader.token()? else { return Err(Problem::Malformed.into()) };
            let ty = Type::from_bytes(ty).map_err(Problem::from)?;
            let value = read(reader, &ty, depth + 1)?;
            Ok(Value::Dynamic(Box::new(Typed { ty, value })))
        }
        (ty, token) => Err(mismatch(ty, token_kind(&token))),
    }
}

fn read_elements(reader: &mut Reader<'_>, ty: &Type, length: usize, depth: usize) -> Result<Vec<Value>, ValueError> {
    (0..length).map(|at| read(reader, ty, depth + 1).map_err(|e| e.under(Step::Index(at)))).collect()
}

fn read_object(
    reader: &mut Reader<'_>,
    types: &BTreeMap<String, Type>,
    length: usize,
    depth: usize,
) -> Result<Value, ValueError> {
    let mut attributes: BTreeMap<_, _> = types.keys().map(|name| (name.clone(), Value::Null)).collect();
    for _ in 0..length {
        let name = key(reader)?;
        let Some((ty, slot)) = types.get(name).zip(attributes.get_mut(name)) else {
            let found = "an attribute that the schema does not have";
            let error = ValueError::from(Problem::Mismatch { expected: "an attribute of the schema", found });
            return Err(error.under(Step::Attribute(name.to_owned())));
        };
        *slot = read(reader, ty, depth + 1).map_err(|e| e.under(Step::Attribute(name.to_owned())))?;
    }
    Ok(Value::Map(attributes))
}

fn key<'a>(reader: &mut Reader<'a>) -> Result<&'a str, ValueError> {
    match reader.token()? {
        Token::Text(key) => Ok(key),
        _ => Err(Problem::Malformed.into()),
    }
}

fn number(token: &Token<'_>) -> Result<Number, ValueError> {
    match *token {
        Token::Integer(integer) => Ok(integer.into()),
        Token::Natural(natural) => Ok(Number::parse(&natural.to_string()).map_err(Problem::from)?),
        Token::Float(float) => Ok(Number::from_binary(float).map_err(Problem::from)?),
        Token::Text(text) => Ok(Number::parse(text).map_err(Problem::from)?),
        ref other => Err(mismatch(&Type::Number, token_kind(other))),
    }
}

/// Keys of the refinement map; what is not known here is skipped, as the format demands.
fn refinements(bytes: &[u8]) -> Result<Option<Box<Refinements>>, ValueError> {
    let mut reader = Reader::new(bytes);
    let Token::Map(length) = reader.token()? else { return Err(Problem::Malformed.into()) };
    let mut refinements = Refinements::default();
    for _ in 0..length {
        let Token::Integer(key) = reader.token()? else { return Err(Problem::Malformed.into()) };
        match (key, reader.token()?) {
            (1, Token::Bool(null)) => refinements.not_null = !null,
            (2, Token::Text(prefix)) => refinements.prefix = Some(prefix.to_owned()),
            (3, Token::List(2)) => refinements.lower = Some(bound(&mut reader)?),
            (4, Token::List(2)) => refinements.upper = Some(bound(&mut reader)?),
            (5, Token::Integer(length)) => refinements.length_min = Some(length),
            (6, Token::Integer(length)) => refinements.length_max = Some(length),
            (_, token) => skip(&mut reader, &token, 0)?,
        }
    }
    Ok((refinements != Refinements::default()).then(|| Box::new(refinements)))
}

fn bound(reader: &mut Reader<'_>) -> Result<(Number, bool), ValueError> {
    let number = number(&reader.token()?)?;
    let Token::Bool(inclusive) = reader.token()? else { return Err(Problem::Malformed.into()) };
    Ok((number, inclusive))
}

/// Reads past the elements of a token that nobody wants.
fn skip(reader: &mut Reader<'_>, token: &Token<'_>, depth: usize) -> Result<(), ValueError> {
    if depth > NESTING_MAX {
        return Err(Problem::TooDeep.into());
    }
    let elements = match token {
        Token::List(length) => *length,
        Token::Map(length) => length.saturating_mul(2),
        _ => 0,
    };
    for _ in 0..elements {
        let token = reader.token()?;
        skip(reader, &token, depth + 1)?;
    }
    Ok(())
}

fn write(out: &mut Vec<u8>, value: &Value, ty: &Type, depth: usize) -> Result<(), ValueError> {
    if depth > NESTING_MAX {
        return Err(Problem::TooDeep.into());
    }
    match (ty, value) {
        (_, Value::Null) => out.push(0xc0),
        (_, Value::Unknown(None)) => out.extend(UNKNOWN),
        (_, Value::Unknown(Some(refinements))) => write_refinements(out, refinements),
        (Type::Dynamic, Value::Dynamic(typed)) => write_dynamic(out, &typed.value, &typed.ty, depth)?,
        (Type::Dynamic, value) => write_dynamic(out, value, &value.own_type(), depth)?,
        (ty, Value::Dynamic(typed)) => write(out, &typed.value, ty, depth + 1)?,
        (Type::Bool, Value::Bool(value)) => out.push(if *value { 0xc3 } else { 0xc2 }),
        (Type::Number, Value::Number(number)) => write_number(out, number),
        (Type::String, Value::String(text)) => write_text(out, text),
        (Type::List(ty) | Type::Set(ty), Value::List(elements)) => {
            write_length(out, elements.len(), 0x90, 0xdc);
            for (at, element) in elements.iter().enumerate() {
                write(out, element, ty, depth + 1).map_err(|e| e.under(Step::Index(at)))?;
            }
        }
        (Type::Tuple(types), Value::List(elements)) if types.len() == elements.len() => {
            write_length(out, elements.len(), 0x90, 0xdc);
            for (at, (element, ty)) in elements.iter().zip(types).enumerate() {
                write(out, element, ty, depth + 1).map_err(|e| e.under(Step::Index(at)))?;
            }
        }
        (Type::Map(ty), Value::Map(elements)) => {
            write_length(out, elements.len(), 0x80, 0xde);
            for (key, element) in elements {
                write_text(out, key);
                write(out, element, ty, depth + 1).map_err(|e| e.under(Step::Key(key.clone())))?;
            }
        }
        (Type::Object(types), Value::Map(attributes)) => {
            write_length(out, types.len(), 0x80, 0xde);
            for (name, ty) in types {
                write_text(out, name);
                let attribute = attributes.get(name).unwrap_or(&Value::Null);
                write(out, attribute, ty, depth + 1).map_err(|e| e.under(Step::Attribute(name.clone())))?;
            }
        }
        (ty, value) => return Err(mismatch(ty, value.kind())),
    }
    Ok(())
}

fn write_dynamic(out: &mut Vec<u8>, value: &Value, ty: &Type, depth: usize) -> Result<(), ValueError> {
    out.push(0x92);
    let json = ty.to_bytes();
    write_bytes_length(out, json.len());
    out.extend(json);
    write(out, value, ty, depth + 1)
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number.form() {
        Form::Integer(integer) => write_integer(out, *integer),
        Form::Float(float) => {
            out.push(0xcb);
            out.extend(float.to_be_bytes());
        }
        Form::Decimal(text) => write_text(out, text),
    }
}

/// The shortest form, as every encoder writes it.
fn write_integer(out: &mut Vec<u8>, integer: i64) {
    if let Ok(small) = i8::try_from(integer)
        && small >= -32
    {
        return out.extend(small.to_be_bytes());
    }
    if let Ok(natural) = u64::try_from(integer) {
        return write_natural(out, natural);
    }
    if let Ok(integer) = i8::try_from(integer) {
        out.push(0xd0);
        out.extend(integer.to_be_bytes());
    } else if let Ok(integer) = i16::try_from(integer) {
        out.push(0xd1);
        out.extend(integer.to_be_bytes());
    } else if let Ok(integer) = i32::try_from(integer) {
        out.push(0xd2);
        out.extend(integer.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend(integer.to_be_bytes());
    }
}

fn write_natural(out: &mut Vec<u8>, natural: u64) {
    if let Ok(natural) = u8::try_from(natural) {
        out.push(0xcc);
        out.extend(natural.to_be_bytes());
    } else if let Ok(natural) = u16::try_from(natural) {
        out.push(0xcd);
        out.extend(natural.to_be_bytes());
    } else if let Ok(natural) = u32::try_from(natural) {
        out.push(0xce);
        out.extend(natural.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend(natural.to_be_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length @ 0..=31) => out.push(0xa0 | length),
        Ok(length) => out.extend([0xd9, length]),
        Err(_) => write_wide_length(out, text.len(), 0xda),
    }
    out.extend(text.as_bytes());
}

fn write_bytes_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(length) => out.extend([0xc4, length]),
        Err(_) => write_wide_length(out, length, 0xc5),
    }
}

/// The length of a list or a map: in the marker when it fits there.
fn write_length(out: &mut Vec<u8>, length: usize, short: u8, wide: u8) {
    match u8::try_from(length) {
        Ok(length @ 0..=15) => out.push(short | length),
        _ => write_wide_length(out, length, wide),
    }
}

/// A length of 2 bytes, or of 4 with the next marker.
fn write_wide_length(out: &mut Vec<u8>, length: usize, marker: u8) {
    if let Ok(length) = u16::try_from(length) {
        out.push(marker);
        out.extend(length.to_be_bytes());
    } else {
        out.push(marker + 1);
        // A message is limited to 256 MiB, so nothing longer is ever written.
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn write_refinements(out: &mut Vec<u8>, refinements: &Refinements) {
    let mut body = Vec::new();
    let mut count = 0u8;
    let mut key = |body: &mut Vec<u8>, key: u8| {
        count += 1;
        body.push(key);
    };
    if refinements.not_null {
        key(&mut body, 1);
        body.push(0xc2);
    }
    if let Some(prefix) = &refinements.prefix {
        key(&mut body, 2);
        write_text(&mut body, prefix);
    }
    for (number, bound) in [(3, &refinements.lower), (4, &refinements.upper)] {
        if let Some((limit, inclusive)) = bound {
            key(&mut body, number);
            body.push(0x92);
            write_number(&mut body, limit);
            body.push(if *inclusive { 0xc3 } else { 0xc2 });
        }
    }
    for (number, length) in [(5, refinements.length_min), (6, refinements.length_max)] {
        if let Some(length) = length {
            key(&mut body, number);
            write_integer(&mut body, length);
        }
    }
    if count == 0 {
        return out.extend(UNKNOWN); // an empty map is not allowed
    }
    match u8::try_from(body.len() + 1) {
        Ok(length) => out.extend([0xc7, length]),
        Err(_) => write_wide_length(out, body.len() + 1, 0xc8),
    }
    out.extend([REFINED.to_be_bytes()[0], 0x80 | count]);
    out.extend(body);
}

fn mismatch(ty: &Type, found: &'static str) -> ValueError {
    Problem::Mismatch { expected: type_kind(ty), found }.into()
}

pub(super) fn type_kind(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a bool",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Dynamic => "a dynamic value",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Object(_) => "an object",
        Type::Tuple(_) => "a tuple",
    }
}

fn token_kind(token: &Token<'_>) -> &'static str {
    match token {
        Token::Nil => "null",
        Token::Bool(_) => "a bool",
        Token::Integer(_) | Token::Natural(_) | Token::Float(_) => "a number",
        Token::Text(_) => "a string",
        Token::Bytes(_) => "bytes",
        Token::List(_) => "a list",
        Token::Map(_) => "a map",
        Token::Extension(..) => "an unknown value",
    }
}
