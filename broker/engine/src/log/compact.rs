//! Compacting the segments of a partition (`cleanup.policy=compact`).
//!
//! What stays is decided by [`broker_log::compaction`]; this reads, writes and publishes. A run looks at all segments that
//! lie below the last stable offset, from the log's start on, and replaces them group by group: each group becomes one
//! segment under a new name, and the manifest names it in the place of the old ones. A run that ends in between leaves a
//! partition that is partly compacted, which says the same to whoever reads it.

use broker_log::compaction::{Aborted, Cleaned, Compaction, LatestKeys};
use broker_log::{Manifest, SegmentBuilder, SegmentEntry, SegmentError, SegmentName, SegmentPart};
use broker_record::{Batch, Offset};
use broker_store::{Filled, Frozen, Nonce, Patience, Store};
use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

use super::manifest::{ManifestFailure, Published};
use super::{ReadError, SegmentPlace, Segments};
use crate::env::Env;
use crate::limits::{COMPACTION_KEYS_BYTES_MAX, SCAN_BYTES};
use crate::topic::Partition;

/// The configs of a topic that compaction goes by; times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompactionPolicy {
    pub(crate) delete_retention_ms: i64,
    pub(crate) min_lag_ms: i64,
    pub(crate) max_lag_ms: i64,
    /// The part of the partition that is not compacted yet, in thousandths, from which on a run is worth it.
    pub(crate) dirty_per_mille: u64,
}

/// The segments of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// From the log's start on.
    segments: Vec<SegmentEntry>,
    /// Where those begin that were never looked at.
    dirty_from: Offset,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// Bytes of the segments that were replaced.
    pub(crate) before: u64,
    /// Bytes of those in their place.
    pub(crate) after: u64,
    /// Objects that nothing names any more.
    pub(crate) gone: Vec<SegmentName>,
}

/// Why a run ended early; what was published until then stays.
#[derive(Debug, Error)]
pub(crate) enum CompactError {
    /// A segment cannot be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// What was written is not in order.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A segment cannot be written.
    #[error("a segment is not written: {0}")]
    Write(String),
    /// The manifest cannot be written, or another broker leads by now.
    #[error(transparent)]
    Manifest(#[from] ManifestFailure),
}

/// Who compacts.
pub(crate) struct Compacting<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cluster: Uuid,
    pub(crate) segments: &'a Segments,
    pub(crate) env: &'a Env,
    /// Bytes of a segment that is aimed at.
    pub(crate) segment_bytes: u64,
}

/// Chooses the segments of a run: those below `stable` whose latest record is old enough, if enough of them is new.
pub(crate) fn choose_run(manifest: &Manifest, stable: Offset, policy: CompactionPolicy, now_ms: i64) -> Option<Run> {
    let may = |segment: &&SegmentEntry| {
        let age_ms = now_ms.saturating_sub(segment.part.max_timestamp);
        segment.part.end_offset <= stable && (policy.min_lag_ms <= 0 || age_ms >= policy.min_lag_ms)
    };
    let segments: Vec<SegmentEntry> = manifest.segments.iter().take_while(may).copied().collect();
    let bytes = |segments: &[SegmentEntry]| -> u64 { segments.iter().map(|segment| segment.part.length).sum() };
    let first_dirty = segments.partition_point(|segment| segment.part.end_offset <= manifest.cleaned_to);
    let dirty = segments.get(first_dirty..).unwrap_or_default();
    let (all, new) = (bytes(&segments), bytes(dirty));
    let waits_long = dirty.iter().any(|segment| now_ms.saturating_sub(segment.part.max_timestamp) > policy.max_lag_ms);
    let enough = new.saturating_mul(1000) >= all.saturating_mul(policy.dirty_per_mille);
    (new > 0 && (enough || waits_long)).then_some(Run { dirty_from: manifest.cleaned_to, segments })
}

impl Compacting<'_> {
    /// Runs a compaction; `compacted` says what has become of it, also when it ends early.
    ///
    /// # Errors
    /// [`CompactError`].
    ///
    /// # Cancel safety
    /// As for an error.
    pub(crate) async fn run(
        &self,
        partition: &Partition,
        run: Run,
        policy: CompactionPolicy,
        now_ms: i64,
        compacted: &mut Compacted,
    ) -> Result<(), CompactError> {
        let aborted = Aborted::new(&partition.durable_producers().aborted);
        let mut latest = LatestKeys::new(COMPACTION_KEYS_BYTES_MAX);
        let upto = self.note_keys(partition, &run, &aborted, &mut latest).await?;
        let mut pass = Compaction::new(&latest, &aborted, now_ms, policy.delete_retention_ms);
        let mut rest = run.segments.as_slice();
        while let Some(group) = take_group(&mut rest, self.segment_bytes) {
            let kept = self.clean(partition, group, &mut pass, upto).await?;
            let last = rest.is_empty();
            self.publish(partition, group, kept, last.then_some(upto), compacted).await?;
        }
        Ok(())
    }

    /// The first pass; the offset up to which all keys fit.
    async fn note_keys(
        &self,
        partition: &Partition,
        run: &Run,
        aborted: &Aborted,
        latest: &mut LatestKeys,
    ) -> Result<Offset, CompactError> {
        let mut upto = run.segments.last().map_or(Offset(0), |segment| segment.part.end_offset);
        for segment in run.segments.iter().filter(|segment| segment.part.end_offset > run.dirty_from) {
            let mut full = None;
            self.scan(partition, segment, |batch| {
                if batch.header().last_offset() >= run.dirty_from && latest.note(batch, aborted).is_err() {
                    full = Some(batch.header().base_offset);
                }
                full.is_none()
            })
            .await?;
            if let Some(full) = full {
                upto = full;
                break;
            }
        }
        Ok(upto)
    }

    /// The second pass over a group; none where everything stays as it is.
    async fn clean(
        &self,
        partition: &Partition,
        group: &[SegmentEntry],
        pass: &mut Compaction<'_>,
        upto: Offset,
    ) -> Result<Option<Vec<u8>>, CompactError> {
        let mut kept = Vec::new();
        // Several segments that become one are a change, too.
        let mut changed = group.len() > 1;
        for segment in group {
            self.scan(partition, segment, |batch| {
                let cleaned = if batch.header().base_offset < upto { pass.clean(batch) } else { Cleaned::Whole };
                match cleaned {
                    Cleaned::Whole => kept.extend_from_slice(batch.bytes()),
                    Cleaned::Rewritten(rewritten) => {
                        changed = true;
                        kept.extend_from_slice(rewritten.bytes());
                    }
                    Cleaned::Nothing => changed = true,
                }
                true
            })
            .await?;
        }
        Ok(changed.then_some(kept))
    }

    /// Shows the batches of a segment until `each` has enough.
    async fn scan(
        &self,
        partition: &Partition,
        entry: &SegmentEntry,
        mut each: impl FnMut(&Batch) -> bool,
    ) -> Result<(), CompactError> {
        let mut from = entry.part.base_offset;
        while from < entry.part.end_offset {
            let place = SegmentPlace { partition: partition.id, entry: *entry, from, bytes_max: SCAN_BYTES };
            let pieces = self.segments.read(&place).await?;
            for mut bytes in pieces.batches {
                while !bytes.is_empty() {
                    let batch = Batch::take(&mut bytes).map_err(|_| ReadError::Corrupt)?;
                    if batch.header().last_offset() >= from && !each(&batch) {
                        return Ok(());
                    }
                }
            }
            if pieces.next <= from {
                return Err(ReadError::Corrupt.into());
            }
            from = pieces.next;
        }
        Ok(())
    }

    /// Puts one segment in the place of a group, or only notes how far the run has come.
    async fn publish(
        &self,
        partition: &Partition,
        group: &[SegmentEntry],
        kept: Option<Vec<u8>>,
        cleaned_to: Option<Offset>,
        compacted: &mut Compacted,
    ) -> Result<(), CompactError> {
        let replacement = match kept {
            Some(kept) => Some(self.write(partition, group, Bytes::from(kept)).await?),
            None if cleaned_to.is_none() => return Ok(()),
            None => None,
        };
        let change = |manifest: &Manifest| replaced(manifest, group, replacement, cleaned_to);
        match (partition.manifests.update(change).await?, replacement) {
            (Published::Version(_), Some(entry)) => {
                compacted.before = compacted.before.saturating_add(group.iter().map(|one| one.part.length).sum());
                compacted.after = compacted.after.saturating_add(entry.part.length);
                compacted.gone.extend(group.iter().map(|one| one.name));
            }
            // What was to be replaced has expired meanwhile: what was written for it is nobody's.
            (Published::Unchanged, Some(entry)) => compacted.gone.push(entry.name),
            (_, None) => {}
        }
        Ok(())
    }

    async fn write(
        &self,
        partition: &Partition,
        group: &[SegmentEntry],
        kept: Bytes,
    ) -> Result<SegmentEntry, CompactError> {
        let (base, end) = range_of(group);
        let (topic, number) = (partition.id.topic, partition.id.partition);
        let id = self.env.uuid();
        let mut builder = SegmentBuilder::new(self.cluster, topic, id.as_u128(), kept.len());
        let position = builder.reserve(number, base, end, kept.len());
        builder.fill(position, &kept)?;
        drop(kept);
        let (bytes, parts): (Bytes, Vec<SegmentPart>) = builder.finish(|_, _, _| {})?;
        let part = parts.into_iter().next().ok_or_else(|| CompactError::Write("it has no part".to_owned()))?;
        let name = SegmentName::Own { leader_epoch: partition.leader_epoch.0, base_offset: base.0, id };
        let frozen = Frozen::new(Nonce(id.as_u128()), bytes).map_err(|error| CompactError::Write(error.to_string()))?;
        match self.store.fill(&name.key(topic, number), &frozen, Patience::forever()).await {
            Ok(Filled::Mine) => Ok(SegmentEntry { name, part, written_ms: self.env.wall_ms() }),
            Ok(Filled::Other(_)) => Err(CompactError::Write("its random name is taken".to_owned())),
            Err(error) => Err(CompactError::Write(error.to_string())),
        }
    }
}

/// Takes segments that fit into one, at least one of them.
fn take_group<'a>(rest: &mut &'a [SegmentEntry], bytes_max: u64) -> Option<&'a [SegmentEntry]> {
    let mut bytes = 0_u64;
    let fits = |segment: &&SegmentEntry| {
        bytes = bytes.saturating_add(segment.part.length);
        bytes <= bytes_max
    };
    let count = rest.iter().take_while(fits).count().max(1);
    let (group, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(group)
}

/// The offsets that a group covers.
fn range_of(group: &[SegmentEntry]) -> (Offset, Offset) {
    let base = group.first().map_or(Offset(0), |segment| segment.part.base_offset);
    (base, group.last().map_or(base, |segment| segment.part.end_offset))
}

/// The manifest with one segment in the place of a group; none where the group is not in it any more as it was.
fn replaced(
    manifest: &Manifest,
    group: &[SegmentEntry],
    replacement: Option<SegmentEntry>,
    cleaned_to: Option<Offset>,
) -> Option<Manifest> {
    let first = group.first()?;
    let at = manifest.segments.iter().position(|segment| segment == first)?;
    if manifest.segments.get(at..at.saturating_add(group.len())) != Some(group) {
        return None;
    }
    let mut next = manifest.clone();
    if let Some(replacement) = replacement {
        next.segments.splice(at..at.saturating_add(group.len()), [replacement]);
    }
    next.cleaned_to = next.cleaned_to.max(cleaned_to.unwrap_or_default());
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: CompactionPolicy =
        CompactionPolicy { delete_retention_ms: 0, min_lag_ms: 0, max_lag_ms: i64::MAX, dirty_per_mille: 500 };

    /// Segments of ten offsets each, by their latest time and length.
    fn manifest(segments: &[(i64, u64)], cleaned_to: i64) -> Manifest {
        let entry = |(base, (max_timestamp, length)): (i64, &(i64, u64))| SegmentEntry {
            name: SegmentName::Own { leader_epoch: 1, base_offset: base * 10, id: Uuid::from_u128(1) },
            part: SegmentPart {
                partition: 0,
                base_offset: Offset(base * 10),
                end_offset: Offset(base * 10 + 10),
                record_count: 10,
                max_timestamp: *max_timestamp,
                position: 0,
                length: *length,
                index_position: 0,
                index_length: 0,
                index_crc: 0,
            },
            written_ms: 0,
        };
        let segments: Vec<SegmentEntry> = (0..).zip(segments).map(entry).collect();
        let folded_to = segments.last().map_or(Offset(0), |last| last.part.end_offset);
        Manifest { folded_to, segments, cleaned_to: Offset(cleaned_to), ..Manifest::default() }
    }

    fn count(manifest: &Manifest, stable: i64, policy: CompactionPolicy, now_ms: i64) -> usize {
        choose_run(manifest, Offset(stable), policy, now_ms).map_or(0, |run| run.segments.len())
    }

    #[test]
    fn a_run_begins_when_half_is_new_and_ends_below_the_last_stable_offset() {
        let log = manifest(&[(0, 100), (0, 50), (0, 49)], 10);
        assert_eq!(count(&log, 30, POLICY, 0), 0, "99 of 199");
        let log = manifest(&[(0, 99), (0, 50), (0, 49)], 10);
        assert_eq!(count(&log, 30, POLICY, 0), 3);
        assert_eq!(count(&log, 29, POLICY, 0), 0, "50 of 149");
        assert_eq!(count(&manifest(&[(0, 9)], 10), 10, POLICY, 0), 0, "nothing is new");
        assert_eq!(count(&manifest(&[], 0), 0, POLICY, 0), 0);
    }

    #[test]
    fn records_wait_for_the_least_lag_and_never_longer_than_the_longest() {
        let log = manifest(&[(0, 1), (500, 1)], 0);
        let lag = CompactionPolicy { min_lag_ms: 300, ..POLICY };
        assert_eq!((count(&log, 20, lag, 299), count(&log, 20, lag, 300), count(&log, 20, lag, 800)), (0, 1, 2));
        let log = manifest(&[(0, 1000), (500, 1)], 10);
        let long = CompactionPolicy { max_lag_ms: 300, ..POLICY };
        assert_eq!((count(&log, 20, long, 800), count(&log, 20, long, 801)), (0, 2));
    }

    #[test]
    fn segments_are_grouped_up_to_the_size_of_one() {
        let log = manifest(&[(0, 40), (0, 40), (0, 40), (0, 500), (0, 1)], 0);
        let mut rest = log.segments.as_slice();
        let mut sizes = Vec::new();
        while let Some(group) = take_group(&mut rest, 100) {
            sizes.push(group.len());
        }
        assert_eq!(sizes, [2, 1, 1, 1]);
    }

    #[test]
    fn what_has_changed_meanwhile_is_not_replaced() {
        let log = manifest(&[(0, 1), (0, 1), (0, 1)], 0);
        let group = &log.segments[1..];
        let mut one = log.segments[1];
        one.part.end_offset = Offset(30);
        one.name = SegmentName::Own { leader_epoch: 2, base_offset: 10, id: Uuid::from_u128(9) };
        let next = replaced(&log, group, Some(one), Some(Offset(30))).unwrap();
        assert_eq!((next.segments.len(), next.cleaned_to, next.check()), (2, Offset(30), Ok(())));
        let trimmed = broker_log::retention::trimmed(&log, Offset(20)).unwrap();
        assert_eq!(replaced(&trimmed, group, Some(one), None), None);
        assert_eq!(replaced(&next, group, Some(one), None), None);
    }
}
