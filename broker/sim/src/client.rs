//! Clients: how they find brokers and reach them.

pub mod administrator;
pub mod commits;
pub mod consumer;
pub mod member;
pub mod producer;
pub mod provider;
pub mod transactor;

use std::sync::Arc;
use std::time::Duration;

use broker_engine::record::{Batch, BatchBuilder, ProducerEpoch, ProducerId};
use broker_engine::{Engine, LeaderHint, TopicRef};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::broker::{Broker, slot_of};
use crate::core::{Core, Link, Slot};
use crate::executor::ProcessId;
use crate::fault::Fault;

/// The brokers of a world.
pub type Brokers = Arc<Vec<Arc<Broker>>>;

/// One client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The world.
    pub core: Arc<Core>,
    /// Where it may ask.
    pub brokers: Brokers,
}

/// A partition's leader as a client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownLeader {
    /// Where it is.
    pub slot: Slot,
    /// Its epoch.
    pub leader_epoch: i32,
}

impl Client {
    /// Sends a request to a broker; none when nothing came back in time.
    pub async fn ask<T, F>(&self, slot: Slot, patience: Duration, request: impl FnOnce(Engine) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let reach = |broker: &Broker| broker.process().zip(broker.engine());
        self.ask_whom(slot, patience, reach, request).await
    }

    /// As [`Client::ask`], of the process that `reach` finds there.
    pub async fn ask_whom<T, F>(
        &self,
        slot: Slot,
        patience: Duration,
        reach: impl FnOnce(&Broker) -> Option<(ProcessId, Engine)>,
        request: impl FnOnce(Engine) -> F,
    ) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.way().await;
        if self.core.is_cut(slot, Link::Client) {
            self.core.strike(Fault::CutClient);
            sleep(patience).await;
            return None;
        }
        let broker = self.brokers.get(slot.0)?;
        let (process, engine) = reach(broker)?;
        let (told, answer) = oneshot::channel();
        let work = request(engine);
        self.core.spawn_in(process, async move {
            let _nobody = told.send(work.await);
        });
        let answer = timeout(patience, answer).await.ok()?.ok()?;
        self.way().await;
        if self.core.is_cut(slot, Link::Client) {
            self.core.strike(Fault::CutClient);
            return None;
        }
        Some(answer)
    }

    async fn way(&self) {
        let way = self.core.random().millis(0, 3);
        sleep(way).await;
    }

    /// A broker that answers, if there is one.
    #[must_use]
    pub fn somebody(&self) -> Option<Slot> {
        let up: Vec<Slot> =
            self.brokers.iter().filter(|broker| broker.engine().is_some()).map(|broker| broker.slot).collect();
        self.core.random().pick(&up).copied()
    }

    /// Asks any broker who leads a partition.
    pub async fn find_leader(&self, topic: Uuid, partition: i32) -> Option<KnownLeader> {
        let asked = self.somebody()?;
        let found = self
            .ask(asked, Duration::from_secs(2), move |engine| async move {
                let hint = engine.leader(&TopicRef::Id(topic), partition)?;
                let info = engine.brokers().into_iter().find(|info| info.node_id == hint.node_id)?;
                Some(KnownLeader { slot: slot_of(info.endpoint.port), leader_epoch: hint.leader_epoch })
            })
            .await;
        found.flatten()
    }

    /// Who a hint means.
    pub async fn follow(&self, hint: LeaderHint) -> Option<KnownLeader> {
        let asked = self.somebody()?;
        let found = self
            .ask(asked, Duration::from_secs(2), move |engine| async move {
                let info = engine.brokers().into_iter().find(|info| info.node_id == hint.node_id)?;
                Some(KnownLeader { slot: slot_of(info.endpoint.port), leader_epoch: hint.leader_epoch })
            })
            .await;
        found.flatten()
    }

    /// Asks any broker who coordinates a group.
    pub async fn group_coordinator(&self, group: &str) -> Option<Slot> {
        let asked = self.somebody()?;
        let group = group.to_owned();
        let patience = Duration::from_secs(2);
        let found = self.ask(asked, patience, move |engine| async move { engine.coordinator(&group) }).await;
        found.flatten().map(|info| slot_of(info.endpoint.port))
    }

    /// Waits a moment before the next attempt.
    pub async fn pause(&self, low_ms: u64, high_ms: u64) {
        let pause = self.core.random().millis(low_ms, high_ms);
        sleep(pause).await;
    }
}

/// A batch with these values.
#[must_use]
pub fn batch(time_ms: i64, producer: Option<(i64, i16, i32)>, values: &[String]) -> Bytes {
    let mut builder = BatchBuilder::new(time_ms);
    if let Some((id, epoch, sequence)) = producer {
        builder = builder.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    }
    for value in values {
        builder.push(None, Some(value.as_bytes()));
    }
    builder.build().bytes().clone()
}

/// A record as a consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its offset.
    pub offset: i64,
    /// Its value; none for markers and records without one.
    pub value: Option<String>,
    /// Whether it is a marker.
    pub is_control: bool,
    /// The producer, -1 where there is none.
    pub producer_id: i64,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// The epoch in which it was appended.
    pub leader_epoch: i32,
}

/// The records of fetched batches.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode(records: &[Bytes]) -> Result<Vec<Seen>, String> {
    let mut seen = Vec::new();
    for bytes in records {
        let mut bytes = bytes.clone();
        while !bytes.is_empty() {
            let batch = Batch::take(&mut bytes).map_err(|error| error.to_string())?;
            batch.validate().map_err(|error| error.to_string())?;
            let header = batch.header();
            let is_control = header.attributes.is_control();
            for record in batch.records().map_err(|error| format!("{error:?}"))? {
                let record = record.map_err(|error| error.to_string())?;
                let value = record.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
                seen.push(Seen {
                    offset: record.offset.0,
                    value: value.filter(|_| !is_control),
                    is_control,
                    producer_id: header.producer_id.0,
                    is_transactional: header.attributes.is_transactional(),
                    leader_epoch: header.leader_epoch.0,
                });
            }
        }
    }
    Ok(seen)
}
