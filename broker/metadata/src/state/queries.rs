//! Reading the state.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use broker_store::Incarnation;
use uuid::Uuid;

use super::{
    Broker, BrokerStatus, ClusterInfo, DeletedTopic, Digest, FinalisedTopic, Partition, Shared, State, Topic, WalLog,
};
use crate::outcome::CommandResult;

impl State {
    /// The cluster; none before entry 0.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterInfo> {
        self.cluster.as_ref()
    }

    /// The number of the next entry, which is also how many were applied.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// A hash over every change since the beginning: equal digests are equal states.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// All brokers, by id, fenced ones included.
    #[must_use]
    pub fn brokers(&self) -> &BTreeMap<i32, Broker> {
        &self.brokers
    }

    /// A broker.
    #[must_use]
    pub fn broker(&self, id: i32) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    /// The brokers that lead or can lead partitions, by id.
    pub fn living_brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.values().filter(|b| matches!(b.status, BrokerStatus::Ready | BrokerStatus::Draining))
    }

    /// Whether an incarnation is registered and not fenced.
    #[must_use]
    pub fn is_alive(&self, incarnation: Incarnation) -> bool {
        let latest = self.brokers.get(&incarnation.broker);
        latest.is_some_and(|b| b.epoch == incarnation.epoch && b.status != BrokerStatus::Fenced)
    }

    /// The write-ahead logs that are not retired.
    #[must_use]
    pub fn wal_logs(&self) -> &BTreeMap<Incarnation, WalLog> {
        &self.incarnations
    }

    /// The write-ahead log of an incarnation; none if it is retired or never was.
    #[must_use]
    pub fn wal_log(&self, incarnation: Incarnation) -> Option<WalLog> {
        self.incarnations.get(&incarnation).copied()
    }

    /// All topics, by id.
    #[must_use]
    pub fn topics(&self) -> &BTreeMap<Uuid, Shared<Topic>> {
        &self.topics
    }

    /// A topic.
    #[must_use]
    pub fn topic(&self, id: Uuid) -> Option<&Topic> {
        self.topics.get(&id).map(|topic| &**topic)
    }

    /// A topic by its name.
    #[must_use]
    pub fn topic_named(&self, name: &str) -> Option<&Topic> {
        self.topic(*self.topic_ids.get(name)?)
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, topic: Uuid, partition: i32) -> Option<&Partition> {
        self.topics.get(&topic)?.partition(partition)
    }

    /// Every partition that an incarnation leads, in a fixed order.
    pub fn led_by(&self, incarnation: Incarnation) -> impl Iterator<Item = (&Topic, i32, &Partition)> {
        self.all_partitions().filter(move |(_, _, partition)| partition.leader == Some(incarnation))
    }

    /// Every partition, in a fixed order.
    pub fn all_partitions(&self) -> impl Iterator<Item = (&Topic, i32, &Partition)> {
        self.topics.values().flat_map(|topic| (0_i32..).zip(&topic.partitions).map(move |(n, p)| (&**topic, n, p)))
    }

    /// The topics that have come, gone or changed since an earlier state, by id; maybe some more. What does not change from
    /// one state to the next is shared by them, so that this takes as long as there are topics, however many partitions.
    #[must_use]
    pub fn topics_changed_since(&self, before: &Self) -> Vec<Uuid> {
        let mut changed = Vec::new();
        let (mut now, mut then) = (self.topics.iter().peekable(), before.topics.iter().peekable());
        loop {
            let order = match (now.peek(), then.peek()) {
                (None, None) => return changed,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((id, _)), Some((other, _))) => id.cmp(other),
            };
            let known = now.next_if(|_| order.is_le());
            let former = then.next_if(|_| order.is_ge());
            match (known, former) {
                (Some((_, known)), Some((_, former))) if known.is_same(former) => {}
                (Some((id, _)), _) | (None, Some((id, _))) => changed.push(*id),
                (None, None) => return changed,
            }
        }
    }

    /// The topics whose objects may be deleted.
    #[must_use]
    pub fn deleted_topics(&self) -> &BTreeMap<Uuid, DeletedTopic> {
        &self.deleted_topics
    }

    /// The topics of which nothing is left, as far as they are remembered.
    #[must_use]
    pub fn finalised_topics(&self) -> &BTreeMap<Uuid, FinalisedTopic> {
        &self.finalised_topics
    }

    /// The epoch of the next incarnation: whoever has a lower one was registered before.
    #[must_use]
    pub fn next_epoch(&self) -> i64 {
        self.next_epoch
    }

    /// How a command ended, if that is remembered.
    #[must_use]
    pub fn result_of(&self, command: Uuid) -> Option<&CommandResult> {
        self.results.get(&command)
    }
}

impl Topic {
    /// A partition.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    /// The value of a config: the one that was set, else the default; none for an unknown config.
    #[must_use]
    pub fn config(&self, name: &str) -> Option<&str> {
        let default = crate::topic_config::topic_config(name)?.default;
        Some(self.configs.get(name).map_or(default, String::as_str))
    }

    /// Whether `cleanup.policy` contains a word.
    #[must_use]
    pub fn has_cleanup_policy(&self, policy: &str) -> bool {
        self.config("cleanup.policy").is_some_and(|words| words.split(',').any(|word| word.trim() == policy))
    }

    /// The value of a config that is an integer.
    #[must_use]
    pub fn integer_config(&self, name: &str) -> Option<i64> {
        self.config(name)?.parse().ok()
    }
}
