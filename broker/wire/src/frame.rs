//! Requests and responses with their headers, as one frame each.
//!
//! A frame is four bytes of length and that many bytes. The header of a response is that of its request's version, but
//! for ApiVersions, whose response always has the first header, so that a client can read it before it knows anything.

use bytes::Bytes;

use crate::messages::{ApiKey, Request, Response};
use crate::reader::{Compactness, DecodeError, Reader};
use crate::text::Str;
use crate::writer::{EncodeError, Encoded, Writer};

/// The fixed part of a request's header, which every version of every API begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestStart {
    /// Number of the API; may be one that is not known here.
    pub api_key: i16,
    /// Version of the request.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
}

/// A request that was read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedRequest {
    /// What the client calls itself.
    pub client_id: Option<Str>,
    /// The request.
    pub body: Request,
    /// Bytes that its structures take beside the frame.
    pub memory_bytes: usize,
}

/// Reads the fixed part of the header.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer than eight bytes.
pub fn start(frame: &Bytes) -> Result<RequestStart, DecodeError> {
    let mut r = Reader::new(frame.clone());
    Ok(RequestStart { api_key: r.i16()?, api_version: r.i16()?, correlation_id: r.i32()? })
}

/// Reads a request, header included, from a frame without its length.
///
/// # Errors
/// [`DecodeError::Version`] where `api` has no such version, else what is wrong with the bytes.
pub fn decode_request(api: ApiKey, frame: Bytes) -> Result<DecodedRequest, DecodeError> {
    let mut r = Reader::new(frame);
    let (_, version, _) = (r.i16()?, r.i16()?, r.i32()?);
    if !api.versions().contains(&version) {
        return Err(DecodeError::Version(version));
    }
    let client_id = r.fixed_nullable_str()?;
    r.set_compact(compactness(api, version));
    r.no_tags()?;
    let body = Request::decode(api, &mut r, version)?;
    Ok(DecodedRequest { client_id, body, memory_bytes: r.used_memory() })
}

/// Writes a response, header and length included.
///
/// # Errors
/// [`EncodeError`] when the version cannot express the response.
pub fn encode_response(correlation_id: i32, response: &Response, version: i16) -> Result<Encoded, EncodeError> {
    let api = response.api();
    let mut w = Writer::new();
    w.i32(correlation_id);
    w.set_compact(compactness(api, version));
    if api != ApiKey::ApiVersions {
        w.no_tags();
    }
    response.encode(&mut w, version);
    w.finish_frame()
}

/// Writes a request, header and length included.
///
/// # Errors
/// [`EncodeError`] when the version cannot express the request.
pub fn encode_request(
    correlation_id: i32,
    client_id: Option<&Str>,
    request: &Request,
    version: i16,
) -> Result<Encoded, EncodeError> {
    let mut w = Writer::new();
    w.i16(request.api().code());
    w.i16(version);
    w.i32(correlation_id);
    w.fixed_nullable_str(client_id);
    w.set_compact(compactness(request.api(), version));
    w.no_tags();
    request.encode(&mut w, version);
    w.finish_frame()
}

/// Reads a response and its correlation id, from a frame without its length.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode_response(api: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Response), DecodeError> {
    let mut r = Reader::new(frame);
    let correlation_id = r.i32()?;
    r.set_compact(compactness(api, version));
    if api != ApiKey::ApiVersions {
        r.no_tags()?;
    }
    Ok((correlation_id, Response::decode(api, &mut r, version)?))
}

/// Writes a request of an API that only brokers of this project know: the fixed part of the header, then the bytes as they
/// are.
///
/// # Errors
/// [`EncodeError`] when the body is too long.
pub fn encode_private_request(api_key: i16, correlation_id: i32, body: &Bytes) -> Result<Encoded, EncodeError> {
    let mut w = Writer::new();
    w.i16(api_key);
    w.i16(0);
    w.i32(correlation_id);
    w.raw(body);
    w.finish_frame()
}

/// The body of such a request, from a frame without its length.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn decode_private_request(frame: &Bytes) -> Result<Bytes, DecodeError> {
    start(frame)?;
    Ok(frame.slice(8..))
}

/// Writes the response to such a request.
///
/// # Errors
/// [`EncodeError`] when the body is too long.
pub fn encode_private_response(correlation_id: i32, body: &Bytes) -> Result<Encoded, EncodeError> {
    let mut w = Writer::new();
    w.i32(correlation_id);
    w.raw(body);
    w.finish_frame()
}

/// The body of such a response, from a frame without its length.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn decode_private_response(frame: &Bytes) -> Result<Bytes, DecodeError> {
    Reader::new(frame.clone()).i32()?;
    Ok(frame.slice(4..))
}

fn compactness(api: ApiKey, version: i16) -> Compactness {
    match api.compact_from() {
        Some(first) if version >= first => Compactness::Compact,
        _ => Compactness::Fixed,
    }
}
