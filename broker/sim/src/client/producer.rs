//! Producers: every value is sent until it is acknowledged, in the order of its partition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use broker_engine::{
    Acks, InitProducerId, PartitionError, ProduceError, ProduceOutcome, ProducePartition, ProduceRequest, TopicRef,
    Turn,
};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use uuid::Uuid;

use super::{Client, KnownLeader, batch};
use crate::invariant::Invariant;

/// Time after which a producer sends again.
const PATIENCE: Duration = Duration::from_secs(20);

/// One producer.
#[derive(Clone, Debug)]
pub struct Producer {
    /// How it reaches brokers.
    pub client: Client,
    /// Names its values.
    pub name: String,
    /// Where it writes.
    pub topic: Uuid,
    /// To which partition.
    pub partition: i32,
    /// Whether it numbers its batches.
    pub numbers: Numbers,
    /// Requests on their way at most.
    pub in_flight: usize,
}

/// Whether a producer is idempotent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// It is.
    Batches,
    /// It is not.
    Nothing,
}

/// A batch that is not acknowledged.
#[derive(Clone, Debug)]
struct Unsent {
    values: Vec<String>,
    sequence: i32,
}

impl Producer {
    /// Produces until the work is over and everything is acknowledged.
    pub async fn run(self, until: Duration) {
        let mut identity = None;
        let mut count = 0_i32;
        let mut unsent: VecDeque<Unsent> = VecDeque::new();
        let mut leader = None;
        loop {
            let works = self.client.core.clock.now() < until;
            if works && unsent.is_empty() {
                self.fill(&mut unsent, &mut count);
            } else if unsent.is_empty() {
                return;
            }
            if self.numbers == Numbers::Batches && identity.is_none() {
                identity = self.identity().await;
                if identity.is_none() {
                    self.client.pause(100, 1_000).await;
                    continue;
                }
            }
            let Some(known) = leader else {
                leader = self.client.find_leader(self.topic, self.partition).await;
                self.client.pause(20, 200).await;
                continue;
            };
            leader = self.send(known, identity, &mut unsent).await;
            if works {
                let pace = u64::try_from(self.client.core.plan.pace.as_millis()).unwrap_or(100);
                self.client.pause(0, 2 * pace).await;
            }
        }
    }

    fn fill(&self, unsent: &mut VecDeque<Unsent>, count: &mut i32) {
        let batches = 1 + self.client.core.random().index(self.in_flight);
        for _ in 0..batches {
            let records = 1 + self.client.core.random().index(3);
            let mut values = Vec::with_capacity(records);
            let sequence = *count;
            for _ in 0..records {
                values.push(format!("{}#{count}", self.name));
                *count += 1;
            }
            unsent.push_back(Unsent { values, sequence });
        }
    }

    async fn identity(&self) -> Option<(i64, i16)> {
        let asked = self.client.somebody()?;
        let request = InitProducerId { transactional_id: None, transaction_timeout_ms: 0, current: None };
        let given =
            self.client.ask(asked, PATIENCE, |engine| async move { engine.init_producer_id(request).await }).await;
        given?.ok().map(|given| (given.producer_id, given.epoch))
    }

    /// Sends what is not acknowledged over one connection; the leader to ask next, if one is known.
    async fn send(
        &self,
        leader: KnownLeader,
        identity: Option<(i64, i16)>,
        unsent: &mut VecDeque<Unsent>,
    ) -> Option<KnownLeader> {
        let requests: Vec<ProduceRequest> =
            unsent.iter().take(self.in_flight).map(|one| self.request(one, identity)).collect();
        let sent = requests.len();
        let (told, mut answers) = tokio::sync::mpsc::channel(sent.max(1));
        let connection = move |engine: broker_engine::Engine| async move {
            // Requests of one connection are begun in their order.
            let turn = Turn::default();
            let mut running: FuturesUnordered<_> = requests
                .into_iter()
                .enumerate()
                .map(|(at, request)| {
                    let (engine, turn) = (engine.clone(), turn.clone());
                    async move { (at, engine.produce_in_turn(request, &turn).await) }
                })
                .collect();
            while let Some((at, mut outcomes)) = running.next().await {
                let _nobody = told.send((at, outcomes.pop())).await;
            }
        };
        let reach = crate::broker::Broker::reached_by_producers;
        let finished = self.client.ask_whom(leader.slot, PATIENCE, reach, connection).await;
        let mut done = vec![false; sent];
        let mut next = Some(leader);
        let mut came: Vec<(usize, Option<ProduceOutcome>)> = Vec::with_capacity(sent);
        while let Ok(answer) = answers.try_recv() {
            came.push(answer);
        }
        // What became durable together wakes its waiters in tokio's random order.
        came.sort_by_key(|(at, _)| *at);
        for (at, outcome) in came {
            // An answer that came when the client had gone away was not heard.
            let heard = finished.is_some() || self.client.core.random().per_mille(500);
            let (Some(outcome), Some(one), true) = (outcome, unsent.get(at).cloned(), heard) else { continue };
            match self.heard(&one, outcome) {
                Heard::Done => done.iter_mut().skip(at).take(1).for_each(|done| *done = true),
                Heard::Again => next = None,
            }
        }
        let mut at = 0;
        unsent.retain(|_| {
            at += 1;
            !done.get(at - 1).copied().unwrap_or(false)
        });
        next.filter(|_| finished.is_some())
    }

    fn request(&self, one: &Unsent, identity: Option<(i64, i16)>) -> ProduceRequest {
        let producer = identity.map(|(id, epoch)| (id, epoch, one.sequence));
        let records = batch(self.client.core.clock.wall_ms(), producer, &one.values);
        ProduceRequest {
            acks: Acks::Durable,
            timeout: self.client.core.plan.produce_timeout,
            transaction: None,
            partitions: vec![ProducePartition { topic: TopicRef::Id(self.topic), partition: self.partition, records }],
        }
    }

    fn heard(&self, one: &Unsent, outcome: ProduceOutcome) -> Heard {
        let core = &self.client.core;
        match outcome {
            Ok(appended) => {
                core.say(|| {
                    format!("    acked p{} {}.. at {}", self.partition, one.values.join(","), appended.base_offset)
                });
                core.happened(&[3, u64::try_from(appended.base_offset).unwrap_or(0)]);
                for (offset, value) in (appended.base_offset..).zip(&one.values) {
                    let noted = core.ledger().acknowledge((self.topic, self.partition), offset, value);
                    if let Err(problem) = noted {
                        core.violated(Invariant::OffsetsAreDenseAndUnique, problem);
                    }
                }
                Heard::Done
            }
            Err(ProduceError::Partition(PartitionError::UnknownTopicOrPartition | PartitionError::UnknownTopicId)) => {
                let deleted = core.ledger().deleted_topics.contains(&self.topic);
                if deleted { Heard::Done } else { Heard::Again }
            }
            Err(error @ (ProduceError::OutOfOrderSequence | ProduceError::InvalidProducerEpoch)) => {
                core.violated(Invariant::IdempotentExactlyOnce, format!("{}: {:?}: {error}", self.name, one.values));
                Heard::Done
            }
            Err(error) => {
                core.say(|| format!("    not acked p{} {}: {error:?}", self.partition, one.values.join(",")));
                Heard::Again
            }
        }
    }
}

enum Heard {
    Done,
    Again,
}

/// What producers are given in common.
#[must_use]
pub fn producer(client: &Client, name: String, topic: Uuid, partition: i32, numbers: Numbers) -> Producer {
    let in_flight = if numbers == Numbers::Batches { client.core.plan.in_flight } else { 1 };
    Producer {
        client: Client { core: Arc::clone(&client.core), brokers: Arc::clone(&client.brokers) },
        name,
        topic,
        partition,
        numbers,
        in_flight,
    }
}
