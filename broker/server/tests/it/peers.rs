//! Several processes on one store: they find one another, and nobody else gets in between.

use std::time::Duration;

use crate::broker::Broker;

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
