//! Control records: the markers that end a transaction.

use bytes::Bytes;

use crate::batch::Batch;
use crate::builder::BatchBuilder;
use crate::header::Attributes;
use crate::ids::{ProducerEpoch, ProducerId};
use crate::records::Record;

const VERSION: i16 = 0;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerKind {
    /// Its records do not count.
    Abort,
    /// Its records count.
    Commit,
}

/// A transaction marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord {
    /// Commit or abort.
    pub kind: MarkerKind,
    /// Epoch of the coordinator that wrote it.
    pub coordinator_epoch: i32,
}

impl ControlRecord {
    /// Reads a marker out of a record of a control batch; none where it is another kind of control record.
    #[must_use]
    pub fn parse(record: &Record) -> Option<Self> {
        let key = record.key.as_ref()?.first_chunk::<4>()?;
        let value = record.value.as_ref()?.first_chunk::<6>()?;
        let [_, _, kind_high, kind_low] = *key;
        let [_, _, epoch @ ..] = *value;
        let kind = match i16::from_be_bytes([kind_high, kind_low]) {
            0 => MarkerKind::Abort,
            1 => MarkerKind::Commit,
            _ => return None,
        };
        Some(Self { kind, coordinator_epoch: i32::from_be_bytes(epoch) })
    }

    /// The control batch with this marker alone.
    #[must_use]
    pub fn to_batch(self, producer_id: ProducerId, producer_epoch: ProducerEpoch, timestamp: i64) -> Batch {
        let kind: i16 = match self.kind {
            MarkerKind::Abort => 0,
            MarkerKind::Commit => 1,
        };
        let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        let mut value = VERSION.to_be_bytes().to_vec();
        value.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        let attributes = Attributes::default().with_transactional().with_control();
        let mut builder = BatchBuilder::new(timestamp).attributes(attributes).producer(producer_id, producer_epoch, -1);
        builder.push(Some(&Bytes::from(key)), Some(&Bytes::from(value)));
        builder.build()
    }
}
