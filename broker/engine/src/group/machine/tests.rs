//! Random lives of a group, compared with what every member may rely on.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

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
        4 => (0_u8..4).prop_map(Step::Join),
        4 => (0_u8..4).prop_map(Step::Sync),
        2 => (0_u8..4).prop_map(Step::Heartbeat),
        1 => (0_u8..4).prop_map(Step::Leave),
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
    storing: Vec<i32>,
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
                Effect::Store { generation } => self.storing.push(generation),
                Effect::Joined(ticket, answer) => {
                    assert!(self.open.remove(&ticket), "a join is answered once");
                    let client = self.asked_by[&ticket];
                    match answer {
                        Ok(joined) => {
                            let known = (joined.leader.clone(), joined.protocol_name.clone());
                            let first = self.generations.entry(joined.generation).or_insert_with(|| known.clone());
                            assert_eq!(*first, known, "a generation has one leader and one protocol");
                            assert_eq!(joined.members.is_empty(), joined.leader != joined.member_id);
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

fn join_request(id: &str, client: u8) -> JoinGroupRequest {
    let protocol = |name: &str| GroupProtocol { name: name.to_owned(), metadata: Bytes::from(vec![client]) };
    JoinGroupRequest {
        group: "g".to_owned(),
        member_id: id.to_owned(),
        group_instance_id: None,
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
                outside.given.insert((joined.generation, member.clone()), assignment.clone());
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
            let Some(generation) = outside.storing.pop() else { return };
            if durable {
                outside.durable.insert(generation);
            }
            outside.take(group.step(Event::Stored { generation, durable }, outside.now));
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
            while let Some(generation) = outside.storing.pop() {
                outside.durable.insert(generation);
                outside.take(group.step(Event::Stored { generation, durable: true }, outside.now));
            }
            let Some(deadline) = group.next_deadline() else { break };
            outside.now = outside.now.max(deadline);
            outside.take(group.step(Event::Tick, outside.now));
        }
        prop_assert!(outside.open.is_empty(), "{:?} wait for ever in {:?}", outside.open, group.phase);
    }
}
