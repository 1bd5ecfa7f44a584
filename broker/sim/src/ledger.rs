//! What was written, acknowledged and seen in a world: the reference that the checks hold everything against.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker_log::{Incarnation, ManifestVersion, Origin, Slice, WalContents};
use broker_metadata::{Change, Command, Digest, NotAnEntry, State};
use broker_record::Offset;
use broker_store::Key;
use bytes::Bytes;
use sha2::Digest as _;
use uuid::Uuid;

use crate::bucket::Bucket;
use crate::core::Core;
use crate::executor::ProcessId;
use crate::invariant::Invariant;
use crate::transactions::Transactions;

/// The cluster's name in every world.
pub const CLUSTER: &str = "sim";

/// A partition.
pub type Place = (Uuid, i32);

/// Everything that is remembered.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The cluster's id.
    pub cluster: Uuid,
    /// What the metadata log says, applied by the rules.
    pub reference: State,
    /// The digest after so many entries.
    pub digests: Vec<Digest>,
    last_entry: Digest,
    /// An entry that nobody in this world understands.
    pub stopped_at: Option<u64>,
    /// The write-ahead logs, with everything that ever was in them.
    pub logs: BTreeMap<Incarnation, Log>,
    /// Who wrote for a partition in an epoch.
    writers: BTreeMap<(Place, i32), Incarnation>,
    /// The manifests of each partition.
    manifests: BTreeMap<Place, BTreeMap<u64, Named>>,
    /// Records that were acknowledged, with what producers sent.
    pub acked: BTreeMap<Place, BTreeMap<i64, String>>,
    /// Records that consumers saw.
    pub seen: BTreeMap<Place, BTreeMap<i64, String>>,
    /// Offsets below which records may be gone by order: log starts that were asked for.
    pub trimmed: BTreeMap<Place, i64>,
    /// Hosts that others have fenced, and nobody has looked at yet.
    pub fenced_by_others: Vec<String>,
    /// When an incarnation was fenced and when its log was sealed, milliseconds of the world.
    pub fenced: BTreeMap<Incarnation, u64>,
    /// See [`Ledger::fenced`].
    pub sealed: BTreeMap<Incarnation, u64>,
    /// The process that each incarnation was registered by.
    registered_by: BTreeMap<Incarnation, ProcessId>,
    /// Commands of which somebody was told that they never take effect.
    pub never: BTreeSet<Uuid>,
    /// Topics that were deleted.
    pub deleted_topics: BTreeSet<Uuid>,
    /// What became of transactions.
    pub transactions: Transactions,
}

/// What a manifest says.
#[derive(Debug)]
struct Named {
    leader_epoch: i32,
    folded_to: Offset,
    /// Keys of the segments that it names.
    names: BTreeSet<String>,
}

/// A write-ahead log.
#[derive(Debug, Default)]
pub struct Log {
    /// Its writer's objects; none for the numbers that hold seals.
    pub objects: BTreeMap<u64, Option<Vec<Slice>>>,
}

impl Log {
    /// The lowest seal whose lower numbers all hold the writer's own objects.
    #[must_use]
    pub fn seal(&self) -> Option<u64> {
        let mut contiguous = (0_u64..).zip(&self.objects).take_while(|(next, (seq, _))| next == *seq);
        contiguous.find(|(_, (_, object))| object.is_none()).map(|(seq, _)| seq)
    }
}

impl Ledger {
    /// A producer was told that a record has this offset.
    ///
    /// # Errors
    /// What contradicts it.
    pub fn acknowledge(&mut self, place: Place, offset: i64, value: &str) -> Result<(), String> {
        let known = self.acked.entry(place).or_default().insert(offset, value.to_owned());
        match known {
            Some(other) if other != value => {
                Err(format!("{place:?} offset {offset} was acknowledged for {other} and for {value}"))
            }
            _ => Ok(()),
        }
    }

    /// A consumer saw a record.
    ///
    /// # Errors
    /// What was seen there before.
    pub fn see(&mut self, place: Place, offset: i64, value: &str) -> Result<(), String> {
        match self.seen.entry(place).or_default().entry(offset) {
            Entry::Vacant(entry) => {
                entry.insert(value.to_owned());
                Ok(())
            }
            Entry::Occupied(entry) if entry.get() == value => Ok(()),
            Entry::Occupied(entry) => Err(format!("{place:?} offset {offset} held {} and then {value}", entry.get())),
        }
    }
}

/// An object was created or overwritten.
pub(crate) fn created(core: &Arc<Core>, bucket: &Bucket, key: &str, bytes: &Bytes) {
    let mut problems = {
        let mut ledger = core.ledger();
        match Key::parse(CLUSTER, key) {
            Some(Key::MetaLog { seq }) => {
                let process_of = |host: &str| core.process_of(host).filter(|_| core.plan.answers_arrive());
                ledger.entry(seq, bytes, now_ms(core), process_of)
            }
            Some(Key::Wal { incarnation, seq }) => ledger.wal_object(incarnation, seq, bytes, now_ms(core)),
            _ => Vec::new(),
        }
    };
    if let Some(Key::Manifest { topic, partition, version }) = Key::parse(CLUSTER, key) {
        problems.extend(core.ledger().manifest(bucket, (topic, partition), version, bytes));
    }
    for (invariant, problem) in problems {
        core.violated(invariant, problem);
    }
    let fenced = std::mem::take(&mut core.ledger().fenced_by_others);
    for host in fenced {
        core.fenced_by_others(&host);
    }
}

/// An object is about to be deleted.
pub(crate) fn deleted(core: &Arc<Core>, bucket: &Bucket, key: &str) {
    if !bucket.look(|objects| objects.get(key).is_some()) {
        return;
    }
    let problem = core.ledger().delete_is_wrong(key);
    let problem = problem.or_else(|| core.ledger().is_named(bucket, key));
    if let Some((invariant, problem)) = problem {
        core.violated(invariant, format!("{key} was deleted: {problem}"));
    }
}

fn now_ms(core: &Core) -> u64 {
    u64::try_from(core.clock.now().as_millis()).unwrap_or(u64::MAX)
}

type Problems = Vec<(Invariant, String)>;

impl Ledger {
    fn entry(
        &mut self,
        seq: u64,
        bytes: &Bytes,
        now_ms: u64,
        process_of: impl Fn(&str) -> Option<ProcessId>,
    ) -> Problems {
        if seq != self.reference.next_seq() {
            return vec![(Invariant::MetadataIsLinear, format!("entry {seq} stands before its predecessor"))];
        }
        let decoded = if self.cluster.is_nil() {
            broker_metadata::Entry::decode_any(bytes)
        } else {
            broker_metadata::Entry::decode(bytes, self.cluster, seq)
        };
        let mut problems = Vec::new();
        match decoded {
            Ok(entry) => {
                self.cluster = entry.cluster;
                let follows = entry.state_before == self.reference.digest() && entry.predecessor == self.last_entry;
                if !follows {
                    let problem = format!("entry {seq} by {} does not follow from the state before", entry.writer);
                    problems.push((Invariant::MetadataIsLinear, problem));
                }
                let before = self.reference.clone();
                broker_store_without_mutation(|| self.reference.apply(&entry.commands));
                problems.extend(leaders_move_in_order(&before, &self.reference));
                self.note_fenced(&before, now_ms);
                for command in entry.commands.iter().filter(|command| self.never.contains(&command.id)) {
                    let problem = format!("{} takes effect after it was given up", command.id);
                    problems.push((Invariant::MetadataIsLinear, problem));
                }
                problems.extend(self.too_old());
                problems.extend(self.registered(&before, &entry.commands, process_of));
                self.fenced_by_others.extend(fenced_by_others(&before, &entry.commands));
                for id in before.topics().keys().filter(|id| self.reference.topic(**id).is_none()) {
                    self.deleted_topics.insert(*id);
                }
            }
            Err(NotAnEntry::Void(_)) => self.reference.apply_void(),
            Err(NotAnEntry::Unknown(_)) => self.stopped_at = Some(seq),
        }
        self.last_entry = Digest(sha2::Sha256::digest(bytes).into());
        let wanted = usize::try_from(self.reference.next_seq()).unwrap_or(usize::MAX);
        while self.digests.len() < wanted {
            self.digests.push(self.reference.digest());
        }
        problems
    }

    /// A process that registers anew has lost its incarnation: to a fence, or to a seal.
    fn registered(
        &mut self,
        before: &State,
        commands: &[Command],
        process_of: impl Fn(&str) -> Option<ProcessId>,
    ) -> Problems {
        let mut problems = Vec::new();
        for command in commands {
            let Change::RegisterBroker(register) = &command.change else { continue };
            let Some(process) = process_of(&register.host) else { continue };
            let former = before.brokers().values().find(|broker| broker.host == register.host);
            let former = former.map(broker_metadata::Broker::incarnation);
            let now = self.reference.brokers().values().find(|broker| broker.host == register.host);
            let Some(now) = now.map(broker_metadata::Broker::incarnation).filter(|now| Some(*now) != former) else {
                continue;
            };
            let registered_by = former.and_then(|former| self.registered_by.get(&former).copied());
            self.registered_by.insert(now, process);
            let Some(former) = former.filter(|former| before.is_alive(*former)) else { continue };
            let sealed = self.logs.get(&former).is_some_and(|log| log.objects.values().any(Option::is_none));
            if registered_by == Some(process) && !sealed {
                let problem = format!("{former} was neither fenced nor sealed, and has ended itself");
                problems.push((Invariant::StorelessBrokerIsFenced, problem));
            }
        }
        problems
    }

    /// Whoever lives knows the cluster's feature level.
    fn too_old(&self) -> Problems {
        let level = self.reference.cluster().map_or(0, |cluster| cluster.feature_level);
        let old = self.reference.living_brokers().filter(|broker| broker.feature_level_max < level);
        let problem = |broker: &broker_metadata::Broker| {
            let known = broker.feature_level_max;
            (Invariant::MetadataIsLinear, format!("broker {} knows level {known}, the cluster has {level}", broker.id))
        };
        old.map(problem).collect()
    }

    fn note_fenced(&mut self, before: &State, now_ms: u64) {
        for incarnation in before.wal_logs().keys() {
            if before.is_alive(*incarnation) && !self.reference.is_alive(*incarnation) {
                self.fenced.entry(*incarnation).or_insert(now_ms);
            }
        }
    }

    fn wal_object(&mut self, incarnation: Incarnation, seq: u64, bytes: &Bytes, now_ms: u64) -> Problems {
        let origin = Origin { cluster: self.cluster, incarnation, seq };
        let mut problems = Vec::new();
        let object = match WalContents::decode(bytes.clone(), origin) {
            Ok(WalContents::Batches(object)) => Some(object.into_index().slices),
            Ok(WalContents::Seal(_)) => None,
            Err(error) => {
                problems.push((Invariant::SealIsFinal, format!("number {seq} of {incarnation} is garbage: {error}")));
                return problems;
            }
        };
        for slice in object.iter().flatten() {
            let epoch = ((slice.topic, slice.partition), slice.leader_epoch.0);
            let writer = *self.writers.entry(epoch).or_insert(incarnation);
            if writer != incarnation {
                let problem = format!("{writer} and {incarnation} both wrote {epoch:?}");
                problems.push((Invariant::OneLeaderPerEpoch, problem));
            }
        }
        // What was deleted by right may come back when a PUT lands late: nobody reads there any more.
        let is_past = self.reference.wal_log(incarnation).is_none_or(|known| seq < known.floor);
        let log = self.logs.entry(incarnation).or_default();
        let was_sealed = log.seal().is_some();
        match log.objects.entry(seq) {
            Entry::Vacant(entry) => {
                entry.insert(object);
            }
            Entry::Occupied(_) if is_past => {}
            Entry::Occupied(_) => {
                problems.push((Invariant::SealIsFinal, format!("number {seq} of {incarnation} was created twice")));
            }
        }
        if !was_sealed && log.seal().is_some() {
            self.sealed.entry(incarnation).or_insert(now_ms);
        }
        problems
    }

    fn manifest(&mut self, bucket: &Bucket, place: Place, version: u64, bytes: &Bytes) -> Problems {
        let decoded = ManifestVersion::decode(bytes, self.cluster, place.0, place.1, version);
        let manifest = match decoded {
            Ok(manifest) => manifest,
            Err(error) => {
                return vec![(Invariant::ManifestNamesExist, format!("manifest {version} of {place:?}: {error}"))];
            }
        };
        let mut problems = Vec::new();
        let names: BTreeSet<String> =
            manifest.manifest.segments.iter().map(|segment| segment.name.key(place.0, place.1).path(CLUSTER)).collect();
        for name in &names {
            if !bucket.look(|objects| objects.get(name).is_some()) {
                let problem = format!("manifest {version} of {place:?} names {name}, which is not there");
                problems.push((Invariant::ManifestNamesExist, problem));
            }
        }
        let epoch = manifest.leader_epoch.0;
        // A deleted number can be created again by a PUT that lands late; who reads finds the newest.
        let is_past = self.manifests.get(&place).and_then(|versions| versions.last_key_value());
        if is_past.is_some_and(|(newest, _)| version <= *newest) {
            return problems;
        }
        let writer = *self.writers.entry((place, epoch)).or_insert(manifest.writer);
        if writer != manifest.writer {
            let problem = format!("{writer} and {} both wrote {place:?} in epoch {epoch}", manifest.writer);
            problems.push((Invariant::OneLeaderPerEpoch, problem));
        }
        let versions = self.manifests.entry(place).or_default();
        if let Some((last, before)) = versions.last_key_value() {
            if epoch < before.leader_epoch || version != last + 1 {
                let problem = format!(
                    "manifest {version} of {place:?} has epoch {epoch}, after {last} with {}",
                    before.leader_epoch
                );
                problems.push((Invariant::OneLeaderPerEpoch, problem));
            }
            if manifest.manifest.folded_to < before.folded_to {
                let problem = format!("manifest {version} of {place:?} ends before {last} does");
                problems.push((Invariant::AckedIsDurable, problem));
            }
        }
        let folded_to = manifest.manifest.folded_to;
        versions.insert(version, Named { leader_epoch: epoch, folded_to, names });
        problems
    }

    /// Why an object is needed by the newest manifest of a topic that lives, or is that manifest.
    fn is_named(&self, bucket: &Bucket, key: &str) -> Option<(Invariant, String)> {
        let lives = |topic: &Uuid| self.reference.topic(*topic).is_some();
        if let Some(Key::Manifest { topic, partition, version }) = Key::parse(CLUSTER, key)
            && lives(&topic)
        {
            let higher = Key::Manifest { topic, partition, version: version + 1 }.path(CLUSTER);
            let is_newest = !bucket.look(|objects| objects.get(&higher).is_some());
            return is_newest.then(|| (Invariant::NoUnknownDeleted, "it is the newest manifest".to_owned()));
        }
        let mut newest = self.manifests.iter().filter(|((topic, _), _)| lives(topic));
        let named = newest.find_map(|(place, versions)| {
            let (version, manifest) = versions.last_key_value()?;
            manifest.names.contains(key).then_some((place, version))
        });
        named.map(|(place, version)| {
            (Invariant::ManifestNamesExist, format!("manifest {version} of {place:?} names it"))
        })
    }

    /// Why an object must not be deleted, if so.
    fn delete_is_wrong(&self, key: &str) -> Option<(Invariant, String)> {
        let wrong = |problem: &str| Some((Invariant::NoUnknownDeleted, problem.to_owned()));
        match Key::parse(CLUSTER, key) {
            Some(Key::MetaLog { .. }) => Some((Invariant::MetadataIsLinear, "entries stay".to_owned())),
            Some(Key::Wal { incarnation, seq }) => {
                let is_seal =
                    self.logs.get(&incarnation).is_some_and(|log| matches!(log.objects.get(&seq), Some(None)));
                match self.reference.wal_log(incarnation) {
                    _ if is_seal => Some((Invariant::SealIsFinal, "seals stay for ever".to_owned())),
                    None => None,
                    Some(log) if seq >= log.floor => wrong("it is not below the floor"),
                    Some(_) => None,
                }
            }
            Some(Key::MetaMarker | Key::DataMarker) => wrong("markers stay"),
            Some(_) => None,
            None if key.starts_with(CLUSTER) => wrong("nobody knows it"),
            None => wrong("it is not of this cluster"),
        }
    }
}

/// The hosts of those who were alive and that these commands fence.
fn fenced_by_others(before: &State, commands: &[Command]) -> Vec<String> {
    let mut hosts = Vec::new();
    for command in commands {
        let Change::FenceBrokers { incarnations } = &command.change else { continue };
        let alive = incarnations.iter().filter(|incarnation| before.is_alive(**incarnation));
        hosts.extend(
            alive.filter_map(|incarnation| before.broker(incarnation.broker)).map(|broker| broker.host.clone()),
        );
    }
    hosts
}

/// Leadership moves only from who is fenced or has released, and epochs grow.
fn leaders_move_in_order(before: &State, after: &State) -> Problems {
    let mut problems = Vec::new();
    for (topic, number, now) in after.all_partitions() {
        let Some(then) = before.partition(topic.id, number) else { continue };
        if now.leader == then.leader && now.leader_epoch == then.leader_epoch {
            continue;
        }
        let place = (topic.id, number);
        if now.leader_epoch < then.leader_epoch || (now.leader.is_some() && now.leader_epoch == then.leader_epoch) {
            problems.push((Invariant::OneLeaderPerEpoch, format!("{place:?}: epoch {} again", now.leader_epoch)));
        }
        let Some(old) = then.leader else { continue };
        let released = now.chain.iter().any(|link| link.leader_epoch == then.leader_epoch && link.released.is_some());
        let retired = !now.chain.iter().any(|link| link.leader_epoch == then.leader_epoch);
        if after.is_alive(old) && !released && !retired {
            problems.push((Invariant::OneLeaderPerEpoch, format!("{place:?} was taken from {old}, which is alive")));
        }
    }
    problems
}

#[cfg(feature = "mutations")]
fn broker_store_without_mutation<T>(reckon: impl FnOnce() -> T) -> T {
    broker_store::mutation::without(reckon)
}

#[cfg(not(feature = "mutations"))]
fn broker_store_without_mutation<T>(reckon: impl FnOnce() -> T) -> T {
    reckon()
}

/// Somebody puts garbage at a number of the metadata log.
pub fn put_garbage(core: &Arc<Core>, bucket: &Bucket, seq: u64) {
    let key = Key::MetaLog { seq }.path(CLUSTER);
    let bytes = Bytes::from_static(b"RFMEgarbage that nobody can read");
    let object = crate::bucket::Object { bytes: bytes.clone(), modified_ms: core.clock.wall_ms() };
    if bucket.look(|objects| objects.create(&key, object)) == crate::bucket::Created::Yes {
        core.say(|| format!("garbage at {key}"));
        created(core, bucket, &key, &bytes);
    }
}

/// Somebody newer puts a command into the metadata log that nobody in this world understands.
pub fn put_unknown_command(core: &Arc<Core>, bucket: &Bucket) {
    let (seq, bytes) = {
        let ledger = core.ledger();
        let entry = broker_metadata::Entry {
            cluster: ledger.cluster,
            seq: ledger.reference.next_seq(),
            nonce: 7,
            state_before: ledger.reference.digest(),
            predecessor: ledger.last_entry,
            writer: "newer".to_owned(),
            commands: vec![Command {
                id: Uuid::from_u128(7),
                origin: None,
                actor: "newer".to_owned(),
                time_ms: 0,
                reason: "newer".to_owned(),
                change: Change::SetFeatureLevel { level: 1 },
            }],
        };
        let Ok(known) = entry.encode() else { return };
        let mut bytes = known.to_vec();
        bytes.truncate(bytes.len().saturating_sub(4));
        let name = b"set_feature_level";
        if let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
            bytes.splice(at..at + name.len(), b"set_weather_level".iter().copied());
        }
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        (entry.seq, Bytes::from(bytes))
    };
    let key = Key::MetaLog { seq }.path(CLUSTER);
    let object = crate::bucket::Object { bytes: bytes.clone(), modified_ms: core.clock.wall_ms() };
    if bucket.look(|objects| objects.create(&key, object)) == crate::bucket::Created::Yes {
        core.say(|| format!("an unknown command at {key}"));
        created(core, bucket, &key, &bytes);
    }
}
