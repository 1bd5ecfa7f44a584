//! The cluster as metadata describes it: what the rest of the engine asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_log::Incarnation;
use broker_metadata::{Broker, BrokerStatus, CONSUMER_OFFSETS, Readers, State, TRANSACTION_STATE, Topic, WalLog};
use broker_record::{LeaderEpoch, TimestampType};
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::Endpoint;
use crate::group::partition_of;
use crate::status::BrokerInfo;
use crate::tasks::Stage;
use crate::topic::{LeaderHint, PartitionId, TopicRef};

/// The metadata applied so far; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    state: watch::Receiver<Arc<State>>,
}

/// What appending to a topic needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AppendInfo {
    pub(crate) id: Uuid,
    pub(crate) internal: bool,
    /// Whether records go by age, size and request; else by compaction only.
    pub(crate) expires: bool,
    /// Whether of records with the same key the last one stays: then every record has a key.
    pub(crate) compacted: bool,
    pub(crate) message_bytes_max: usize,
    pub(crate) timestamp_type: TimestampType,
}

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) leader_epoch: LeaderEpoch,
}

/// A partition's leadership, with all that led to it.
#[derive(Clone, Debug)]
pub(crate) struct Leadership {
    pub(crate) leader_epoch: LeaderEpoch,
    /// Oldest first; the present leader is the last.
    pub(crate) chain: Vec<Link>,
}

/// One leadership of the past, or the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) incarnation: Incarnation,
    /// The first WAL number that does not count, where the leadership ended in order.
    pub(crate) released: Option<u64>,
    /// The first WAL number that is kept.
    pub(crate) floor: u64,
}

impl Leader {
    /// As clients are told.
    pub(crate) fn hint(&self) -> LeaderHint {
        LeaderHint { node_id: self.incarnation.map_or(-1, |leader| leader.broker), leader_epoch: self.leader_epoch.0 }
    }
}

impl Cluster {
    pub(crate) fn new(state: watch::Receiver<Arc<State>>) -> Self {
        Self { state }
    }

    /// The state itself.
    pub(crate) fn view(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// A receiver of its changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    /// A topic as requests name it.
    pub(crate) fn topic(&self, topic: &TopicRef) -> Option<AppendInfo> {
        let state = self.state.borrow();
        find(&state, topic).map(|topic| AppendInfo {
            id: topic.id,
            internal: topic.internal,
            expires: topic.has_cleanup_policy("delete"),
            compacted: topic.has_cleanup_policy("compact"),
            message_bytes_max: topic
                .integer_config("max.message.bytes")
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(usize::MAX),
            timestamp_type: match topic.config("message.timestamp.type") {
                Some("LogAppendTime") => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
        })
    }

    /// The name of a topic.
    pub(crate) fn topic_name(&self, id: Uuid) -> Option<String> {
        self.state.borrow().topic(id).map(|topic| topic.name.clone())
    }

    /// The partition that a request names.
    pub(crate) fn partition_id(&self, topic: &TopicRef, partition: i32) -> Option<PartitionId> {
        let state = self.state.borrow();
        let topic = find(&state, topic)?;
        topic.partition(partition).map(|_| PartitionId { topic: topic.id, partition })
    }

    /// Who leads a partition; none if it does not exist.
    pub(crate) fn leader(&self, id: PartitionId) -> Option<Leader> {
        let state = self.state.borrow();
        let partition = state.partition(id.topic, id.partition)?;
        Some(Leader { incarnation: partition.leader, leader_epoch: LeaderEpoch(partition.leader_epoch) })
    }

    /// Who leads a partition that a broker may serve to consumers of `zone`: its own, in which the leader is not.
    pub(crate) fn leader_elsewhere(
        &self,
        id: PartitionId,
        zone: &str,
        me: Incarnation,
    ) -> Option<(Leader, Incarnation, BrokerInfo)> {
        let state = self.state.borrow();
        let is_in_zone = |broker: &Broker| broker.zone.as_deref() == Some(zone);
        let partition = state.partition(id.topic, id.partition)?;
        let incarnation = partition.leader.filter(|leader| *leader != me)?;
        let leader = state.broker(incarnation.broker)?;
        if !state.broker(me.broker).is_some_and(is_in_zone) || is_in_zone(leader) {
            return None;
        }
        let leadership = Leader { incarnation: Some(incarnation), leader_epoch: LeaderEpoch(partition.leader_epoch) };
        Some((leadership, incarnation, info(leader)))
    }

    /// Who serves the reads of a zone, where that is not the zone of `me`.
    pub(crate) fn readers_elsewhere(&self, zone: &str, me: Incarnation) -> Option<Readers> {
        let state = self.state.borrow();
        let here = state.broker(me.broker)?.zone.as_deref();
        (here != Some(zone)).then(|| state.readers())
    }

    /// The leadership of a partition as it is now; none where somebody else leads.
    pub(crate) fn leadership(&self, id: PartitionId, incarnation: Incarnation) -> Option<Leadership> {
        let state = self.state.borrow();
        let partition = state.partition(id.topic, id.partition)?;
        (partition.leader == Some(incarnation)).then(|| leadership(&state, partition))
    }

    /// The log of an incarnation; none once it is retired.
    pub(crate) fn wal_log(&self, incarnation: Incarnation) -> Option<WalLog> {
        self.state.borrow().wal_log(incarnation)
    }

    /// The names of everything that an incarnation leads.
    pub(crate) fn ids_led_by(&self, incarnation: Incarnation) -> Vec<PartitionId> {
        let state = self.state.borrow();
        let led = state.led_by(incarnation);
        led.map(|(topic, partition, _)| PartitionId { topic: topic.id, partition }).collect()
    }

    /// What an incarnation leads and another broker shall lead.
    pub(crate) fn to_be_moved(&self, incarnation: Incarnation) -> Vec<PartitionId> {
        let state = self.state.borrow();
        let led = state.led_by(incarnation).filter(|(_, _, partition)| partition.target.is_some());
        led.map(|(topic, partition, _)| PartitionId { topic: topic.id, partition }).collect()
    }

    /// The incarnations that take new partitions, by broker id.
    pub(crate) fn ready(&self) -> Vec<Incarnation> {
        let state = self.state.borrow();
        let ready = state.brokers().values().filter(|broker| broker.status == BrokerStatus::Ready);
        ready.map(Broker::incarnation).collect()
    }

    /// Whether a topic is the one that holds groups.
    pub(crate) fn is_group_log(&self, topic: Uuid) -> bool {
        self.state.borrow().topic(topic).is_some_and(|topic| topic.name == CONSUMER_OFFSETS)
    }

    /// The partition that holds a group.
    pub(crate) fn coordinator_partition(&self, group: &str) -> Option<PartitionId> {
        self.hashed(CONSUMER_OFFSETS, group)
    }

    /// Whether a topic is the one that holds transactions.
    pub(crate) fn is_transaction_log(&self, topic: Uuid) -> bool {
        self.state.borrow().topic(topic).is_some_and(|topic| topic.name == TRANSACTION_STATE)
    }

    /// The partition that holds a transactional id.
    pub(crate) fn transaction_partition(&self, transactional_id: &str) -> Option<PartitionId> {
        self.hashed(TRANSACTION_STATE, transactional_id)
    }

    /// The broker that coordinates a transactional id.
    pub(crate) fn transaction_coordinator(&self, transactional_id: &str) -> Option<BrokerInfo> {
        let leader = self.leader(self.transaction_partition(transactional_id)?)?.incarnation?;
        self.state.borrow().broker(leader.broker).map(info)
    }

    fn hashed(&self, topic: &str, key: &str) -> Option<PartitionId> {
        let state = self.state.borrow();
        let topic = state.topic_named(topic)?;
        let partitions = i32::try_from(topic.partitions.len()).ok()?;
        Some(PartitionId { topic: topic.id, partition: partition_of(key, partitions) })
    }

    /// The broker that coordinates a group.
    pub(crate) fn coordinator(&self, group: &str) -> Option<BrokerInfo> {
        let leader = self.leader(self.coordinator_partition(group)?)?.incarnation?;
        self.state.borrow().broker(leader.broker).map(info)
    }

    /// Whether an incarnation is registered and not fenced.
    pub(crate) fn is_alive(&self, incarnation: Incarnation) -> bool {
        self.state.borrow().is_alive(incarnation)
    }

    /// The brokers that clients may be told about.
    pub(crate) fn brokers(&self) -> Vec<BrokerInfo> {
        self.state.borrow().living_brokers().map(info).collect()
    }

    /// All other incarnations that are alive.
    pub(crate) fn others(&self, me: Incarnation) -> Vec<(Incarnation, BrokerInfo)> {
        let state = self.state.borrow();
        let alive = state.brokers().values().filter(|broker| state.is_alive(broker.incarnation()));
        alive.filter(|broker| broker.incarnation() != me).map(|broker| (broker.incarnation(), info(broker))).collect()
    }

    /// All other incarnations that are alive, and how far they are.
    pub(crate) fn stages_of_others(&self, me: Incarnation) -> Vec<(Incarnation, Stage)> {
        let state = self.state.borrow();
        let stage = |broker: &Broker| match broker.status {
            BrokerStatus::Registered => Some(Stage::Starting),
            BrokerStatus::Ready | BrokerStatus::Draining => Some(Stage::Serving),
            BrokerStatus::Fenced => None,
        };
        let others = state.brokers().values().filter(|broker| broker.incarnation() != me);
        others.filter_map(|broker| Some((broker.incarnation(), stage(broker)?))).collect()
    }

    /// The ready broker with the lowest id.
    pub(crate) fn lowest_ready(&self) -> Option<(Incarnation, BrokerInfo)> {
        let state = self.state.borrow();
        let lowest = state.brokers().values().find(|broker| broker.status == BrokerStatus::Ready);
        lowest.map(|broker| (broker.incarnation(), info(broker)))
    }

    /// Entries applied.
    pub(crate) fn next_seq(&self) -> u64 {
        self.state.borrow().next_seq()
    }
}

/// Everything that an incarnation leads of a topic.
pub(crate) fn led_in(state: &State, topic: Uuid, incarnation: Incarnation) -> BTreeMap<PartitionId, Leadership> {
    let partitions = state.topic(topic).map(|topic| topic.partitions.as_slice()).unwrap_or_default();
    let led = (0_i32..).zip(partitions).filter(|(_, partition)| partition.leader == Some(incarnation));
    led.map(|(partition, known)| (PartitionId { topic, partition }, leadership(state, known))).collect()
}

fn leadership(state: &State, partition: &broker_metadata::Partition) -> Leadership {
    let link = |link: &broker_metadata::ChainLink| Link {
        leader_epoch: LeaderEpoch(link.leader_epoch),
        incarnation: link.incarnation,
        released: link.released.map(|position| position.wal_seq),
        floor: state.wal_log(link.incarnation).map_or(0, |log| log.floor),
    };
    let leader_epoch = LeaderEpoch(partition.leader_epoch);
    Leadership { leader_epoch, chain: partition.chain.iter().map(link).collect() }
}

fn find<'a>(state: &'a State, topic: &TopicRef) -> Option<&'a Topic> {
    match topic {
        TopicRef::Name(name) => state.topic_named(name),
        TopicRef::Id(id) => state.topic(*id),
    }
}

fn info(broker: &Broker) -> BrokerInfo {
    BrokerInfo {
        node_id: broker.id,
        endpoint: Endpoint { host: broker.endpoint.host.clone(), port: broker.endpoint.port },
        zone: broker.zone.clone(),
    }
}
