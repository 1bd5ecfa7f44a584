//! The bounds of the engine, each with its unit and reason.

use std::time::Duration;

/// Bounds that a deployment may set; the rest of this module is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of records that wait to become durable. Reserved before offsets are assigned; producers wait beyond it.
    pub unacknowledged_bytes_max: usize,
    /// Bytes of recently written objects kept for consumers at the end of the log.
    pub tail_cache_bytes_max: usize,
    /// Bytes of objects kept after they were read back from the store.
    pub read_cache_bytes_max: usize,
    /// Bytes of segments kept after they were read, or ahead of being read.
    pub segment_cache_bytes_max: usize,
    /// Bytes that one round of folding takes at most, and from which on it does not wait: a segment's size.
    pub segment_bytes: usize,
    /// Time after which records are folded however few they are.
    pub fold_age_max: Duration,
    /// Objects of this broker's write-ahead log with records that are not folded, from which on all is folded.
    pub fold_objects: u64,
    /// Bytes of one batch where the topic has no `max.message.bytes` of its own. Kafka's default.
    pub message_bytes_max: usize,
    /// Bytes of one fetch answer, whatever the client asks for.
    pub fetch_bytes_max: usize,
    /// Time that committed offsets are kept after their group has lost its last member (`offsets.retention.minutes`).
    pub offsets_retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unacknowledged_bytes_max: 128 << 20,
            tail_cache_bytes_max: 128 << 20,
            read_cache_bytes_max: 64 << 20,
            segment_cache_bytes_max: 96 << 20,
            segment_bytes: 64 << 20,
            fold_age_max: Duration::from_secs(600),
            fold_objects: 2500,
            message_bytes_max: 1_048_588,
            fetch_bytes_max: 55 << 20,
            offsets_retention: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// Time that a request waits for a partition that is being taken over before it answers "not leader".
pub const OPENING_WAIT_MAX: Duration = Duration::from_secs(2);
/// The same for produce requests, which keep those of other partitions behind them on their connection waiting.
pub const PRODUCE_OPENING_WAIT_MAX: Duration = Duration::from_millis(200);
/// Time that a request waits for the next leader of a partition that has just been given up.
pub const GIVEN_UP_WAIT_MAX: Duration = Duration::from_secs(1);
/// Time that a broker which has handed everything over goes on to tell clients who leads now.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// Time that a produce request waits for durability, whatever the client asks for.
pub const PRODUCE_WAIT_MAX: Duration = Duration::from_secs(120);
/// Time that a fetch waits for records, whatever the client asks for.
pub const FETCH_WAIT_MAX: Duration = Duration::from_secs(30);
/// Partitions of one topic; a bound on what one request can make the cluster hold.
pub const PARTITIONS_PER_TOPIC_MAX: i32 = 10_000;
/// Batches that an idempotent producer may have in flight per partition. Kafka's number.
pub const PRODUCER_BATCHES_KEPT: usize = 5;
/// Members of one group.
pub const GROUP_MEMBERS_MAX: usize = 10_000;
/// Bytes of any text that a member sends, such as its id; Kafka's strings end below it.
pub const GROUP_TEXT_BYTES_MAX: usize = 32_767;
/// Bytes that a member takes beside what it sends, in memory and in its group's record; rounded up.
pub const GROUP_MEMBER_OVERHEAD_BYTES: usize = 64;
/// Bytes of all that the members of one group send when they join.
pub const GROUP_MEMBERS_BYTES_MAX: usize = 2 << 20;
/// Bytes of a group with its assignments: its record goes into one object of the write-ahead log with room to spare.
pub const GROUP_BYTES_MAX: usize = 7 << 19;
/// Groups of one partition of `__consumer_offsets`.
pub const GROUPS_PER_PARTITION_MAX: usize = 20_000;
/// Bytes of members and committed offsets that a broker holds for all groups; beyond it nothing new is taken.
pub const GROUPS_BYTES_MAX: usize = 256 << 20;
/// Bytes that a committed offset takes in memory beside the client's note; rounded up.
pub const OFFSET_OVERHEAD_BYTES: usize = 128;
/// Bytes of records that one batch of the groups' log holds at most, but for a single larger one.
pub const GROUP_BATCH_BYTES_MAX: usize = 1 << 20;
/// Bytes of the metadata string of a committed offset. Kafka's default.
pub const OFFSET_METADATA_BYTES_MAX: usize = 4096;
/// Session time-outs that a member may ask for. Kafka's defaults.
pub const SESSION_TIMEOUT_MIN: Duration = Duration::from_secs(6);
/// See [`SESSION_TIMEOUT_MIN`].
pub const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(1800);

/// Buffered bytes that are written at once, outside of the PUT budget.
pub const FLUSH_BYTES_AT_ONCE: usize = 512 << 10;
/// Objects in flight at most. Contiguous acknowledgement waits for the slowest of them.
pub const PUTS_IN_FLIGHT_MAX: usize = 16;
/// Objects in flight beyond which a small one waits.
pub const SMALL_PUTS_IN_FLIGHT_MAX: usize = 4;
/// Time whose PUT budget may be spent at once.
pub const PUT_BURST: Duration = Duration::from_secs(2);
/// Time for which small objects are written more rarely because of what folding costs; beyond it is not asked for.
pub const OWED_TIME_MAX: Duration = Duration::from_secs(300);
/// Producers whose sequence numbers a partition remembers; the one that wrote longest ago is forgotten first.
pub const PRODUCERS_PER_PARTITION_MAX: usize = 10_000;
/// Producers that are forgotten at once where there are too many.
pub const PRODUCERS_FORGOTTEN_AT_ONCE: usize = PRODUCERS_PER_PARTITION_MAX / 10;
/// Producers of one partition whose transactions are being looked up at their coordinators at once.
pub const VERIFICATIONS_PER_PARTITION_MAX: usize = 1_000;
/// Time that the first members of a group wait for others.
pub const GROUP_INITIAL_DELAY: Duration = Duration::from_millis(250);
/// Rebalance time-out that a member may ask for.
pub const REBALANCE_TIMEOUT_MAX: Duration = Duration::from_secs(3600);
/// Time between two questions to the data bucket where nothing else shows that it answers.
pub const STORE_ASKED_INTERVAL: Duration = Duration::from_secs(2);
/// Age of an observer's own last success in the data bucket beyond which its suspicions count for nothing.
pub const OBSERVER_STORE_AGE_MAX: Duration = Duration::from_secs(3);
/// Time that a broker may neither answer heartbeats nor show a new `live/` object before it counts as dead.
pub const SILENT_MAX: Duration = Duration::from_secs(3);
/// The same where no second observer can be asked.
pub const LIVE_STALE_MAX: Duration = Duration::from_secs(6);
/// The same for a second observer who is asked; heartbeats come twice a second, and not to both at the same moment.
pub const SECOND_SILENT_MIN: Duration = Duration::from_secs(2);
/// The same for a broker that is registered and not ready: it leads nothing, and may be reading for a while.
pub const STARTING_SILENT_MAX: Duration = Duration::from_secs(30);
/// Time without a heartbeat after which a broker's `live/` object is looked at.
pub const QUIET_MAX: Duration = Duration::from_millis(750);
/// Time between two runs of an observer's heartbeats beyond which it was paused: its suspicions count for nothing.
pub const SCHEDULING_GAP_MAX: Duration = Duration::from_millis(1500);
/// Brokers from which on a second one has to agree.
pub const AGREEMENT_FROM: usize = 3;
/// Time that another broker may take to say whether it agrees.
pub const AGREE_WAIT_MAX: Duration = Duration::from_millis(1200);
/// Time that a broker which is asked whether it agrees waits for a suspect's own answer.
pub const AGREE_PROBE_MAX: Duration = Duration::from_millis(500);
/// Time for several that have died at once to become suspects.
pub const GATHER_WAIT: Duration = Duration::from_millis(50);
/// Time that reading one `live/` object may take.
pub const LIVE_READ_MAX: Duration = Duration::from_secs(1);
/// Time that a nudge may take; whoever misses it looks by itself.
pub const NUDGE_WAIT_MAX: Duration = Duration::from_millis(500);
/// Time between two entries of changes that can wait, so that the provider gets its turn.
pub const APPEND_INTERVAL: Duration = Duration::from_millis(500);
/// Time that another broker may take to append what it was passed: its interval, and half a second to answer.
pub const FORWARD_WAIT_MAX: Duration = Duration::from_secs(1);
/// Bytes of commands in one entry; the entry has 1 MiB.
pub const ENTRY_COMMAND_BYTES_MAX: usize = 900 << 10;
/// Bytes of commands that wait for the metadata log.
pub const QUEUED_COMMAND_BYTES_MAX: usize = 8 << 20;
/// Time that an observer's own store may have been silent before its suspicions count for nothing.
pub const OBSERVER_GAP_MAX: Duration = Duration::from_secs(2);
/// Time over which a broker's connections must have been refused before it counts as dead.
pub const REFUSED_FOR_MIN: Duration = Duration::from_millis(250);
/// Attempts to read one object before a consumer is told that the store failed.
pub const READ_ATTEMPTS_MAX: u32 = 5;
/// Seals set at once; more than any incarnation can have in flight.
pub const SEALS_AT_ONCE: u64 = 64;
/// Numbers of one log looked at before what was found is taken, when it is taken over.
pub const RECOVERY_READS_MAX: u64 = 128;
/// Objects of one log read at once when it is taken over.
pub const RECOVERY_READS_AT_ONCE: usize = 128;
/// Objects that repeat others' indexes looked at together; a log has no more above its floor.
pub const RECOVERY_LEAPS_AT_ONCE: u64 = 16;
/// Bytes of an object of a write-ahead log that are read for its head; a second read gets what is longer.
pub const HEAD_BYTES: u64 = 64 << 10;
/// Time that an offset commit waits for durability. Kafka's default.
pub const OFFSET_COMMIT_WAIT_MAX: Duration = Duration::from_secs(5);
/// Milliseconds between the clocks of a broker and its store beyond which neither is believed.
pub const CLOCKS_APART_MS_MAX: u64 = 5 * 60 * 1000;
/// Time between two reports.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(30);
/// Committed offsets, and groups without any, in one report: about 5 MiB.
pub const REPORTED_OFFSETS_MAX: usize = 50_000;
/// Time between two looks at what deleted topics have left.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The same for a topic of which nothing was found again and again; each look costs one listing.
pub const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Time between two looks at topics whose deletion is final: only a write that was on its way for longer can be there.
pub const FINALISED_SWEEP_INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// Objects deleted at once.
pub const DELETES_AT_ONCE: usize = 32;
/// Time between two looks at what has expired, or is worth compacting.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes of keys that one compaction holds in memory; with more a shorter part of the partition is compacted.
pub const COMPACTION_KEYS_BYTES_MAX: usize = 32 << 20;
/// Bytes of a segment that compaction aims at; it holds twice that in memory.
pub const COMPACTED_SEGMENT_BYTES: u64 = 32 << 20;
/// Time between two looks at what has to be cleaned.
pub const CLEAN_INTERVAL: Duration = Duration::from_secs(30);
/// Time that a segment stays after its manifest has ceased to name it: longer than any fetch.
pub const SEGMENT_GRACE: Duration = Duration::from_secs(120);
/// Time after a claim before segments of earlier leaders are looked for: longer than any fetch that they still answer.
pub const ORPHAN_GRACE: Duration = Duration::from_secs(300);
/// The longest time between two looks; each costs one or two listings.
pub const ORPHAN_INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long clients are told of a broker that has left: longer than librdkafka takes to look for new leaders (1 s).
pub const DEPARTED_LISTED_FOR: Duration = Duration::from_secs(10);
/// Age, by the store's clock, below which no shared segment is deleted: its writer may not have named it yet.
pub const SHARED_SEGMENT_GRACE: Duration = Duration::from_secs(3600);
/// Segments that wait to be deleted; the next leader finds what is beyond.
pub const GARBAGE_MAX: usize = 100_000;
/// Time between two looks for committed offsets that have expired. Kafka's default.
pub const OFFSETS_EXPIRY_INTERVAL: Duration = Duration::from_secs(600);
/// Bytes that an object of a write-ahead log has at most in the ordinary case; reserved before it is read.
pub const WAL_OBJECT_BYTES_EXPECTED: usize = (4 << 20) + (512 << 10);
/// Bytes of objects of write-ahead logs that folding has read and not yet copied; apart from what clients make it read.
pub const READ_ONCE_BYTES_MAX: usize = FOLD_ROUNDS_AT_ONCE * FOLD_READS_AT_ONCE * WAL_OBJECT_BYTES_EXPECTED;
/// Time that a read waits for memory that answers to slow clients hold.
pub const READ_MEMORY_WAIT_MAX: Duration = Duration::from_secs(2);
/// Looks for such memory within that time.
pub const READ_MEMORY_LOOKS: u32 = 20;
/// Bytes that a partition gets of a fetch's answer at least, where there is room, however many partitions have something.
pub const FETCH_SHARE_BYTES_MIN: usize = 1 << 20;
/// Objects that are read before anybody asks for them, at once.
pub const OBJECTS_READ_AHEAD_MAX: usize = 16;
/// Objects that one fetch reads from the store at once.
pub const OBJECT_READS_PER_FETCH_MAX: usize = 24;
/// Partitions of one question where records lie, or what has changed: as text with its answer it stays below 4 MiB.
pub const LOOK_PARTITIONS_MAX: usize = 3_000;
/// Places of one answer where records lie.
pub const LOOK_PLACES_MAX: usize = 6_000;
/// Places of one partition in such an answer; a reader that has more bytes to spend asks again.
pub const LOOK_PARTITION_PLACES_MAX: usize = 256;
/// Aborted transactions of one answer; more than producers of a partition can have open at once.
pub const LOOK_ABORTED_MAX: usize = PRODUCERS_PER_PARTITION_MAX + 2_000;
/// Questions to leaders where records lie, of all fetches at once; further ones wait for their turn.
pub const LOOKS_AT_ONCE: usize = 16;
/// Time that such a question may take, its turn included, before the consumer is sent to the leader.
pub const LOOK_WAIT_MAX: Duration = Duration::from_secs(1);
/// Time that a question whether anything has changed is kept waiting: what comes while all are under way waits for the next.
pub const WATCH_WAIT_MAX: Duration = Duration::from_millis(250);
/// Such questions to one leader at once.
pub const WATCHES_PER_LEADER_MAX: usize = 4;
/// Partitions of one such question.
pub const WATCH_PARTITIONS_MAX: usize = 10_000;
/// Bytes of internal records (committed offsets, members) that wait to become durable; apart from those of producers.
pub const INTERNAL_BYTES_MAX: usize = 16 << 20;
/// Time between two looks for new metadata entries.
pub const METADATA_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time without confirmed metadata after which records are neither taken nor served.
pub const METADATA_STALENESS_MAX: Duration = Duration::from_secs(30);
/// Time without confirmed metadata after which groups are not coordinated.
pub const COORDINATION_STALENESS_MAX: Duration = Duration::from_secs(5);
/// Time between two heartbeats to each of the other brokers.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// Time without a heartbeat of a broker's own, of which there are two in a second, after which no consumer is sent to it.
pub const ASKED_AGO_MAX: Duration = Duration::from_millis(1500);
/// Time that a broker may take to answer a heartbeat before it counts as silent.
pub const HEARTBEAT_WAIT_MAX: Duration = Duration::from_secs(1);
/// Time between two `live/` objects.
pub const LIVE_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two looks at who is dead.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// Time that handing over may take when a broker stops.
pub const STOP_WAIT_MAX: Duration = Duration::from_secs(10);
/// Time that a broker takes on leaving to delete its `live/` object.
pub const LIVE_DELETE_WAIT_MAX: Duration = Duration::from_secs(2);
/// Partitions released by one command; an entry has room for many more.
pub const RELEASES_PER_COMMAND_MAX: usize = 2000;
/// Partitions that get a target by one entry: what moves at once is not served for a moment.
pub const MOVES_PER_ENTRY_MAX: usize = 200;
/// Time that the ready brokers must have stayed the same before partitions move to spread evenly.
pub const BALANCE_AFTER: Duration = Duration::from_secs(2);
/// Time over which the load of partitions is measured.
pub const LOAD_WINDOW: Duration = Duration::from_secs(30);
/// Time between two looks at whether load should move: longer than what it takes to see what the last move has done.
pub const LOAD_BALANCE_INTERVAL: Duration = Duration::from_secs(90);
/// Partitions that move at once because of load.
pub const LOAD_MOVES_MAX: usize = 8;
/// Partitions whose load a broker tells of.
pub const LOADS_TOLD_MAX: usize = 1000;
/// Time that another broker may take to tell.
pub const LOADS_WAIT_MAX: Duration = Duration::from_secs(2);
/// Producer ids taken from the cluster at once.
pub const PRODUCER_ID_BLOCK: u32 = 1000;
/// Time that an administrative request waits for the metadata log, whatever the client asks for.
pub const ADMIN_WAIT_MAX: Duration = Duration::from_secs(30);
/// Time without an answer from its store after which a broker's signs of life do not count.
pub const STORE_AGE_MAX: Duration = Duration::from_secs(5);
/// Attempts to read a manifest that is the newest when it is listed and gone when it is read.
pub const MANIFEST_READS_MAX: u32 = 5;
/// Manifest versions below the newest that are kept, for those who have listed them and are about to read them.
pub const MANIFEST_VERSIONS_KEPT: u64 = 3;
/// Partitions of one transaction; its record has room for them.
pub const TRANSACTION_PARTITIONS_MAX: usize = 10_000;
/// Requests of one transactional id that wait for the record before theirs.
pub const TRANSACTION_REQUESTS_WAITING_MAX: usize = 100;
/// Transactional ids of one coordinator partition.
pub const TRANSACTIONAL_IDS_PER_PARTITION_MAX: usize = 50_000;
/// Bytes of a transactional id.
pub const TRANSACTIONAL_ID_BYTES_MAX: usize = 4096;
/// Time after which a transactional id without transactions is forgotten. Kafka's default.
pub const TRANSACTIONAL_ID_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Time-out that a transactional producer may ask for. Kafka's default.
pub const TRANSACTION_TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);
/// Time that a request of a transactional producer waits for its coordinator.
pub const TRANSACTION_WAIT_MAX: Duration = Duration::from_secs(20);
/// Time that a leader waits for a coordinator's word before it tells the producer to try again.
pub const VERIFICATION_WAIT_MAX: Duration = Duration::from_secs(2);
/// Time that a coordinator waits for other brokers to write markers before it asks again.
pub const MARKERS_WAIT_MAX: Duration = Duration::from_secs(10);
/// Time between two attempts to write markers, at first and at most.
pub const MARKERS_RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Offsets of transactions that have not ended, in one partition of the groups' log.
pub const TRANSACTIONAL_OFFSETS_MAX: usize = 100_000;
/// Bytes of a segment that are read at once.
pub const SEGMENT_CHUNK_BYTES: usize = 1 << 20;
/// Chunks that one read fetches at once.
pub const SEGMENT_CHUNKS_AT_ONCE: usize = 8;
/// Bytes of segments' indexes that are kept; a segment of 64 MiB has about 40 KiB.
pub const SEGMENT_INDEX_BYTES_MAX: usize = 16 << 20;
/// Times in a row that a reader finds what it wants in another place before it gives up.
pub const PLACES_MOVED_MAX: u32 = 5;
/// Bytes that are read at once when a partition is read as a whole.
pub const SCAN_BYTES: usize = 4 << 20;
/// Time that is spent on folding before the log is trimmed, where more than can be folded is written all the time.
pub const FOLD_TIME_MAX: Duration = Duration::from_secs(3);
/// Rounds of folding at once, each of other partitions.
pub const FOLD_ROUNDS_AT_ONCE: usize = 3;
/// Objects that a round reads at once; each takes up to the size of an object while it is read.
pub const FOLD_READS_AT_ONCE: usize = 4;
/// Segments written at once; the memory of a round is bounded apart from this.
pub const SEGMENT_WRITES_AT_ONCE: usize = 8;
/// Manifests written at once.
pub const MANIFEST_WRITES_AT_ONCE: usize = 32;
/// Versions of a manifest after which those that were replaced are deleted.
pub const MANIFEST_DELETE_EVERY: u64 = 16;
/// Manifests read at once, when partitions are taken over or a floor is computed.
pub const MANIFEST_READS_AT_ONCE: usize = 64;
/// Time between two looks at what has to be folded.
pub const FOLD_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes per partition from which on it is worth a manifest, where many partitions have something to fold.
pub const FOLD_BYTES_PER_PARTITION: u64 = 256 << 10;
/// Segments' worth of bytes that are folded in any case.
pub const FOLD_SEGMENTS_MAX: u64 = 4;
/// Manifests claimed per look, of partitions that have something to fold.
pub const CLAIMS_PER_LOOK: usize = 20;
/// Time after which what predecessors left is folded, so that their logs can be given up.
pub const FOLD_INHERITED_AFTER: Duration = Duration::from_secs(5);
/// Time between two floors of a log.
pub const TRIM_INTERVAL: Duration = Duration::from_secs(30);
/// Objects from which on a floor is set sooner.
pub const TRIM_OBJECTS: u64 = 1500;
/// Objects of a write-ahead log above its floor; beyond that nothing is written until the floor rises. It bounds what
/// whoever takes over has to read.
pub const WAL_OBJECTS_MAX: u64 = 4000;
/// First time between two attempts to retire a dead incarnation; doubles up to [`RETIRE_INTERVAL_MAX`].
pub const RETIRE_INTERVAL: Duration = Duration::from_secs(10);
/// See [`RETIRE_INTERVAL`].
pub const RETIRE_INTERVAL_MAX: Duration = Duration::from_secs(300);
/// Segments of one partition that one fetch reads.
pub const SEGMENTS_PER_VIEW_MAX: usize = 16;
/// Bytes of the largest object that may be a seal; objects with batches are larger than half of it already.
pub const SEAL_BYTES_MAX: u64 = 128;
