//! Loads: records at a rate, whatever the answers do, or as many as go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::producer::{Kept, Latencies, Producer};
use crate::clock;
use crate::history::write_number;

/// Bytes of every record's value.
pub const RECORD_BYTES: usize = 1024;

/// How long a load waits when the client's queue is full.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// A topic with partitions.
#[derive(Clone, Copy, Debug)]
pub struct Topic<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many partitions.
    pub partitions: i32,
}

/// Sends `per_second` records, evenly spaced and round robin over the partitions, until `until`. Each record's latency
/// counts from when it was due, so that a stall of the client or a full queue is not left out.
///
/// # Errors
/// When the client refuses a record.
pub fn paced(producer: &Producer, topic: Topic<'_>, seen: &Latencies, per_second: u32, until: Instant) -> Result<()> {
    let value = vec![b'x'; RECORD_BYTES];
    let from = clock::now();
    for (number, partition) in (0_u32..).zip((0..topic.partitions).cycle()) {
        let due = from + Duration::from_secs(1) * number / per_second;
        if due >= until {
            break;
        }
        clock::sleep_until(due);
        let tag = micros(due.saturating_duration_since(seen.start()));
        while !producer.send(topic.name, partition, &value, tag)? {
            std::thread::sleep(FULL_PAUSE);
        }
    }
    Ok(())
}

/// Sends as many records as the client takes, round robin over the partitions, until `stop`.
///
/// # Errors
/// When the client refuses a record.
pub fn flat_out(producer: &Producer, topic: Topic<'_>, seen: &Latencies, stop: &AtomicBool) -> Result<()> {
    let value = vec![b'x'; RECORD_BYTES];
    for partition in (0..topic.partitions).cycle() {
        let tag = micros(seen.start().elapsed());
        while !producer.send(topic.name, partition, &value, tag)? {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(FULL_PAUSE);
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

/// Sends `records` records as fast as the client takes them.
///
/// # Errors
/// When the client refuses a record.
pub fn fill(producer: &Producer, topic: Topic<'_>, seen: &Latencies, records: u64) -> Result<()> {
    let value = vec![b'x'; RECORD_BYTES];
    for (_, partition) in (0..records).zip((0..topic.partitions).cycle()) {
        let tag = micros(seen.start().elapsed());
        while !producer.send(topic.name, partition, &value, tag)? {
            std::thread::sleep(FULL_PAUSE);
        }
    }
    Ok(())
}

/// Sends numbered records at a rate as [`paced`] does, until `stop`. While the client's queue is full no number is given.
///
/// # Errors
/// When the client refuses a record.
pub fn numbered(
    producer: (u32, &Producer),
    topic: Topic<'_>,
    kept: &Kept,
    per_second: u32,
    stop: &AtomicBool,
) -> Result<()> {
    let (number, producer) = producer;
    let mut value = vec![b'x'; RECORD_BYTES];
    let mut from = clock::now();
    let mut sent = 0_u32;
    let mut partitions = (0..topic.partitions).cycle();
    while !stop.load(Ordering::Relaxed) {
        let due = from + Duration::from_secs(1) * sent / per_second;
        clock::sleep_until(due);
        let partition = partitions.next().unwrap_or_default();
        let record = kept.history.begin(number, partition, due.saturating_duration_since(kept.start));
        write_number(&mut value, record);
        let tag = usize::try_from(record).unwrap_or(usize::MAX);
        sent += 1;
        while !producer.send(topic.name, partition, &value, tag)? {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(FULL_PAUSE);
            // What could not be sent meanwhile is not made up for: it would be one burst.
            (from, sent) = (clock::now(), 1);
        }
    }
    Ok(())
}

fn micros(duration: Duration) -> usize {
    usize::try_from(duration.as_micros()).unwrap_or(usize::MAX)
}
