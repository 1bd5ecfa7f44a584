//! The same bytes, read and written by another implementation of the protocol.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};

use crate::reference::Extra;
use crate::round_trip::body;
use crate::table::apis;

/// The other implementation, over one body: what it would have written.
fn rewritten(key: i16, side: &str, version: i16, bytes: &Bytes) -> Option<Bytes> {
    let api = ApiKey::try_from(key).ok()?;
    let mut out = bytes::BytesMut::new();
    let mut input = bytes.clone();
    if side == "Request" {
        RequestKind::decode(api, &mut input, version).ok()?.encode(&mut out, version).ok()?;
    } else {
        ResponseKind::decode(api, &mut input, version).ok()?.encode(&mut out, version).ok()?;
    }
    Some(out.freeze())
}

#[test]
fn another_implementation_reads_the_reference_as_it_is_meant() {
    let mut differing = BTreeSet::new();
    for api in &apis() {
        for version in api.versions.first..=api.versions.last {
            for side in ["Request", "Response"] {
                for seed in 0..12 {
                    let bytes = body(api, side, version, Extra::None, seed);
                    if rewritten(api.key, side, version, &bytes).as_ref() != Some(&bytes) {
                        differing.insert(format!("{}{side} v{version}", api.name));
                    }
                }
            }
        }
    }
    let unknown_to_it = [
        "InitProducerIdRequest v6",
        "ListOffsetsRequest v11",
        "ListOffsetsResponse v11",
        "OffsetCommitRequest v10",
        "OffsetFetchRequest v10",
        "WriteTxnMarkersRequest v2",
        "WriteTxnMarkersResponse v2",
    ];
    assert_eq!(differing, unknown_to_it.map(str::to_owned).into());
}
