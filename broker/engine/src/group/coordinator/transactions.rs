//! Offsets that are committed in transactions.
//!
//! Invariant: they become visible, all of a transaction at once, when the transaction's commit marker is durable, and never
//! where it was aborted. Where another commit of the same offset stands later in the log, that one stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, MutexGuard, PoisonError};

use broker_record::{
    Attributes, Batch, BatchBuilder, ControlRecord, MarkerKind, NO_SEQUENCE, Offset, ProducerEpoch, ProducerId,
};
use tracing::error;
use uuid::Uuid;

use super::log::Write;
use super::{Commit, Committer, Coordinator, Entry};
use crate::group::api::{GroupError, OffsetCommitError};
use crate::group::record::{Key, OffsetRecord};
use crate::limits::{OFFSET_COMMIT_WAIT_MAX, TRANSACTIONAL_OFFSETS_MAX};
use crate::log::{ReadError, Ticket};
use crate::topic::{Partition, Placed, ProducerIdentity};
use crate::txn::{TransactionError, TransactionalCommitError};

/// Offsets of transactions that have not ended, by producer, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct Transactional {
    open: BTreeMap<ProducerId, Vec<Part>>,
}

/// What one batch commits.
#[derive(Debug)]
struct Part {
    base: Offset,
    writes: Vec<Write>,
}

impl Transactional {
    fn wrote(&mut self, producer_id: ProducerId, part: Part) {
        self.open.entry(producer_id).or_default().push(part);
    }

    /// What the transaction that ends at `marker` has written.
    fn ended(&mut self, producer_id: ProducerId, marker: Offset) -> Vec<Part> {
        let Some(parts) = self.open.remove(&producer_id) else { return Vec::new() };
        let (ended, open): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.base < marker);
        if !open.is_empty() {
            self.open.insert(producer_id, open);
        }
        ended
    }

    /// Offsets of transactions that have not ended.
    fn len(&self) -> usize {
        self.open.values().flatten().map(|part| part.writes.len()).sum()
    }

    fn holds(&self, group: &str, wanted: (Uuid, i32)) -> bool {
        let is_wanted = |(key, _): &Write| match key {
            Key::Offset { group: known, topic, partition } => known == group && (*topic, *partition) == wanted,
            Key::Group { .. } => false,
        };
        self.open.values().flatten().flat_map(|part| &part.writes).any(is_wanted)
    }

    /// Takes a transactional batch of the log into account: offsets, or the marker that ends their transaction.
    pub(super) fn replay(
        &mut self,
        batch: &Batch,
        entries: &mut BTreeMap<String, Entry>,
        held: &Arc<AtomicUsize>,
    ) -> Result<(), ReadError> {
        let header = batch.header();
        let mut writes = Vec::new();
        for record in batch.records().map_err(|_| ReadError::Corrupt)? {
            let record = record.map_err(|_| ReadError::Corrupt)?;
            if header.attributes.is_control() {
                if let Some(control) = ControlRecord::parse(&record) {
                    for part in self.ended(header.producer_id, header.base_offset) {
                        part.take_effect(control.kind, entries, held);
                    }
                }
            } else if let Some(key) = record.key.as_deref().and_then(|key| Key::decode(key).ok()) {
                writes.push((key, record.value.map(|value| value.to_vec())));
            } else {
                error!(offset = %record.offset, "a record of the group log has no key that is understood");
                return Err(ReadError::Corrupt);
            }
        }
        if !writes.is_empty() {
            self.wrote(header.producer_id, Part { base: header.base_offset, writes });
        }
        Ok(())
    }
}

impl Part {
    /// The groups that have other offsets now.
    fn take_effect(
        self,
        kind: MarkerKind,
        entries: &mut BTreeMap<String, Entry>,
        held: &Arc<AtomicUsize>,
    ) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        if kind == MarkerKind::Abort {
            return touched;
        }
        for (place, (key, value)) in (self.base.0..).map(Offset).zip(self.writes) {
            let Key::Offset { group, topic, partition } = key else { continue };
            let entry = entries.entry(group.clone()).or_insert_with(|| Entry::new(held));
            entry.take_over((topic, partition), place, value.as_deref());
            touched.insert(group);
        }
        touched
    }
}

impl Coordinator {
    /// The partition that holds the groups.
    pub(crate) fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Writes offsets that count when their transaction is committed; answered when they are durable. Whether the
    /// transaction is open, whoever calls this has made sure of.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer only.
    pub(crate) async fn commit_transactional(
        &self,
        who: &Committer,
        producer: ProducerIdentity,
        commits: Vec<Commit>,
    ) -> Result<(), TransactionalCommitError> {
        if who.generation >= 0 || !who.member_id.is_empty() {
            self.may_commit(&mut self.state(), who).map_err(OffsetCommitError::Group)?;
        }
        if commits.is_empty() {
            return Ok(());
        }
        let commit_ms = self.tools.clock.stamp_ms();
        let writes: Vec<Write> = commits
            .into_iter()
            .map(|commit| {
                let key = Key::Offset { group: who.group.clone(), topic: commit.topic, partition: commit.partition };
                let Commit { offset, leader_epoch, metadata, .. } = commit;
                (key, Some(OffsetRecord { offset, leader_epoch, metadata, commit_ms }.encode()))
            })
            .collect();
        self.check_offsets_room(&self.state(), &who.group, &writes).map_err(OffsetCommitError::Group)?;
        let written = self.write_transactional(producer, writes);
        match tokio::time::timeout(OFFSET_COMMIT_WAIT_MAX, written).await {
            Ok(written) => written,
            Err(_) => Err(OffsetCommitError::TimedOut.into()),
        }
    }

    async fn write_transactional(
        &self,
        producer: ProducerIdentity,
        writes: Vec<Write>,
    ) -> Result<(), TransactionalCommitError> {
        let resigned = || OffsetCommitError::Group(GroupError::NotCoordinator);
        let (producer_id, epoch) = (ProducerId(producer.producer_id), ProducerEpoch(producer.epoch));
        let mut batch = BatchBuilder::new(self.tools.env.wall_ms())
            .attributes(Attributes::default().with_transactional())
            .producer(producer_id, epoch, NO_SEQUENCE);
        for (key, value) in &writes {
            batch.push(Some(&key.encode()), value.as_deref());
        }
        let batch = batch.build();
        let reserved = self.tools.memory.reserve(batch.bytes().len()).await.ok_or_else(resigned)?;
        let mut ticket: Ticket = {
            // Whoever reads the marker finds what stands before it: both happen under this lock.
            let mut transactional = self.transactional();
            if transactional.len().saturating_add(writes.len()) > TRANSACTIONAL_OFFSETS_MAX {
                return Err(TransactionError::Concurrent.into());
            }
            match self.partition.append(&batch, &self.tools.wal, reserved) {
                Ok(Placed::At(base, ticket)) => {
                    transactional.wrote(producer_id, Part { base, writes });
                    ticket
                }
                // A marker came in between: the transaction's coordinator is asked again.
                Ok(Placed::Unverified) => return Err(TransactionError::Concurrent.into()),
                Ok(Placed::Fenced) => return Err(TransactionError::ProducerFenced.into()),
                Ok(Placed::Before(_) | Placed::OutOfOrder) | Err(_) => return Err(resigned().into()),
            }
        };
        ticket.wait_for(|durable| *durable).await.map(drop).map_err(|_| resigned().into())
    }

    /// A producer's transaction has ended by a marker that is durable.
    pub(crate) fn transaction_ended(&self, producer_id: ProducerId, kind: MarkerKind, marker: Offset) {
        let ended = self.transactional().ended(producer_id, marker);
        let mut state = self.state();
        for part in ended {
            for group in part.take_effect(kind, &mut state.groups, &self.tools.held) {
                state.settle(&group);
            }
        }
    }

    /// Whether a transaction that has not ended may replace an offset.
    pub(crate) fn is_unstable(&self, group: &str, partition: (Uuid, i32)) -> bool {
        self.transactional().holds(group, partition)
    }

    fn transactional(&self) -> MutexGuard<'_, Transactional> {
        self.transactional.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
