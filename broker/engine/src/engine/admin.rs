//! Administration: topics, configs, producer ids.

use std::time::Duration;

use broker_metadata::{
    Applied, Change, Command, CommandResult, Rejection, State, TOPIC_CONFIGS, TopicAttributes, TopicConfig,
};
use tokio::time::timeout;
use tracing::debug;

use super::{Engine, Inner};
use crate::journal::Wish;
use crate::limits::{ADMIN_WAIT_MAX, PRODUCER_ID_BLOCK};
use crate::topic::{
    AdminMode, ConfigEntry, ConfigResource, ConfigSource, ConfigType, CreatePartitions, CreatePartitionsError,
    CreateTopic, CreateTopicError, CreatedTopic, DeleteTopicError, DeletedTopic, DescribeConfigsError, InitProducerId,
    InitProducerIdError, ProducerIdentity, TopicRef,
};

impl Engine {
    /// Creates topics, or checks only. `actor` is who wants it, such as a Kafka principal.
    pub async fn create_topics(
        &self,
        topics: Vec<CreateTopic>,
        mode: AdminMode,
        actor: &str,
        wait: Duration,
    ) -> Vec<Result<CreatedTopic, CreateTopicError>> {
        let default = self.default_partitions();
        let partitions: Vec<i32> = topics.iter().map(|topic| topic.partitions.unwrap_or(default)).collect();
        let changes = topics.into_iter().zip(&partitions).map(|(topic, partitions)| {
            Change::CreateTopic(broker_metadata::CreateTopic {
                name: topic.name,
                partitions: *partitions,
                configs: topic.configs,
                attributes: TopicAttributes::default(),
            })
        });
        let results = self.inner.administer(changes.collect(), mode, actor, wait).await;
        let created = |(result, partitions): (Result<CommandResult, String>, i32)| match result {
            Ok(Ok(Applied::TopicCreated { topic })) => Ok(CreatedTopic { topic_id: topic, partitions }),
            Ok(Ok(other)) => Err(CreateTopicError::Refused(format!("unexpected result {other:?}"))),
            Ok(Err(rejection)) => Err(create_topic_error(rejection)),
            Err(problem) => Err(CreateTopicError::Unavailable(problem)),
        };
        results.into_iter().zip(partitions).map(created).collect()
    }

    /// Creates a topic because a client asked for its metadata; succeeds if it exists already.
    ///
    /// # Errors
    /// [`CreateTopicError::NotAllowed`] where the configuration does not allow it.
    pub async fn auto_create_topic(&self, name: &str, actor: &str) -> Result<CreatedTopic, CreateTopicError> {
        let Some(partitions) = self.inner.config.auto_create_partitions else {
            return Err(CreateTopicError::NotAllowed);
        };
        let partitions = i32::try_from(partitions.get()).map_err(|_| CreateTopicError::InvalidPartitions)?;
        let topic = CreateTopic { name: name.to_owned(), partitions: Some(partitions), configs: Default::default() };
        let created = self.create_topics(vec![topic], AdminMode::Apply, actor, ADMIN_WAIT_MAX).await.pop();
        match created {
            Some(Err(CreateTopicError::Exists)) => match self.topic(&TopicRef::Name(name.to_owned())) {
                Some(topic) => Ok(CreatedTopic {
                    topic_id: topic.topic_id,
                    partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
                }),
                None => Err(CreateTopicError::Exists),
            },
            Some(created) => created,
            None => Err(CreateTopicError::Unavailable("no result".to_owned())),
        }
    }

    /// Adds partitions to topics, or checks only.
    pub async fn create_partitions(
        &self,
        topics: Vec<CreatePartitions>,
        mode: AdminMode,
        actor: &str,
        wait: Duration,
    ) -> Vec<Result<(), CreatePartitionsError>> {
        let mut answers = Vec::with_capacity(topics.len());
        for topic in topics {
            let id = self.view().topic_named(&topic.name).map(|known| known.id);
            let Some(id) = id else {
                answers.push(Err(CreatePartitionsError::UnknownTopic));
                continue;
            };
            let change = Change::CreatePartitions { topic: id, total: topic.total };
            answers.push(match self.inner.administer_one(change, mode, actor, wait).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(Rejection::UnknownTopic(_))) => Err(CreatePartitionsError::UnknownTopic),
                Ok(Err(problem @ (Rejection::InvalidPartitions { .. } | Rejection::LimitReached { .. }))) => {
                    Err(CreatePartitionsError::InvalidPartitions(problem.to_string()))
                }
                Ok(Err(rejection)) => Err(CreatePartitionsError::Refused(rejection.to_string())),
                Err(problem) => Err(CreatePartitionsError::Unavailable(problem)),
            });
        }
        answers
    }

    /// Deletes topics.
    pub async fn delete_topics(
        &self,
        topics: Vec<TopicRef>,
        actor: &str,
        wait: Duration,
    ) -> Vec<Result<DeletedTopic, DeleteTopicError>> {
        let mut answers = Vec::with_capacity(topics.len());
        for topic in topics {
            let Some(known) = self.topic(&topic) else {
                answers.push(Err(unknown(&topic)));
                continue;
            };
            let change = Change::DeleteTopic { topic: known.topic_id };
            answers.push(match self.inner.administer_one(change, AdminMode::Apply, actor, wait).await {
                Ok(Ok(_)) => Ok(DeletedTopic { name: known.name, topic_id: known.topic_id }),
                Ok(Err(Rejection::UnknownTopic(_))) => Err(unknown(&topic)),
                Ok(Err(rejection)) => Err(DeleteTopicError::Refused(rejection.to_string())),
                Err(problem) => Err(DeleteTopicError::Unavailable(problem)),
            });
        }
        answers
    }

    /// Every config of a topic or broker.
    ///
    /// # Errors
    /// [`DescribeConfigsError`].
    pub fn describe_configs(&self, resource: &ConfigResource) -> Result<Vec<ConfigEntry>, DescribeConfigsError> {
        match resource {
            ConfigResource::Topic(name) => {
                let state = self.view();
                let topic = state.topic_named(name).ok_or(DescribeConfigsError::UnknownTopic)?;
                let entry = |config: &TopicConfig| topic_entry(config, topic.configs.get(config.name));
                Ok(TOPIC_CONFIGS.iter().map(entry).collect())
            }
            ConfigResource::Broker(id) if *id == self.node_id() => Ok(self.broker_configs()),
            ConfigResource::Broker(_) => Err(DescribeConfigsError::OtherBroker(self.node_id())),
        }
    }

    /// Gives an id to an idempotent producer, or a newer epoch.
    ///
    /// # Errors
    /// [`InitProducerIdError`].
    pub async fn init_producer_id(&self, request: InitProducerId) -> Result<ProducerIdentity, InitProducerIdError> {
        if let Some(transactional_id) = &request.transactional_id {
            return self.init_transactional(transactional_id, &request).await;
        }
        if let Some(current) = request.current
            && current.producer_id >= 0
            && (0..i16::MAX - 1).contains(&current.epoch)
        {
            return Ok(ProducerIdentity { epoch: current.epoch + 1, ..current });
        }
        self.inner.fresh_producer_id().await.map(|producer_id| ProducerIdentity { producer_id, epoch: 0 })
    }

    fn default_partitions(&self) -> i32 {
        self.inner.config.auto_create_partitions.and_then(|count| i32::try_from(count.get()).ok()).unwrap_or(1)
    }

    fn broker_configs(&self) -> Vec<ConfigEntry> {
        let config = &self.inner.config;
        let offsets = self.topic(&TopicRef::Name(broker_metadata::CONSUMER_OFFSETS.to_owned()));
        let read_only = |name: &str, value: String, config_type, documentation| ConfigEntry {
            name: name.to_owned(),
            value,
            source: ConfigSource::Broker,
            config_type,
            read_only: true,
            documentation,
            default: None,
        };
        let auto_create = config.auto_create_partitions.is_some().to_string();
        let partitions = self.default_partitions().to_string();
        let offsets = offsets.map_or(0, |topic| topic.partitions.len()).to_string();
        vec![
            read_only(
                "auto.create.topics.enable",
                auto_create,
                ConfigType::Boolean,
                "Whether clients create topics by asking for them.",
            ),
            read_only("broker.id", self.node_id().to_string(), ConfigType::Int, "The broker's id."),
            read_only("broker.rack", config.zone.clone().unwrap_or_default(), ConfigType::String, "The broker's zone."),
            read_only(
                "default.replication.factor",
                "1".to_owned(),
                ConfigType::Int,
                "The object store replicates every record.",
            ),
            read_only(
                "message.max.bytes",
                config.limits.message_bytes_max.to_string(),
                ConfigType::Int,
                "Largest batch of records.",
            ),
            read_only(
                "num.partitions",
                partitions,
                ConfigType::Int,
                "Partitions of a topic whose creator names no number.",
            ),
            read_only("offsets.topic.num.partitions", offsets, ConfigType::Int, "Partitions of committed offsets."),
        ]
    }
}

impl Inner {
    /// A producer id that nobody has.
    ///
    /// # Errors
    /// [`InitProducerIdError::Unavailable`].
    pub(super) async fn fresh_producer_id(&self) -> Result<i64, InitProducerIdError> {
        let mut ids = self.producer_ids.lock().await;
        if let Some(producer_id) = ids.next() {
            return Ok(producer_id);
        }
        let change = Change::AllocateProducerIds { count: PRODUCER_ID_BLOCK };
        match self.administer_one(change, AdminMode::Apply, "broker", ADMIN_WAIT_MAX).await {
            Ok(Ok(Applied::ProducerIds { first, count })) => {
                *ids = first.saturating_add(1)..first.saturating_add(i64::from(count));
                Ok(first)
            }
            Ok(other) => Err(InitProducerIdError::Unavailable(format!("{other:?}"))),
            Err(problem) => Err(InitProducerIdError::Unavailable(problem)),
        }
    }

    /// Proposes changes in the name of an actor, or tries them on a copy.
    async fn administer(
        &self,
        changes: Vec<Change>,
        mode: AdminMode,
        actor: &str,
        wait: Duration,
    ) -> Vec<Result<CommandResult, String>> {
        let count = changes.len();
        let failed = |problem: &str| vec![Err(problem.to_owned()); count];
        if count == 0 {
            return Vec::new();
        }
        let Some(life) = self.life() else { return failed("this broker is not registered") };
        let wish = Wish { origin: Some(life.id), actor, reason: "requested by a client" };
        let commands: Vec<Command> = changes.into_iter().map(|change| self.journal.command(wish, change)).collect();
        if mode == AdminMode::ValidateOnly {
            return State::clone(&self.cluster.view()).apply(&commands).into_iter().map(Ok).collect();
        }
        match timeout(wait.min(ADMIN_WAIT_MAX), self.propose(commands)).await {
            Ok(Ok(results)) => {
                debug!(actor, ?results, "administered");
                results.into_iter().map(again_if_fenced).collect()
            }
            Ok(Err(problem)) => failed(&problem),
            Err(_) => failed("timed out"),
        }
    }

    async fn administer_one(
        &self,
        change: Change,
        mode: AdminMode,
        actor: &str,
        wait: Duration,
    ) -> Result<CommandResult, String> {
        self.administer(vec![change], mode, actor, wait).await.pop().unwrap_or_else(|| Err("no result".to_owned()))
    }
}

/// That this broker was fenced says nothing about the wish: whoever has it may ask again, here or elsewhere.
fn again_if_fenced(result: CommandResult) -> Result<CommandResult, String> {
    match result {
        Err(rejection @ Rejection::Fenced(_)) => Err(rejection.to_string()),
        other => Ok(other),
    }
}

fn unknown(topic: &TopicRef) -> DeleteTopicError {
    match topic {
        TopicRef::Name(_) => DeleteTopicError::UnknownTopic,
        TopicRef::Id(_) => DeleteTopicError::UnknownTopicId,
    }
}

fn create_topic_error(rejection: Rejection) -> CreateTopicError {
    let text = rejection.to_string();
    match rejection {
        Rejection::TopicExists { .. } => CreateTopicError::Exists,
        Rejection::InvalidTopicName { .. } | Rejection::InternalTopic { .. } => CreateTopicError::InvalidName(text),
        Rejection::InvalidPartitions { .. } => CreateTopicError::InvalidPartitions,
        Rejection::InvalidConfig { .. } => CreateTopicError::InvalidConfig(text),
        _ => CreateTopicError::Refused(text),
    }
}

fn topic_entry(config: &TopicConfig, set: Option<&String>) -> ConfigEntry {
    ConfigEntry {
        name: config.name.to_owned(),
        value: set.cloned().unwrap_or_else(|| config.default.to_owned()),
        source: if set.is_some() { ConfigSource::Topic } else { ConfigSource::Default },
        config_type: config.config_type,
        read_only: false,
        documentation: config.documentation,
        default: set.map(|_| config.default.to_owned()),
    }
}
