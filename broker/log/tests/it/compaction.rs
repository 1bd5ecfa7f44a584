//! Compaction against a simple model: a list of records.

use std::collections::{BTreeMap, BTreeSet};

use broker_log::AbortedTransaction;
use broker_log::compaction::{Aborted, Cleaned, Compaction, LatestKeys};
use broker_record::{
    Attributes, Batch, BatchBuilder, Compression, ControlRecord, LeaderEpoch, MarkerKind, Offset, ProducerEpoch,
    ProducerId,
};
use proptest::prelude::*;

const RETENTION_MS: i64 = 1000;

/// Key and value of a record; the key is one of a few.
type Fields = (Option<u8>, Option<u8>);

#[derive(Clone, Debug)]
enum Step {
    Plain(Compression, Vec<Fields>),
    Transactional(u8, Vec<Fields>),
    End(u8, bool),
}

fn fields() -> impl Strategy<Value = Vec<Fields>> {
    let key = prop::option::weighted(0.95, 0_u8..6);
    prop::collection::vec((key, prop::option::weighted(0.7, any::<u8>())), 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    let codec = prop::sample::select(vec![
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ]);
    prop_oneof![
        4 => (codec, fields()).prop_map(|(codec, records)| Step::Plain(codec, records)),
        3 => (0_u8..2, fields()).prop_map(|(producer, records)| Step::Transactional(producer, records)),
        2 => (0_u8..2, any::<bool>()).prop_map(|(producer, commit)| Step::End(producer, commit)),
    ]
}

/// A record as a reader sees it: offset, key, value.
type Seen = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

#[derive(Default)]
struct Log {
    batches: Vec<Batch>,
    next: i64,
    sequences: BTreeMap<u8, i32>,
    open: BTreeMap<u8, i64>,
    aborted: Vec<AbortedTransaction>,
}

impl Log {
    fn push(&mut self, batch: Batch) {
        let mut bytes = batch.place(Offset(self.next), LeaderEpoch(3)).to_bytes();
        let placed = Batch::take(&mut bytes).unwrap();
        self.next = placed.header().next_offset().0;
        self.batches.push(placed);
    }

    fn append(&mut self, step: &Step) {
        match step {
            Step::Plain(codec, records) => {
                let batch = build(BatchBuilder::new(50), records);
                self.push(packed(&batch, *codec));
            }
            Step::Transactional(producer, records) => {
                let sequence = self.sequences.entry(*producer).or_default();
                let id = ProducerId(i64::from(*producer));
                let builder = BatchBuilder::new(50).producer(id, ProducerEpoch(0), *sequence);
                *sequence += i32::try_from(records.len()).unwrap();
                self.open.entry(*producer).or_insert(self.next);
                self.push(build(builder.attributes(Attributes::default().with_transactional()), records));
            }
            Step::End(producer, commit) => {
                let Some(first) = self.open.remove(producer) else { return };
                let id = ProducerId(i64::from(*producer));
                let kind = if *commit { MarkerKind::Commit } else { MarkerKind::Abort };
                if !commit {
                    let (first_offset, last_offset) = (Offset(first), Offset(self.next));
                    self.aborted.push(AbortedTransaction { producer_id: id, first_offset, last_offset });
                }
                self.push(ControlRecord { kind, coordinator_epoch: 0 }.to_batch(id, ProducerEpoch(0), 50));
            }
        }
    }

    /// All records but those of aborted transactions and markers.
    fn seen(batches: &[Batch], aborted: &[AbortedTransaction]) -> Vec<Seen> {
        let data = batches.iter().filter(|batch| {
            let header = batch.header();
            let is_aborted = aborted.iter().any(|one| {
                header.attributes.is_transactional()
                    && header.producer_id == one.producer_id
                    && (one.first_offset..one.last_offset).contains(&header.base_offset)
            });
            !header.attributes.is_control() && !is_aborted
        });
        let bytes = |bytes: Option<bytes::Bytes>| bytes.map(|bytes| bytes.to_vec());
        data.flat_map(|batch| batch.unpack(1 << 20).unwrap())
            .map(|record| (record.offset.0, bytes(record.key), bytes(record.value)))
            .collect()
    }
}

fn build(mut builder: BatchBuilder, records: &[Fields]) -> Batch {
    for (at, (key, value)) in (50..).zip(records) {
        let (key, value) = (key.map(|key| vec![key]), value.map(|value| vec![value]));
        builder.push_with(at, key.as_deref(), value.as_deref(), &[]);
    }
    builder.build()
}

/// The batch as a producer with this codec would send it.
fn packed(batch: &Batch, codec: Compression) -> Batch {
    let body = broker_record::compress(codec, &batch.body()).unwrap();
    let mut bytes = batch.bytes().to_vec();
    bytes.truncate(broker_record::HEADER_LEN);
    bytes.extend_from_slice(&body);
    let length = i32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let attributes = batch.header().attributes.with_compression(codec);
    bytes[21..23].copy_from_slice(&attributes.0.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let batch = Batch::take(&mut bytes::Bytes::from(bytes)).unwrap();
    batch.validate().unwrap();
    batch
}

/// One compaction of everything below the first open transaction; what is above it stays.
fn compact(batches: &[Batch], aborted: &[AbortedTransaction], stable: i64, now_ms: i64) -> Vec<Batch> {
    let aborted = Aborted::new(aborted);
    let (below, above): (Vec<_>, Vec<_>) =
        batches.iter().cloned().partition(|batch| batch.header().last_offset().0 < stable);
    let mut latest = LatestKeys::new(1 << 20);
    for batch in &below {
        latest.note(batch, &aborted).unwrap();
    }
    let mut pass = Compaction::new(&latest, &aborted, now_ms, RETENTION_MS);
    let clean = |batch: Batch| match pass.clean(&batch) {
        Cleaned::Whole => Some(batch),
        Cleaned::Rewritten(rewritten) => {
            let (old, new) = (batch.header(), rewritten.header());
            assert_eq!(
                (new.base_offset, new.last_offset(), new.leader_epoch, new.base_sequence, new.last_sequence()),
                (old.base_offset, old.last_offset(), old.leader_epoch, old.base_sequence, old.last_sequence()),
            );
            assert_eq!((new.producer_id, new.producer_epoch), (old.producer_id, old.producer_epoch));
            assert_eq!(new.attributes.compression(), old.attributes.compression());
            rewritten.check_crc().unwrap();
            Some(rewritten)
        }
        Cleaned::Nothing => None,
    };
    below.into_iter().filter_map(clean).collect::<Vec<_>>().into_iter().chain(above).collect()
}

/// The last record of every key, and of the tail everything.
fn model(all: &[Seen], stable: i64, keep_tombstones: bool) -> Vec<Seen> {
    let mut latest = BTreeMap::new();
    for (offset, key, _) in all.iter().filter(|(offset, ..)| *offset < stable) {
        latest.insert(key.clone(), *offset);
    }
    let stays = |(offset, key, value): &&Seen| {
        *offset >= stable || (key.is_some() && latest.get(key) == Some(offset) && (value.is_some() || keep_tombstones))
    };
    all.iter().filter(stays).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn of_every_key_the_last_record_stays_and_tombstones_stay_for_their_time(steps in prop::collection::vec(step(), 1..40)) {
        let mut log = Log::default();
        for step in &steps {
            log.append(step);
        }
        let stable = log.open.values().copied().min().unwrap_or(log.next);
        // What is open is undecided, and above every offset that is looked at.
        let all = Log::seen(&log.batches, &log.aborted);
        let once = compact(&log.batches, &log.aborted, stable, 10_000);
        prop_assert_eq!(Log::seen(&once, &log.aborted), model(&all, stable, true));
        // Until the horizon nothing more goes but markers that have become empty.
        let twice = compact(&once, &log.aborted, stable, 10_000 + RETENTION_MS - 1);
        prop_assert_eq!(Log::seen(&twice, &log.aborted), model(&all, stable, true));
        let late = compact(&twice, &log.aborted, stable, 10_000 + RETENTION_MS);
        prop_assert_eq!(Log::seen(&late, &log.aborted), model(&all, stable, false));
        let times = |batches: &[Batch]| -> BTreeMap<i64, i64> {
            let records = batches.iter().flat_map(|batch| batch.unpack(1 << 20).unwrap());
            records.map(|record| (record.offset.0, record.timestamp)).collect()
        };
        let before = times(&log.batches);
        prop_assert!(times(&late).iter().all(|(offset, time)| before[offset] == *time), "times stay");
        // In the end markers are left only where their transactions have records.
        let empty = compact(&late, &log.aborted, stable, 20_000);
        let last = compact(&empty, &log.aborted, stable, i64::MAX);
        let producers = |control: bool| -> BTreeSet<ProducerId> {
            let below = last.iter().filter(|batch| batch.header().last_offset().0 < stable);
            let kind = below.filter(|b| b.header().attributes.is_transactional() && b.header().attributes.is_control() == control);
            kind.map(|batch| batch.header().producer_id).collect()
        };
        prop_assert!(producers(true).is_subset(&producers(false)));
    }

    #[test]
    fn with_room_for_few_keys_a_shorter_part_is_compacted_and_nothing_is_lost(steps in prop::collection::vec(step(), 1..40)) {
        let mut log = Log::default();
        for step in steps.iter().filter(|step| matches!(step, Step::Plain(..))) {
            log.append(step);
        }
        let aborted = Aborted::default();
        let mut latest = LatestKeys::new(200);
        let end = log.batches.iter().find(|batch| latest.note(batch, &aborted).is_err());
        let end = end.map_or(log.next, |batch| batch.header().base_offset.0);
        let mut pass = Compaction::new(&latest, &aborted, 0, RETENTION_MS);
        let mut left = Vec::new();
        for batch in &log.batches {
            match if batch.header().base_offset.0 < end { pass.clean(batch) } else { Cleaned::Whole } {
                Cleaned::Whole => left.push(batch.clone()),
                Cleaned::Rewritten(rewritten) => left.push(rewritten),
                Cleaned::Nothing => {}
            }
        }
        let table = |records: &[Seen]| -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
            let keyed = records.iter().filter_map(|(_, key, value)| Some((key.clone()?, value.clone())));
            keyed.collect()
        };
        prop_assert_eq!(table(&Log::seen(&left, &[])), table(&Log::seen(&log.batches, &[])));
    }
}

#[test]
fn a_batch_that_cannot_be_unpacked_stays_as_it_is() {
    let batch = build(BatchBuilder::new(50), &[(Some(1), Some(1)), (Some(1), Some(2))]);
    let mut bytes = packed(&batch, Compression::Zstd).bytes().to_vec();
    bytes[broker_record::HEADER_LEN] ^= 0xff;
    let broken = Batch::take(&mut bytes::Bytes::from(bytes)).unwrap();
    let (mut latest, aborted) = (LatestKeys::new(1000), Aborted::default());
    latest.note(&broken, &aborted).unwrap();
    assert!(broken.unpack(1 << 20).is_err() && latest.is_empty());
    assert_eq!(Compaction::new(&latest, &aborted, 0, 0).clean(&broken), Cleaned::Whole);
    let unknown = Batch::take(&mut bytes::Bytes::from({
        let mut bytes = batch.bytes().to_vec();
        bytes[22] |= 7;
        bytes
    }))
    .unwrap();
    assert_eq!(Compaction::new(&latest, &aborted, 0, 0).clean(&unknown), Cleaned::Whole);
}
