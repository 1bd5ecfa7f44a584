//! A second, slow codec: writes random messages straight from the table, so that the generated one is held against
//! the table and not against itself.
#![expect(clippy::cast_possible_truncation, reason = "random numbers below a bound that fits")]

use crate::table::{Api, Field, Struct, Type};

/// What a random message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Only fields of the table.
    None,
    /// Every structure ends with a tagged field that nobody knows.
    UnknownTags,
}

/// A stream of numbers from a seed; the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

pub(crate) struct ReferenceWriter<'a> {
    pub(crate) api: &'a Api,
    pub(crate) version: i16,
    pub(crate) extra: Extra,
    pub(crate) dice: Dice,
    pub(crate) out: Vec<u8>,
}

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl ReferenceWriter<'_> {
    fn compact(&self) -> bool {
        self.api.compact_from.is_some_and(|first| self.version >= first)
    }

    pub(crate) fn message(&mut self, name: &str) {
        let api = self.api;
        self.structure(api.find(name), 0);
    }

    fn structure(&mut self, each: &Struct, depth: usize) {
        let present = |field: &&Field| field.versions.contains(self.version);
        let fields: Vec<&Field> = each.fields.iter().filter(present).collect();
        for field in fields.iter().filter(|field| field.tag.is_none()) {
            self.field(field, depth);
        }
        if !self.compact() {
            return;
        }
        let mut tagged: Vec<&&Field> = fields.iter().filter(|field| field.tag.is_some()).collect();
        tagged.sort_by_key(|field| field.tag);
        tagged.retain(|_| self.dice.below(2) == 0);
        let unknown = u64::from(self.extra == Extra::UnknownTags);
        let mut values = Vec::new();
        for field in tagged {
            let outer = std::mem::take(&mut self.out);
            self.not_default(field, depth);
            values.push((u64::from(field.tag.unwrap()), std::mem::replace(&mut self.out, outer)));
        }
        self.varint(values.len() as u64 + unknown);
        for (tag, value) in values {
            self.varint(tag);
            self.varint(value.len() as u64);
            self.out.extend(value);
        }
        if unknown == 1 {
            self.varint(9_999);
            self.varint(3);
            self.out.extend(b"???");
        }
    }

    /// A tagged field is there only when it differs from its default.
    fn not_default(&mut self, field: &Field, depth: usize) {
        match &field.ty {
            Type::Bool => self.out.push(1),
            Type::I16 | Type::Error => self.out.extend(3_i16.to_be_bytes()),
            Type::I32 => self.out.extend(77_i32.to_be_bytes()),
            Type::I64 => self.out.extend(77_i64.to_be_bytes()),
            Type::Uuid => self.out.extend([7; 16]),
            Type::Str => self.length(1, 2, |w| w.out.push(b'x')),
            Type::Struct(name) => {
                // Its first field is a number that is never the default.
                let api = self.api;
                let inner = api.find(name);
                self.not_default(&inner.fields[0], depth + 1);
                for field in &inner.fields[1..] {
                    self.field(field, depth + 1);
                }
                self.varint(0);
            }
            Type::Array(element) => self.length(2, 4, |w| {
                w.value(element, depth + 1);
                w.value(element, depth + 1);
            }),
            other => panic!("a tagged {other:?}"),
        }
    }

    fn field(&mut self, field: &Field, depth: usize) {
        if field.nullable.is_some_and(|versions| versions.contains(self.version)) {
            if self.dice.below(3) == 0 {
                return self.null(&field.ty);
            }
            if let Type::Struct(_) = field.ty {
                self.out.push(1);
            }
        }
        self.value(&field.ty, depth);
    }

    fn null(&mut self, ty: &Type) {
        match ty {
            Type::Struct(_) => self.out.push(0xff),
            _ if self.compact() => self.out.push(0),
            Type::Str => self.out.extend((-1_i16).to_be_bytes()),
            _ => self.out.extend((-1_i32).to_be_bytes()),
        }
    }

    fn value(&mut self, ty: &Type, depth: usize) {
        match ty {
            Type::Bool => {
                let value = self.dice.below(2) == 1;
                self.out.push(u8::from(value));
            }
            Type::Error => {
                let code = self.dice.below(134) as i16;
                self.out.extend(code.to_be_bytes());
            }
            Type::F64 => {
                let value = self.dice.below(1_000) as f64 / 8.0;
                self.out.extend(value.to_be_bytes());
            }
            Type::I8 => self.random(1),
            Type::I16 => self.random(2),
            Type::I32 => self.random(4),
            Type::I64 => self.random(8),
            Type::Uuid => self.random(16),
            Type::Str => {
                let text = "naïve-topic.name"[..self.dice.below(3) as usize].to_owned();
                self.length(text.len(), 2, |w| w.out.extend(text.as_bytes()));
            }
            Type::Bytes | Type::Records => {
                let len = [0, 5, 200, 3_000][self.dice.below(4) as usize];
                self.length(len, 4, |w| w.random(len));
            }
            Type::Array(element) => {
                let count = if depth > 3 { 0 } else { self.dice.below(4) as usize };
                self.length(count, 4, |w| (0..count).for_each(|_| w.value(element, depth + 1)));
            }
            Type::Struct(name) => {
                let api = self.api;
                self.structure(api.find(name), depth + 1);
            }
        }
    }

    fn random(&mut self, len: usize) {
        for _ in 0..len {
            let byte = self.dice.below(256) as u8;
            self.out.push(byte);
        }
    }

    fn length(&mut self, len: usize, width: usize, body: impl FnOnce(&mut Self)) {
        if self.compact() {
            self.varint(len as u64 + 1);
        } else {
            let bytes = (len as u32).to_be_bytes();
            self.out.extend(&bytes[4 - width..]);
        }
        body(self);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
