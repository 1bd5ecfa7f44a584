//! Entries of the metadata log, as bytes.
//!
//! ```text
//! magic "RFME" | version u16 | flags u16 | cluster uuid | seq u64 | nonce u128 | state digest 32 | predecessor 32
//! writer length u16, writer | commands length u32, commands (JSON) | CRC32C of all before u32      (big-endian)
//! ```
//!
//! The state digest is that of the state before the entry; the predecessor is the SHA-256 of the entry before (zeros for
//! entry 0), so that nobody replaces an entry without being seen.

use broker_store::mutation::{Mutation, is_on};
use broker_store::{Frozen, Nonce};
use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;
use uuid::Uuid;

use crate::command::Command;
use crate::limits::{ENTRY_BYTES_MAX, ENTRY_COMMANDS_MAX};
use crate::reader::{Reader, Truncated};
use crate::state::Digest;

const MAGIC: &[u8; 4] = b"RFME";
const VERSION: u16 = 1;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The cluster it belongs to.
    pub cluster: Uuid,
    /// Its number.
    pub seq: u64,
    /// Random, so that its writer recognises it.
    pub nonce: u128,
    /// The digest of the state before it.
    pub state_before: Digest,
    /// SHA-256 of the entry before it.
    pub predecessor: Digest,
    /// Which process wrote it; for humans.
    pub writer: String,
    /// What it changes.
    pub commands: Vec<Command>,
}

/// An entry would be too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an entry of {bytes} bytes and {commands} commands is larger than an entry can be")]
pub struct EntryTooLarge {
    /// Its bytes.
    pub bytes: usize,
    /// Its commands.
    pub commands: usize,
}

/// Bytes at a number of the log are no entry that can be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAnEntry {
    /// Void for everybody: it is passed over.
    #[error("void: {0}")]
    Void(String),
    /// Written by something newer: whoever reads it has to stop.
    #[error("written by a newer release: {0}")]
    Unknown(String),
}

impl Entry {
    /// The bytes, which decode to the same entry.
    ///
    /// # Errors
    /// [`EntryTooLarge`].
    pub fn encode(&self) -> Result<Bytes, EntryTooLarge> {
        // Commands are plain data and always serialise.
        let json = serde_json::to_vec(&self.commands).unwrap_or_default();
        let too_large = |bytes: usize| EntryTooLarge { bytes, commands: self.commands.len() };
        let mut out = BytesMut::with_capacity(json.len() + self.writer.len() + 256);
        out.put_slice(MAGIC);
        out.put_u16(VERSION);
        out.put_u16(0);
        out.put_slice(self.cluster.as_bytes());
        out.put_u64(self.seq);
        out.put_u128(self.nonce);
        out.put_slice(&self.state_before.0);
        out.put_slice(&self.predecessor.0);
        out.put_u16(u16::try_from(self.writer.len()).map_err(|_| too_large(self.writer.len()))?);
        out.put_slice(self.writer.as_bytes());
        out.put_u32(u32::try_from(json.len()).map_err(|_| too_large(json.len()))?);
        out.put_slice(&json);
        out.put_u32(crc32c::crc32c(&out));
        if out.len() > ENTRY_BYTES_MAX || self.commands.len() > ENTRY_COMMANDS_MAX {
            return Err(too_large(out.len()));
        }
        Ok(out.freeze())
    }

    /// The bytes, frozen.
    ///
    /// # Errors
    /// [`EntryTooLarge`].
    pub fn freeze(&self) -> Result<Frozen, EntryTooLarge> {
        let bytes = self.encode()?;
        // The header carries the nonce, so the first way never fails.
        Ok(Frozen::new(Nonce(self.nonce), bytes.clone()).unwrap_or_else(|_| Frozen::shared(bytes)))
    }

    /// Reads what stands at the number `seq` of a cluster's log.
    ///
    /// # Errors
    /// [`NotAnEntry`].
    pub fn decode(bytes: &[u8], cluster: Uuid, seq: u64) -> Result<Self, NotAnEntry> {
        let entry = Self::decode_any(bytes)?;
        if entry.cluster != cluster {
            return Err(NotAnEntry::Void(format!("it belongs to cluster {}", entry.cluster)));
        }
        if entry.seq != seq {
            return Err(NotAnEntry::Void(format!("it says that it is number {}", entry.seq)));
        }
        Ok(entry)
    }

    /// Reads an entry of any cluster and number.
    ///
    /// # Errors
    /// [`NotAnEntry`].
    pub fn decode_any(bytes: &[u8]) -> Result<Self, NotAnEntry> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(NotAnEntry::Void(format!("{} bytes are too many", bytes.len())));
        }
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(|| NotAnEntry::Void("too short".to_owned()))?;
        if !body.starts_with(MAGIC) {
            return Err(NotAnEntry::Void("no magic bytes".to_owned()));
        }
        if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
            return Err(NotAnEntry::Void("wrong checksum".to_owned()));
        }
        let mut reader = Reader::new(body.get(MAGIC.len()..).unwrap_or_default());
        let version = reader.u16()?;
        let flags = reader.u16()?;
        if version != VERSION || flags != 0 {
            return Err(NotAnEntry::Unknown(format!("version {version}, flags {flags}")));
        }
        let cluster = Uuid::from_bytes(reader.array()?);
        let seq = reader.u64()?;
        let nonce = u128::from_be_bytes(reader.array()?);
        let state_before = Digest(reader.array()?);
        let predecessor = Digest(reader.array()?);
        let length = usize::from(reader.u16()?);
        let writer = String::from_utf8_lossy(reader.take(length)?).into_owned();
        let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        let commands = decode_commands(reader.take(length)?)?;
        if !reader.is_at_end() {
            return Err(NotAnEntry::Void("bytes after its end".to_owned()));
        }
        Ok(Self { cluster, seq, nonce, state_before, predecessor, writer, commands })
    }
}

impl From<Truncated> for NotAnEntry {
    fn from(_: Truncated) -> Self {
        Self::Void("it ends too early".to_owned())
    }
}

/// Those commands of an entry that this release knows.
fn known_commands(json: &[u8]) -> serde_json::Result<Vec<Command>> {
    let all: Vec<serde_json::Value> = serde_json::from_slice(json)?;
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

/// A list of objects that this release cannot read is a newer command: it must never be skipped.
fn decode_commands(json: &[u8]) -> Result<Vec<Command>, NotAnEntry> {
    let commands: Vec<Command> = match serde_json::from_slice(json) {
        Ok(commands) => commands,
        Err(e) => {
            if let (true, Ok(known)) = (is_on(Mutation::UnknownCommandSkipped), known_commands(json)) {
                return Ok(known);
            }
            return Err(match serde_json::from_slice::<Vec<serde_json::Map<String, serde_json::Value>>>(json) {
                Ok(_) => NotAnEntry::Unknown(e.to_string()),
                Err(_) => NotAnEntry::Void(e.to_string()),
            });
        }
    };
    if commands.len() > ENTRY_COMMANDS_MAX {
        return Err(NotAnEntry::Void(format!("{} commands are too many", commands.len())));
    }
    Ok(commands)
}
