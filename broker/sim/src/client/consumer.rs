//! Consumers: read partitions from the start on, and hold what they see against what others saw.

use std::collections::BTreeSet;
use std::time::Duration;

use broker_engine::{
    FetchError, FetchOutcome, FetchPartition, FetchRequest, Isolation, LeaderHint, PartitionError, TopicRef,
};
use uuid::Uuid;

use super::{Client, KnownLeader, Seen, decode};
use crate::invariant::Invariant;

/// One consumer of one partition.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// How it reaches brokers.
    pub client: Client,
    /// What it reads.
    pub topic: Uuid,
    /// The partition of it.
    pub partition: i32,
    /// What it wants to see of transactions.
    pub isolation: Isolation,
    /// Where it is, if it says so: then others than the leader may serve it.
    pub zone: Option<String>,
}

/// What one fetch brought.
#[derive(Clone, Debug)]
pub struct Read {
    /// Records at or beyond the offset asked for.
    pub records: Vec<Seen>,
    /// The high watermark.
    pub high_watermark: i64,
    /// The last stable offset.
    pub last_stable_offset: i64,
    /// The log's start.
    pub log_start: i64,
    /// Where aborted transactions begin, by producer.
    pub aborted: Vec<(i64, i64)>,
    /// Who is to be asked instead.
    pub preferred: Option<i32>,
}

impl Read {
    /// What is left when the records of aborted transactions are taken out, as clients do it, and markers.
    pub fn committed(&self) -> impl Iterator<Item = &Seen> {
        let mut aborting = BTreeSet::new();
        self.records.iter().filter(move |seen| {
            let begun = self.aborted.iter().filter(|(_, first)| *first <= seen.offset);
            if seen.is_control {
                aborting.insert((seen.producer_id, seen.offset));
                return false;
            }
            // A marker ends what began before it.
            let ended = |first: i64| aborting.iter().any(|(id, at)| *id == seen.producer_id && first < *at);
            let is_aborted = begun.into_iter().any(|(id, first)| *id == seen.producer_id && !ended(*first));
            !(seen.is_transactional && is_aborted)
        })
    }
}

impl Consumer {
    /// Reads until the work is over.
    pub async fn run(self, until: Duration) {
        let core = self.client.core.clone();
        let mut next = 0;
        let mut leader = None;
        while core.clock.now() < until {
            if core.random().per_mille(5) {
                // Another consumer begins where the log does.
                next = 0;
            }
            let Some(known) = leader else {
                leader = self.client.find_leader(self.topic, self.partition).await;
                self.client.pause(50, 400).await;
                continue;
            };
            let wait = core.random().millis(0, 800);
            match self.fetch(known, next, wait).await {
                Some(Ok(read)) => {
                    if let Some(node_id) = read.preferred {
                        let hint = LeaderHint { node_id, leader_epoch: known.leader_epoch };
                        leader = self.client.follow(hint).await;
                    }
                    next = self.take(next, read);
                    self.client.pause(0, 300).await;
                }
                Some(Err(FetchError::OffsetOutOfRange { log_start_offset, high_watermark })) => {
                    next = self.out_of_range(next, log_start_offset, high_watermark);
                    leader = None;
                }
                Some(Err(_)) | None => leader = None,
            }
        }
    }

    /// One fetch; none when nothing came back.
    pub async fn fetch(
        &self,
        leader: KnownLeader,
        offset: i64,
        max_wait: Duration,
    ) -> Option<Result<Read, FetchError>> {
        let request = FetchRequest {
            max_wait,
            min_bytes: 1,
            max_bytes: 4 << 20,
            isolation: self.isolation,
            zone: self.zone.clone(),
            partitions: vec![FetchPartition {
                topic: TopicRef::Id(self.topic),
                partition: self.partition,
                current_leader_epoch: Some(leader.leader_epoch),
                offset,
                max_bytes: 1 << 20,
            }],
        };
        let patience = max_wait + Duration::from_secs(10);
        let mut outcomes =
            self.client.ask(leader.slot, patience, |engine| async move { engine.fetch(request).await }).await?;
        let outcome: FetchOutcome = outcomes.pop()?;
        let fetched = match outcome {
            Ok(fetched) => fetched,
            Err(error) => return Some(Err(error)),
        };
        match decode(&fetched.records) {
            Ok(records) => Some(Ok(Read {
                records: records.into_iter().filter(|seen| seen.offset >= offset).collect(),
                high_watermark: fetched.high_watermark,
                last_stable_offset: fetched.last_stable_offset,
                log_start: fetched.log_start_offset,
                preferred: fetched.preferred_reader,
                aborted: fetched.aborted.iter().map(|one| (one.producer_id.0, one.first_offset.0)).collect(),
            })),
            Err(problem) => {
                let problem = format!("a consumer got damaged bytes: {problem}");
                self.client.core.violated(Invariant::VisibleNeverVanishes, problem);
                Some(Err(FetchError::Partition(PartitionError::Corrupt)))
            }
        }
    }

    /// Notes what was read; the next offset.
    fn take(&self, from: i64, read: Read) -> i64 {
        let core = &self.client.core;
        let place = (self.topic, self.partition);
        let mut next = from;
        if self.isolation == Isolation::ReadCommitted {
            let stable = read.records.last().is_none_or(|last| last.offset < read.last_stable_offset);
            let committed = read.committed().filter_map(|seen| seen.value.as_deref());
            let problems: Vec<_> = committed.filter_map(|value| core.ledger().transactions.seen(value)).collect();
            for (invariant, problem) in problems {
                core.violated(invariant, format!("{place:?}: {problem}"));
            }
            if !stable {
                let problem = format!("{place:?}: records beyond {} are shown", read.last_stable_offset);
                core.violated(Invariant::ReadCommittedSeesNoAborted, problem);
            }
        }
        for seen in read.records {
            if seen.offset != next {
                let problem = format!("{place:?}: offset {} follows {}", seen.offset, next - 1);
                core.violated(Invariant::OffsetsAreDenseAndUnique, problem);
            }
            if seen.offset >= read.high_watermark {
                let problem = format!("{place:?}: offset {} is shown beyond {}", seen.offset, read.high_watermark);
                core.violated(Invariant::VisibleNeverVanishes, problem);
            }
            next = seen.offset + 1;
            let value = seen.value.unwrap_or_else(|| "(marker)".to_owned());
            let noted = core.ledger().see(place, seen.offset, &value);
            if let Err(problem) = noted {
                core.violated(Invariant::VisibleNeverVanishes, problem);
            }
        }
        core.happened(&[4, u64::try_from(next).unwrap_or(0)]);
        next
    }

    /// Where to go on after an offset is not there; a violation where it must be.
    fn out_of_range(&self, offset: i64, log_start: i64, high_watermark: i64) -> i64 {
        let place = (self.topic, self.partition);
        let trimmed = self.client.core.ledger().trimmed.get(&place).copied().unwrap_or(0);
        if offset > high_watermark {
            let problem = format!("{place:?}: offset {offset} was read up to, and the log ends at {high_watermark}");
            self.client.core.violated(Invariant::VisibleNeverVanishes, problem);
        } else if offset < log_start && log_start > trimmed {
            let problem = format!("{place:?}: the log begins at {log_start}, nothing beyond {trimmed} may be gone");
            self.client.core.violated(Invariant::VisibleNeverVanishes, problem);
        }
        log_start
    }
}
