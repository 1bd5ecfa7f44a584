//! Administrators: ask brokers for everything that is neither producing nor consuming.

use std::collections::BTreeMap;
use std::time::Duration;

use broker_engine::{
    AdminMode, ConfigResource, CreatePartitions, CreateTopic, DeleteRecords, Isolation, ListOffset, OffsetSpec,
    ProducePartition, ProduceRequest, TopicRef,
};
use uuid::Uuid;

use super::{Client, batch};
use crate::core::Slot;
use crate::invariant::Invariant;

/// How long an answer is waited for.
const WAIT: Duration = Duration::from_secs(5);
/// How long an answer is waited for that takes the folding of records.
const LONG_WAIT: Duration = Duration::from_secs(30);

/// An administrator.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// How it reaches brokers.
    pub client: Client,
    /// The topic that the others use.
    pub topic: Uuid,
    /// Its number.
    pub number: usize,
}

impl Administrator {
    /// Asks one thing after the other until the work is over.
    pub async fn run(self, until: Duration) {
        let mut count = 0_u32;
        while self.client.core.clock.now() < until {
            self.client.pause(100, 3_000).await;
            let Some(slot) = self.client.somebody() else { continue };
            count += 1;
            let kind = self.client.core.random().below(12);
            match kind {
                0 | 1 => self.create(slot, &format!("scratch-{}-{count}", self.number)).await,
                2 => self.create_on_demand(slot, &format!("wanted-{}-{count}", self.number)).await,
                3 => self.grow(slot).await,
                4 => self.delete(slot).await,
                5 => self.write_somewhere().await,
                6 | 7 => self.delete_records().await,
                8 => self.list_offsets().await,
                9 => self.look_at_groups().await,
                10 => self.look_at_transactions().await,
                _ => self.describe(slot).await,
            }
        }
    }

    /// Deletes every topic that administrators have created, until none is left.
    pub async fn clear(&self) {
        while self.scratch().is_some() {
            if let Some(slot) = self.client.somebody() {
                self.delete(slot).await;
            }
            self.client.pause(100, 500).await;
        }
    }

    /// A topic that is nobody else's.
    fn scratch(&self) -> Option<(Uuid, String, usize)> {
        let found: Vec<(Uuid, String, usize)> = {
            let ledger = self.client.core.ledger();
            let theirs = |name: &str| name.starts_with("scratch-") || name.starts_with("wanted-");
            let topics = ledger.reference.topics().values().filter(|topic| theirs(&topic.name));
            topics.map(|topic| (topic.id, topic.name.clone(), topic.partitions.len())).collect()
        };
        self.client.core.random().pick(&found).cloned()
    }

    async fn create(&self, slot: Slot, name: &str) {
        let configs = match self.client.core.random().below(3) {
            0 => BTreeMap::from([("retention.ms".to_owned(), "2000".to_owned())]),
            1 => BTreeMap::from([("retention.bytes".to_owned(), "100".to_owned())]),
            _ => BTreeMap::new(),
        };
        let topic = CreateTopic { name: name.to_owned(), partitions: Some(2), configs };
        let create = move |engine: broker_engine::Engine| async move {
            engine.create_topics(vec![topic], AdminMode::Apply, "User:sim", WAIT).await
        };
        let _answer = self.client.ask(slot, WAIT, create).await;
    }

    async fn create_on_demand(&self, slot: Slot, name: &str) {
        let name = name.to_owned();
        let create = move |engine: broker_engine::Engine| async move {
            let _created = engine.auto_create_topic(&name, "User:sim").await;
        };
        let _answer = self.client.ask(slot, WAIT, create).await;
    }

    async fn grow(&self, slot: Slot) {
        let Some((_, name, partitions)) = self.scratch() else { return };
        let grow = CreatePartitions { name, total: i32::try_from(partitions + 1).unwrap_or(1) };
        let grow = move |engine: broker_engine::Engine| async move {
            engine.create_partitions(vec![grow], AdminMode::Apply, "User:sim", WAIT).await
        };
        let _answer = self.client.ask(slot, WAIT, grow).await;
    }

    async fn delete(&self, slot: Slot) {
        let Some((id, ..)) = self.scratch() else { return };
        let delete = move |engine: broker_engine::Engine| async move {
            engine.delete_topics(vec![TopicRef::Id(id)], "User:sim", WAIT).await
        };
        let _answer = self.client.ask(slot, WAIT, delete).await;
    }

    /// A few records for a topic that is about to go.
    async fn write_somewhere(&self) {
        let Some((topic, ..)) = self.scratch() else { return };
        for partition in 0..2 {
            let Some(leader) = self.client.find_leader(topic, partition).await else { continue };
            let records = batch(self.client.core.clock.wall_ms(), None, &["nothing of value".to_owned()]);
            let acks = broker_engine::Acks::None;
            let partitions = vec![ProducePartition { topic: TopicRef::Id(topic), partition, records }];
            let request = ProduceRequest { acks, timeout: WAIT, transaction: None, partitions };
            let _answer =
                self.client.ask(leader.slot, WAIT, |engine| async move { engine.produce(request).await }).await;
        }
    }

    fn some_partition(&self) -> i32 {
        let partitions = u64::from(self.client.core.plan.partitions.unsigned_abs());
        i32::try_from(self.client.core.random().below(partitions)).unwrap_or(0)
    }

    /// Has the first records of a partition deleted.
    async fn delete_records(&self) {
        let place = (self.topic, self.some_partition());
        let Some(leader) = self.client.find_leader(place.0, place.1).await else { return };
        let known = self.client.core.ledger().acked.get(&place).and_then(|acked| acked.keys().next_back().copied());
        let Some(known) = known else { return };
        // Few at a time: something has to be left to be looked at.
        let before = i64::try_from(self.client.core.random().below(known.unsigned_abs() / 4 + 1)).unwrap_or(0);
        {
            let mut ledger = self.client.core.ledger();
            let trimmed = ledger.trimmed.entry(place).or_default();
            *trimmed = before.max(*trimmed);
        }
        let request = DeleteRecords { topic: TopicRef::Id(place.0), partition: place.1, before };
        let delete =
            move |engine: broker_engine::Engine| async move { engine.delete_records(vec![request], LONG_WAIT).await };
        let answer = self.client.ask(leader.slot, LONG_WAIT, delete).await.and_then(|mut answers| answers.pop());
        self.client.core.say(|| format!("    records of {place:?} before {before} are deleted: {answer:?}"));
    }

    async fn list_offsets(&self) {
        let partition = self.some_partition();
        let Some(leader) = self.client.find_leader(self.topic, partition).await else { return };
        let topic = TopicRef::Id(self.topic);
        let ago = i64::try_from(self.client.core.random().below(60_000)).unwrap_or(0);
        let timestamp = self.client.core.clock.wall_ms() - ago;
        let specs =
            [OffsetSpec::Earliest, OffsetSpec::Latest, OffsetSpec::MaxTimestamp, OffsetSpec::Timestamp(timestamp)];
        let question = |spec| ListOffset {
            topic: topic.clone(),
            partition,
            current_leader_epoch: None,
            isolation: Isolation::ReadCommitted,
            spec,
        };
        let questions: Vec<ListOffset> = specs.into_iter().map(question).collect();
        let ask = |engine: broker_engine::Engine| async move {
            let listed = engine.list_offsets(questions).await;
            let epoch = leader.leader_epoch;
            (listed, engine.epoch_end(&topic, partition, None, epoch.saturating_sub(1)).await.ok())
        };
        let Some((listed, _)) = self.client.ask(leader.slot, LONG_WAIT, ask).await else { return };
        if let [Ok(earliest), Ok(latest), ..] = listed.as_slice()
            && earliest.offset > latest.offset
        {
            let problem = format!("partition {partition} begins at {earliest:?} and ends at {latest:?}");
            self.client.core.violated(Invariant::VisibleNeverVanishes, problem);
        }
    }

    async fn look_at_groups(&self) {
        let group = format!("nobody-{}", self.client.core.random().below(3));
        let Some(slot) = self.client.group_coordinator(&group).await else { return };
        let ask = |engine: broker_engine::Engine| async move {
            let listed = engine.list_groups();
            let _described = engine.describe_group(&group).await;
            let _deleted = engine.delete_group(&group).await;
            listed.len()
        };
        let _answer = self.client.ask(slot, WAIT, ask).await;
    }

    async fn look_at_transactions(&self) {
        let Some(slot) = self.client.somebody() else { return };
        let ids: Vec<String> = self.client.core.ledger().transactions.ids().into_iter().collect();
        let Some(id) = self.client.core.random().pick(&ids).cloned() else { return };
        let (topic, partition) = (TopicRef::Id(self.topic), self.some_partition());
        let ask = |engine: broker_engine::Engine| async move {
            let _described = engine.describe_transaction(&id).await;
            let _known = engine.describe_producers(&topic, partition).await;
            engine.list_transactions().len()
        };
        let _answer = self.client.ask(slot, WAIT, ask).await;
    }

    async fn describe(&self, slot: Slot) {
        let name = crate::world::TOPIC.to_owned();
        let ask = |engine: broker_engine::Engine| async move {
            engine.describe_configs(&ConfigResource::Topic(name)).map(|configs| configs.len())
        };
        let _answer = self.client.ask(slot, WAIT, ask).await;
    }
}
