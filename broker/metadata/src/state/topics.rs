//! Commands about topics.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{CONSUMER_OFFSETS, DeletedTopic, Partition, Shared, State, TRANSACTION_STATE, Topic};
use crate::command::{Command, CreateTopic, SweptObjects, TopicAttributes};
use crate::limits::{CLUSTER_PARTITIONS_MAX, FORMER_TOPICS_MAX, TEXT_BYTES_MAX, TOPIC_PARTITIONS_MAX, TOPICS_MAX};
use crate::outcome::{Applied, CommandResult, Rejection};
use crate::topic_config::{check_topic_config, check_topic_name};

impl State {
    pub(super) fn create_topic(&mut self, create: &CreateTopic, command: &Command) -> CommandResult {
        let name = create.name.as_str();
        check_topic_name(name).map_err(|problem| Rejection::InvalidTopicName { name: name.to_owned(), problem })?;
        if let Some(topic) = self.topic_named(name) {
            return Err(Rejection::TopicExists {
                name: name.to_owned(),
                topic: topic.id,
                actor: topic.created_by.clone(),
                time_ms: topic.created_ms,
                manager: topic.attributes.manager.clone(),
            });
        }
        if name.starts_with("__") {
            return Err(Rejection::InternalTopic { name: name.to_owned() });
        }
        for (name, value) in &create.configs {
            check_config(name, value)?;
        }
        check_attributes(&create.attributes)?;
        self.check_room(create.partitions, 0)?;
        Ok(self.insert_topic(create, Origin::Users, command))
    }

    /// Creates the topics that hold groups and transactions; the result is that of the former.
    pub(super) fn create_internal_topics(&mut self, partitions: i32, command: &Command) -> CommandResult {
        self.check_room(partitions, 0)?;
        let internal = |name: &str| CreateTopic {
            name: name.to_owned(),
            partitions,
            configs: BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]),
            attributes: TopicAttributes { deletion_protection: true, ..TopicAttributes::default() },
        };
        let created = self.insert_topic(&internal(CONSUMER_OFFSETS), Origin::Cluster, command);
        self.insert_topic(&internal(TRANSACTION_STATE), Origin::Cluster, command);
        Ok(created)
    }

    fn insert_topic(&mut self, create: &CreateTopic, origin: Origin, command: &Command) -> Applied {
        let cluster = self.cluster.as_ref().map_or(Uuid::nil(), |cluster| cluster.id);
        // Follows from the command, so that every process makes the same id, and differs for every command.
        let mut seed = command.id.as_bytes().to_vec();
        if origin == Origin::Cluster && create.name != CONSUMER_OFFSETS {
            // One command makes all internal topics.
            seed.extend_from_slice(create.name.as_bytes());
        }
        let id = Uuid::new_v5(&cluster, &seed);
        let leader_epoch = match self.former_epochs.get(&create.name) {
            Some(_) => self.former_epochs.make_mut().remove(&create.name).unwrap_or(-1),
            None => -1,
        };
        let partition = Partition { leader: None, leader_epoch, chain: Vec::new(), target: None };
        let topic = Topic {
            id,
            name: create.name.clone(),
            internal: origin == Origin::Cluster,
            partitions: vec![partition; usize::try_from(create.partitions).unwrap_or_default()],
            configs: create.configs.clone(),
            attributes: create.attributes.clone(),
            created_by: command.actor.clone(),
            created_ms: command.time_ms,
        };
        self.topic_ids.make_mut().insert(create.name.clone(), id);
        self.topics.insert(id, Shared::new(topic));
        self.touched.topics.insert(id);
        Applied::TopicCreated { topic: id }
    }

    pub(super) fn delete_topic(&mut self, id: Uuid) -> CommandResult {
        let topic = self.alterable(id)?;
        if topic.attributes.deletion_protection {
            return Err(Rejection::DeletionProtected { name: topic.name.clone() });
        }
        let (name, partitions) = (topic.name.clone(), topic.partitions.len());
        let epoch = topic.partitions.iter().map(|p| p.leader_epoch).max().unwrap_or(-1);
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        self.topics.remove(&id);
        self.topic_ids.make_mut().remove(&name);
        let deleted = DeletedTopic {
            name: name.clone(),
            partitions,
            seq: self.next_seq,
            epochs_until: self.next_epoch,
            swept: SweptObjects::default(),
        };
        self.deleted_topics.insert(id, deleted);
        self.touched.topics.insert(id);
        let former_epochs = self.former_epochs.make_mut();
        former_epochs.insert(name, epoch);
        if former_epochs.len() > FORMER_TOPICS_MAX {
            let lowest = former_epochs.iter().min_by_key(|(_, epoch)| **epoch).map(|(name, _)| name.clone());
            lowest.and_then(|name| former_epochs.remove(&name));
        }
        Ok(Applied::Done)
    }

    pub(super) fn alter_topic_configs(
        &mut self,
        id: Uuid,
        configs: &BTreeMap<String, Option<String>>,
    ) -> CommandResult {
        for (name, value) in configs {
            let default = crate::topic_config::topic_config(name).map_or("", |config| config.default);
            check_config(name, value.as_deref().unwrap_or(default))?;
        }
        let topic = self.alterable(id)?;
        for (name, value) in configs {
            match value {
                Some(value) => topic.configs.insert(name.clone(), value.clone()),
                None => topic.configs.remove(name),
            };
        }
        Ok(Applied::Done)
    }

    pub(super) fn alter_topic_attributes(&mut self, id: Uuid, attributes: &TopicAttributes) -> CommandResult {
        check_attributes(attributes)?;
        self.alterable(id)?.attributes = attributes.clone();
        Ok(Applied::Done)
    }

    pub(super) fn create_partitions(&mut self, id: Uuid, total: i32) -> CommandResult {
        let topic = self.alterable(id)?;
        let present = topic.partitions.len();
        let invalid = |problem: String| Err(Rejection::InvalidPartitions { partitions: total, problem });
        let Ok(wanted) = usize::try_from(total) else { return invalid("fewer than none".to_owned()) };
        if wanted <= present {
            return invalid(format!("the topic has {present} already"));
        }
        let leader_epoch = topic.partitions.iter().map(|p| p.leader_epoch).min().unwrap_or(-1);
        self.check_room(total, present)?;
        let partition = Partition { leader: None, leader_epoch, chain: Vec::new(), target: None };
        self.alterable(id)?.partitions.resize(wanted, partition);
        Ok(Applied::Done)
    }

    pub(super) fn partition_mut(&mut self, topic: Uuid, partition: i32) -> Option<&mut Partition> {
        self.touched.topics.insert(topic);
        self.topics.get_mut(&topic)?.make_mut().partitions.get_mut(usize::try_from(partition).ok()?)
    }

    fn alterable(&mut self, id: Uuid) -> Result<&mut Topic, Rejection> {
        let topic = self.topics.get_mut(&id).ok_or(Rejection::UnknownTopic(id))?;
        if topic.internal {
            return Err(Rejection::InternalTopic { name: topic.name.clone() });
        }
        self.touched.topics.insert(id);
        Ok(topic.make_mut())
    }

    fn check_room(&self, partitions: i32, present: usize) -> Result<(), Rejection> {
        if !(1..=TOPIC_PARTITIONS_MAX).contains(&partitions) {
            let problem = format!("a topic has 1 to {TOPIC_PARTITIONS_MAX}");
            return Err(Rejection::InvalidPartitions { partitions, problem });
        }
        let more = usize::try_from(partitions).unwrap_or_default().saturating_sub(present);
        let all: usize = self.topics.values().map(|topic| topic.partitions.len()).sum();
        if all.saturating_add(more) > CLUSTER_PARTITIONS_MAX {
            return Err(Rejection::LimitReached { what: format!("{CLUSTER_PARTITIONS_MAX} partitions") });
        }
        if self.topics.len() >= TOPICS_MAX {
            return Err(Rejection::LimitReached { what: format!("{TOPICS_MAX} topics") });
        }
        Ok(())
    }
}

/// Whose topic it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Users,
    Cluster,
}

fn check_config(name: &str, value: &str) -> Result<(), Rejection> {
    check_topic_config(name, value).map_err(|problem| Rejection::InvalidConfig { name: name.to_owned(), problem })
}

fn check_attributes(attributes: &TopicAttributes) -> Result<(), Rejection> {
    let texts = [&attributes.owner, &attributes.classification, &attributes.manager];
    if texts.into_iter().flatten().any(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(Rejection::Invalid("owner, classification or manager is too long".to_owned()));
    }
    Ok(())
}
