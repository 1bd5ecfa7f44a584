//! Retention (`retention.ms`, `retention.bytes`, `DeleteRecords`): where a partition's log begins. Pure.
//!
//! Whole segments expire, oldest first, as in Kafka: by time when their latest record is too old, by size while the rest is
//! still at least as large as allowed. What expires is forgotten by the next manifest version; the objects go later.

use broker_record::Offset;

use crate::manifest::{Manifest, SegmentEntry, SegmentName};

/// How long records are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Milliseconds after the latest record of a segment; none is for ever.
    pub time_ms: Option<i64>,
    /// Bytes of the partition; none is without bound.
    pub bytes: Option<u64>,
}

/// Where the log begins after what has expired: never before where it begins now.
///
/// `now_ms` comes from a clock that is trusted; none, and nothing expires by time. `tail_bytes` are those that are not in
/// segments yet.
#[must_use]
pub fn expired(manifest: &Manifest, policy: RetentionPolicy, now_ms: Option<i64>, tail_bytes: u64) -> Offset {
    let mut start = manifest.log_start;
    let mut bytes = manifest.bytes().saturating_add(tail_bytes);
    for segment in &manifest.segments {
        let length = segment.part.length;
        let is_below = segment.part.end_offset <= manifest.log_start;
        let is_old = match (policy.time_ms, now_ms) {
            (Some(time_ms), Some(now_ms)) => now_ms.saturating_sub(latest_ms(segment)) > time_ms,
            _ => false,
        };
        let is_too_much = policy.bytes.is_some_and(|max| bytes.saturating_sub(length) >= max && bytes > max);
        if !(is_below || is_old || is_too_much) {
            break;
        }
        start = start.max(segment.part.end_offset);
        bytes = bytes.saturating_sub(length);
    }
    start
}

/// The manifest of a log that begins at `start`, or later where it does already; none where nothing changes.
///
/// `start` may lie inside a segment, which stays, and not beyond what is folded.
#[must_use]
pub fn trimmed(manifest: &Manifest, start: Offset) -> Option<Manifest> {
    let start = start.min(manifest.folded_to).max(manifest.log_start);
    let gone = manifest.segment_at(start);
    if start == manifest.log_start && gone == 0 {
        return None;
    }
    let mut trimmed = manifest.clone();
    trimmed.log_start = start;
    trimmed.segments.drain(..gone);
    // The epoch that the first record has stays, whatever became of where it began.
    let begun = trimmed.epochs.partition_point(|epoch| epoch.start <= start);
    trimmed.epochs.drain(..begun.saturating_sub(1));
    trimmed.producers.aborted.retain(|transaction| transaction.last_offset >= start);
    Some(trimmed)
}

/// The objects that one version names and a later one does not.
#[must_use]
pub fn no_longer_named(before: &Manifest, after: &Manifest) -> Vec<SegmentName> {
    let mut gone: Vec<SegmentName> = before.segments.iter().map(|segment| segment.name).collect();
    gone.sort_unstable();
    gone.dedup();
    gone.retain(|name| !after.segments.iter().any(|segment| segment.name == *name));
    gone
}

/// The time of a segment's latest record; where none has a time, that of the segment.
fn latest_ms(segment: &SegmentEntry) -> i64 {
    if segment.part.max_timestamp >= 0 { segment.part.max_timestamp } else { segment.written_ms }
}

#[cfg(test)]
mod tests {
    use broker_record::LeaderEpoch;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::manifest::EpochStart;
    use crate::producers::AbortedTransaction;
    use crate::segment::SegmentPart;
    use broker_record::ProducerId;

    /// Segments of ten offsets each, by their latest time and length.
    fn manifest(segments: &[(i64, u64)]) -> Manifest {
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
            written_ms: 500,
        };
        let segments: Vec<SegmentEntry> = (0..).zip(segments).map(entry).collect();
        let folded_to = segments.last().map_or(Offset(0), |last| last.part.end_offset);
        let epoch = |leader_epoch, start| EpochStart { leader_epoch: LeaderEpoch(leader_epoch), start: Offset(start) };
        let epochs = if segments.is_empty() { vec![] } else { vec![epoch(1, 0), epoch(3, 15)] };
        Manifest { folded_to, segments, epochs, ..Manifest::default() }
    }

    fn time(time_ms: i64) -> RetentionPolicy {
        RetentionPolicy { time_ms: Some(time_ms), bytes: None }
    }

    fn size(bytes: u64) -> RetentionPolicy {
        RetentionPolicy { time_ms: None, bytes: Some(bytes) }
    }

    #[test]
    fn segments_expire_by_the_time_of_their_latest_record_oldest_first() {
        let log = manifest(&[(100, 1), (900, 1), (200, 1)]);
        assert_eq!(expired(&log, time(300), Some(400), 0), Offset(0), "not older than allowed");
        assert_eq!(expired(&log, time(300), Some(401), 0), Offset(10));
        assert_eq!(expired(&log, time(300), Some(1000), 0), Offset(10), "behind one that stays");
        assert_eq!(expired(&log, time(300), Some(1201), 0), Offset(30));
        assert_eq!(expired(&log, time(300), None, 0), Offset(0), "no time, no expiry");
        assert_eq!(expired(&manifest(&[(-1, 1)]), time(300), Some(801), 0), Offset(10), "by when it was written");
        assert_eq!(expired(&manifest(&[(i64::MAX, 1)]), time(0), Some(i64::MIN), 0), Offset(0));
        assert_eq!(expired(&manifest(&[(5, 1)]), time(i64::MAX), Some(i64::MAX), 0), Offset(0));
    }

    #[test]
    fn segments_expire_by_size_while_enough_is_left() {
        let log = manifest(&[(0, 5), (0, 5), (0, 5)]);
        assert_eq!(expired(&log, size(15), None, 0), Offset(0));
        assert_eq!(expired(&log, size(11), None, 0), Offset(0), "what is left would be too little");
        assert_eq!(expired(&log, size(10), None, 0), Offset(10));
        assert_eq!(expired(&log, size(10), None, 5), Offset(20), "what is not folded yet counts");
        assert_eq!(expired(&log, size(0), None, 0), Offset(30));
    }

    #[test]
    fn a_log_that_begins_inside_a_segment_keeps_that_segment_its_epoch_and_its_transactions() {
        let mut log = manifest(&[(0, 5), (0, 5), (0, 5)]);
        let aborted = |first: i64, last: i64| AbortedTransaction {
            producer_id: ProducerId(1),
            first_offset: Offset(first),
            last_offset: Offset(last),
        };
        log.producers.aborted = vec![aborted(2, 5), aborted(7, 12), aborted(13, 25)];
        let after = trimmed(&log, Offset(12)).unwrap();
        assert_eq!((after.log_start, after.segments.len(), after.check()), (Offset(12), 2, Ok(())));
        assert_eq!(after.epochs, log.epochs, "offset 12 is of the first epoch");
        assert_eq!(after.producers.aborted, [aborted(7, 12), aborted(13, 25)]);
        assert_eq!(no_longer_named(&log, &after), [log.segments[0].name]);
        assert_eq!(trimmed(&after, Offset(12)), None);
        let after = trimmed(&after, Offset(99)).unwrap();
        assert_eq!((after.log_start, after.segments.len(), after.check()), (Offset(30), 0, Ok(())));
        assert_eq!(after.epochs, [log.epochs[1]]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_manifest_that_fits_together(
            segments in prop::collection::vec((-1_i64..1000, 0_u64..100), 0..8),
            (start, now, tail) in (0_i64..100, 0_i64..3000, 0_u64..100),
            (time_ms, bytes) in (prop::option::of(0_i64..1000), prop::option::of(0_u64..500)),
        ) {
            let log = manifest(&segments);
            let log = trimmed(&log, Offset(start)).unwrap_or(log);
            let begins = expired(&log, RetentionPolicy { time_ms, bytes }, Some(now), tail);
            prop_assert!(begins >= log.log_start && begins <= log.folded_to);
            let after = trimmed(&log, begins).unwrap_or_else(|| log.clone());
            prop_assert_eq!(after.check(), Ok(()));
            prop_assert!(after.segments.iter().all(|segment| segment.part.end_offset > after.log_start));
            if let (Some(bytes), true) = (bytes, after.bytes() < log.bytes()) {
                let oldest_time = time_ms.is_some_and(|time_ms| {
                    log.segments.iter().any(|one| now - latest_ms(one) > time_ms)
                });
                prop_assert!(oldest_time || after.bytes() + tail >= bytes, "no more than needed");
            }
        }
    }
}
