//! Every key of every object, made and parsed in one place.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::limits::CLUSTER_NAME_LENGTH_MAX;

/// One life of a broker: its id and the epoch of its registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation {
    /// Kafka's node id.
    pub broker: i32,
    /// Unique for the broker, and growing.
    pub epoch: i64,
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.broker, self.epoch)
    }
}

/// The key of an object.
///
/// ```
/// use broker_store::{Incarnation, Key};
///
/// let key = Key::Wal { incarnation: Incarnation { broker: 2, epoch: 7 }, seq: 41 };
/// let path = key.path("orders");
/// assert!(path.starts_with("orders/wal/") && path.ends_with("/2-7/00000000000000000041"));
/// assert_eq!(Key::parse("orders", &path), Some(key));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An entry of the metadata log.
    MetaLog {
        /// Its number.
        seq: u64,
    },
    /// A snapshot of the metadata.
    MetaSnapshot {
        /// The first entry that it does not contain.
        seq: u64,
    },
    /// The cluster id of the metadata bucket.
    MetaMarker,
    /// The key by which the brokers of the cluster know one another.
    PeerKey,
    /// The cluster id of the data bucket.
    DataMarker,
    /// An object of a write-ahead log.
    Wal {
        /// Whose log it is.
        incarnation: Incarnation,
        /// Its number.
        seq: u64,
    },
    /// A version of a partition's manifest.
    Manifest {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: i32,
        /// The version.
        version: u64,
    },
    /// A segment of one partition. Its id is random: two writers never meet at one key.
    Segment {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: i32,
        /// The epoch of the leader that wrote it.
        leader_epoch: i32,
        /// The first offset that it covers.
        base_offset: i64,
        /// Chosen at random by its writer.
        id: Uuid,
    },
    /// A segment that small partitions of one topic and leader share.
    SharedSegment {
        /// The topic's id.
        topic: Uuid,
        /// Who wrote it.
        incarnation: Incarnation,
        /// Chosen at random by its writer.
        id: Uuid,
    },
    /// What an incarnation led, and how far it was folded, when the floor of its log was set.
    Checkpoint {
        /// Whose log it belongs to.
        incarnation: Incarnation,
        /// The floor.
        floor: u64,
        /// Chosen at random by its writer.
        id: Uuid,
    },
    /// A sign of life; overwritten.
    Live {
        /// Who lives.
        incarnation: Incarnation,
    },
    /// A broker's report; overwritten.
    Report {
        /// Who reports.
        incarnation: Incarnation,
    },
    /// How far an instance came with booting; overwritten.
    Boot {
        /// The instance's id.
        instance: String,
    },
    /// A packaged broker; belongs to no cluster.
    Package {
        /// SHA-256 of the package, lower-case hex.
        sha256: String,
        /// File name.
        file: String,
    },
}

/// What kind of object a key names; the layout of a bucket is listed by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// See [`Key::MetaLog`].
    MetaLog,
    /// See [`Key::MetaSnapshot`].
    MetaSnapshot,
    /// See [`Key::MetaMarker`].
    MetaMarker,
    /// See [`Key::PeerKey`].
    PeerKey,
    /// See [`Key::DataMarker`].
    DataMarker,
    /// See [`Key::Wal`].
    Wal,
    /// See [`Key::Manifest`].
    Manifest,
    /// See [`Key::Segment`].
    Segment,
    /// See [`Key::SharedSegment`].
    SharedSegment,
    /// See [`Key::Checkpoint`].
    Checkpoint,
    /// See [`Key::Live`].
    Live,
    /// See [`Key::Report`].
    Report,
    /// See [`Key::Boot`].
    Boot,
    /// See [`Key::Package`].
    Package,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MetaLog => "meta/log",
            Self::MetaSnapshot => "meta/snapshot",
            Self::MetaMarker => "meta/marker",
            Self::PeerKey => "meta/peers",
            Self::DataMarker => "data/marker",
            Self::Wal => "wal",
            Self::Manifest => "data/manifest",
            Self::Segment => "data/segment",
            Self::SharedSegment => "data/shared",
            Self::Checkpoint => "wal/checkpoint",
            Self::Live => "live",
            Self::Report => "live/report",
            Self::Boot => "live/boot",
            Self::Package => "packages",
        })
    }
}

/// The cluster's name cannot stand in keys.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cluster name {0:?} is not 1 to 64 of the characters a-z A-Z 0-9 . _ - beginning with a letter or digit")]
pub struct InvalidClusterName(pub String);

/// Whether a name can be the first part of a cluster's keys.
///
/// # Errors
/// [`InvalidClusterName`].
pub fn check_cluster_name(name: &str) -> Result<(), InvalidClusterName> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= CLUSTER_NAME_LENGTH_MAX && name.chars().all(plain) && name != "packages" {
        return Ok(());
    }
    Err(InvalidClusterName(name.to_owned()))
}

impl Key {
    /// The key as the bucket knows it.
    #[must_use]
    pub fn path(&self, cluster: &str) -> String {
        match self {
            Self::MetaLog { seq } => format!("{}{seq:020}", Prefix::MetaLog.path(cluster)),
            Self::MetaSnapshot { seq } => format!("{}{seq:020}", Prefix::MetaSnapshot.path(cluster)),
            Self::MetaMarker => format!("{cluster}/meta/marker"),
            Self::PeerKey => format!("{cluster}/meta/peers"),
            Self::DataMarker => format!("{cluster}/data/marker"),
            Self::Wal { incarnation, seq } => format!("{}{seq:020}", Prefix::Wal(*incarnation).path(cluster)),
            Self::Manifest { topic, partition, version } => {
                format!("{}{version:020}", Prefix::Manifest { topic: *topic, partition: *partition }.path(cluster))
            }
            Self::Segment { topic, partition, leader_epoch, base_offset, id } => format!(
                "{}{leader_epoch:010}-{base_offset:020}-{id}",
                Prefix::Segments { topic: *topic, partition: *partition }.path(cluster)
            ),
            Self::SharedSegment { topic, incarnation, id } => {
                format!("{}{incarnation}/{id}", Prefix::SharedSegments(*topic).path(cluster))
            }
            Self::Checkpoint { incarnation, floor, id } => {
                format!("{}checkpoint/{floor:020}-{id}", Prefix::Wal(*incarnation).path(cluster))
            }
            Self::Live { incarnation } => format!("{cluster}/live/{incarnation}"),
            Self::Report { incarnation } => format!("{cluster}/live/{incarnation}.report"),
            Self::Boot { instance } => format!("{cluster}/live/boot/{instance}"),
            Self::Package { sha256, file } => format!("packages/{sha256}/{file}"),
        }
    }

    /// The key that a path stands for; none if it is not one of ours.
    #[must_use]
    pub fn parse(cluster: &str, path: &str) -> Option<Self> {
        if let Some(package) = path.strip_prefix("packages/") {
            let (sha256, file) = package.split_once('/')?;
            let hex = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
            let key = Self::Package { sha256: sha256.to_owned(), file: file.to_owned() };
            return (hex && is_segment(file)).then_some(key);
        }
        let inside = path.strip_prefix(cluster)?.strip_prefix('/')?;
        let parts: Vec<&str> = inside.split('/').collect();
        let key = match parts.as_slice() {
            ["meta", "log", seq] => Self::MetaLog { seq: parse_number(seq)? },
            ["meta", "snapshot", seq] => Self::MetaSnapshot { seq: parse_number(seq)? },
            ["meta", "marker"] => Self::MetaMarker,
            ["meta", "peers"] => Self::PeerKey,
            ["data", "marker"] => Self::DataMarker,
            ["wal", hash, incarnation, seq] => {
                let incarnation = parse_incarnation(incarnation)?;
                if *hash != spread(incarnation) {
                    return None;
                }
                Self::Wal { incarnation, seq: parse_number(seq)? }
            }
            ["wal", hash, incarnation, "checkpoint", name] => {
                let incarnation = parse_incarnation(incarnation)?;
                let (floor, id) = name.split_once('-')?;
                if *hash != spread(incarnation) {
                    return None;
                }
                Self::Checkpoint { incarnation, floor: parse_number(floor)?, id: Uuid::try_parse(id).ok()? }
            }
            ["data", topic, partition, "segment", name] => {
                let (leader_epoch, rest) = name.split_once('-')?;
                let (base_offset, id) = rest.split_once('-')?;
                Self::Segment {
                    topic: Uuid::try_parse(topic).ok()?,
                    partition: partition.parse().ok()?,
                    leader_epoch: leader_epoch.parse().ok()?,
                    base_offset: base_offset.parse().ok()?,
                    id: Uuid::try_parse(id).ok()?,
                }
            }
            ["data", topic, "shared", incarnation, id] => Self::SharedSegment {
                topic: Uuid::try_parse(topic).ok()?,
                incarnation: parse_incarnation(incarnation)?,
                id: Uuid::try_parse(id).ok()?,
            },
            ["data", topic, partition, "manifest", version] => Self::Manifest {
                topic: Uuid::try_parse(topic).ok()?,
                partition: partition.parse().ok()?,
                version: parse_number(version)?,
            },
            ["live", "boot", instance] if is_segment(instance) => Self::Boot { instance: (*instance).to_owned() },
            ["live", name] => match name.strip_suffix(".report") {
                Some(incarnation) => Self::Report { incarnation: parse_incarnation(incarnation)? },
                None => Self::Live { incarnation: parse_incarnation(name)? },
            },
            _ => return None,
        };
        // One key, one spelling: "+1", "01" or an upper-case uuid are somebody else's objects.
        (key.path(cluster) == path).then_some(key)
    }

    /// What kind of object it names.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::MetaLog { .. } => KeyKind::MetaLog,
            Self::MetaSnapshot { .. } => KeyKind::MetaSnapshot,
            Self::MetaMarker => KeyKind::MetaMarker,
            Self::PeerKey => KeyKind::PeerKey,
            Self::DataMarker => KeyKind::DataMarker,
            Self::Wal { .. } => KeyKind::Wal,
            Self::Manifest { .. } => KeyKind::Manifest,
            Self::Segment { .. } => KeyKind::Segment,
            Self::SharedSegment { .. } => KeyKind::SharedSegment,
            Self::Checkpoint { .. } => KeyKind::Checkpoint,
            Self::Live { .. } => KeyKind::Live,
            Self::Report { .. } => KeyKind::Report,
            Self::Boot { .. } => KeyKind::Boot,
            Self::Package { .. } => KeyKind::Package,
        }
    }

    /// Whether the object is a hint that is overwritten; all others are created once.
    #[must_use]
    pub fn is_overwritten(&self) -> bool {
        matches!(self.kind(), KeyKind::Live | KeyKind::Report | KeyKind::Boot)
    }

    /// Whether the object is never deleted while the cluster lives.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self.kind(), KeyKind::MetaLog | KeyKind::MetaMarker | KeyKind::PeerKey | KeyKind::DataMarker)
    }
}

/// A group of keys that is listed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefix {
    /// Everything of the cluster.
    Cluster,
    /// The metadata log.
    MetaLog,
    /// The snapshots of the metadata.
    MetaSnapshot,
    /// All write-ahead logs.
    WalAll,
    /// The write-ahead log of one incarnation.
    Wal(Incarnation),
    /// Everything of one topic.
    Topic(Uuid),
    /// The manifests of one partition.
    Manifest {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: i32,
    },
    /// The segments of one partition alone.
    Segments {
        /// The topic's id.
        topic: Uuid,
        /// The partition.
        partition: i32,
    },
    /// The segments that partitions of one topic share.
    SharedSegments(Uuid),
    /// Signs of life, reports and boot reports.
    Live,
    /// Boot reports.
    Boot,
    /// Packages of every cluster.
    Packages,
}

impl Prefix {
    /// The prefix as the bucket knows it, with its final slash.
    #[must_use]
    pub fn path(&self, cluster: &str) -> String {
        match self {
            Self::Cluster => format!("{cluster}/"),
            Self::MetaLog => format!("{cluster}/meta/log/"),
            Self::MetaSnapshot => format!("{cluster}/meta/snapshot/"),
            Self::WalAll => format!("{cluster}/wal/"),
            Self::Wal(incarnation) => format!("{cluster}/wal/{}/{incarnation}/", spread(*incarnation)),
            Self::Topic(topic) => format!("{cluster}/data/{topic}/"),
            Self::Manifest { topic, partition } => format!("{cluster}/data/{topic}/{partition}/manifest/"),
            Self::Segments { topic, partition } => format!("{cluster}/data/{topic}/{partition}/segment/"),
            Self::SharedSegments(topic) => format!("{cluster}/data/{topic}/shared/"),
            Self::Live => format!("{cluster}/live/"),
            Self::Boot => format!("{cluster}/live/boot/"),
            Self::Packages => "packages/".to_owned(),
        }
    }
}

/// Spreads the logs over S3's partitions of the key space.
fn spread(incarnation: Incarnation) -> String {
    let digest = Sha256::digest(incarnation.to_string().as_bytes());
    digest.iter().take(2).map(|byte| format!("{byte:02x}")).collect()
}

fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(plain) && text != "." && text != ".."
}

fn parse_number(text: &str) -> Option<u64> {
    (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn parse_incarnation(text: &str) -> Option<Incarnation> {
    let (broker, epoch) = text.split_once('-')?;
    Some(Incarnation { broker: broker.parse().ok()?, epoch: epoch.parse().ok()? })
}
