//! Reading topics from their beginning to their end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::clock;
use crate::history::{Found, read_number};

/// Large fetches, no pause between them, no commit.
const SETTINGS: &super::Settings = &[
    ("group.id", "broker-bench"),
    ("enable.auto.commit", "false"),
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "error"),
    ("fetch.min.bytes", "1"),
    ("fetch.wait.max.ms", "500"),
    ("fetch.max.bytes", "67108864"),
    ("fetch.message.max.bytes", "8388608"),
    ("fetch.queue.backoff.ms", "2"),
    ("fetch.error.backoff.ms", "50"),
    ("queued.min.messages", "10000000"),
    ("queued.max.messages.kbytes", "262144"),
];

/// How long nothing may come.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How a topic was read.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Records.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// From the first question to the last record.
    pub took: Duration,
}

/// Reads all partitions from the beginning to the end there is now, and shows every record to `see`.
///
/// # Errors
/// When the cluster answers with an error, or with nothing for a minute.
pub fn read(
    servers: &str,
    topic: &str,
    partitions: i32,
    mut see: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
) -> Result<Read> {
    let consumer: BaseConsumer = super::config(servers, SETTINGS).create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    let start = clock::now();
    consumer.assign(&assignment)?;
    let mut open: BTreeSet<i32> = (0..partitions).collect();
    let mut read = Read { records: 0, bytes: 0, took: Duration::ZERO };
    let mut last = Last { at: start, records: 0 };
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                read.records += 1;
                read.bytes += message.payload_len() as u64;
                see(&message)?;
                // A look at the clock per record would cost as much as the record.
                if read.records.is_multiple_of(1024) {
                    last = Last { at: clock::now(), records: read.records };
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
                read.took = start.elapsed();
            }
            Some(Err(KafkaError::MessageConsumption(code))) if is_passing(code) => {}
            Some(Err(error)) => return Err(error).context("consume"),
            None if read.records > last.records => last = Last { at: clock::now(), records: read.records },
            None => last.check(&open)?,
        }
    }
    Ok(read)
}

/// Reads every record of a history's topic.
///
/// # Errors
/// As [`read`].
pub fn read_history(servers: &str, topic: &str, partitions: i32) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    read(servers, topic, partitions, |message| {
        let number = message.payload().and_then(read_number);
        found.push(Found { partition: message.partition(), offset: message.offset(), number });
        Ok(())
    })?;
    Ok(found)
}

/// Errors that librdkafka reports and gets over by itself.
fn is_passing(code: rdkafka::types::RDKafkaErrorCode) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    matches!(code, Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut | Code::Resolve)
}

/// When something came last.
struct Last {
    at: Instant,
    records: u64,
}

impl Last {
    fn check(&self, open: &BTreeSet<i32>) -> Result<()> {
        if self.at.elapsed() > SILENCE_MAX {
            bail!("no record for {} s; partitions not at their end: {open:?}", SILENCE_MAX.as_secs());
        }
        Ok(())
    }
}
