//! Keys: every one is made and parsed back.

use broker_store::{Incarnation, Key, check_cluster_name};
use proptest::prelude::*;
use uuid::Uuid;

fn incarnations() -> impl Strategy<Value = Incarnation> {
    (any::<i32>().prop_map(|b| b & i32::MAX), any::<i64>().prop_map(|e| e & i64::MAX))
        .prop_map(|(broker, epoch)| Incarnation { broker, epoch })
}

fn keys() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<u64>().prop_map(|seq| Key::MetaLog { seq }),
        any::<u64>().prop_map(|seq| Key::MetaSnapshot { seq }),
        Just(Key::MetaMarker),
        Just(Key::PeerKey),
        Just(Key::DataMarker),
        (incarnations(), any::<u64>()).prop_map(|(incarnation, seq)| Key::Wal { incarnation, seq }),
        (any::<u128>(), 0..i32::MAX, any::<u64>()).prop_map(|(topic, partition, version)| Key::Manifest {
            topic: Uuid::from_u128(topic),
            partition,
            version
        }),
        (any::<u128>(), 0..i32::MAX, 0..i32::MAX, 0..i64::MAX, any::<u128>()).prop_map(
            |(topic, partition, leader_epoch, base_offset, id)| Key::Segment {
                topic: Uuid::from_u128(topic),
                partition,
                leader_epoch,
                base_offset,
                id: Uuid::from_u128(id),
            }
        ),
        (any::<u128>(), incarnations(), any::<u128>()).prop_map(|(topic, incarnation, id)| Key::SharedSegment {
            topic: Uuid::from_u128(topic),
            incarnation,
            id: Uuid::from_u128(id)
        }),
        (incarnations(), any::<u64>(), any::<u128>()).prop_map(|(incarnation, floor, id)| Key::Checkpoint {
            incarnation,
            floor,
            id: Uuid::from_u128(id)
        }),
        incarnations().prop_map(|incarnation| Key::Live { incarnation }),
        incarnations().prop_map(|incarnation| Key::Report { incarnation }),
        "i-[0-9a-f]{17}".prop_map(|instance| Key::Boot { instance }),
        ("[0-9a-f]{64}", "[a-z][a-z.-]{0,30}").prop_map(|(sha256, file)| Key::Package { sha256, file }),
    ]
}

proptest! {
    #[test]
    fn every_key_parses_back(key in keys()) {
        prop_assert_eq!(Key::parse("orders", &key.path("orders")), Some(key));
    }

    #[test]
    fn a_key_of_one_cluster_is_none_of_another(key in keys()) {
        let is_package = matches!(key, Key::Package { .. });
        prop_assert_eq!(Key::parse("order", &key.path("orders")).is_some(), is_package);
    }

    #[test]
    fn any_text_parses_to_a_key_with_that_path_or_to_none(path in "(orders/)?(meta|wal|data|live|packages)?/?.{0,60}") {
        if let Some(key) = Key::parse("orders", &path) {
            prop_assert_eq!(key.path("orders"), path);
        }
    }
}

#[test]
fn cluster_names_that_break_keys_are_refused() {
    for name in ["", "a/b", "..", ".a", "-a", "packages", "ä", "a b", &"a".repeat(65)] {
        assert!(check_cluster_name(name).is_err(), "{name:?}");
    }
    for name in ["a", "orders", "Orders-2.eu_west", &"a".repeat(64)] {
        assert!(check_cluster_name(name).is_ok(), "{name:?}");
    }
}
