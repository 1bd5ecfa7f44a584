//! The leader's side: where the records of its partitions lie, and how far they have come.

use std::time::Duration;

use broker_record::Offset;
use tokio::time::{Instant, timeout_at};

use super::message::{Look, LookAt, Looked, Seen, SeenPlace, Watch};
use crate::life::Life;
use crate::limits::{LOOK_ABORTED_MAX, LOOK_PARTITION_PLACES_MAX, LOOK_PLACES_MAX, WATCH_WAIT_MAX};
use crate::topic::{Isolation, Onlooker, PartitionId};

/// What an answer has room for.
struct Room {
    places: usize,
    aborted: usize,
}

impl Life {
    /// Tells another broker where to read; none where it takes this one for another incarnation.
    pub(crate) fn answer_look(&self, look: &Look) -> Option<Looked> {
        if look.leader != self.id || self.cancel.is_cancelled() {
            return None;
        }
        let isolation = if look.committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
        let mut room = Room { places: LOOK_PLACES_MAX, aborted: LOOK_ABORTED_MAX };
        let partitions = look.partitions.iter().map(|at| self.look_at(at, isolation, &mut room)).collect();
        // After looking: what was seen is acknowledged.
        Some(Looked { wal_seq: self.wal.acknowledged(), partitions })
    }

    fn look_at(&self, at: &LookAt, isolation: Isolation, room: &mut Room) -> Option<Seen> {
        let partition = self.serving_now(PartitionId { topic: at.topic, partition: at.partition })?;
        let bytes_max = usize::try_from(at.bytes_max).unwrap_or(usize::MAX);
        let onlooker = Onlooker::Elsewhere { places_max: room.places.min(LOOK_PARTITION_PLACES_MAX) };
        let offset = Offset(at.offset);
        let stand = partition.stand()?;
        // What has become durable since is seen by the next question.
        let mut view = partition.view_for(onlooker, offset, bytes_max, isolation).ok()?;
        let mut end = Offset(match isolation {
            Isolation::ReadUncommitted => stand.high_watermark,
            Isolation::ReadCommitted => stand.last_stable_offset,
        });
        view.aborted.sort_by_key(|aborted| aborted.first_offset);
        if let Some(beyond) = view.aborted.get(room.aborted) {
            // Those that are told of are all that begin below it.
            end = end.min(beyond.first_offset);
            view.aborted.truncate(room.aborted);
        }
        if offset >= end {
            view.places.clear();
            view.aborted.clear();
        }
        room.places = room.places.saturating_sub(view.places.len());
        room.aborted = room.aborted.saturating_sub(view.aborted.len());
        let aborted = view.aborted.iter().map(|one| (one.producer_id.0, one.first_offset.0, one.last_offset.0));
        Some(Seen {
            stand,
            log_start: view.log_start.0,
            end: end.0,
            places: view.places.iter().map(SeenPlace::of).collect(),
            aborted: aborted.collect(),
        })
    }

    /// Waits until one of the partitions is not as another broker knows it: the numbers of those that are not, in the
    /// question; none where it takes this one for another incarnation.
    pub(crate) async fn answer_watch(&self, watch: &Watch) -> Option<Vec<u32>> {
        if watch.leader != self.id {
            return None;
        }
        let deadline = Instant::now() + Duration::from_millis(watch.wait_ms).min(WATCH_WAIT_MAX);
        let waiter = self.waiters.waiter();
        loop {
            if self.cancel.is_cancelled() {
                return None;
            }
            let is_changed = |(topic, partition, known): &(_, _, _)| {
                let id = PartitionId { topic: *topic, partition: *partition };
                let Some(partition) = self.serving_now(id) else { return true };
                // Before looking: a change after the look wakes.
                partition.wake_at_change(&waiter);
                partition.stand() != Some(*known)
            };
            let numbered = (0_u32..).zip(&watch.partitions);
            let changed: Vec<u32> = numbered.filter(|(_, one)| is_changed(one)).map(|(number, _)| number).collect();
            if !changed.is_empty() || Instant::now() >= deadline {
                return Some(changed);
            }
            let _woken = timeout_at(deadline, waiter.woken()).await;
        }
    }
}
