//! Log compaction (`cleanup.policy=compact`): which records of a partition stay. Pure.
//!
//! Two passes over the batches below the last stable offset. The first notes the latest offset of every key
//! ([`LatestKeys`]), the second ([`Compaction`]) is shown every batch from the log's start on and says what stays of it:
//!
//! * of records with the same key the last one; of an aborted transaction none; of records without a key none;
//! * tombstones, and markers of transactions of which no record is left, for `delete.retention.ms` after a pass first met
//!   them so: the time is written into the batch (Kafka's delete horizon, KIP-534), so that no later pass depends on when
//!   earlier ones ran;
//! * a batch that cannot be unpacked as it is: what is not understood is not removed.
//!
//! A batch of which something stays keeps its offsets, its producer and its sequence numbers. Times and offsets are `i64`
//! throughout. Source: Kafka's `LogCleaner` and `MemoryRecords.filterTo`.

use std::collections::{BTreeMap, BTreeSet};

use broker_record::{Batch, ControlRecord, Offset, ProducerId, Record};

use crate::limits::{COMPACTION_KEY_OVERHEAD_BYTES, UNPACKED_BATCH_BYTES_MAX};
use crate::producers::AbortedTransaction;

/// The latest offset of every key, within a bound of memory.
#[derive(Debug)]
pub struct LatestKeys {
    latest: BTreeMap<Box<[u8]>, Offset>,
    bytes: usize,
    bytes_max: usize,
}

/// No more keys fit: compaction ends before the batch that did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Aborted transactions by producer, in order of offset.
#[derive(Clone, Debug, Default)]
pub struct Aborted {
    by_producer: BTreeMap<ProducerId, BTreeMap<Offset, Offset>>,
}

/// The second pass.
#[derive(Debug)]
pub struct Compaction<'a> {
    latest: &'a LatestKeys,
    aborted: &'a Aborted,
    now_ms: i64,
    delete_retention_ms: i64,
    /// Producers of whose transaction a batch was met, and not yet its marker.
    open: BTreeSet<ProducerId>,
}

/// What stays of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// All of it, byte for byte.
    Whole,
    /// Some of its records, or all with a delete horizon.
    Rewritten(Batch),
    /// Nothing.
    Nothing,
}

impl Aborted {
    /// The transactions that a manifest names.
    #[must_use]
    pub fn new(transactions: &[AbortedTransaction]) -> Self {
        let mut aborted = Self::default();
        for one in transactions {
            aborted.by_producer.entry(one.producer_id).or_default().insert(one.first_offset, one.last_offset);
        }
        aborted
    }

    /// Whether a batch holds records of an aborted transaction.
    fn holds(&self, batch: &Batch) -> bool {
        let header = batch.header();
        if !header.attributes.is_transactional() || header.attributes.is_control() {
            return false;
        }
        let Some(transactions) = self.by_producer.get(&header.producer_id) else { return false };
        let before = transactions.range(..=header.base_offset).next_back();
        before.is_some_and(|(_, marker)| header.last_offset() < *marker)
    }
}

impl LatestKeys {
    /// No keys yet, and room for about `bytes_max` bytes of them.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { latest: BTreeMap::new(), bytes: 0, bytes_max }
    }

    /// Whether there is no key: then nothing is superseded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Notes the keys of a batch; batches come in order of offset.
    ///
    /// # Errors
    /// [`Full`]; keys of the batch that did fit are noted, which is harmless: they are in the log, later than what they
    /// supersede.
    pub fn note(&mut self, batch: &Batch, aborted: &Aborted) -> Result<(), Full> {
        if batch.header().attributes.is_control() || aborted.holds(batch) {
            return Ok(());
        }
        let Ok(records) = batch.unpack(UNPACKED_BATCH_BYTES_MAX) else { return Ok(()) };
        for record in records {
            let Some(key) = record.key else { continue };
            if let Some(latest) = self.latest.get_mut(key.as_ref()) {
                *latest = record.offset;
                continue;
            }
            let bytes = key.len().saturating_add(COMPACTION_KEY_OVERHEAD_BYTES);
            // One key always fits: a pass that gets nowhere would be repeated for ever.
            if self.bytes.saturating_add(bytes) > self.bytes_max && !self.latest.is_empty() {
                return Err(Full);
            }
            self.bytes = self.bytes.saturating_add(bytes);
            self.latest.insert(Box::from(key.as_ref()), record.offset);
        }
        Ok(())
    }

    fn is_superseded(&self, key: &[u8], offset: Offset) -> bool {
        self.latest.get(key).is_some_and(|latest| offset < *latest)
    }
}

impl<'a> Compaction<'a> {
    /// A pass that happens at `now_ms` (since 1970, by a clock that is trusted).
    #[must_use]
    pub fn new(latest: &'a LatestKeys, aborted: &'a Aborted, now_ms: i64, delete_retention_ms: i64) -> Self {
        Self { latest, aborted, now_ms, delete_retention_ms, open: BTreeSet::new() }
    }

    /// What stays of the next batch; batches come in order of offset, from the log's start on.
    pub fn clean(&mut self, batch: &Batch) -> Cleaned {
        let header = batch.header();
        if header.attributes.is_control() {
            return self.clean_control(batch);
        }
        if header.attributes.is_transactional() {
            self.open.insert(header.producer_id);
        }
        if self.aborted.holds(batch) {
            return Cleaned::Nothing;
        }
        let Ok(records) = batch.unpack(UNPACKED_BATCH_BYTES_MAX) else { return Cleaned::Whole };
        let horizon = batch.delete_horizon_ms();
        let is_over = horizon.is_some_and(|horizon| self.now_ms >= horizon);
        let stays = |record: &Record| match (&record.key, &record.value) {
            (None, _) => false,
            (Some(key), value) => !self.latest.is_superseded(key, record.offset) && (value.is_some() || !is_over),
        };
        let count = records.len();
        let kept: Vec<Record> = records.into_iter().filter(stays).collect();
        if kept.is_empty() {
            return Cleaned::Nothing;
        }
        let has_tombstones = kept.iter().any(|record| record.value.is_none());
        let begins = horizon.is_none() && has_tombstones;
        if kept.len() == count && !begins {
            return Cleaned::Whole;
        }
        self.rewrite(batch, &kept, if begins { Some(self.horizon()) } else { horizon })
    }

    /// A marker stays as long as its transaction has records, and a while longer.
    fn clean_control(&mut self, batch: &Batch) -> Cleaned {
        let Ok(records) = batch.unpack(UNPACKED_BATCH_BYTES_MAX) else { return Cleaned::Whole };
        if !records.iter().all(|record| ControlRecord::parse(record).is_some()) {
            return Cleaned::Whole;
        }
        if self.open.remove(&batch.header().producer_id) {
            return Cleaned::Whole;
        }
        match batch.delete_horizon_ms() {
            Some(horizon) if self.now_ms >= horizon => Cleaned::Nothing,
            Some(_) => Cleaned::Whole,
            None => self.rewrite(batch, &records, Some(self.horizon())),
        }
    }

    fn horizon(&self) -> i64 {
        self.now_ms.saturating_add(self.delete_retention_ms)
    }

    fn rewrite(&self, batch: &Batch, records: &[Record], horizon: Option<i64>) -> Cleaned {
        // What cannot be packed again stays as it was.
        batch.with_records(records, horizon).map_or(Cleaned::Whole, Cleaned::Rewritten)
    }
}
