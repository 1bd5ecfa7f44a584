//! Bodies in AWS's own chunks (`aws-chunked`), whose signatures are not looked at.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

/// The body is not what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body is not aws-chunked")]
pub(crate) struct Malformed;

/// Whether the headers announce such a body.
pub(crate) fn is_announced(headers: &HeaderMap) -> bool {
    let starts = |name: &str, prefix: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with(prefix))
    };
    starts("x-amz-content-sha256", "STREAMING-") || starts("content-encoding", "aws-chunked")
}

/// Takes the chunks off; trailers become headers.
pub(crate) fn decode(headers: &mut HeaderMap, mut body: Bytes) -> Result<Bytes, Malformed> {
    let mut whole = BytesMut::with_capacity(body.len());
    loop {
        let line = take_line(&mut body).ok_or(Malformed)?;
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let size = size.filter(|size| *size <= body.len()).ok_or(Malformed)?;
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&body.split_to(size));
        if take_line(&mut body).is_none_or(|rest| !rest.is_empty()) {
            return Err(Malformed);
        }
    }
    while let Some(line) = take_line(&mut body).filter(|line| !line.is_empty()) {
        let text = std::str::from_utf8(&line).map_err(|_| Malformed)?;
        let (name, value) = text.split_once(':').ok_or(Malformed)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| Malformed)?;
        headers.insert(name, HeaderValue::from_str(value.trim()).map_err(|_| Malformed)?);
    }
    let inner = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let inner = inner.trim_start_matches("aws-chunked").trim_start_matches([',', ' ']).to_owned();
    headers.remove(CONTENT_ENCODING);
    if let Some(value) = HeaderValue::from_str(&inner).ok().filter(|value| !value.is_empty()) {
        headers.insert(CONTENT_ENCODING, value);
    }
    headers.insert(CONTENT_LENGTH, whole.len().into());
    Ok(whole.freeze())
}

fn take_line(body: &mut Bytes) -> Option<Bytes> {
    let end = body.windows(2).position(|pair| pair == b"\r\n")?;
    let line = body.split_to(end);
    body.advance(2);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &'static str) -> Result<(Bytes, HeaderMap), Malformed> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aws-chunked"));
        decode(&mut headers, Bytes::from_static(body.as_bytes())).map(|body| (body, headers))
    }

    #[test]
    fn chunks_and_trailers_are_read() {
        let (body, headers) =
            decoded("3;chunk-signature=ab\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32c:AAAA\r\n\r\n").unwrap();
        assert_eq!(body, "abcde");
        assert_eq!(headers["x-amz-checksum-crc32c"], "AAAA");
        assert_eq!(headers[CONTENT_LENGTH], "5");
        assert!(!headers.contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn garbage_is_refused() {
        for body in ["", "abc", "zz\r\nabc\r\n", "9\r\nabc\r\n0\r\n\r\n", "1\r\nabc\r\n0\r\n\r\n", "0\r\nx\r\n\r\n"] {
            assert_eq!(decoded(body).err(), Some(Malformed), "{body:?}");
        }
    }
}
