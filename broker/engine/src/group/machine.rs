//! The life of one classic group: pure.
//!
//! `step(event, now)` changes the group and says what is to be told and stored. A generation's assignment is handed out
//! only after [`Event::Stored`] said that it is durable.

mod join;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::api::{
    GroupDescription, GroupError, GroupMember, GroupProtocol, HeartbeatRequest, JoinGroupRequest, JoinedGroup,
    LeavingMember, SyncGroupRequest, SyncedGroup,
};
use super::record::{GroupRecord, MemberRecord};
use crate::limits::GROUP_MEMBER_OVERHEAD_BYTES;
use crate::status::wide;

/// The kind of groups whose members subscribe to topics.
const CONSUMER: &str = "consumer";

/// Names a request that waits for its answer.
pub(crate) type Ticket = u64;

/// What happens to a group.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A member wants to be in the next generation; `fresh_id` is its id if it has none.
    Join { ticket: Ticket, request: JoinGroupRequest, fresh_id: String },
    /// A member asks for its assignment.
    Sync { ticket: Ticket, request: SyncGroupRequest },
    /// What an earlier [`Effect::Store`] asked for has become durable, or never will through this coordinator.
    Stored { store: u64, generation: i32, durable: bool },
    /// Time has passed.
    Tick,
}

/// What the shell shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Answer a join.
    Joined(Ticket, Result<JoinedGroup, GroupError>),
    /// Answer a sync.
    Synced(Ticket, Result<SyncedGroup, GroupError>),
    /// Make the group's record (as it is when written) durable, then say [`Event::Stored`].
    Store { store: u64, generation: i32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No members.
    Empty,
    /// Members are joining the next generation until the deadline.
    Preparing { deadline: Duration, initial: bool },
    /// The generation waits for its leader's assignment; `storing` once it came.
    Completing { deadline: Duration, storing: bool },
    /// Every member can have its assignment.
    Stable,
}

#[derive(Clone, Debug)]
struct Member {
    instance: Option<String>,
    client_id: String,
    client_host: String,
    session: Duration,
    rebalance: Duration,
    protocols: Vec<GroupProtocol>,
    assignment: Bytes,
    joining: Option<Ticket>,
    syncing: Option<Ticket>,
    /// A join that is answered with the member's new id as soon as this store, or a later one, is durable.
    renaming: Option<(Ticket, u64)>,
    /// Out without a sign of life until then.
    expires: Duration,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    phase: Phase,
    generation: i32,
    protocol_type: String,
    protocol: String,
    leader: String,
    members: BTreeMap<String, Member>,
    /// Ids given out whose members have not joined with them yet, and until when they may.
    pending: BTreeMap<String, Duration>,
    /// How often the group has asked to be stored.
    stores: u64,
    initial_delay: Duration,
}

impl Group {
    /// A group that nobody has joined, whose first members wait `initial_delay` for others.
    pub(crate) fn new(initial_delay: Duration) -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            stores: 0,
            initial_delay,
        }
    }

    /// A group as its log describes it; its members have one session time-out to show up.
    pub(crate) fn restore(record: GroupRecord, now: Duration, initial_delay: Duration) -> Self {
        let protocol = record.protocol;
        let members: BTreeMap<String, Member> = record
            .members
            .into_iter()
            .map(|member| {
                let protocols = vec![GroupProtocol { name: protocol.clone(), metadata: member.subscription }];
                let restored = Member {
                    instance: member.instance,
                    client_id: member.client_id,
                    client_host: member.client_host,
                    session: member.session,
                    rebalance: member.rebalance,
                    protocols,
                    assignment: member.assignment,
                    joining: None,
                    syncing: None,
                    renaming: None,
                    expires: now + member.session,
                };
                (member.member_id, restored)
            })
            .collect();
        Self {
            phase: if members.is_empty() { Phase::Empty } else { Phase::Stable },
            generation: record.generation,
            protocol_type: record.protocol_type,
            protocol,
            leader: record.leader,
            members,
            pending: BTreeMap::new(),
            stores: 0,
            initial_delay,
        }
    }

    /// Takes one event.
    pub(crate) fn step(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Join { ticket, request, fresh_id } => self.join(ticket, request, fresh_id, now, &mut effects),
            Event::Sync { ticket, request } => self.sync(ticket, &request, now, &mut effects),
            Event::Stored { store, generation, durable } => {
                self.renamed(store, durable, now, &mut effects);
                self.stored(generation, durable, now, &mut effects);
            }
            Event::Tick => self.tick(now, &mut effects),
        }
        effects
    }

    /// A member is alive.
    ///
    /// # Errors
    /// What the member has to do about it.
    pub(crate) fn heartbeat(&mut self, request: &HeartbeatRequest, now: Duration) -> Result<(), GroupError> {
        self.member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        self.touch(&request.member_id, now);
        match self.phase {
            Phase::Preparing { .. } => Err(GroupError::RebalanceInProgress),
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// Members leave; the answers come in their order.
    pub(crate) fn leave(
        &mut self,
        leaving: &[LeavingMember],
        now: Duration,
    ) -> (Vec<Result<(), GroupError>>, Vec<Effect>) {
        let mut effects = Vec::new();
        let mut changed = false;
        let mut answers = Vec::new();
        for one in leaving {
            let id = match (&one.group_instance_id, one.member_id.is_empty()) {
                (Some(instance), true) => self.member_of_instance(instance).unwrap_or_default(),
                _ => one.member_id.clone(),
            };
            if self.pending.remove(&id).is_some() {
                answers.push(Ok(()));
                continue;
            }
            let known = self.member(&id, one.group_instance_id.as_deref()).map(|_| ());
            if known.is_ok() {
                self.remove(&id, &mut effects);
                changed = true;
            }
            answers.push(known);
        }
        if changed {
            self.members_changed(now, &mut effects);
        }
        (answers, effects)
    }

    /// Whether a commit of this member and generation counts; counts as a sign of life.
    ///
    /// # Errors
    /// What the member has to do about it.
    pub(crate) fn may_commit(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
        now: Duration,
    ) -> Result<(), GroupError> {
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.member(member_id, instance)?;
        if generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        self.touch(member_id, now);
        match self.phase {
            Phase::Completing { .. } => Err(GroupError::RebalanceInProgress),
            Phase::Empty | Phase::Preparing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let phase = match self.phase {
            Phase::Preparing { deadline, .. } | Phase::Completing { deadline, storing: false } => Some(deadline),
            Phase::Empty | Phase::Completing { storing: true, .. } | Phase::Stable => None,
        };
        let sessions = self.members.values().filter(|member| !member.is_waiting()).map(|member| member.expires);
        sessions.chain(self.pending.values().copied()).chain(phase).min()
    }

    /// Whether nobody is, or is about to be, in the group.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// Whether the group is empty and has never been stored: nothing is lost when it is forgotten.
    pub(crate) fn is_unborn(&self) -> bool {
        self.is_empty() && self.generation == 0
    }

    /// Bytes of what members have sent, as they are held in memory.
    pub(crate) fn bytes(&self) -> usize {
        let pending: usize = self.pending.keys().map(String::len).sum();
        let members: usize = self.members.iter().map(|(id, member)| member.bytes(id)).sum();
        pending.saturating_add(members)
    }

    /// The topics that members subscribe to; none where that cannot be told.
    pub(crate) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type != CONSUMER || self.phase != Phase::Stable {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscription::topics(&member.metadata(&self.protocol))?);
        }
        Some(topics)
    }

    /// How many members there are.
    pub(crate) fn member_count(&self) -> u64 {
        wide(self.members.len())
    }

    /// Kafka's name of the group's state.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::Preparing { .. } => "PreparingRebalance",
            Phase::Completing { .. } => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    /// `consumer` or another kind; empty before anyone has joined.
    pub(crate) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    /// The group in full.
    pub(crate) fn describe(&self, group: &str) -> GroupDescription {
        let member = |(id, member): (&String, &Member)| GroupMember {
            member_id: id.clone(),
            group_instance_id: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(&self.protocol),
            assignment: if self.phase == Phase::Stable { member.assignment.clone() } else { Bytes::new() },
        };
        GroupDescription {
            group: group.to_owned(),
            state: self.state_name(),
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            members: self.members.iter().map(member).collect(),
        }
    }

    /// The group as its log shall describe it; `written_ms` is when.
    pub(crate) fn record(&self, written_ms: i64) -> GroupRecord {
        let member = |(id, member): (&String, &Member)| MemberRecord {
            member_id: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            session: member.session,
            rebalance: member.rebalance,
            subscription: member.metadata(&self.protocol),
            assignment: member.assignment.clone(),
        };
        GroupRecord {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            written_ms,
            members: self.members.iter().map(member).collect(),
        }
    }

    /// Asks to be stored.
    fn store(&mut self, effects: &mut Vec<Effect>) -> u64 {
        self.stores += 1;
        effects.push(Effect::Store { store: self.stores, generation: self.generation });
        self.stores
    }

    fn tick(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.pending.retain(|_, until| *until > now);
        let expired: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| !member.is_waiting() && member.expires <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &expired {
            self.remove(id, effects);
        }
        if !expired.is_empty() {
            self.members_changed(now, effects);
        }
        match self.phase {
            Phase::Preparing { deadline, initial } => {
                if deadline <= now || (!initial && self.all_joined()) {
                    self.complete_join(now, effects);
                }
            }
            Phase::Completing { deadline, storing: false } if deadline <= now => self.drop_unsynced(now, effects),
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => {}
        }
    }

    /// A member by id, if it is the one that its permanent name stands for.
    fn member(&self, id: &str, instance: Option<&str>) -> Result<&Member, GroupError> {
        if let Some(instance) = instance
            && self.member_of_instance(instance).is_some_and(|current| current != id)
        {
            return Err(GroupError::FencedInstance);
        }
        self.members.get(id).ok_or(GroupError::UnknownMember)
    }

    fn member_of_instance(&self, instance: &str) -> Option<String> {
        self.members.iter().find(|(_, member)| member.instance.as_deref() == Some(instance)).map(|(id, _)| id.clone())
    }

    fn touch(&mut self, id: &str, now: Duration) {
        if let Some(member) = self.members.get_mut(id) {
            member.expires = now + member.session;
        }
    }

    fn remove(&mut self, id: &str, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(ticket) = member.joining {
            effects.push(Effect::Joined(ticket, Err(GroupError::UnknownMember)));
        }
        if let Some(ticket) = member.syncing {
            effects.push(Effect::Synced(ticket, Err(GroupError::UnknownMember)));
        }
        if let Some((ticket, _)) = member.renaming {
            effects.push(Effect::Joined(ticket, Err(GroupError::UnknownMember)));
        }
    }

    /// Somebody has left: rebalance, or see whether the rebalance that runs is complete.
    fn members_changed(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Stable | Phase::Completing { .. } => self.prepare(now, effects),
            Phase::Preparing { .. } | Phase::Empty => {}
        }
        if let Phase::Preparing { initial, .. } = self.phase
            && ((!initial && self.all_joined()) || self.members.is_empty())
        {
            self.complete_join(now, effects);
        }
    }
}

impl Member {
    /// A member whose request is waiting is alive.
    fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some() || self.renaming.is_some()
    }

    /// Bytes held for the member, its part of the overhead included.
    fn bytes(&self, id: &str) -> usize {
        let protocols: usize =
            self.protocols.iter().map(|one| one.name.len() + one.metadata.len() + GROUP_MEMBER_OVERHEAD_BYTES).sum();
        let texts = id.len() + self.instance.as_ref().map_or(0, String::len);
        let client = self.client_id.len() + self.client_host.len();
        GROUP_MEMBER_OVERHEAD_BYTES + texts + client + protocols + self.assignment.len()
    }

    /// The member's subscription under a protocol.
    fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|known| known.name == protocol)
            .map(|known| known.metadata.clone())
            .unwrap_or_default()
    }
}
