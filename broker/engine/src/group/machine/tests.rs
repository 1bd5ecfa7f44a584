//! Random lives of a group, compared with what every member may rely on.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// The client that is a static member, and forgets its member id whenever it joins.
const STATIC: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    Join(u8),
    Sync(u8),
    Heartbeat(u8),
    Leave(u8),
    Stored(bool),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..=STATIC).prop_map(Step::Join),
        4 => (0..=STATIC).prop_map(Step::Sync),
        2 => (0..=STATIC).prop_map(Step::Heartbeat),
        1 => (0..=STATIC).prop_map(Step::Leave),
        4 => prop::bool::weighted(0.9).prop_map(Step::Stored),
        2 => (0_u16..20_000).prop_map(Step::Wait),
    ]
}

/// What the outside knows: the model.
#[derive(Default)]
struct Outside {
    now: Duration,
    tickets: Ticket,
    open: BTreeSet<Ticket>,
    /// Per client, its id and what it last joined.
    clients: BTreeMap<u8, (String, Option<JoinedGroup>)>,
    asked_by: BTreeMap<Ticket, u8>,
    /// Per generation, its leader and protocol.
    generations: BTreeMap<i32, (String, String)>,
    /// Per generation and member, the assignment the leader gave.
    given: BTreeMap<(i32, String), Bytes>,
    durable: BTreeSet<i32>,
    /// Number and generation of what is to be stored.
    storing: Vec<(u64, i32)>,
    /// The last id of the static client, and its generation.
    former: Option<(String, i32)>,
}

/// A member id without what changes when a static member comes back.
fn client_of(member_id: &str) -> String {
    member_id.split('-').next().unwrap_or_default().to_owned()
}

impl Outside {
    fn ticket(&mut self, client: u8) -> Ticket {
        self.tickets += 1;
        self.open.insert(self.tickets);
        self.asked_by.insert(self.tickets, client);
        self.tickets
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Store { store, generation } => self.storing.push((store, generation)),
                Effect::Joined(ticket, answer) => {
                    assert!(self.open.remove(&ticket), "a join is answered once");
                    let client = self.asked_by[&ticket];
                    match answer {
                        Ok(joined) => {
                            let known = (client_of(&joined.leader), joined.protocol_name.clone());
                            let first = self.generations.entry(joined.generation).or_insert_with(|| known.clone());
                            assert_eq!(*first, known, "a generation has one leader and one protocol");
                            assert_eq!(joined.members.is_empty(), joined.leader != joined.member_id);
                            self.carry_assignment(client, &joined);
                            self.clients.insert(client, (joined.member_id.clone(), Some(joined)));
                        }
                        Err(GroupError::MemberIdRequired(id)) => {
                            self.clients.insert(client, (id, None));
                        }
                        Err(_) => {
                            self.clients.remove(&client);
                        }
                    }
                }
                Effect::Synced(ticket, answer) => {
                    assert!(self.open.remove(&ticket), "a sync is answered once");
                    let client = self.asked_by[&ticket];
                    if let (Ok(synced), Some((id, Some(joined)))) = (answer, self.clients.get(&client)) {
                        assert!(self.durable.contains(&joined.generation), "what is handed out is durable");
                        let given = self.given.get(&(joined.generation, id.clone())).cloned().unwrap_or_default();
                        assert_eq!(synced.assignment, given);
                    }
                }
            }
        }
    }
}

impl Outside {
    /// A static member that comes back into its generation has its assignment under the new id.
    fn carry_assignment(&mut self, client: u8, joined: &JoinedGroup) {
        if client != STATIC {
            return;
        }
        if let Some((former, generation)) = self.former.replace((joined.member_id.clone(), joined.generation))
            && generation == joined.generation
            && let Some(given) = self.given.get(&(generation, former)).cloned()
        {
            self.given.entry((generation, joined.member_id.clone())).or_insert(given);
        }
    }

    /// What the group shall do next: whatever it asked to be stored is.
    fn store_all(&mut self, group: &mut Group) {
        while let Some((store, generation)) = self.storing.pop() {
            self.durable.insert(generation);
            self.take(group.step(Event::Stored { store, generation, durable: true }, self.now));
        }
    }
}

fn join_request(id: &str, client: u8) -> JoinGroupRequest {
    let protocol = |name: &str| GroupProtocol { name: name.to_owned(), metadata: Bytes::from(vec![client]) };
    JoinGroupRequest {
        group: "g".to_owned(),
        member_id: if client == STATIC { String::new() } else { id.to_owned() },
        group_instance_id: (client == STATIC).then(|| "pod".to_owned()),
        client_id: format!("client {client}"),
        client_host: String::new(),
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_secs(30),
        protocol_type: "consumer".to_owned(),
        protocols: if client.is_multiple_of(2) {
            vec![protocol("range"), protocol("roundrobin")]
        } else {
            vec![protocol("roundrobin"), protocol("range")]
        },
        member_id_required: true,
    }
}

fn run(group: &mut Group, outside: &mut Outside, step: Step) {
    match step {
        Step::Join(client) => {
            let id = outside.clients.get(&client).map(|(id, _)| id.clone()).unwrap_or_default();
            let ticket = outside.ticket(client);
            let request = join_request(&id, client);
            let event = Event::Join { ticket, request, fresh_id: format!("{client}-{ticket}") };
            outside.take(group.step(event, outside.now));
        }
        Step::Sync(client) => {
            let Some((id, Some(joined))) = outside.clients.get(&client).cloned() else { return };
            let assignments: Vec<(String, Bytes)> = joined
                .members
                .iter()
                .map(|member| {
                    (member.member_id.clone(), Bytes::from(format!("{}:{}", joined.generation, member.member_id)))
                })
                .collect();
            for (member, assignment) in &assignments {
                // Of a generation the first assignments count; a leader that came back brings others in vain.
                let given = outside.given.entry((joined.generation, member.clone()));
                given.or_insert_with(|| assignment.clone());
            }
            let ticket = outside.ticket(client);
            let request = SyncGroupRequest {
                group: "g".to_owned(),
                generation: joined.generation,
                member_id: id,
                group_instance_id: None,
                protocol_type: None,
                protocol_name: None,
                assignments,
            };
            outside.take(group.step(Event::Sync { ticket, request }, outside.now));
        }
        Step::Heartbeat(client) => {
            let Some((id, Some(joined))) = outside.clients.get(&client) else { return };
            let request = HeartbeatRequest {
                group: "g".to_owned(),
                generation: joined.generation,
                member_id: id.clone(),
                group_instance_id: None,
            };
            if group.heartbeat(&request, outside.now).is_ok() {
                assert_eq!(
                    joined.generation, group.generation,
                    "only members of the generation are told that all is well"
                );
            }
        }
        Step::Leave(client) => {
            let Some((id, _)) = outside.clients.remove(&client) else { return };
            let leaving = LeavingMember { member_id: id, group_instance_id: None };
            let (_, effects) = group.leave(&[leaving], outside.now);
            outside.take(effects);
        }
        Step::Stored(durable) => {
            let Some((store, generation)) = outside.storing.pop() else { return };
            if durable {
                outside.durable.insert(generation);
            }
            outside.take(group.step(Event::Stored { store, generation, durable }, outside.now));
        }
        Step::Wait(ms) => {
            outside.now += Duration::from_millis(u64::from(ms));
            outside.take(group.step(Event::Tick, outside.now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn members_can_rely_on_what_they_are_told(steps in prop::collection::vec(step(), 1..120)) {
        let mut group = Group::new(Duration::from_millis(250));
        let mut outside = Outside::default();
        let mut generation = 0;
        for step in steps {
            run(&mut group, &mut outside, step);
            assert!(group.generation >= generation, "generations grow");
            generation = group.generation;
        }
        // Whatever happened, in the end everyone who waits gets an answer.
        for _ in 0..20 {
            outside.store_all(&mut group);
            let Some(deadline) = group.next_deadline() else { break };
            outside.now = outside.now.max(deadline);
            outside.take(group.step(Event::Tick, outside.now));
        }
        prop_assert!(outside.open.is_empty(), "{:?} wait for ever in {:?}", outside.open, group.phase);
    }
}

/// A stable group whose only member is static; its member id.
fn stable_with_a_static_member(outside: &mut Outside) -> (Group, String) {
    let mut group = Group::new(Duration::ZERO);
    run(&mut group, outside, Step::Join(STATIC));
    run(&mut group, outside, Step::Sync(STATIC));
    outside.store_all(&mut group);
    assert_eq!(group.state_name(), "Stable");
    let id = outside.clients[&STATIC].0.clone();
    (group, id)
}

#[test]
fn a_static_member_is_told_its_new_id_when_that_is_durable_and_not_before() {
    let mut outside = Outside::default();
    let (mut group, former) = stable_with_a_static_member(&mut outside);
    run(&mut group, &mut outside, Step::Join(STATIC));
    assert_eq!((outside.open.len(), outside.clients[&STATIC].0.as_str()), (1, former.as_str()));
    // An hour of waiting is no silence of the member.
    run(&mut group, &mut outside, Step::Wait(60_000));
    assert_eq!(group.state_name(), "Stable");
    outside.store_all(&mut group);
    assert_ne!(outside.clients[&STATIC].0, former);
    run(&mut group, &mut outside, Step::Sync(STATIC));
    assert!(outside.open.is_empty());
}

#[test]
fn an_older_store_says_nothing_about_a_later_name() {
    let mut outside = Outside::default();
    let (mut group, _) = stable_with_a_static_member(&mut outside);
    run(&mut group, &mut outside, Step::Join(STATIC));
    run(&mut group, &mut outside, Step::Join(STATIC));
    assert_eq!(outside.open.len(), 1, "the first of the two was refused");
    let (older, generation) = outside.storing.remove(0);
    outside.take(group.step(Event::Stored { store: older, generation, durable: true }, outside.now));
    assert_eq!(outside.open.len(), 1);
    outside.store_all(&mut group);
    assert!(outside.open.is_empty());
}

#[test]
fn a_static_member_that_meets_a_rebalance_joins_the_next_generation() {
    let mut outside = Outside::default();
    let (mut group, _) = stable_with_a_static_member(&mut outside);
    run(&mut group, &mut outside, Step::Join(STATIC));
    run(&mut group, &mut outside, Step::Join(0));
    run(&mut group, &mut outside, Step::Join(0));
    assert_eq!(group.state_name(), "CompletingRebalance");
    let both = [0, STATIC].map(|client| outside.clients[&client].1.as_ref().map(|joined| joined.generation));
    assert_eq!(both, [Some(2), Some(2)]);
}

#[test]
fn members_that_send_more_than_a_group_may_hold_are_refused_and_leave_nothing_behind() {
    let mut group = Group::new(Duration::ZERO);
    let mut request = join_request("", STATIC);
    request.protocols[0].metadata = Bytes::from(vec![0; crate::limits::GROUP_MEMBERS_BYTES_MAX]);
    let effects = group.step(Event::Join { ticket: 1, request, fresh_id: "4-1".to_owned() }, Duration::ZERO);
    assert_eq!(effects, vec![Effect::Joined(1, Err(GroupError::GroupMaxSize))]);
    let mut request = join_request("", STATIC);
    request.client_id = "x".repeat(crate::limits::GROUP_TEXT_BYTES_MAX + 1);
    let effects = group.step(Event::Join { ticket: 2, request, fresh_id: "4-2".to_owned() }, Duration::ZERO);
    assert_eq!(effects, vec![Effect::Joined(2, Err(GroupError::GroupMaxSize))]);
    assert!(group.is_unborn() && group.bytes() == 0);
}

#[test]
fn assignments_that_fit_into_no_object_are_refused_and_the_largest_that_fit_are_stored() {
    let mut outside = Outside::default();
    let mut group = Group::new(Duration::ZERO);
    run(&mut group, &mut outside, Step::Join(STATIC));
    let (id, Some(joined)) = outside.clients[&STATIC].clone() else { panic!("not joined") };
    let sync = |ticket, generation, bytes: usize| Event::Sync {
        ticket,
        request: SyncGroupRequest {
            group: "g".to_owned(),
            generation,
            member_id: id.clone(),
            group_instance_id: None,
            protocol_type: None,
            protocol_name: None,
            assignments: vec![(id.clone(), Bytes::from(vec![0; bytes]))],
        },
    };
    let fits = crate::limits::GROUP_BYTES_MAX - group.bytes();
    let mut other = group.clone();
    let refused = other.step(sync(8, joined.generation, fits + 1), Duration::ZERO);
    assert_eq!(refused, vec![Effect::Synced(8, Err(GroupError::GroupMaxSize))]);
    assert_eq!(other.state_name(), "PreparingRebalance");
    let stored = group.step(sync(9, joined.generation, fits), Duration::ZERO);
    assert_eq!(stored, vec![Effect::Store { store: 1, generation: joined.generation }]);
    let name = crate::limits::GROUP_TEXT_BYTES_MAX;
    assert!(group.record(0).encode().len() + name < broker_log::limits::WAL_OBJECT_BYTES_MAX);
}
