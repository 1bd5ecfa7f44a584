//! The `live/` object: a hint for the other brokers that this one and both its buckets are well.

use std::sync::Arc;

use broker_metadata::{LiveObject, MarkedBucket, Marker};
use tracing::{debug, warn};

use crate::engine::Inner;
use crate::life::Life;
use crate::limits::{LIVE_INTERVAL, STORE_ASKED_INTERVAL};
use crate::status::wide;

/// Writes the object until the life ends.
pub(crate) async fn show_life(inner: Arc<Inner>, life: Arc<Life>) {
    let mut beat = 0;
    let mut failing = false;
    loop {
        beat += 1;
        let object = LiveObject {
            broker: life.id.broker,
            epoch: life.id.epoch,
            beat,
            written_ms: inner.env.wall_ms(),
            store_age_ms: u64::try_from(inner.store_age(&life).as_millis()).unwrap_or(u64::MAX),
            wal_seq: life.wal.acknowledged(),
            metadata_seq: inner.cluster.next_seq(),
            partitions_led: wide(life.role_counts().0),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            package_sha256: None,
        };
        let written = tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            written = object.write(&inner.stores.metadata) => written,
        };
        match written {
            Ok(()) => {
                inner.has_shown(beat);
                failing = false;
            }
            Err(error) if !failing => {
                warn!(%error, "the sign of life is not written: others will take this broker for dead");
                failing = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(LIVE_INTERVAL) => {}
        }
    }
}

/// Asks the data bucket something small whenever nothing else has shown that it answers, until the life ends.
pub(crate) async fn ask_store(inner: Arc<Inner>, life: Arc<Life>) {
    loop {
        tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            () = tokio::time::sleep(STORE_ASKED_INTERVAL) => {}
        }
        if life.store_age.age(inner.env.monotonic()) < STORE_ASKED_INTERVAL {
            continue;
        }
        let asked = tokio::select! {
            biased;
            () = life.cancel.cancelled() => return,
            asked = Marker::read(&inner.stores.data, MarkedBucket::Data) => asked,
        };
        match asked {
            Ok(_) => life.store_age.answered(inner.env.monotonic()),
            Err(error) => debug!(%error, "the data bucket does not answer"),
        }
    }
}
