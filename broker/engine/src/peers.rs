//! How brokers speak with one another: what can be asked, what is answered. Whoever starts an engine brings the way there.
//!
//! Nothing that a peer says is ever needed for safety: entries are applied only from the bucket. It is what makes a cluster
//! quick, and what tells it who is alive.

use std::fmt;

use broker_metadata::{Command, CommandResult, Incarnation};
use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::status::BrokerInfo;
use crate::topic::{Look, Looked, Watch};
use crate::txn::{AddToTransaction, MarkerOutcome, TransactionError, WriteMarkers};

/// The way to the other brokers.
pub trait Network: Send + Sync + fmt::Debug {
    /// Asks a broker. Takes as long as the way there does; whoever asks bounds that.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer; the request may have arrived all the same.
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>>;
}

/// The network of a broker that is alone: nobody answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNetwork;

impl Network for NoNetwork {
    fn ask(&self, _to: BrokerInfo, _request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        Box::pin(async { Err(PeerError::Silent) })
    }
}

/// What one broker asks another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum PeerRequest {
    /// Are you there? Answered with [`PeerAnswer::Heartbeat`].
    Heartbeat(Heartbeat),
    /// The metadata log has grown. Answered with [`PeerAnswer::Noted`].
    Nudge {
        /// The next entry that the sender waits for.
        metadata_seq: u64,
    },
    /// Append these to the metadata log. Answered with [`PeerAnswer::Proposed`].
    Propose {
        /// In this order; each with an id, so that they take effect once however often they are sent.
        commands: Vec<Command>,
    },
    /// Do you take these for dead, too? Answered with [`PeerAnswer::Agreed`].
    Agree {
        /// Whom the sender takes for dead.
        suspects: Vec<Incarnation>,
    },
    /// What do your partitions carry? Answered with [`PeerAnswer::Loads`].
    Loads,
    /// Do partitions belong to a transaction, or can they? Answered with [`PeerAnswer::AddedToTransaction`].
    AddToTransaction(AddToTransaction),
    /// A transaction has ended. Answered with [`PeerAnswer::Marked`].
    WriteMarkers(WriteMarkers),
    /// Where do records of your partitions lie? Answered with [`PeerAnswer::Looked`].
    Look(Look),
    /// Has anything about your partitions changed? Answered with [`PeerAnswer::Watched`], as soon as something has.
    Watch(Watch),
}

/// What a broker answers another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum PeerAnswer {
    /// It is there.
    Heartbeat(Heartbeat),
    /// It has heard.
    Noted,
    /// How each command ended, in their order; none where it is not known, or nothing was proposed.
    Proposed(Option<Vec<CommandResult>>),
    /// Whom of the suspects the asked one has not heard of lately either; none where it could not tell.
    Agreed(Option<Vec<Incarnation>>),
    /// What its busiest partitions carry; what is missing carries next to nothing.
    Loads(Vec<PartitionLoad>),
    /// The epoch of the coordinator that says so, or why not.
    AddedToTransaction(Result<i32, TransactionError>),
    /// What became of each marker, in the order of the partitions.
    Marked(Vec<MarkerOutcome>),
    /// What the leader sees; none where the question is not for this incarnation.
    Looked(Option<Looked>),
    /// Which of the partitions asked for are not as they were known, by number; none where it is not for this incarnation.
    Watched(Option<Vec<u32>>),
    /// It is no member of the cluster at the moment, or does not know the question.
    NotNow,
}

/// What a partition carries, as measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionLoad {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// What was written to it.
    pub bytes_per_second: u64,
}

/// What a broker says of itself, twice a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Who.
    pub from: Incarnation,
    /// How long ago the one of its two buckets that has been silent longer last answered it; milliseconds.
    pub store_age_ms: u64,
    /// The first number of its write-ahead log that is not durable.
    pub durable_seq: u64,
    /// The next metadata entry it waits for.
    pub metadata_seq: u64,
    /// The number of its latest `live/` object.
    pub beat: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// The machine is there and says that nobody listens: the process is gone.
    #[error("nobody listens there")]
    Refused,
    /// Nothing came back, or nothing that can be understood.
    #[error("there was no answer")]
    Silent,
}

/// Bytes are no message between brokers.
#[derive(Debug, Error)]
#[error("not a message between brokers: {0}")]
pub struct NotAMessage(#[from] serde_json::Error);

impl PeerRequest {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode(self)
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`NotAMessage`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAMessage> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

impl PeerAnswer {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode(self)
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`NotAMessage`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAMessage> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// Plain data always serialises.
fn encode(message: &impl Serialize) -> Bytes {
    serde_json::to_vec(message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use broker_metadata::Applied;
    use proptest::prelude::*;

    use super::*;

    const PEER: Incarnation = Incarnation { broker: 2, epoch: 7 };

    #[test]
    fn messages_are_read_as_they_were_written() {
        let heartbeat = Heartbeat { from: PEER, store_age_ms: 3, durable_seq: u64::MAX, metadata_seq: 9, beat: 4 };
        let requests = [
            PeerRequest::Heartbeat(heartbeat),
            PeerRequest::Nudge { metadata_seq: 1 },
            PeerRequest::Propose { commands: Vec::new() },
            PeerRequest::Agree { suspects: vec![PEER] },
            PeerRequest::Loads,
        ];
        for request in requests {
            assert_eq!(PeerRequest::decode(&request.encode()).unwrap(), request);
        }
        let load = PartitionLoad { topic: Uuid::nil(), partition: 3, bytes_per_second: 1 << 40 };
        let answers = [
            PeerAnswer::Heartbeat(heartbeat),
            PeerAnswer::Noted,
            PeerAnswer::Proposed(Some(vec![Ok(Applied::Registered { incarnation: PEER })])),
            PeerAnswer::Proposed(None),
            PeerAnswer::Agreed(Some(vec![PEER])),
            PeerAnswer::Loads(vec![load]),
            PeerAnswer::NotNow,
        ];
        for answer in answers {
            assert_eq!(PeerAnswer::decode(&answer.encode()).unwrap(), answer);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PeerRequest::decode(&bytes);
            let _ = PeerAnswer::decode(&bytes);
        }
    }
}
