//! Fetch sessions.

use broker_record::BatchBuilder;
use broker_wire::ErrorCode;
use broker_wire::messages::fetch::FetchPartition;
use bytes::Bytes;

use crate::broker::Broker;

fn batch(value: &str) -> Bytes {
    let mut builder = BatchBuilder::new(1);
    builder.push(None, Some(value.as_bytes()));
    builder.build().bytes().clone()
}

#[test]
fn a_fetch_session_names_its_partitions_once_and_answers_what_has_changed() {
    let broker = Broker::start_with(&["--partitions", "3"]);
    let mut client = broker.client();
    client.topic("sessions");
    client.produce("sessions", batch("first"));

    let all = [0, 1, 2].map(|partition| FetchPartition {
        partition,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    });
    let first = client.fetch_in_session(0, 0, "sessions", &all);
    assert_eq!(first.error_code, ErrorCode::None);
    assert_ne!(first.session_id, 0, "a session was asked for");
    let told: usize = first.responses.iter().map(|topic| topic.partitions.len()).sum();
    assert_eq!(told, 3, "the first answer tells all");

    let id = first.session_id;
    let read_on = FetchPartition { fetch_offset: 1, ..all[0].clone() };
    let nothing = client.fetch_in_session(id, 1, "sessions", std::slice::from_ref(&read_on));
    assert_eq!((nothing.error_code, nothing.session_id), (ErrorCode::None, id));
    assert!(nothing.responses.is_empty(), "nothing has changed: {nothing:?}");

    client.produce("sessions", batch("second"));
    let changed = client.fetch_in_session(id, 2, "sessions", &[]);
    let [topic] = &changed.responses[..] else { panic!("{changed:?}") };
    let [partition] = &topic.partitions[..] else { panic!("{changed:?}") };
    assert_eq!((partition.partition_index, partition.high_watermark), (0, 2));
    assert!(partition.records.as_ref().is_some_and(|records| !records.is_empty()));

    let repeated = client.fetch_in_session(id, 2, "sessions", &[]);
    assert_eq!(repeated.error_code, ErrorCode::InvalidFetchSessionEpoch);
    let elsewhere = broker.client().fetch_in_session(id, 3, "sessions", &[]);
    assert_eq!(elsewhere.error_code, ErrorCode::FetchSessionIdNotFound);
}
