//! The metrics of a broker: one enum of names, and their text for Prometheus.

use std::fmt::Write as _;

use crate::api::Server;

/// Every metric; its unit is the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    ConnectionsAccepted,
    ConnectionsRefused,
    ConnectionsFailed,
    Requests,
    RequestBytes,
    ResponseBytes,
    RequestMemoryBytes,
    ResponseMemoryBytes,
    Ready,
    Fenced,
    PartitionsLed,
    PartitionsOpening,
    Groups,
    UnacknowledgedBytes,
    CachedBytes,
    ProducedBytes,
    ProducedBatches,
    FetchedBytes,
    WalObjects,
    WalBytes,
    WalReads,
    MetadataEntries,
    TimesFenced,
    CorruptObjects,
}

impl Metric {
    const ALL: [Self; 24] = [
        Self::ConnectionsAccepted,
        Self::ConnectionsRefused,
        Self::ConnectionsFailed,
        Self::Requests,
        Self::RequestBytes,
        Self::ResponseBytes,
        Self::RequestMemoryBytes,
        Self::ResponseMemoryBytes,
        Self::Ready,
        Self::Fenced,
        Self::PartitionsLed,
        Self::PartitionsOpening,
        Self::Groups,
        Self::UnacknowledgedBytes,
        Self::CachedBytes,
        Self::ProducedBytes,
        Self::ProducedBatches,
        Self::FetchedBytes,
        Self::WalObjects,
        Self::WalBytes,
        Self::WalReads,
        Self::MetadataEntries,
        Self::TimesFenced,
        Self::CorruptObjects,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ConnectionsAccepted => "ringfence_connections_accepted_total",
            Self::ConnectionsRefused => "ringfence_connections_refused_total",
            Self::ConnectionsFailed => "ringfence_connections_failed_total",
            Self::Requests => "ringfence_requests_total",
            Self::RequestBytes => "ringfence_request_bytes_total",
            Self::ResponseBytes => "ringfence_response_bytes_total",
            Self::RequestMemoryBytes => "ringfence_request_memory_bytes",
            Self::ResponseMemoryBytes => "ringfence_response_memory_bytes",
            Self::Ready => "ringfence_ready",
            Self::Fenced => "ringfence_fenced",
            Self::PartitionsLed => "ringfence_partitions_led",
            Self::PartitionsOpening => "ringfence_partitions_opening",
            Self::Groups => "ringfence_groups",
            Self::UnacknowledgedBytes => "ringfence_unacknowledged_bytes",
            Self::CachedBytes => "ringfence_cached_bytes",
            Self::ProducedBytes => "ringfence_produced_bytes_total",
            Self::ProducedBatches => "ringfence_produced_batches_total",
            Self::FetchedBytes => "ringfence_fetched_bytes_total",
            Self::WalObjects => "ringfence_wal_objects_total",
            Self::WalBytes => "ringfence_wal_bytes_total",
            Self::WalReads => "ringfence_wal_reads_total",
            Self::MetadataEntries => "ringfence_metadata_entries_applied",
            Self::TimesFenced => "ringfence_fenced_total",
            Self::CorruptObjects => "ringfence_corrupt_objects_total",
        }
    }

    fn value(self, server: &Server) -> u64 {
        let (counters, status, engine) = (&server.counters, server.engine.status(), server.engine.metrics());
        match self {
            Self::ConnectionsAccepted => counters.connections_accepted.get(),
            Self::ConnectionsRefused => counters.connections_refused.get(),
            Self::ConnectionsFailed => counters.connections_failed.get(),
            Self::Requests => counters.requests.get(),
            Self::RequestBytes => counters.request_bytes.get(),
            Self::ResponseBytes => counters.response_bytes.get(),
            Self::RequestMemoryBytes => u64::try_from(server.memory.used_bytes()).unwrap_or(u64::MAX),
            Self::ResponseMemoryBytes => u64::try_from(server.responses.used_bytes()).unwrap_or(u64::MAX),
            Self::Ready => u64::from(status.ready),
            Self::Fenced => u64::from(status.fenced),
            Self::PartitionsLed => engine.partitions_led,
            Self::PartitionsOpening => engine.partitions_opening,
            Self::Groups => engine.groups,
            Self::UnacknowledgedBytes => engine.unacknowledged_bytes,
            Self::CachedBytes => engine.cached_bytes,
            Self::ProducedBytes => engine.produced_bytes_total,
            Self::ProducedBatches => engine.produced_batches_total,
            Self::FetchedBytes => engine.fetched_bytes_total,
            Self::WalObjects => engine.wal_objects_total,
            Self::WalBytes => engine.wal_bytes_total,
            Self::WalReads => engine.wal_reads_total,
            Self::MetadataEntries => engine.metadata_entries_applied,
            Self::TimesFenced => engine.fenced_total,
            Self::CorruptObjects => engine.corrupt_objects_total,
        }
    }
}

/// All metrics in Prometheus' text format.
pub(crate) fn text(server: &Server) -> String {
    let mut text = String::new();
    for metric in Metric::ALL {
        let name = metric.name();
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {}", metric.value(server));
    }
    text
}
