//! What an engine says about itself and hears about others.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use broker_log::WalIndex;

use crate::config::Endpoint;
use crate::topic::{LeaderHint, PartitionId};

/// A broker as clients are told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerInfo {
    /// Kafka's node id.
    pub node_id: i32,
    /// Where clients reach it.
    pub endpoint: Endpoint,
    /// Availability zone, `broker.rack` in Kafka.
    pub zone: Option<String>,
}

/// A topic as clients are told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub topic_id: Uuid,
    /// Whether the cluster writes it itself.
    pub is_internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// A partition as clients are told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its number.
    pub partition: i32,
    /// Who leads it.
    pub leader: LeaderHint,
    /// Who serves its reads in the zones in which the leader is not, one in each (KIP-392).
    pub readers: Vec<i32>,
}

/// The state of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The engine works, or works on becoming able to; false only after [`crate::Engine::stop`] or a fatal error.
    pub live: bool,
    /// Registered, not fenced, and every partition it leads is being served.
    pub ready: bool,
    /// The last incarnation was fenced and the next is not yet registered.
    pub fenced: bool,
    /// The broker's epoch, -1 while it has none.
    pub epoch: i64,
}

/// Counters and gauges, as plain numbers; the server names them for Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Partitions led and served.
    pub partitions_led: u64,
    /// Partitions led but not yet served.
    pub partitions_opening: u64,
    /// Bytes reserved for records that are not durable yet.
    pub unacknowledged_bytes: u64,
    /// Bytes in the tail and read caches.
    pub cached_bytes: u64,
    /// Record bytes acknowledged.
    pub produced_bytes_total: u64,
    /// Batches acknowledged.
    pub produced_batches_total: u64,
    /// Record bytes handed to consumers.
    pub fetched_bytes_total: u64,
    /// Objects of the write-ahead log created.
    pub wal_objects_total: u64,
    /// Bytes of the write-ahead log created.
    pub wal_bytes_total: u64,
    /// Objects read back from the store.
    pub wal_reads_total: u64,
    /// Metadata log entries applied.
    pub metadata_entries_applied: u64,
    /// Times that an incarnation of this process was fenced.
    pub fenced_total: u64,
    /// Objects whose bytes did not fit their checksums or index.
    pub corrupt_objects_total: u64,
    /// Groups coordinated.
    pub groups: u64,
}

/// What is counted as it happens; the rest of [`Metrics`] is looked up.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    produced_bytes: AtomicU64,
    produced_batches: AtomicU64,
    fetched_bytes: AtomicU64,
    wal_objects: AtomicU64,
    wal_bytes: AtomicU64,
    wal_reads: AtomicU64,
    fenced: AtomicU64,
    corrupt_objects: AtomicU64,
    /// Record bytes by partition, since they were last taken.
    written: Mutex<BTreeMap<PartitionId, u64>>,
}

impl Counters {
    /// An object of the write-ahead log is durable, and so is everything before it.
    pub(crate) fn wrote(&self, bytes: usize, index: &WalIndex) {
        self.wal_objects.fetch_add(1, Ordering::Relaxed);
        self.wal_bytes.fetch_add(wide(bytes), Ordering::Relaxed);
        let mut written = self.written();
        for slice in &index.slices {
            let id = PartitionId { topic: slice.topic, partition: slice.partition };
            let bytes = written.entry(id).or_default();
            *bytes = bytes.saturating_add(u64::from(slice.length));
            self.produced_bytes.fetch_add(u64::from(slice.length), Ordering::Relaxed);
            self.produced_batches.fetch_add(wide(slice.batches.len()), Ordering::Relaxed);
        }
    }

    /// Record bytes by partition since this was last called.
    pub(crate) fn take_written(&self) -> BTreeMap<PartitionId, u64> {
        mem::take(&mut *self.written())
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<PartitionId, u64>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object was read back.
    pub(crate) fn read_object(&self) {
        self.wal_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// An object was damaged.
    pub(crate) fn corrupt_object(&self) {
        self.corrupt_objects.fetch_add(1, Ordering::Relaxed);
    }

    /// Records went to a consumer.
    pub(crate) fn fetched(&self, bytes: usize) {
        self.fetched_bytes.fetch_add(wide(bytes), Ordering::Relaxed);
    }

    /// An incarnation of this process was fenced.
    pub(crate) fn fenced(&self) {
        self.fenced.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters as metrics, the gauges zero.
    pub(crate) fn metrics(&self) -> Metrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            produced_bytes_total: read(&self.produced_bytes),
            produced_batches_total: read(&self.produced_batches),
            fetched_bytes_total: read(&self.fetched_bytes),
            wal_objects_total: read(&self.wal_objects),
            wal_bytes_total: read(&self.wal_bytes),
            wal_reads_total: read(&self.wal_reads),
            fenced_total: read(&self.fenced),
            corrupt_objects_total: read(&self.corrupt_objects),
            ..Metrics::default()
        }
    }
}

/// A length as a counter.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
