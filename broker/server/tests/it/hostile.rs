//! Bytes that no client sends: the connection ends, the broker lives, memory stays.

use crate::broker::Broker;

const MIB: usize = 1 << 20;

/// Key, version, correlation id and a null client id, before a body.
fn request(api_key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = [api_key.to_be_bytes(), version.to_be_bytes()].concat();
    frame.extend([0, 0, 0, 1, 0xff, 0xff]);
    frame.extend(body);
    frame
}

/// Fails if the process takes more than `bytes` more than before.
fn assert_grew_less_than(broker: &Broker, before: usize, bytes: usize) {
    let after = broker.resident_bytes();
    assert!(after < before + bytes, "grew by {} KiB", (after - before) / 1024);
}

#[test]
fn an_array_length_of_two_thousand_million_ends_the_connection_only() {
    let mut broker = Broker::start();
    broker.assert_serves();
    let before = broker.resident_bytes();
    for _ in 0..50 {
        let mut client = broker.client();
        client.send_frame(&request(3, 1, &[0x7f, 0xff, 0xff, 0xff]));
        assert_eq!(client.receive(), None);
    }
    assert_grew_less_than(&broker, before, 16 * MIB);
    broker.assert_serves();
}

#[test]
fn a_frame_of_two_gibibytes_ends_the_connection_at_once() {
    let mut broker = Broker::start();
    broker.assert_serves();
    let before = broker.resident_bytes();
    for length in [[0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0xff, 0xff, 0xff, 0xff]] {
        let mut client = broker.client();
        client.send(&length);
        assert_eq!(client.receive(), None);
    }
    assert_grew_less_than(&broker, before, 16 * MIB);
    broker.assert_serves();
}

#[test]
fn half_sent_frames_hold_what_was_sent_and_not_what_was_announced() {
    let mut broker = Broker::start();
    broker.assert_serves();
    let before = broker.resident_bytes();
    let announced = u32::try_from(99 * MIB).unwrap().to_be_bytes();
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = broker.client();
        client.send(&[&announced[..], &vec![1; MIB / 2]].concat());
        clients.push(client);
    }
    // 4 GB were announced, 20 MB sent.
    broker.assert_serves();
    assert_grew_less_than(&broker, before, 100 * MIB);
    drop(clients);
    broker.assert_serves();
}

#[test]
fn random_bytes_do_not_disturb() {
    let mut broker = Broker::start();
    broker.assert_serves();
    let before = broker.resident_bytes();
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    for round in 0..300_usize {
        let mut client = broker.client();
        let body: Vec<u8> = (0..round * 7 % 1_000).map(|_| random()).collect();
        match round % 3 {
            0 => client.send(&body),
            1 => client.send_frame(&body),
            // A true header, so that the bytes get as far as a decoder.
            _ => client.send_frame(&request(i16::try_from(round % 76).unwrap(), i16::from(random() % 14), &body)),
        }
    }
    broker.assert_serves();
    assert_grew_less_than(&broker, before, 64 * MIB);
}

#[test]
fn an_empty_frame_and_a_bare_header_end_the_connection_only() {
    let mut broker = Broker::start();
    for frame in [&[][..], &[0, 3], &[0, 3, 0, 1, 0, 0, 0]] {
        let mut client = broker.client();
        client.send_frame(frame);
        assert_eq!(client.receive(), None);
    }
    broker.assert_serves();
}

#[test]
fn an_api_or_version_that_is_not_supported_ends_the_connection_only() {
    let mut broker = Broker::start();
    for (api_key, version) in [(999, 0), (-1, 0), (76, 1), (0, 2), (3, 99), (4, 0)] {
        let mut client = broker.client();
        client.send_frame(&request(api_key, version, &[0; 16]));
        assert_eq!(client.receive(), None, "API {api_key} version {version}");
    }
    broker.assert_serves();
}

#[test]
fn what_is_named_again_and_again_is_answered_once() {
    let mut broker = Broker::start();
    broker.client().topic("echo");
    let before = broker.resident_bytes();
    let mut client = broker.client();
    assert_eq!(client.metadata(Some(vec!["echo"; 100_000])).topics.len(), 1);
    assert_grew_less_than(&broker, before, 64 * MIB);
    broker.assert_serves();
}
