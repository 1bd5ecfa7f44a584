//! Which values configs take.

use broker_metadata::{TOPIC_CONFIGS, check_topic_config};
use proptest::prelude::*;

#[test]
fn every_default_is_allowed_and_the_table_is_sorted() {
    for config in TOPIC_CONFIGS {
        assert_eq!(check_topic_config(config.name, config.default), Ok(()), "{}", config.name);
    }
    let names: Vec<&str> = TOPIC_CONFIGS.iter().map(|config| config.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

#[test]
fn values_are_checked_by_type_and_range() {
    for (name, value) in [
        ("retention.ms", "-1"),
        ("cleanup.policy", "compact,delete"),
        ("cleanup.policy", "compact, delete"),
        ("min.cleanable.dirty.ratio", "1.0"),
        ("preallocate", "true"),
        ("compression.type", "zstd"),
        ("max.message.bytes", "2147483647"),
    ] {
        assert_eq!(check_topic_config(name, value), Ok(()), "{name}={value}");
    }
    for (name, value) in [
        ("retention.ms", "-2"),
        ("retention.ms", "1.5"),
        ("cleanup.policy", "shred"),
        ("cleanup.policy", ""),
        ("min.cleanable.dirty.ratio", "1.1"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("preallocate", "yes"),
        ("max.message.bytes", "2147483648"),
        ("segment.bytes", "1"),
        ("no.such.config", "1"),
    ] {
        assert!(check_topic_config(name, value).is_err(), "{name}={value}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_value_or_not_and_never_panics(name in ".{0,20}", value in ".{0,20}") {
        let _ = check_topic_config(&name, &value);
        for config in TOPIC_CONFIGS {
            let _ = check_topic_config(config.name, &value);
        }
    }
}
