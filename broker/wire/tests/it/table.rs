//! Reads `messages.table`; its grammar stands at the top of that file.

use std::path::PathBuf;

/// Versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    F64,
    Str,
    Bytes,
    Records,
    Uuid,
    Error,
    Struct(String),
    Array(Box<Type>),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) versions: Versions,
    pub(crate) nullable: Option<Versions>,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) key: i16,
    pub(crate) name: String,
    pub(crate) versions: Versions,
    pub(crate) compact_from: Option<i16>,
    /// The request, the response, and what they consist of, in the table's order.
    pub(crate) structs: Vec<Struct>,
}

impl Versions {
    pub(crate) fn contains(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }

    fn parse(text: &str, within: Versions) -> Versions {
        match text.split_once("..") {
            None => Versions { first: text.parse().unwrap(), last: text.parse().unwrap() },
            Some((first, last)) => Versions {
                first: if first.is_empty() { within.first } else { first.parse().unwrap() },
                last: if last.is_empty() { within.last } else { last.parse().unwrap() },
            },
        }
    }
}

impl Api {
    pub(crate) fn module(&self) -> String {
        camel_to_snake(&self.name)
    }

    pub(crate) fn find(&self, name: &str) -> &Struct {
        self.structs.iter().find(|each| each.name == name).unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }
}

pub(crate) fn camel_to_snake(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

pub(crate) fn crate_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn apis() -> Vec<Api> {
    let text = std::fs::read_to_string(crate_file("messages.table")).unwrap();
    let mut apis: Vec<Api> = Vec::new();
    // Structures that are being described, innermost last: depth of their fields, index, versions.
    let mut open: Vec<(usize, usize, Versions)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "api" {
            apis.push(api(&words));
            continue;
        }
        let api = apis.last_mut().unwrap();
        if let "request" | "response" = words[0] {
            let suffix = if words[0] == "request" { "Request" } else { "Response" };
            open = vec![(1, api.structs.len(), api.versions)];
            api.structs.push(Struct { name: format!("{}{suffix}", api.name), fields: Vec::new() });
            continue;
        }
        let depth = (line.len() - line.trim_start().len()) / 2;
        open.retain(|(open_depth, ..)| *open_depth <= depth);
        let &(parent_depth, parent, within) = open.last().unwrap();
        assert_eq!(parent_depth, depth, "indentation of {line:?}");
        let field = field(&words, within);
        if let Some(name) = struct_name(&field.ty)
            && !api.structs.iter().any(|each| each.name == name)
        {
            open.push((depth + 1, api.structs.len(), api.versions));
            api.structs.push(Struct { name: name.to_owned(), fields: Vec::new() });
        }
        api.structs[parent].fields.push(field);
    }
    apis
}

fn api(words: &[&str]) -> Api {
    let all = Versions { first: 0, last: i16::MAX };
    let versions = Versions::parse(words[3], all);
    let compact_from = words.get(5).map(|text| Versions::parse(text, all).first);
    Api { key: words[1].parse().unwrap(), name: words[2].to_owned(), versions, compact_from, structs: Vec::new() }
}

fn field(words: &[&str], within: Versions) -> Field {
    let (ty, null) = words[1].split_once('?').map_or((words[1], None), |(ty, null)| (ty, Some(null)));
    let mut field = Field {
        name: words[0].trim_end_matches(':').to_owned(),
        ty: parse_type(ty),
        versions: within,
        nullable: None,
        tag: None,
        default: None,
    };
    let mut rest = words[2..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "tag" => field.tag = rest.next().map(|tag| tag.parse().unwrap()),
            "=" => field.default = rest.next().map(|&value| value.to_owned()),
            versions => field.versions = Versions::parse(versions.strip_prefix('@').unwrap(), within),
        }
    }
    field.nullable =
        null.map(|null| if null.is_empty() { field.versions } else { Versions::parse(null, field.versions) });
    field
}

fn parse_type(text: &str) -> Type {
    if let Some(element) = text.strip_prefix('[') {
        return Type::Array(Box::new(parse_type(element.strip_suffix(']').unwrap())));
    }
    match text {
        "bool" => Type::Bool,
        "i8" => Type::I8,
        "i16" => Type::I16,
        "i32" => Type::I32,
        "i64" => Type::I64,
        "f64" => Type::F64,
        "str" => Type::Str,
        "bytes" => Type::Bytes,
        "records" => Type::Records,
        "uuid" => Type::Uuid,
        "error" => Type::Error,
        name if name.starts_with(char::is_uppercase) => Type::Struct(name.to_owned()),
        other => panic!("type {other:?}"),
    }
}

fn struct_name(ty: &Type) -> Option<&str> {
    match ty {
        Type::Struct(name) => Some(name),
        Type::Array(element) => struct_name(element),
        _ => None,
    }
}
