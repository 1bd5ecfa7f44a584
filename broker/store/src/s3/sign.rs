//! AWS Signature Version 4 of requests to S3: pure.
//!
//! The body is not part of the signature (`UNSIGNED-PAYLOAD`): hashing every object with SHA-256 would cost more than all the
//! rest of writing it. What protects the body is TLS and its checksum, which is a header, and every header is signed.
//!
//! Source: "Signature Calculations for the Authorization Header", Amazon S3 API Reference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::AccessKeys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const UNSIGNED: HeaderValue = HeaderValue::from_static("UNSIGNED-PAYLOAD");
/// SHA-256 of nothing.
const EMPTY: HeaderValue = HeaderValue::from_static("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Empty,
    Unsigned,
}

/// A request that cannot be signed.
#[derive(Debug, Error)]
#[error("a request to S3 that cannot be signed: {0}")]
pub(super) struct Unsignable(&'static str);

/// Signs for one region; keeps the key of the day, which takes four of the five HMACs.
#[derive(Debug)]
pub(super) struct Signer {
    region: String,
    derived: Mutex<Option<Arc<Derived>>>,
}

/// A day's signing key; never printed.
struct Derived {
    secret: String,
    day: String,
    key: [u8; 32],
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Derived([redacted])")
    }
}

impl Signer {
    pub(super) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), derived: Mutex::new(None) }
    }

    /// Adds the date, the token and the signature of all headers.
    pub(super) fn sign(
        &self,
        parts: &mut Parts,
        body: Body,
        keys: &AccessKeys,
        now: Timestamp,
    ) -> Result<(), Unsignable> {
        let (day, time) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let hash = match body {
            Body::Empty => EMPTY,
            Body::Unsigned => UNSIGNED,
        };
        parts.headers.insert(DATE, value(&time)?);
        parts.headers.insert(CONTENT_HASH, hash.clone());
        if let Some(token) = &keys.token {
            parts.headers.insert(TOKEN, value(token)?);
        }
        let (names, lines) = canonical_headers(parts)?;
        let canonical = format!(
            "{}\n{}\n{}\n{lines}\n{names}\n{}",
            parts.method,
            parts.uri.path(),
            canonical_query(parts.uri.query().unwrap_or_default()),
            hash.to_str().unwrap_or_default(),
        );
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let signature = hex(&hmac(&self.key(keys, &day), to_sign.as_bytes()));
        let signed =
            format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", keys.id);
        parts.headers.insert(AUTHORIZATION, value(&signed)?);
        Ok(())
    }

    fn key(&self, keys: &AccessKeys, day: &str) -> [u8; 32] {
        let mut kept = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(derived) = kept.as_ref().filter(|kept| kept.day == day && kept.secret == keys.secret) {
            return derived.key;
        }
        let of_day = hmac(format!("AWS4{}", keys.secret).as_bytes(), day.as_bytes());
        let of_region = hmac(&of_day, self.region.as_bytes());
        let key = hmac(&hmac(&of_region, SERVICE.as_bytes()), b"aws4_request");
        *kept = Some(Arc::new(Derived { secret: keys.secret.clone(), day: day.to_owned(), key }));
        key
    }
}

/// The names that are signed, and the lines of the canonical request. Proxies may change the three that are left out.
fn canonical_headers(parts: &Parts) -> Result<(String, String), Unsignable> {
    let host = parts.uri.authority().ok_or(Unsignable("no host"))?;
    // As the client library sends it: without the port that the scheme implies.
    let host = match (parts.uri.scheme_str(), host.port_u16()) {
        (Some("https"), Some(443)) | (Some("http"), Some(80)) => host.host(),
        _ => host.as_str(),
    };
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    headers.insert(HOST.as_str(), vec![host]);
    for (name, value) in &parts.headers {
        if [AUTHORIZATION, CONTENT_LENGTH, USER_AGENT, HOST].contains(name) {
            continue;
        }
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Unsignable("a header is not text"))?;
        headers.entry(name.as_str()).or_default().push(value);
    }
    let mut lines = String::new();
    for (name, values) in &headers {
        let values: Vec<String> = values.iter().map(|value| one_space(value)).collect();
        let _ = writeln!(lines, "{name}:{}", values.join(","));
    }
    let names: Vec<&str> = headers.into_keys().collect();
    Ok((names.join(";"), lines))
}

fn one_space(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (strict(&name), strict(&value))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn strict(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // Keys of every length are good for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn value(text: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(text).map_err(|_| Unsignable("a value is no header"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;

    use super::*;

    const AT: i64 = 1_369_353_600;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn signed(mut parts: Parts, body: Body, token: Option<&str>) -> String {
        let keys = AccessKeys {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: token.map(str::to_owned),
        };
        Signer::new("us-east-1").sign(&mut parts, body, &keys, Timestamp::from_second(AT).unwrap()).unwrap();
        parts.headers.get("authorization").unwrap().to_str().unwrap().to_owned()
    }

    /// What AWS's own crate makes of the same request.
    fn by_aws(parts: &Parts, body: Body, token: Option<&str>) -> String {
        let identity = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "test",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(SERVICE)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(AT.unsigned_abs()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = match body {
            Body::Empty => SignableBody::Bytes(&[]),
            Body::Unsigned => SignableBody::UnsignedPayload,
        };
        let headers = parts.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH);
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let signable = SignableRequest::new(parts.method.as_str(), parts.uri.to_string(), headers, body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut headers = instructions.headers();
        headers.find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
    }

    /// Source: the example "GET Object" of the page that the module names.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let get = request("GET", "https://examplebucket.s3.amazonaws.com/test.txt", &[("range", "bytes=0-9")]);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                        SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                        Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(signed(get, Body::Empty, None), expected);
    }

    #[test]
    fn a_put_of_this_crate_is_signed_as_aws_signs_it() {
        let headers = [
            ("content-length", "5"),
            ("if-none-match", "*"),
            ("x-amz-checksum-crc32c", "NhCmhg=="),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-tagging", "actor=AROAEXAMPLE%3Ai-0abc"),
            ("user-agent", "x"),
        ];
        let put = request("PUT", "http://127.0.0.1:9000/records/orders/meta/log/00000000000000000003", &headers);
        assert_eq!(signed(put.clone(), Body::Unsigned, Some("t/o+k=n")), by_aws(&put, Body::Unsigned, Some("t/o+k=n")));
    }

    #[test]
    fn a_default_port_is_not_signed_because_it_is_not_sent() {
        let with = request("GET", "https://bucket.example:443/a", &[]);
        let without = request("GET", "https://bucket.example/a", &[]);
        assert_eq!(signed(with, Body::Empty, None), signed(without, Body::Empty, None));
    }

    proptest! {
        #[test]
        fn every_listing_is_signed_as_aws_signs_it(prefix in "[ -~]{0,20}", after in "[ -~äß]{0,20}", spaced in "[a-z ]{1,12}") {
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("list-type", "2").append_pair("prefix", &prefix).append_pair("start-after", &after).finish();
            let list = request("GET", &format!("https://bucket.s3.eu-central-1.amazonaws.com/?{query}"), &[("x-amz-meta-a", spaced.trim())]);
            prop_assert_eq!(signed(list.clone(), Body::Empty, None), by_aws(&list, Body::Empty, None));
        }
    }
}
