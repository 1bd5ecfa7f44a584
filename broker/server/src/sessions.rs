//! Fetch sessions (KIP-227): a client names its partitions once, and afterwards only what changes.
//!
//! A session belongs to the connection that began it, and a connection has one at most: it ends with it, and clients whose
//! connection ends begin anew by themselves.
//!
//! Invariants: a partition stands in a session once; what a session remembers counts against a bound of its own; an epoch is
//! answered once.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use broker_wire::{ErrorCode, Str, Uuid};

use crate::limits::SESSION_PARTITION_BYTES;
use crate::memory::{Hold, Memory};

/// The epoch of a request that wants no session, or ends one.
const FINAL: i32 = -1;
/// The epoch of a request that begins one.
const INITIAL: i32 = 0;

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct Sessions {
    memory: Memory,
    last_id: AtomicI32,
}

/// A connection's place for its session.
#[derive(Debug, Default)]
pub(crate) struct SessionSlot(Mutex<Place>);

#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    Idle(Session),
    /// A request of the session is being answered.
    Busy,
}

/// The partitions of a session, in the order in which they are read.
#[derive(Debug)]
pub(crate) struct Session {
    id: i32,
    /// The epoch of the next request.
    epoch: i32,
    naming: Naming,
    partitions: BTreeMap<u64, Wanted>,
    order: BTreeMap<Name, u64>,
    last_order: u64,
    hold: Hold,
}

/// How the requests of a session name topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Name,
    Id,
}

type Name = (Str, Uuid, i32);

/// One partition of a fetch, whether named now or before.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) topic: Str,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: FetchPartition,
    /// High watermark, last stable offset and log start that the client was told last; none after an error.
    told: Option<(i64, i64, i64)>,
}

/// What a request reads.
#[derive(Debug)]
pub(crate) enum Begun {
    /// What it names, and there is no session.
    Once(Vec<Wanted>),
    /// What it names, and that becomes a session.
    First(Session),
    /// What its session remembers; only what has changed is answered.
    Next(Session),
}

impl Sessions {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { memory: Memory::new(bytes_max), last_id: AtomicI32::new(0) }
    }

    /// Takes what a request says about its session.
    ///
    /// # Errors
    /// The error of the whole response.
    pub(crate) fn begin(
        &self,
        slot: &SessionSlot,
        request: &mut FetchRequest,
        naming: Naming,
    ) -> Result<Begun, ErrorCode> {
        let topics = mem::take(&mut request.topics);
        match request.session_epoch {
            FINAL | INITIAL => {
                if request.session_id != 0 {
                    slot.end(request.session_id);
                }
                let wanted: Vec<Wanted> = each(topics).collect();
                Ok(match self.session(&wanted, naming).filter(|_| request.session_epoch == INITIAL) {
                    Some(session) => Begun::First(session),
                    None => Begun::Once(wanted),
                })
            }
            epoch => {
                let mut session = slot.take(request.session_id, epoch)?;
                if session.naming != naming {
                    slot.put(session);
                    return Err(ErrorCode::FetchSessionTopicIdError);
                }
                for topic in mem::take(&mut request.forgotten_topics_data) {
                    for partition in topic.partitions {
                        session.forget(&(topic.topic.clone(), topic.topic_id, partition));
                    }
                }
                for wanted in each(topics) {
                    session.want(wanted);
                }
                // Without room for what it wants, it is forgotten whole, and the client begins anew.
                if !self.fits(&mut session) {
                    slot.put_nothing();
                    return Err(ErrorCode::FetchSessionIdNotFound);
                }
                Ok(Begun::Next(session))
            }
        }
    }

    fn session(&self, wanted: &[Wanted], naming: Naming) -> Option<Session> {
        let mut session = Session {
            id: 0,
            epoch: INITIAL + 1,
            naming,
            partitions: BTreeMap::new(),
            order: BTreeMap::new(),
            last_order: 0,
            hold: Hold::default(),
        };
        for one in wanted {
            session.want(one.clone());
        }
        if session.partitions.is_empty() || !self.fits(&mut session) {
            return None;
        }
        session.id = self.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & i32::MAX;
        (session.id != 0).then_some(session)
    }

    /// Reserves what the session takes.
    fn fits(&self, session: &mut Session) -> bool {
        let names: usize = session.partitions.values().map(|wanted| wanted.topic.len()).sum();
        let bytes = session.partitions.len().saturating_mul(SESSION_PARTITION_BYTES).saturating_add(names);
        let missing = bytes.saturating_sub(session.hold.bytes());
        let Some(more) = self.memory.try_hold(missing) else { return false };
        session.hold.absorb(more);
        session.hold.shrink(bytes);
        true
    }
}

impl SessionSlot {
    /// Ends the session, if it is this one.
    fn end(&self, id: i32) {
        let mut place = self.place();
        if matches!(&*place, Place::Idle(session) if session.id == id) {
            *place = Place::Empty;
        }
    }

    fn take(&self, id: i32, epoch: i32) -> Result<Session, ErrorCode> {
        let mut place = self.place();
        match mem::replace(&mut *place, Place::Busy) {
            Place::Idle(session) if session.id == id && session.epoch == epoch => Ok(session),
            Place::Idle(session) => {
                let error = if session.id == id {
                    ErrorCode::InvalidFetchSessionEpoch
                } else {
                    ErrorCode::FetchSessionIdNotFound
                };
                *place = Place::Idle(session);
                Err(error)
            }
            // Two requests of one session at once: the second has the epoch of an answer that it has not seen.
            Place::Busy => Err(ErrorCode::InvalidFetchSessionEpoch),
            Place::Empty => {
                *place = Place::Empty;
                Err(ErrorCode::FetchSessionIdNotFound)
            }
        }
    }

    fn put_nothing(&self) {
        *self.place() = Place::Empty;
    }

    /// Keeps a session for the next request.
    pub(crate) fn put(&self, session: Session) {
        *self.place() = Place::Idle(session);
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Its id, for the response.
    pub(crate) fn id(&self) -> i32 {
        self.id
    }

    /// Its partitions in the order in which they are to be read.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        self.partitions.values().cloned().collect()
    }

    /// One request of it was answered.
    pub(crate) fn answered(&mut self) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// Notes what a partition answers; whether the client has to be told.
    ///
    /// A partition that gave records is read last next time.
    pub(crate) fn tell(&mut self, wanted: &Wanted, data: &PartitionData) -> bool {
        let name = name_of(wanted);
        let Some(order) = self.order.get(&name).copied() else { return true };
        let Some(known) = self.partitions.get_mut(&order) else { return true };
        let now = (data.high_watermark, data.last_stable_offset, data.log_start_offset);
        let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
        let changed = data.error_code != ErrorCode::None
            || has_records
            || data.preferred_read_replica >= 0
            || known.told != Some(now);
        known.told = (data.error_code == ErrorCode::None).then_some(now);
        if has_records && let Some(known) = self.partitions.remove(&order) {
            self.last_order += 1;
            self.order.insert(name, self.last_order);
            self.partitions.insert(self.last_order, known);
        }
        changed
    }

    fn want(&mut self, wanted: Wanted) {
        let known = self.order.get(&name_of(&wanted)).and_then(|order| self.partitions.get_mut(order));
        if let Some(known) = known {
            known.partition = wanted.partition;
            return;
        }
        // A name of its own: it would keep the frame in which it came.
        let wanted = Wanted { topic: Str::from(wanted.topic.to_string()), told: None, ..wanted };
        self.last_order += 1;
        self.order.insert(name_of(&wanted), self.last_order);
        self.partitions.insert(self.last_order, wanted);
    }

    fn forget(&mut self, name: &Name) {
        if let Some(order) = self.order.remove(name) {
            self.partitions.remove(&order);
        }
    }
}

fn name_of(wanted: &Wanted) -> Name {
    (wanted.topic.clone(), wanted.topic_id, wanted.partition.partition)
}

fn each(topics: Vec<FetchTopic>) -> impl Iterator<Item = Wanted> {
    topics.into_iter().flat_map(|FetchTopic { topic, topic_id, partitions }| {
        partitions.into_iter().map(move |partition| Wanted { topic: topic.clone(), topic_id, partition, told: None })
    })
}

#[cfg(test)]
mod tests {
    use broker_wire::Records;
    use broker_wire::messages::fetch::ForgottenTopic;
    use bytes::Bytes;

    use super::*;

    fn request(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
        let partitions = partitions.iter().map(|(partition, fetch_offset)| FetchPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            ..Default::default()
        });
        let topic = FetchTopic { topic: Str::from_static("t"), partitions: partitions.collect(), ..Default::default() };
        FetchRequest { session_id, session_epoch, topics: vec![topic], ..Default::default() }
    }

    fn begin(sessions: &Sessions, slot: &SessionSlot, mut request: FetchRequest) -> Result<Begun, ErrorCode> {
        sessions.begin(slot, &mut request, Naming::Name)
    }

    fn first(sessions: &Sessions, slot: &SessionSlot, partitions: &[(i32, i64)]) -> i32 {
        let Ok(Begun::First(session)) = begin(sessions, slot, request(0, INITIAL, partitions)) else { panic!() };
        let id = session.id();
        slot.put(session);
        id
    }

    fn next(sessions: &Sessions, slot: &SessionSlot, request: FetchRequest) -> Session {
        match begin(sessions, slot, request) {
            Ok(Begun::Next(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    fn offsets(session: &Session) -> Vec<(i32, i64)> {
        session.wanted().iter().map(|one| (one.partition.partition, one.partition.fetch_offset)).collect()
    }

    #[test]
    fn a_session_remembers_what_was_named_and_forgets_what_it_is_told_to() {
        let (sessions, slot) = (Sessions::new(1 << 20), SessionSlot::default());
        let id = first(&sessions, &slot, &[(0, 5), (1, 6), (2, 7)]);
        let mut change = request(id, 1, &[(1, 60), (3, 8)]);
        change.forgotten_topics_data =
            vec![ForgottenTopic { topic: Str::from_static("t"), partitions: vec![0], ..Default::default() }];
        let mut session = next(&sessions, &slot, change);
        assert_eq!(offsets(&session), [(1, 60), (2, 7), (3, 8)]);
        session.answered();
        slot.put(session);
        assert_eq!(next(&sessions, &slot, request(id, 2, &[])).partitions.len(), 3);
    }

    #[test]
    fn only_what_changed_is_told_and_what_gave_records_is_read_last() {
        let (sessions, slot) = (Sessions::new(1 << 20), SessionSlot::default());
        let id = first(&sessions, &slot, &[(0, 0), (1, 0)]);
        let mut session = next(&sessions, &slot, request(id, 1, &[]));
        let wanted = session.wanted();
        let nothing = PartitionData { high_watermark: 4, preferred_read_replica: -1, ..Default::default() };
        assert!(session.tell(&wanted[0], &nothing), "the first answer tells where the partition stands");
        assert!(!session.tell(&wanted[0], &nothing));
        assert!(session.tell(&wanted[0], &PartitionData { high_watermark: 5, ..nothing.clone() }));
        let failed = PartitionData { error_code: ErrorCode::NotLeaderOrFollower, ..nothing.clone() };
        assert!(session.tell(&wanted[1], &failed));
        assert!(session.tell(&wanted[1], &nothing), "after an error it is told where it stands");
        let records = Some(Records::from(Bytes::from_static(b"x")));
        assert!(session.tell(&wanted[0], &PartitionData { records, ..nothing }));
        assert_eq!(offsets(&session), [(1, 0), (0, 0)]);
    }

    #[test]
    fn another_epoch_another_session_and_another_naming_are_refused() {
        let (sessions, slot) = (Sessions::new(1 << 20), SessionSlot::default());
        let refused = |request| begin(&sessions, &slot, request).err();
        assert_eq!(refused(request(7, 1, &[])), Some(ErrorCode::FetchSessionIdNotFound));
        let id = first(&sessions, &slot, &[(0, 0)]);
        assert_eq!(refused(request(id, 2, &[])), Some(ErrorCode::InvalidFetchSessionEpoch));
        assert_eq!(refused(request(id + 1, 1, &[])), Some(ErrorCode::FetchSessionIdNotFound));
        let by_id = sessions.begin(&slot, &mut request(id, 1, &[]), Naming::Id).err();
        assert_eq!(by_id, Some(ErrorCode::FetchSessionTopicIdError));
        let session = next(&sessions, &slot, request(id, 1, &[]));
        assert_eq!(refused(request(id, 1, &[])), Some(ErrorCode::InvalidFetchSessionEpoch), "it is being answered");
        slot.put(session);
        assert!(matches!(begin(&sessions, &slot, request(id, FINAL, &[(0, 0)])), Ok(Begun::Once(_))));
        assert_eq!(refused(request(id, 1, &[])), Some(ErrorCode::FetchSessionIdNotFound));
    }

    #[test]
    fn what_sessions_remember_is_bounded_and_given_back() {
        let sessions = Sessions::new(10 * SESSION_PARTITION_BYTES);
        let (one, other) = (SessionSlot::default(), SessionSlot::default());
        let many: Vec<(i32, i64)> = (0..6).map(|partition| (partition, 0)).collect();
        let id = first(&sessions, &one, &many);
        assert!(matches!(begin(&sessions, &other, request(0, INITIAL, &many)), Ok(Begun::Once(_))));
        let more: Vec<(i32, i64)> = (0..20).map(|partition| (partition, 0)).collect();
        let refused = begin(&sessions, &one, request(id, 1, &more)).err();
        assert_eq!(refused, Some(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(sessions.memory.used_bytes(), 0);
        first(&sessions, &other, &many);
    }
}
