//! The rows: each load of the table under a name, with its targets.

use anyhow::{Result, bail};

use crate::figure::Target;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// 200 records/s at a budget of 20 PUT/s.
    Latency20,
    /// 200 records/s at a budget of 40 PUT/s.
    Latency40,
    /// 5 records/s.
    Latency5,
    /// One idempotent producer on one partition.
    OnePartition,
    /// 16 partitions flat out.
    SixteenPartitions,
    /// Reading back.
    CatchUp,
    /// 2,000 partitions on three brokers.
    ManyPartitions,
    /// kill -9 of one of three brokers.
    KillOne,
    /// kill -9 of three of six brokers.
    KillThree,
    /// SIGSTOP and SIGCONT.
    Pause,
    /// SIGTERM under load.
    Drain,
    /// The store stalls, then refuses.
    Stall,
    /// Start of an empty cluster's broker.
    StartEmpty,
    /// Start with 20,000 partitions.
    StartFull,
    /// Nothing to do.
    Idle,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Specification {
    /// The row.
    pub row: Row,
    /// Its name.
    pub name: &'static str,
    /// The load, in a sentence, with what the client was told to do.
    pub load: &'static str,
    /// What is demanded.
    pub targets: &'static [Target],
    /// Runs at most: what is counted and not timed needs no median.
    pub runs_max: u32,
}

/// Failed deliveries.
pub const FAILED: &str = "failed deliveries";
/// Half of the latencies are below.
pub const P50: &str = "p50";
/// 99 of 100 latencies are below.
pub const P99: &str = "p99";
/// 999 of 1,000 latencies are below.
pub const P999: &str = "p999";
/// Acknowledged or read.
pub const THROUGHPUT: &str = "throughput";
/// CPU of all brokers for 100 MiB.
pub const CPU: &str = "broker CPU per 100 MiB";
/// The most memory that one broker had.
pub const PEAK_MEMORY: &str = "peak memory";
/// GiB that were read.
pub const VOLUME: &str = "volume";
/// Objects created in the data bucket, by each broker.
pub const PUT_RATE: &str = "PUT/s per broker";
/// WAL objects that are not trimmed yet, by broker.
pub const BACKLOG: &str = "WAL objects per broker";
/// Until every partition of the dead brokers has acknowledged a record that was sent after their death.
pub const FAILOVER: &str = "failover";
/// Failover against that of one of three.
pub const RATIO: &str = "against 1 of 3";
/// Acknowledged, and not there.
pub const LOST: &str = "lost";
/// There twice.
pub const DUPLICATED: &str = "duplicated";
/// At another offset than acknowledged.
pub const MISPLACED: &str = "misplaced";
/// In another order than sent.
pub const REORDERED: &str = "reordered";
/// Never sent.
pub const FOREIGN: &str = "foreign";
/// Acknowledgements of a broker that was paused and fenced.
pub const ZOMBIE: &str = "acknowledged after SIGCONT";
/// The longest time without an acknowledgement in a partition.
pub const GAP: &str = "longest gap";
/// After the last fault of the store.
pub const RESUMED: &str = "produces again after";
/// From the start of the process to its first answer.
pub const START: &str = "first answer";
/// Partitions in the first answer.
pub const LISTED: &str = "partitions listed";
/// PUTs to the data bucket.
pub const DATA_PUTS: &str = "data PUTs";

const HISTORY: [Target; 5] = [
    Target::none(LOST),
    Target::none(DUPLICATED),
    Target::none(MISPLACED),
    Target::none(REORDERED),
    Target::none(FOREIGN),
];

/// Bytes of memory that a broker may take when its store stands still, in MiB: what its limits allow for requests,
/// unacknowledged records and caches, and its own.
const STALLED_MEMORY_MIB: f64 = 1024.0;

/// All rows, in the order in which they run.
pub const ROWS: [Specification; 15] = [
    Specification {
        row: Row::Latency20,
        name: "latency-20",
        load: "200 records/s of 1 KiB over 16 partitions, acks=all, linger 0, PUT budget 20/s",
        targets: &[Target::at_most(P50, 62.0), Target::at_most(P99, 160.0), Target::none(FAILED)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Latency40,
        name: "latency-40",
        load: "200 records/s of 1 KiB over 16 partitions, acks=all, linger 0, PUT budget 40/s",
        targets: &[Target::at_most(P50, 50.0), Target::at_most(P99, 130.0), Target::none(FAILED)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Latency5,
        name: "latency-idle-5",
        load: "5 records/s of 1 KiB over 16 partitions, acks=all, linger 0, PUT budget 20/s",
        targets: &[Target::at_most(P50, 37.0), Target::none(FAILED)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::OnePartition,
        name: "one-partition",
        load: "one idempotent producer, one partition, 1 KiB records, batches up to 3 MB (librdkafka has one in flight), linger 5 ms, as fast as it goes",
        targets: &[Target::at_least(THROUGHPUT, 40.0), Target::none(FAILED)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::SixteenPartitions,
        name: "sixteen-partitions",
        load: "one producer, 16 partitions, 1 KiB records, acks=all, batches up to 1 MB, linger 20 ms, as fast as it goes",
        targets: &[Target::at_least(THROUGHPUT, 120.0), Target::at_most(CPU, 0.6), Target::none(FAILED)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::CatchUp,
        name: "catch-up",
        load: "one consumer reads 4 GiB in 1 KiB records over 16 partitions from a broker that has just started",
        targets: &[Target::at_least(THROUGHPUT, 200.0), Target::at_least(VOLUME, 4.0)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::ManyPartitions,
        name: "many-partitions",
        load: "2,000 partitions on 3 brokers, 1 record/s of 1 KiB each, acks=all, linger 0, default PUT budget",
        targets: &[
            Target::at_most(PUT_RATE, 20.0),
            Target::never_above(BACKLOG, 4000.0),
            Target::never_above(PEAK_MEMORY, 512.0),
            Target::none(FAILED),
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::KillOne,
        name: "kill-1-of-3",
        load: "kill -9 of 1 of 3 brokers; idempotent producer, 960 records/s of 1 KiB over 48 partitions, linger 5 ms",
        targets: &[
            Target::at_most(FAILOVER, 2500.0),
            Target::none(FAILED),
            HISTORY[0],
            HISTORY[1],
            HISTORY[2],
            HISTORY[3],
            HISTORY[4],
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::KillThree,
        name: "kill-3-of-6",
        load: "kill -9 of 3 of 6 brokers at once; idempotent producer, 960 records/s of 1 KiB over 48 partitions, linger 5 ms",
        targets: &[
            Target::at_most(FAILOVER, 2500.0),
            Target::at_most(RATIO, 1.3),
            Target::none(FAILED),
            HISTORY[0],
            HISTORY[1],
            HISTORY[2],
            HISTORY[3],
            HISTORY[4],
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Pause,
        name: "pause",
        load: "SIGSTOP of 1 of 3 brokers, SIGCONT 20 s later; producer as above with request.timeout.ms and socket.timeout.ms 1000",
        targets: &[
            Target::at_most(FAILOVER, 5000.0),
            Target::none(ZOMBIE),
            Target::none(FAILED),
            HISTORY[0],
            HISTORY[1],
            HISTORY[2],
            HISTORY[3],
            HISTORY[4],
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Drain,
        name: "drain",
        load: "SIGTERM to 1 of 3 brokers; idempotent producer, 1,920 records/s of 1 KiB over 48 partitions, linger 5 ms",
        targets: &[
            Target::at_most(GAP, 1000.0),
            Target::none(FAILED),
            HISTORY[0],
            HISTORY[1],
            HISTORY[2],
            HISTORY[3],
            HISTORY[4],
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Stall,
        name: "store-stall",
        load: "the store stalls for 60 s, then answers 503 for 60 s; 4 idempotent producers, 5 MiB/s each over 16 partitions, \
               as much buffered as they may",
        targets: &[
            Target::never_above(PEAK_MEMORY, STALLED_MEMORY_MIB),
            Target::never_above(RESUMED, 30_000.0),
            Target::none(FAILED),
            HISTORY[0],
            HISTORY[1],
            HISTORY[2],
            HISTORY[3],
            HISTORY[4],
        ],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::StartEmpty,
        name: "start-empty",
        load: "process start to first answered Metadata request, nothing in the cluster but __consumer_offsets",
        targets: &[Target::at_most(START, 300.0)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::StartFull,
        name: "start-20000",
        load: "process start to first answered Metadata request, 20,000 partitions, after SIGTERM",
        targets: &[Target::at_most(START, 3000.0), Target::at_least(LISTED, 20_000.0)],
        runs_max: u32::MAX,
    },
    Specification {
        row: Row::Idle,
        name: "idle-hour",
        load: "one idle broker with 16 partitions that hold records, one hour (20 times --minutes)",
        targets: &[Target::none(DATA_PUTS)],
        runs_max: 1,
    },
];

/// The rows that names select, in the order of the table; all without a name.
///
/// # Errors
/// When a name is the beginning of none.
pub fn select(names: &[String]) -> Result<Vec<Specification>> {
    if let Some(unknown) = names.iter().find(|name| !ROWS.iter().any(|row| row.name.starts_with(name.as_str()))) {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row {unknown:?}; rows are {}", known.join(", "));
    }
    let exact = |name: &String| ROWS.iter().any(|row| row.name == name);
    let wanted = |row: &Specification, name: &String| {
        if exact(name) { row.name == name } else { row.name.starts_with(name.as_str()) }
    };
    let chosen = |row: &Specification| names.is_empty() || names.iter().any(|name| wanted(row, name));
    // The second kind of failover is measured against the first.
    let three = ROWS.iter().any(|row| row.row == Row::KillThree && chosen(row));
    Ok(ROWS.into_iter().filter(|row| chosen(row) || (three && row.row == Row::KillOne)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        select(&words).unwrap().into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_are_selected_by_the_beginning_of_their_names() {
        assert_eq!(names(&[]).len(), ROWS.len());
        assert_eq!(names(&["latency"]), ["latency-20", "latency-40", "latency-idle-5"]);
        assert_eq!(names(&["catch-up", "drain"]), ["catch-up", "drain"]);
        assert!(select(&["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn the_second_failover_brings_the_first_with_it() {
        assert_eq!(names(&["kill-3"]), ["kill-1-of-3", "kill-3-of-6"]);
    }

    #[test]
    fn every_row_demands_something_under_a_name_of_its_own() {
        for row in ROWS {
            assert!(!row.targets.is_empty(), "{}", row.name);
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1);
        }
    }
}
