//! Entries and snapshots as bytes.

use std::collections::BTreeMap;

use broker_metadata::{
    Change, Command, CreateTopic, Digest, Entry, Incarnation, NotAnEntry, Snapshot, SweptObjects, Target,
    TopicAttributes,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::{CLUSTER, World, create_topic, register};

fn texts() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn changes() -> impl Strategy<Value = Change> {
    let incarnations = (any::<i32>(), any::<i64>()).prop_map(|(broker, epoch)| Incarnation { broker, epoch });
    prop_oneof![
        incarnations.clone().prop_map(|incarnation| Change::BrokerReady { incarnation }),
        proptest::collection::vec(incarnations.clone(), 0..4)
            .prop_map(|incarnations| Change::FenceBrokers { incarnations }),
        (incarnations, any::<u64>(), any::<Option<u128>>()).prop_map(|(incarnation, floor, checkpoint)| {
            Change::TrimWal { incarnation, floor, checkpoint: checkpoint.map(Uuid::from_u128) }
        }),
        (texts(), texts()).prop_map(|(host, zone)| Change::RegisterBroker(register(&host, &zone))),
        (any::<u128>(), any::<i32>(), any::<Option<i32>>()).prop_map(|(topic, partition, broker)| {
            Change::SetTargets { targets: vec![Target { topic: Uuid::from_u128(topic), partition, broker }] }
        }),
        (texts(), any::<i32>(), proptest::collection::btree_map(texts(), texts(), 0..3), texts(), any::<bool>())
            .prop_map(|(name, partitions, configs, owner, deletion_protection)| {
                let attributes = TopicAttributes { owner: Some(owner), deletion_protection, ..Default::default() };
                Change::CreateTopic(CreateTopic { name, partitions, configs, attributes })
            }),
        (any::<u128>(), texts()).prop_map(|(topic, name)| {
            let configs = BTreeMap::from([(name.clone(), None), (format!("{name}2"), Some(name))]);
            Change::AlterTopicConfigs { topic: Uuid::from_u128(topic), configs }
        }),
        any::<u32>().prop_map(|count| Change::AllocateProducerIds { count }),
        (any::<u128>(), any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(topic, objects, bytes, last)| {
            let (topic, swept) = (Uuid::from_u128(topic), SweptObjects { objects, bytes });
            if last { Change::FinaliseDeletion { topic, swept } } else { Change::NoteSweep { topic, swept } }
        }),
    ]
}

fn entries() -> impl Strategy<Value = Entry> {
    let commands =
        (any::<u128>(), texts(), any::<i64>(), texts(), changes()).prop_map(|(id, actor, time_ms, reason, change)| {
            let origin = (time_ms % 2 == 0).then_some(Incarnation { broker: 1, epoch: time_ms });
            Command { id: Uuid::from_u128(id), origin, actor, time_ms, reason, change }
        });
    (
        any::<u64>(),
        any::<u128>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        texts(),
        proptest::collection::vec(commands, 0..5),
    )
        .prop_map(|(seq, nonce, state_before, predecessor, writer, commands)| Entry {
            cluster: CLUSTER,
            seq,
            nonce,
            state_before: Digest(state_before),
            predecessor: Digest(predecessor),
            writer,
            commands,
        })
}

proptest! {
    #[test]
    fn an_entry_decodes_to_itself(entry in entries()) {
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&bytes, CLUSTER, entry.seq), Ok(entry));
    }

    #[test]
    fn a_flipped_bit_makes_an_entry_void(entry in entries(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = entry.encode().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(matches!(Entry::decode(&bytes, CLUSTER, entry.seq), Err(NotAnEntry::Void(_))));
    }

    #[test]
    fn arbitrary_bytes_are_void(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(matches!(Entry::decode_any(&bytes), Err(NotAnEntry::Void(_))));
        prop_assert!(Snapshot::decode(&bytes, CLUSTER, 0).is_err());
    }

    #[test]
    fn arbitrary_bytes_with_a_good_frame_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        bytes.splice(0..0, *b"RFME\x00\x01\x00\x00");
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        let _ = Entry::decode_any(&bytes);
        bytes.splice(0..4, *b"RFMS");
        let end = bytes.len() - 4;
        let crc = crc32c::crc32c(&bytes[..end]);
        bytes.splice(end.., crc.to_be_bytes());
        prop_assert!(Snapshot::decode(&bytes, CLUSTER, 0).is_err());
    }
}

fn entry(commands: Vec<Command>) -> Entry {
    let zero = Digest::default();
    let writer = "test".to_owned();
    Entry { cluster: CLUSTER, seq: 5, nonce: 7, state_before: zero, predecessor: zero, writer, commands }
}

#[test]
fn an_entry_of_another_cluster_or_number_is_void() {
    let bytes = entry(Vec::new()).encode().unwrap();
    assert!(matches!(Entry::decode(&bytes, Uuid::nil(), 5), Err(NotAnEntry::Void(_))));
    assert!(matches!(Entry::decode(&bytes, CLUSTER, 6), Err(NotAnEntry::Void(_))));
    assert!(Entry::decode(&bytes, CLUSTER, 5).is_ok());
}

#[test]
fn a_command_or_version_of_a_newer_release_is_unknown_and_not_void() {
    let command = World::new().command(create_topic("payments", 1));
    let bytes = entry(vec![command]).encode().unwrap().to_vec();
    let renamed = replace(&bytes, b"create_topic", b"invent_topic");
    assert!(matches!(Entry::decode(&renamed, CLUSTER, 5), Err(NotAnEntry::Unknown(_))));
    let field = replace(&bytes, b"\"reason\"", b"\"raison\"");
    assert!(matches!(Entry::decode(&field, CLUSTER, 5), Err(NotAnEntry::Unknown(_))));
    let version = replace(&bytes, b"RFME\x00\x01", b"RFME\x00\x02");
    assert!(matches!(Entry::decode(&version, CLUSTER, 5), Err(NotAnEntry::Unknown(_))));
}

/// The bytes with one part replaced by another of its length, and a fresh checksum.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    let mut bytes = bytes.to_vec();
    bytes.splice(at..at + old.len(), new.iter().copied());
    let end = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..end]);
    bytes.splice(end.., crc.to_be_bytes());
    bytes
}

#[test]
fn an_entry_that_is_too_large_is_not_encoded() {
    let command = Command { reason: "x".repeat(2 << 20), ..World::new().command(create_topic("a", 1)) };
    assert!(entry(vec![command]).encode().is_err());
}

#[test]
fn a_snapshot_decodes_to_itself() {
    let mut world = World::new();
    world.broker("a", "z1");
    world.topic("payments", 3);
    let seq = world.state.next_seq();
    let snapshot = Snapshot { state: world.state, last_entry: Digest([7; 32]) };
    let bytes = snapshot.encode();
    assert_eq!(Snapshot::decode(&bytes, CLUSTER, seq), Ok(snapshot));
    assert!(Snapshot::decode(&bytes, CLUSTER, seq + 1).is_err());
    assert!(Snapshot::decode(&bytes, Uuid::nil(), seq).is_err());
}
