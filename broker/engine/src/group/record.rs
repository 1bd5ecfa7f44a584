//! What `__consumer_offsets` holds: committed offsets and generations, as keys and values of ordinary records.
//!
//! A later record replaces an earlier one with the same key; a key without value deletes. Offsets are kept by topic id, so
//! that a topic created again under an old name starts without them. All integers are big-endian; text is u16 length and
//! UTF-8, bytes are u32 length.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

const KEY_OFFSET: u8 = 1;
const KEY_GROUP: u8 = 2;
const VERSION: u8 = 1;

/// The key of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// An offset of a group.
    Offset { group: String, topic: Uuid, partition: i32 },
    /// A group's members.
    Group { group: String },
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetRecord {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    /// Wall clock of the coordinator, in ms since 1970.
    pub(crate) commit_ms: i64,
}

/// A group's generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupRecord {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    /// When, in ms since 1970; of a group without members: since when it has none.
    pub(crate) written_ms: i64,
    pub(crate) members: Vec<MemberRecord>,
}

/// A member of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberRecord {
    pub(crate) member_id: String,
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session: Duration,
    pub(crate) rebalance: Duration,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

/// Bytes that no version of this code wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("record of the group log is not understood")]
pub(crate) struct RecordError;

impl Key {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Offset { group, topic, partition } => {
                out.push(KEY_OFFSET);
                put_text(&mut out, group);
                out.extend_from_slice(topic.as_bytes());
                out.extend_from_slice(&partition.to_be_bytes());
            }
            Self::Group { group } => {
                out.push(KEY_GROUP);
                put_text(&mut out, group);
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader(bytes);
        let key = match reader.u8()? {
            KEY_OFFSET => Self::Offset {
                group: reader.text()?,
                topic: Uuid::from_bytes(reader.array()?),
                partition: reader.i32()?,
            },
            KEY_GROUP => Self::Group { group: reader.text()? },
            _ => return Err(RecordError),
        };
        reader.end(key)
    }
}

impl OffsetRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.to_be_bytes());
        put_text(&mut out, &self.metadata);
        out.extend_from_slice(&self.commit_ms.to_be_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader(bytes);
        reader.version()?;
        let record = Self {
            offset: reader.i64()?,
            leader_epoch: reader.i32()?,
            metadata: reader.text()?,
            commit_ms: reader.i64()?,
        };
        reader.end(record)
    }
}

impl GroupRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.generation.to_be_bytes());
        put_text(&mut out, &self.protocol_type);
        put_text(&mut out, &self.protocol);
        put_text(&mut out, &self.leader);
        out.extend_from_slice(&self.written_ms.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.members.len()).unwrap_or(u32::MAX).to_be_bytes());
        for member in &self.members {
            put_text(&mut out, &member.member_id);
            out.push(u8::from(member.instance.is_some()));
            put_text(&mut out, member.instance.as_deref().unwrap_or_default());
            put_text(&mut out, &member.client_id);
            put_text(&mut out, &member.client_host);
            put_millis(&mut out, member.session);
            put_millis(&mut out, member.rebalance);
            put_bytes(&mut out, &member.subscription);
            put_bytes(&mut out, &member.assignment);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader(bytes);
        reader.version()?;
        let mut record = Self {
            generation: reader.i32()?,
            protocol_type: reader.text()?,
            protocol: reader.text()?,
            leader: reader.text()?,
            written_ms: reader.i64()?,
            members: Vec::new(),
        };
        // Members are pushed as they are read: a foreign count reserves nothing.
        for _ in 0..u32::from_be_bytes(reader.array()?) {
            let member_id = reader.text()?;
            let has_instance = reader.u8()? == 1;
            let instance = reader.text()?;
            record.members.push(MemberRecord {
                member_id,
                instance: has_instance.then_some(instance),
                client_id: reader.text()?,
                client_host: reader.text()?,
                session: reader.millis()?,
                rebalance: reader.millis()?,
                subscription: reader.bytes()?,
                assignment: reader.bytes()?,
            });
        }
        reader.end(record)
    }
}

/// Text longer than its length field is cut at a character; requests are bounded below that.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn put_millis(out: &mut Vec<u8>, duration: Duration) {
    out.extend_from_slice(&u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).to_be_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(u8::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, RecordError> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, RecordError> {
        self.array().map(i64::from_be_bytes)
    }

    fn version(&mut self) -> Result<(), RecordError> {
        if self.u8()? == VERSION { Ok(()) } else { Err(RecordError) }
    }

    fn take(&mut self, len: usize) -> Result<&[u8], RecordError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(RecordError)?;
        self.0 = rest;
        Ok(head)
    }

    fn text(&mut self) -> Result<String, RecordError> {
        let len = u16::from_be_bytes(self.array()?);
        String::from_utf8(self.take(usize::from(len))?.to_vec()).map_err(|_| RecordError)
    }

    fn bytes(&mut self) -> Result<Bytes, RecordError> {
        let len = u32::from_be_bytes(self.array()?);
        Ok(Bytes::copy_from_slice(self.take(usize::try_from(len).map_err(|_| RecordError)?)?))
    }

    fn millis(&mut self) -> Result<Duration, RecordError> {
        Ok(Duration::from_millis(u64::from(u32::from_be_bytes(self.array()?))))
    }

    fn end<T>(&self, value: T) -> Result<T, RecordError> {
        if self.0.is_empty() { Ok(value) } else { Err(RecordError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member() -> impl Strategy<Value = MemberRecord> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        (".{0,10}", prop::option::of(".{0,10}"), ".{0,10}", any::<u32>(), any::<u32>(), bytes(), bytes()).prop_map(
            |(id, instance, client, session, rebalance, subscription, assignment)| MemberRecord {
                member_id: id.clone(),
                instance,
                client_id: client,
                client_host: id,
                session: Duration::from_millis(u64::from(session)),
                rebalance: Duration::from_millis(u64::from(rebalance)),
                subscription,
                assignment,
            },
        )
    }

    proptest! {
        #[test]
        fn keys_are_read_as_they_were_written(group in ".{0,20}", topic in any::<u128>(), partition in any::<i32>()) {
            let offset = Key::Offset { group: group.clone(), topic: Uuid::from_u128(topic), partition };
            prop_assert_eq!(Key::decode(&offset.encode()), Ok(offset));
            let key = Key::Group { group };
            prop_assert_eq!(Key::decode(&key.encode()), Ok(key));
        }

        #[test]
        fn values_are_read_as_they_were_written(
            offset in any::<i64>(),
            epoch in any::<i32>(),
            text in ".{0,20}",
            members in prop::collection::vec(member(), 0..4),
        ) {
            let value = OffsetRecord { offset, leader_epoch: epoch, metadata: text.clone(), commit_ms: 5 };
            prop_assert_eq!(OffsetRecord::decode(&value.encode()), Ok(value));
            let (protocol_type, protocol) = (text.clone(), text.clone());
            let value =
                GroupRecord { generation: epoch, protocol_type, protocol, leader: text, written_ms: offset, members };
            prop_assert_eq!(GroupRecord::decode(&value.encode()), Ok(value));
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Key::decode(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = (Key::decode(&bytes), OffsetRecord::decode(&bytes), GroupRecord::decode(&bytes));
        }
    }
}
