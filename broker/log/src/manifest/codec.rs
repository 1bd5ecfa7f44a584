//! Manifests as bytes.

use std::sync::Arc;

use broker_record::{LeaderEpoch, Offset};
use bytes::Bytes;
use uuid::Uuid;

use super::{EpochStart, Manifest, ManifestError, ManifestVersion, SegmentEntry, SegmentName};
use crate::frame::{Cursor, MANIFEST_MAGIC, read_magic, write_checksum, write_incarnation, write_magic};
use crate::limits::MANIFEST_BYTES_MAX;
use crate::producers::ProducersSnapshot;
use crate::segment::SegmentPart;

/// Bytes that an item takes at least.
const SEGMENT_LEN: usize = 1 + 4 + 8 + 16 + 4 + 8 * 7 + 4 + 4 + 8;
const EPOCH_LEN: usize = 4 + 8;

impl ManifestVersion {
    /// The bytes of the object.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let manifest = &self.manifest;
        let mut out = Vec::with_capacity(256 + manifest.segments.len() * (SEGMENT_LEN + 4));
        write_magic(MANIFEST_MAGIC, &mut out);
        out.extend_from_slice(self.cluster.as_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(&self.partition.to_be_bytes());
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.0.to_be_bytes());
        write_incarnation(self.writer, &mut out);
        out.extend_from_slice(&self.nonce.to_be_bytes());
        for offset in [manifest.log_start, manifest.folded_to, manifest.cleaned_to] {
            out.extend_from_slice(&offset.0.to_be_bytes());
        }
        write_count(manifest.segments.len(), &mut out);
        for segment in &manifest.segments {
            write_segment(segment, &mut out);
        }
        write_count(manifest.epochs.len(), &mut out);
        for epoch in &manifest.epochs {
            out.extend_from_slice(&epoch.leader_epoch.0.to_be_bytes());
            out.extend_from_slice(&epoch.start.0.to_be_bytes());
        }
        let mut producers = Vec::new();
        manifest.producers.encode(&mut producers);
        write_count(producers.len(), &mut out);
        out.extend_from_slice(&producers);
        write_checksum(&mut out);
        Bytes::from(out)
    }

    /// Reads a version.
    ///
    /// # Errors
    /// [`ManifestError`] when the bytes are damaged or do not belong where they were found.
    pub fn decode(
        bytes: &[u8],
        cluster: Uuid,
        topic: Uuid,
        partition: i32,
        version: u64,
    ) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::Contents("it is too large"));
        }
        let mut cursor = Cursor::new(bytes);
        read_magic(MANIFEST_MAGIC, &mut cursor)?;
        let read = Self {
            cluster: cursor.uuid()?,
            topic: cursor.uuid()?,
            partition: cursor.i32()?,
            version: cursor.u64()?,
            leader_epoch: LeaderEpoch(cursor.i32()?),
            writer: cursor.incarnation()?,
            nonce: cursor.u128()?,
            manifest: Arc::new(read_manifest(&mut cursor)?),
        };
        cursor.checksum()?;
        if cursor.remaining() > 0 {
            return Err(ManifestError::Contents("bytes follow the checksum"));
        }
        if (read.cluster, read.topic, read.partition, read.version) != (cluster, topic, partition, version) {
            let Self { topic, partition, version, .. } = read;
            return Err(ManifestError::Misplaced { topic, partition, version });
        }
        read.manifest.check()?;
        Ok(read)
    }
}

fn read_manifest(cursor: &mut Cursor<'_>) -> Result<Manifest, ManifestError> {
    let log_start = Offset(cursor.i64()?);
    let folded_to = Offset(cursor.i64()?);
    let cleaned_to = Offset(cursor.i64()?);
    let segments = list(cursor, SEGMENT_LEN, read_segment)?;
    let epochs = list(cursor, EPOCH_LEN, |cursor| {
        Ok(EpochStart { leader_epoch: LeaderEpoch(cursor.i32()?), start: Offset(cursor.i64()?) })
    })?;
    let length = cursor.count(1)?;
    let producers = ProducersSnapshot::decode(cursor.take(length)?)?;
    Ok(Manifest { log_start, folded_to, cleaned_to, segments, epochs, producers })
}

/// A list whose items take at least `size` bytes each.
fn list<T>(
    cursor: &mut Cursor<'_>,
    size: usize,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    let count = cursor.count(size)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(read(cursor)?);
    }
    Ok(items)
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn write_segment(segment: &SegmentEntry, out: &mut Vec<u8>) {
    match segment.name {
        SegmentName::Own { leader_epoch, base_offset, id } => {
            out.push(0);
            out.extend_from_slice(&leader_epoch.to_be_bytes());
            out.extend_from_slice(&base_offset.to_be_bytes());
            out.extend_from_slice(id.as_bytes());
        }
        SegmentName::Shared { incarnation, id } => {
            out.push(1);
            write_incarnation(incarnation, out);
            out.extend_from_slice(id.as_bytes());
        }
    }
    let part = &segment.part;
    out.extend_from_slice(&part.partition.to_be_bytes());
    out.extend_from_slice(&part.base_offset.0.to_be_bytes());
    out.extend_from_slice(&part.end_offset.0.to_be_bytes());
    out.extend_from_slice(&part.record_count.to_be_bytes());
    out.extend_from_slice(&part.max_timestamp.to_be_bytes());
    out.extend_from_slice(&part.position.to_be_bytes());
    out.extend_from_slice(&part.length.to_be_bytes());
    out.extend_from_slice(&part.index_position.to_be_bytes());
    out.extend_from_slice(&part.index_length.to_be_bytes());
    out.extend_from_slice(&part.index_crc.to_be_bytes());
    out.extend_from_slice(&segment.written_ms.to_be_bytes());
}

fn read_segment(cursor: &mut Cursor<'_>) -> Result<SegmentEntry, ManifestError> {
    let name = match cursor.u8()? {
        0 => SegmentName::Own { leader_epoch: cursor.i32()?, base_offset: cursor.i64()?, id: cursor.uuid()? },
        1 => SegmentName::Shared { incarnation: cursor.incarnation()?, id: cursor.uuid()? },
        _ => return Err(ManifestError::Contents("unknown kind of segment")),
    };
    let part = SegmentPart {
        partition: cursor.i32()?,
        base_offset: Offset(cursor.i64()?),
        end_offset: Offset(cursor.i64()?),
        record_count: cursor.u64()?,
        max_timestamp: cursor.i64()?,
        position: cursor.u64()?,
        length: cursor.u64()?,
        index_position: cursor.u64()?,
        index_length: cursor.u32()?,
        index_crc: cursor.u32()?,
    };
    Ok(SegmentEntry { name, part, written_ms: cursor.i64()? })
}
