//! Turns the table into Rust: one file per API, and `messages.rs` above them.

use std::fmt::Write as _;

use crate::table::{Api, Field, Struct, Type, Versions, camel_to_snake};

const HEAD: &str = "// Generated from messages.table; do not edit.\n";

/// The file of one API.
pub(crate) fn api_file(api: &Api) -> String {
    let mut code = format!("//! The messages of {} (API key {}).\n{HEAD}", api.name, api.key);
    code.push_str("#![expect(missing_docs, reason = \"the fields are Kafka's, under Kafka's names\")]\n\n");
    for each in &api.structs {
        emit_struct(&mut code, api, each);
    }
    let mut imports = String::new();
    let uses = |word: &str| has_word(&code, word);
    for (name, path) in [("Bytes", "bytes::Bytes"), ("Uuid", "uuid::Uuid")] {
        if uses(name) {
            let _ = writeln!(imports, "use {path};");
        }
    }
    for (name, path) in [
        ("ErrorCode", "error_code::ErrorCode"),
        ("Reader", "reader::{DecodeError, Reader}"),
        ("Records", "records::Records"),
        ("Str", "text::Str"),
        ("Writer", "writer::Writer"),
        ("Message", "Message"),
    ] {
        if uses(name) {
            let _ = writeln!(imports, "use crate::{path};");
        }
    }
    let at = code.find("\n\n").unwrap() + 2;
    code.insert_str(at, &format!("{imports}\n"));
    code
}

/// `messages.rs`: the modules, and the list that the enums over all APIs are made of.
pub(crate) fn messages_file(apis: &[Api]) -> String {
    let mut code = format!("//! One module per API, and the enums that span them.\n{HEAD}\n");
    for api in apis {
        let _ = writeln!(code, "pub mod {};", api.module());
    }
    code.push_str("\ncrate::apis::apis! {\n");
    for Api { key, name, versions, compact_from, .. } in apis {
        let (module, Versions { first, last }) = (camel_to_snake(name), *versions);
        let _ = writeln!(
            code,
            "    {key} {name} ({module}::{name}Request, {module}::{name}Response) {first}..={last}, {compact_from:?};"
        );
    }
    code.push_str("}\n");
    code
}

/// `error_code.rs`.
pub(crate) fn error_file(errors: &[(i16, String, bool)]) -> String {
    let mut code = String::from("//! Kafka's error codes.\n// Generated from errors.table; do not edit.\n\n");
    code.push_str("/// The outcome of an operation, as clients know it.\n");
    code.push_str(
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum ErrorCode {\n",
    );
    for (number, name, _) in errors {
        let _ = writeln!(code, "/// {name}.");
        if *number == 0 {
            code.push_str("#[default]\n");
        }
        let _ = writeln!(code, "{},", camel(name));
    }
    let _ = writeln!(code, "}}\n\nimpl ErrorCode {{\nconst ALL: [Self; {}] = [", errors.len());
    for (_, name, _) in errors {
        let _ = writeln!(code, "Self::{},", camel(name));
    }
    code.push_str(
        "];\n\n/// The error with this number; one that is not known is an unknown server error.\n#[must_use]\n",
    );
    code.push_str("pub fn from_code(code: i16) -> Self {\nSelf::ALL.into_iter().find(|each| each.code() == code)");
    code.push_str(".unwrap_or(Self::UnknownServerError)\n}\n\n");
    code.push_str("/// The number on the wire.\n#[must_use]\n");
    code.push_str("#[expect(clippy::too_many_lines, reason = \"one line per error\")]\n");
    code.push_str("pub fn code(self) -> i16 {\nmatch self {\n");
    for (number, name, _) in errors {
        let _ = writeln!(code, "Self::{} => {number},", camel(name));
    }
    code.push_str(
        "}\n}\n\n/// Whether a client may try the same again.\n#[must_use]\npub fn is_retriable(self) -> bool {\n",
    );
    let retriable: Vec<String> =
        errors.iter().filter(|each| each.2).map(|each| format!("Self::{}", camel(&each.1))).collect();
    let _ = writeln!(code, "matches!(self, {})\n}}\n}}", retriable.join(" | "));
    code
}

fn camel(name: &str) -> String {
    let parts = name.split('_').map(|part| format!("{}{}", &part[..1], part[1..].to_lowercase()));
    parts.collect()
}

fn emit_struct(code: &mut String, api: &Api, each: &Struct) {
    let derive = if each.fields.iter().any(|field| field.default.is_some()) { "" } else { ", Default" };
    let _ = writeln!(code, "#[derive(Clone, Debug{derive}, PartialEq)]\npub struct {} {{", each.name);
    for field in &each.fields {
        let _ = writeln!(code, "pub {}: {},", ident(field), rust_type(field));
    }
    code.push_str("}\n\n");
    if derive.is_empty() {
        let _ = writeln!(code, "impl Default for {} {{\nfn default() -> Self {{\nSelf {{", each.name);
        for field in &each.fields {
            let value = field.default.as_deref().map_or("Default::default()".to_owned(), grouped);
            let _ = writeln!(code, "{}: {value},", ident(field));
        }
        code.push_str("}\n}\n}\n\n");
    }
    let _ = writeln!(code, "impl Message for {} {{", each.name);
    let mut decode = String::new();
    let mut encode = String::new();
    for field in &each.fields {
        let default = field.default.as_deref().map_or("Default::default()".to_owned(), grouped);
        if field.tag.is_some() {
            let _ = writeln!(decode, "{}: {default},", ident(field));
            continue;
        }
        let read = decode_expression(api, field);
        let write = encode_expression(api, field);
        let _ = match condition(api.versions, field.versions) {
            None => {
                let _ = writeln!(decode, "{}: {read},", ident(field));
                writeln!(encode, "{write};")
            }
            Some(condition) => {
                let _ = writeln!(decode, "{}: if {condition} {{ {read} }} else {{ {default} }},", ident(field));
                writeln!(encode, "if {condition} {{\n{write};\n}}")
            }
        };
    }
    let binding = if each.fields.iter().any(|field| field.tag.is_some()) { "let mut" } else { "let" };
    decode = format!("{binding} message = Self {{\n{decode}}};\n");
    emit_tags(&mut decode, &mut encode, api, each);
    let version = |body: &str| if has_word(body, "version") { "version" } else { "_version" };
    let (in_decode, in_encode) = (version(&decode), version(&encode));
    let _ = writeln!(code, "fn decode(r: &mut Reader, {in_decode}: i16) -> Result<Self, DecodeError> {{");
    let _ = writeln!(code, "{decode}Ok(message)\n}}\n");
    let _ = writeln!(code, "fn encode(&self, w: &mut Writer, {in_encode}: i16) {{\n{encode}}}\n}}\n");
}

fn emit_tags(decode: &mut String, encode: &mut String, api: &Api, each: &Struct) {
    if api.compact_from.is_none() {
        return;
    }
    let mut tagged: Vec<&Field> = each.fields.iter().filter(|field| field.tag.is_some()).collect();
    tagged.sort_by_key(|field| field.tag);
    if tagged.is_empty() {
        decode.push_str("r.no_tags()?;\n");
        encode.push_str("w.no_tags();\n");
        return;
    }
    decode.push_str("r.tags(|r, tag| {\nmatch tag {\n");
    encode.push_str("let mut tags = w.begin_tags();\n");
    for field in tagged {
        let tag = field.tag.unwrap();
        let in_version = condition(api.versions, field.versions);
        let arm = in_version.as_deref().map_or(String::new(), |versions| format!(" if {versions}"));
        let _ = writeln!(decode, "{tag}{arm} => message.{} = {},", ident(field), decode_expression(api, field));
        let differs = differs(field);
        let condition = in_version.map_or(differs.clone(), |versions| format!("{versions} && {differs}"));
        let _ = writeln!(encode, "if {condition} {{\ntags.put({tag}, |w| {});\n}}", encode_expression(api, field));
    }
    decode.push_str("_ => {}\n}\nOk(())\n})?;\n");
    encode.push_str("w.end_tags(tags);\n");
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|each| each == word)
}

fn condition(all: Versions, some: Versions) -> Option<String> {
    match (some.first > all.first, some.last < all.last) {
        (false, false) => None,
        (true, false) => Some(format!("version >= {}", some.first)),
        (false, true) => Some(format!("version <= {}", some.last)),
        (true, true) => Some(format!("({}..={}).contains(&version)", some.first, some.last)),
    }
}

fn differs(field: &Field) -> String {
    let name = ident(field);
    match (&field.ty, &field.default) {
        _ if field.nullable.is_some() => format!("self.{name}.is_some()"),
        (_, Some(default)) => format!("self.{name} != {}", grouped(default)),
        (Type::Bool, None) => format!("self.{name}"),
        (Type::Array(_) | Type::Str | Type::Bytes, None) => format!("!self.{name}.is_empty()"),
        (Type::I8 | Type::I16 | Type::I32 | Type::I64, None) => format!("self.{name} != 0"),
        (ty, None) => format!("self.{name} != {}::default()", element_type(ty)),
    }
}

fn ident(field: &Field) -> String {
    if field.name == "match" { "r#match".to_owned() } else { field.name.clone() }
}

fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    if !digits.chars().all(|c| c.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

fn element_type(ty: &Type) -> String {
    let name = match ty {
        Type::Bool => "bool",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F64 => "f64",
        Type::Str => "Str",
        Type::Bytes => "Bytes",
        Type::Records => "Records",
        Type::Uuid => "Uuid",
        Type::Error => "ErrorCode",
        Type::Struct(name) => name,
        Type::Array(element) => return format!("Vec<{}>", element_type(element)),
    };
    name.to_owned()
}

fn rust_type(field: &Field) -> String {
    let ty = element_type(&field.ty);
    if field.nullable.is_some() { format!("Option<{ty}>") } else { ty }
}

/// The name of the reader's and the writer's method for a plain type.
fn codec(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F64 => "f64",
        Type::Str => "str",
        Type::Bytes => "bytes",
        Type::Records => "records",
        Type::Uuid => "uuid",
        Type::Error => "error_code",
        Type::Array(_) => "array",
        Type::Struct(_) => "nullable",
    }
}

fn decode_element(ty: &Type) -> String {
    match ty {
        Type::Struct(name) => format!("|r| {name}::decode(r, version)"),
        plain => format!("Reader::{}", codec(plain)),
    }
}

fn decode_expression(api: &Api, field: &Field) -> String {
    let (plain, null) = match &field.ty {
        Type::Struct(name) => {
            (format!("{name}::decode(r, version)?"), format!("r.nullable({})?", decode_element(&field.ty)))
        }
        Type::Array(element) => {
            let element = decode_element(element);
            (format!("r.array({element})?"), format!("r.nullable_array({element})?"))
        }
        ty => (format!("r.{}()?", codec(ty)), format!("r.nullable_{}()?", codec(ty))),
    };
    let Some(nullable) = field.nullable else { return plain };
    match condition(api.versions, intersect_as_needed(nullable, field.versions, api.versions)) {
        None => null,
        Some(condition) => format!("if {condition} {{ {null} }} else {{ Some({plain}) }}"),
    }
}

/// Null in all versions that have the field counts as null in all versions: the field is guarded already.
fn intersect_as_needed(nullable: Versions, field: Versions, all: Versions) -> Versions {
    if nullable.first <= field.first && nullable.last >= field.last { all } else { nullable }
}

fn encode_element(ty: &Type) -> String {
    match ty {
        Type::Struct(_) => "|w, each| each.encode(w, version)".to_owned(),
        Type::Str | Type::Bytes => format!("Writer::{}", codec(ty)),
        plain => format!("|w, each| w.{}(*each)", codec(plain)),
    }
}

fn encode_expression(api: &Api, field: &Field) -> String {
    let name = ident(field);
    let (plain, null) = match &field.ty {
        Type::Struct(_) => (
            format!("self.{name}.encode(w, version)"),
            format!("w.nullable(self.{name}.as_ref(), {})", encode_element(&field.ty)),
        ),
        Type::Array(element) => {
            let write = encode_element(element);
            let plain = if field.nullable.is_some() {
                format!("w.required(self.{name}.as_ref(), |w, each| w.array(each, {write}))")
            } else {
                format!("w.array(&self.{name}, {write})")
            };
            (plain, format!("w.nullable_array(self.{name}.as_ref(), {write})"))
        }
        ty @ (Type::Str | Type::Bytes | Type::Records) => {
            let plain = if field.nullable.is_some() {
                format!("w.required(self.{name}.as_ref(), Writer::{})", codec(ty))
            } else {
                format!("w.{}(&self.{name})", codec(ty))
            };
            (plain, format!("w.nullable_{}(self.{name}.as_ref())", codec(ty)))
        }
        ty => (format!("w.{}(self.{name})", codec(ty)), String::new()),
    };
    let Some(nullable) = field.nullable else { return plain };
    match condition(api.versions, intersect_as_needed(nullable, field.versions, api.versions)) {
        None => null,
        Some(condition) => format!("if {condition} {{ {null} }} else {{ {plain} }}"),
    }
}
