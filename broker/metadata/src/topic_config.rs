//! The configs of topics: names, types, defaults and which values are allowed.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// One of some words.
    String,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// A decimal fraction.
    Double,
    /// Words separated by commas.
    List,
}

/// Which values are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    /// A decimal fraction between 0 and 1; never computed with, so that `apply` knows integers only.
    Fraction,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
}

/// One config of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// Kafka's name.
    pub name: &'static str,
    /// How a value is written.
    pub config_type: ConfigType,
    /// The value where none is set.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub documentation: &'static str,
    allowed: Allowed,
}

const fn long(name: &'static str, min: i64, default: &'static str, documentation: &'static str) -> TopicConfig {
    let allowed = Allowed::Integer { min, max: i64::MAX };
    TopicConfig { name, config_type: ConfigType::Long, default, documentation, allowed }
}

const fn int(name: &'static str, min: i64, default: &'static str, documentation: &'static str) -> TopicConfig {
    let allowed = Allowed::Integer { min, max: i32::MAX as i64 };
    TopicConfig { name, config_type: ConfigType::Int, default, documentation, allowed }
}

const fn word(
    name: &'static str,
    words: &'static [&'static str],
    default: &'static str,
    documentation: &'static str,
) -> TopicConfig {
    TopicConfig { name, config_type: ConfigType::String, default, documentation, allowed: Allowed::OneOf(words) }
}

const fn boolean(name: &'static str, default: &'static str, documentation: &'static str) -> TopicConfig {
    TopicConfig { name, config_type: ConfigType::Boolean, default, documentation, allowed: Allowed::Boolean }
}

const COMPRESSIONS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

/// Every config of topics, by name.
pub const TOPIC_CONFIGS: &[TopicConfig] = &[
    TopicConfig {
        name: "cleanup.policy",
        config_type: ConfigType::List,
        default: "delete",
        documentation: "Whether old records are deleted, or compacted to the last one of each key.",
        allowed: Allowed::ListOf(&["delete", "compact"]),
    },
    word("compression.type", COMPRESSIONS, "producer", "How batches are compressed; producer keeps what was sent."),
    long("delete.retention.ms", 0, "86400000", "How long tombstones stay visible after compaction."),
    long("file.delete.delay.ms", 0, "60000", "How long a segment stays after it is no longer named."),
    long("flush.messages", 1, "9223372036854775807", "Accepted and without effect: every record is durable."),
    long("flush.ms", 0, "9223372036854775807", "Accepted and without effect: every record is durable."),
    int("index.interval.bytes", 0, "4096", "Bytes between two entries of a segment's index."),
    long("max.compaction.lag.ms", 1, "9223372036854775807", "How long a record may stay uncompacted."),
    int("max.message.bytes", 0, "1048588", "Largest batch of records."),
    long("message.timestamp.after.max.ms", 0, "3600000", "How far in the future a record's timestamp may be."),
    long("message.timestamp.before.max.ms", 0, "9223372036854775807", "How old a record's timestamp may be."),
    word("message.timestamp.type", &["CreateTime", "LogAppendTime"], "CreateTime", "Whose clock stamps records."),
    TopicConfig {
        name: "min.cleanable.dirty.ratio",
        config_type: ConfigType::Double,
        default: "0.5",
        documentation: "Share of uncompacted bytes at which compaction starts.",
        allowed: Allowed::Fraction,
    },
    long("min.compaction.lag.ms", 0, "0", "How long a record stays uncompacted at least."),
    int("min.insync.replicas", 1, "1", "Accepted and without effect: the object store replicates every record."),
    boolean("preallocate", "false", "Accepted and without effect: there are no files."),
    long("retention.bytes", -1, "-1", "Bytes of a partition beyond which old segments are deleted; -1 is no limit."),
    long("retention.ms", -1, "604800000", "How long records are kept; -1 is no limit."),
    int("segment.bytes", 1_048_576, "67108864", "Size of a segment."),
    int("segment.index.bytes", 4, "10485760", "Accepted and without effect."),
    long("segment.jitter.ms", 0, "0", "Accepted and without effect."),
    long("segment.ms", 1, "604800000", "Age at which a segment is closed."),
    boolean("unclean.leader.election.enable", "false", "Accepted and without effect: no election loses records."),
];

/// Finds a config.
#[must_use]
pub fn topic_config(name: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.iter().find(|config| config.name == name)
}

/// Says what is wrong with a value, in words that follow the config's name.
///
/// # Errors
/// The problem.
pub fn check_topic_config(name: &str, value: &str) -> Result<(), String> {
    let Some(config) = topic_config(name) else { return Err("there is no such config".to_owned()) };
    let known = |words: &[&str], word: &str| words.contains(&word);
    match config.allowed {
        Allowed::Boolean if known(&["true", "false"], value) => Ok(()),
        Allowed::Boolean => Err(format!("{value:?} is neither true nor false")),
        Allowed::Integer { min, max } => match value.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            Ok(_) => Err(format!("{value} is not between {min} and {max}")),
            Err(_) => Err(format!("{value:?} is not an integer")),
        },
        Allowed::Fraction if is_fraction(value) => Ok(()),
        Allowed::Fraction => Err(format!("{value:?} is not a decimal number between 0 and 1")),
        Allowed::OneOf(words) if known(words, value) => Ok(()),
        Allowed::OneOf(words) => Err(format!("{value:?} is none of {}", words.join(", "))),
        Allowed::ListOf(words) if value.split(',').all(|word| known(words, word.trim())) => Ok(()),
        Allowed::ListOf(words) => Err(format!("{value:?} is not a list of {}", words.join(", "))),
    }
}

fn is_fraction(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "0" => digits(fraction),
        "1" => digits(fraction) && fraction.bytes().all(|b| b == b'0'),
        _ => false,
    }
}

/// Says what is wrong with a topic's name, in words that follow it.
///
/// # Errors
/// The problem.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Err("is empty".to_owned()),
        "." | ".." => Err("is reserved".to_owned()),
        _ if name.len() > crate::limits::TOPIC_NAME_LENGTH_MAX => Err("has more than 249 characters".to_owned()),
        _ if !name.chars().all(plain) => Err("has characters other than a-z A-Z 0-9 . _ -".to_owned()),
        _ => Ok(()),
    }
}
