//! Snapshots of the state, as bytes.
//!
//! ```text
//! magic "RFMS" | version u16 | flags u16 | cluster uuid | next entry u64 | SHA-256 of the last entry 32
//! state length u64, state (JSON) | CRC32C of all before u32      (big-endian)
//! ```
//!
//! Equal states give equal bytes, so it does not matter who wrote a snapshot.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;
use uuid::Uuid;

use crate::reader::{Reader, Truncated};
use crate::state::{Digest, State};

const MAGIC: &[u8; 4] = b"RFMS";
const VERSION: u16 = 1;

/// A state, and what the next entry's predecessor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// SHA-256 of the last entry that it contains.
    pub last_entry: Digest,
}

/// Bytes are no snapshot of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a snapshot of this cluster: {0}")]
pub struct NotASnapshot(String);

impl Snapshot {
    /// The bytes, which decode to the same snapshot.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        // States are plain data and always serialise.
        let json = serde_json::to_vec(&self.state).unwrap_or_default();
        let mut out = BytesMut::with_capacity(json.len() + 128);
        out.put_slice(MAGIC);
        out.put_u16(VERSION);
        out.put_u16(0);
        out.put_slice(self.state.cluster().map_or(Uuid::nil(), |cluster| cluster.id).as_bytes());
        out.put_u64(self.state.next_seq());
        out.put_slice(&self.last_entry.0);
        out.put_u64(json.len() as u64);
        out.put_slice(&json);
        out.put_u32(crc32c::crc32c(&out));
        out.freeze()
    }

    /// Reads a cluster's snapshot with the given number.
    ///
    /// # Errors
    /// [`NotASnapshot`].
    pub fn decode(bytes: &[u8], cluster: Uuid, seq: u64) -> Result<Self, NotASnapshot> {
        let wrong = |problem: &str| NotASnapshot(problem.to_owned());
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(|| wrong("too short"))?;
        if !body.starts_with(MAGIC) {
            return Err(wrong("no magic bytes"));
        }
        if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
            return Err(wrong("wrong checksum"));
        }
        let mut reader = Reader::new(body.get(MAGIC.len()..).unwrap_or_default());
        let (version, flags) = (reader.u16()?, reader.u16()?);
        if version != VERSION || flags != 0 {
            return Err(NotASnapshot(format!("version {version}, flags {flags}")));
        }
        if Uuid::from_bytes(reader.array()?) != cluster || reader.u64()? != seq {
            return Err(wrong("another cluster or number"));
        }
        let last_entry = Digest(reader.array()?);
        let length = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        let state: State = serde_json::from_slice(reader.take(length)?).map_err(|e| NotASnapshot(e.to_string()))?;
        if !reader.is_at_end() || state.next_seq() != seq || state.cluster().is_none_or(|c| c.id != cluster) {
            return Err(wrong("its state contradicts its header"));
        }
        Ok(Self { state, last_entry })
    }
}

impl From<Truncated> for NotASnapshot {
    fn from(_: Truncated) -> Self {
        Self("it ends too early".to_owned())
    }
}
