//! Several processes on one store: they find one another, and nobody else gets in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_wire::{ErrorCode, Request, Response, frame as wire};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::client::{Client, produce_request};
use crate::log::{batch, records};
use crate::zones::fetch_from;

const PEER_API: [u8; 2] = 32_100_i16.to_be_bytes();

/// The private request: key, version, correlation id, then the body.
fn frame(body: &[u8]) -> Vec<u8> {
    [&PEER_API[..], &[0, 0, 0, 0, 0, 1], body].concat()
}

/// Who leads the partitions of a topic, as a broker tells it.
fn leaders(broker: &Broker, topic: &str) -> Vec<i32> {
    broker.client().topic(topic).partitions.iter().map(|partition| partition.leader_id).collect()
}

/// Waits until something is so; how often it was asked for, with a pause each.
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> usize {
    for times in 0..3000 {
        if is_so() {
            return times;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never: {what}");
}

#[test]
fn a_broker_whose_process_is_killed_is_replaced_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = ["--store", directory.path().to_str().unwrap(), "--partitions", "12"];
    let brokers: Vec<Broker> = (0..3).map(|_| Broker::start_with(&store)).collect();
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.node_id).collect();
    brokers[0].client().topic("payments");
    until("all lead something", || ids.iter().all(|id| leaders(&brokers[1], "payments").contains(id)));
    let [dead, alive @ ..] = &ids[..] else { panic!("no brokers") };
    let mut brokers = brokers.into_iter();
    drop(brokers.next());
    let brokers: Vec<Broker> = brokers.collect();
    let times = until("the others lead everything", || {
        brokers.iter().all(|broker| leaders(broker, "payments").iter().all(|leader| alive.contains(leader)))
    });
    // The silent way takes more than three seconds, which is a hundred and fifty times.
    assert!(times < 140, "asked {times} times until nobody said that {dead} leads");
}

#[test]
fn whoever_is_no_member_is_not_answered() {
    let mut broker = Broker::start();
    let hello = [&[0_u8][..], &[7; 32]].concat();
    let forged = [&[1_u8][..], &[0; 8], &[9; 32], br#"{"nudge":{"metadata_seq":99}}"#].concat();
    for body in [&b""[..], &[7], &[0, 1, 2], &forged] {
        let mut client = broker.client();
        client.send_frame(&frame(body));
        assert_eq!(client.receive(), None, "{body:?}");
    }
    let mut client = broker.client();
    client.send_frame(&frame(&hello));
    // The correlation id, what it brings to the session, and a code that only members can make.
    assert_eq!(client.receive().unwrap().len(), 4 + 32 + 32);
    client.send_frame(&frame(&forged));
    assert_eq!(client.receive(), None);
    broker.assert_serves();
}

#[test]
fn other_brokers_find_a_place_when_clients_have_taken_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    let full = Broker::start_with(&["--store", store, "--zone", "z1", "--partitions", "8", "--connections-max", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| full.client()).collect();
    for client in &mut clients {
        assert!(!client.supported().api_keys.is_empty());
    }
    clients[0].topic("payments");
    let mut late = full.client();
    late.send_frame(&[0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
    assert_eq!(late.receive(), None, "it has no place");
    // Whom it sends consumers to has found the way to it.
    let other = Broker::start_with(&["--store", store, "--zone", "z2"]);
    until("the other broker has asked", || {
        (0..8).any(|partition| {
            fetch_from(&mut clients[1], 11, (partition, 0), "z2", 0).preferred_read_replica == other.node_id
        })
    });
    assert!(!clients[2].supported().api_keys.is_empty(), "nobody had to leave");
}

/// The number of the next entry of the metadata log in a store's directory.
fn next_entry(log: &Path) -> PathBuf {
    let names = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let last = names.filter_map(|name| name.parse::<u64>().ok()).max().unwrap();
    log.join(format!("{:020}", last + 1))
}

#[test]
fn connections_end_once_the_metadata_could_not_be_confirmed_for_half_a_minute() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(&["--store", directory.path().to_str().unwrap()]);
    let mut client = broker.client();
    client.topic("payments");
    assert_eq!(client.produce("payments", batch(1, &["a"])).error_code, ErrorCode::None);
    // Where the next entry would be, nothing can be read any more.
    let unreadable = next_entry(&directory.path().join("dev/meta/log"));
    std::os::unix::fs::symlink(&unreadable, &unreadable).unwrap();
    let began = Instant::now();
    let is_answered = |client: &mut Client| {
        client.send_frame(&[0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        client.receive().is_some()
    };
    until("the connection has ended", || !is_answered(&mut client));
    let lasted = began.elapsed();
    assert!((28..40).contains(&lasted.as_secs()), "{lasted:?}");
    assert!(!is_answered(&mut broker.client()), "new ones fare no better");
    std::fs::remove_file(unreadable).unwrap();
    until("it serves again", || is_answered(&mut broker.client()));
    let read = broker.client().fetch("payments", 0, 0);
    assert_eq!(records(read.records), [(0, "a".to_owned())]);
}

#[test]
fn a_frozen_broker_is_replaced_and_when_it_goes_on_nothing_of_the_past_counts() {
    let directory = tempfile::tempdir().unwrap();
    let store = ["--store", directory.path().to_str().unwrap(), "--partitions", "6"];
    let brokers = [Broker::start_with(&store), Broker::start_with(&store)];
    brokers[0].client().topic("payments");
    until("both lead something", || {
        let leaders = leaders(&brokers[1], "payments");
        brokers.iter().all(|broker| leaders.contains(&broker.node_id))
    });
    let [frozen, other] = &brokers;
    let led = leaders(other, "payments").iter().position(|leader| *leader == frozen.node_id).unwrap();
    let partition = i32::try_from(led).unwrap();
    let produce = |client: &mut Client, value: &str| {
        let request = Request::Produce(produce_request("payments", partition, batch(1, &[value])));
        let Response::Produce(mut response) = client.call(&request, 12) else { panic!() };
        response.responses.remove(0).partition_responses.remove(0)
    };
    let mut client = frozen.client();
    let mut acknowledged = Vec::new();
    for value in ["a", "b"] {
        until("it is acknowledged", || {
            let answer = produce(&mut client, value);
            let done = answer.error_code == ErrorCode::None;
            acknowledged.extend(done.then_some((answer.base_offset, value.to_owned())));
            done
        });
    }
    frozen.freeze();
    // It lies in the socket of a broker that thinks that it leads.
    let request = Request::Produce(produce_request("payments", partition, batch(1, &["of the past"])));
    client.send_request(9, &request, 12);
    until("the other one leads everything", || leaders(other, "payments").iter().all(|id| *id == other.node_id));
    let mut survivor = other.client();
    until("the other one serves", || {
        let answer = produce(&mut survivor, "c");
        let done = answer.error_code == ErrorCode::None;
        acknowledged.extend(done.then_some((answer.base_offset, "c".to_owned())));
        done
    });
    frozen.go_on();
    if let Some(answer) = client.receive() {
        let (_, response) = wire::decode_response(request.api(), 12, answer).unwrap();
        let Response::Produce(mut response) = response else { panic!() };
        let answer = response.responses.remove(0).partition_responses.remove(0);
        assert_ne!(answer.error_code, ErrorCode::None, "acknowledged at {}", answer.base_offset);
    }
    until("it is back and leads again", || leaders(other, "payments").contains(&frozen.node_id));
    let serving = |broker: &Broker| {
        let read = fetch_from(&mut broker.client(), 11, (partition, 0), "", 0);
        (read.error_code == ErrorCode::None).then(|| records(read.records))
    };
    let mut read = None;
    until("somebody serves", || {
        read = brokers.iter().find_map(serving);
        read.is_some()
    });
    assert_eq!(read.unwrap(), acknowledged);
    assert_eq!(acknowledged.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [0, 1, 2]);
}
