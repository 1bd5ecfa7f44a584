//! Every version of every message, read from bytes of the reference and written again.

use broker_wire::frame;
use broker_wire::{ApiKey, Reader, Request, Response, Str};
use bytes::Bytes;
use proptest::prelude::*;

use crate::reference::{Dice, Extra, ReferenceWriter};
use crate::table::{Api, apis};

pub(crate) fn body(api: &Api, side: &str, version: i16, extra: Extra, seed: u64) -> Bytes {
    let mut writer = ReferenceWriter { api, version, extra, dice: Dice(seed), out: Vec::new() };
    writer.message(&format!("{}{side}", api.name));
    Bytes::from(writer.out)
}

/// A request's frame without its length, around a body.
pub(crate) fn request_frame(api: &Api, version: i16, body: &[u8]) -> Bytes {
    let compact = api.compact_from.is_some_and(|first| version >= first);
    let mut frame = Vec::new();
    frame.extend(api.key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7_i32.to_be_bytes());
    frame.extend(b"\0\x04test");
    frame.extend(compact.then_some(0));
    frame.extend(body);
    Bytes::from(frame)
}

/// A response's frame without its length, around a body.
pub(crate) fn response_frame(api: &Api, version: i16, body: &[u8]) -> Bytes {
    let compact = api.compact_from.is_some_and(|first| version >= first) && api.key != 18;
    let mut frame = 7_i32.to_be_bytes().to_vec();
    frame.extend(compact.then_some(0));
    frame.extend(body);
    Bytes::from(frame)
}

fn decode_request(api: &Api, version: i16, body: &Bytes) -> Request {
    let key = ApiKey::from_code(api.key).unwrap();
    let request = frame::decode_request(key, request_frame(api, version, body));
    request.unwrap_or_else(|e| panic!("{} v{version}: {e} in {body:02x?}", api.name)).body
}

fn decode_response(api: &Api, version: i16, body: &Bytes) -> Response {
    let key = ApiKey::from_code(api.key).unwrap();
    let response = frame::decode_response(key, version, response_frame(api, version, body));
    response.unwrap_or_else(|e| panic!("{} v{version}: {e} in {body:02x?}", api.name)).1
}

fn every_message(mut check: impl FnMut(&Api, i16)) {
    for api in &apis() {
        for version in api.versions.first..=api.versions.last {
            check(api, version);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn requests_are_written_as_they_were_read(seed in any::<u64>()) {
        every_message(|api, version| {
            let bytes = body(api, "Request", version, Extra::None, seed);
            let request = decode_request(api, version, &bytes);
            let written = frame::encode_request(7, Some(&Str::from("test")), &request, version).unwrap().to_bytes();
            assert_eq!(written.slice(4..), request_frame(api, version, &bytes), "{} v{version}", api.name);
        });
    }

    #[test]
    fn responses_are_written_as_they_were_read(seed in any::<u64>()) {
        every_message(|api, version| {
            let bytes = body(api, "Response", version, Extra::None, seed);
            let response = decode_response(api, version, &bytes);
            let written = frame::encode_response(7, &response, version).unwrap().to_bytes();
            assert_eq!(written.slice(4..), response_frame(api, version, &bytes), "{} v{version}", api.name);
        });
    }

    #[test]
    fn unknown_tagged_fields_change_nothing(seed in any::<u64>()) {
        every_message(|api, version| {
            // The dice fall alike: unknown tags take none.
            let plain = decode_request(api, version, &body(api, "Request", version, Extra::None, seed));
            let tagged = decode_request(api, version, &body(api, "Request", version, Extra::UnknownTags, seed));
            assert_eq!(plain, tagged, "{} v{version}", api.name);
        });
    }

    #[test]
    fn messages_cut_short_are_refused(seed in any::<u64>(), cut in 1..9_usize) {
        every_message(|api, version| {
            let bytes = body(api, "Request", version, Extra::None, seed);
            let key = ApiKey::from_code(api.key).unwrap();
            let keep = bytes.len().saturating_sub(cut);
            let mut reader = Reader::new(bytes.slice(..keep));
            // Read without its header and thus never compact: any result will do but a panic.
            let _ = Request::decode(key, &mut reader, version);
            if !bytes.is_empty() {
                let frame = request_frame(api, version, &bytes.slice(..keep));
                assert!(frame::decode_request(key, frame).is_err(), "{} v{version}", api.name);
            }
        });
    }
}
