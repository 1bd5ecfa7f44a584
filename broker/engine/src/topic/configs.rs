//! The configs of topics and brokers, with their defaults.

pub use broker_metadata::ConfigType;
use thiserror::Error;

/// What to describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(String),
    /// A broker, by node id.
    Broker(i32),
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set in the broker's own settings.
    Broker,
    /// The default.
    Default,
}

/// One config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Kafka's name.
    pub name: String,
    /// The value in force.
    pub value: String,
    /// Where it comes from.
    pub source: ConfigSource,
    /// How it is written.
    pub config_type: ConfigType,
    /// Whether it can be altered.
    pub read_only: bool,
    /// What it does, in a sentence.
    pub documentation: &'static str,
    /// The default, where the value differs from it.
    pub default: Option<String>,
}

/// Why configs are not described.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DescribeConfigsError {
    /// No such topic.
    #[error("unknown topic")]
    UnknownTopic,
    /// Another broker; only it knows its settings.
    #[error("this is broker {0}")]
    OtherBroker(i32),
}
