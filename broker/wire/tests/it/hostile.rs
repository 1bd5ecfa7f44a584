//! Bytes that no client sends.

use broker_wire::messages::api_versions::ApiVersionsRequest;
use broker_wire::{ApiKey, DecodeError, Message, Reader, Request, frame};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

/// Key, version, correlation id and a null client id, before a body.
fn request(api: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let mut frame = Vec::new();
    frame.extend(api.code().to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0xff, 0xff]);
    frame.extend(body);
    Bytes::from(frame)
}

#[test]
fn an_array_length_beyond_the_bytes_reserves_nothing() {
    let frame = request(ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff]);
    let refused = frame::decode_request(ApiKey::Metadata, frame);
    assert_eq!(refused, Err(DecodeError::Length(0x7fff_ffff)));
}

#[test]
fn a_compact_array_length_beyond_the_bytes_reserves_nothing() {
    let frame = request(ApiKey::Metadata, 9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let refused = frame::decode_request(ApiKey::Metadata, frame);
    assert_eq!(refused, Err(DecodeError::Length(0xffff_fffe)));
}

#[test]
fn an_array_that_grows_a_hundredfold_in_memory_is_refused() {
    let elements = 20_000_000_u32;
    let mut body = elements.to_be_bytes().to_vec();
    body.resize(4 + elements as usize, 0);
    let refused = frame::decode_request(ApiKey::Metadata, request(ApiKey::Metadata, 1, &body));
    assert_eq!(refused, Err(DecodeError::Memory));
}

#[test]
fn a_varint_that_does_not_end_is_refused() {
    let frame = request(ApiKey::ApiVersions, 3, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(frame::decode_request(ApiKey::ApiVersions, frame), Err(DecodeError::Varint));
}

#[test]
fn text_that_is_not_text_is_refused() {
    let frame = request(ApiKey::Metadata, 1, b"\0\0\0\x01\0\x02\xff\xfe");
    assert_eq!(frame::decode_request(ApiKey::Metadata, frame), Err(DecodeError::Utf8));
}

#[test]
fn null_where_a_value_must_be_is_refused() {
    let frame = request(ApiKey::Metadata, 1, b"\0\0\0\x01\xff\xff");
    assert_eq!(frame::decode_request(ApiKey::Metadata, frame), Err(DecodeError::Null));
}

#[test]
fn a_version_outside_the_table_is_refused() {
    let frame = request(ApiKey::Produce, 2, &[]);
    assert_eq!(frame::decode_request(ApiKey::Produce, frame), Err(DecodeError::Version(2)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        let _ = frame::start(&bytes);
        for &api in ApiKey::ALL {
            for version in api.versions() {
                let _ = frame::decode_request(api, request(api, version, &bytes));
                let _ = frame::decode_response(api, version, bytes.clone());
                let _ = Request::decode(api, &mut Reader::new(bytes.clone()), version);
            }
        }
        let _ = ApiVersionsRequest::decode(&mut Reader::new(bytes), 3);
    }
}
