//! The messages of SaslAuthenticate (API key 36).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

impl Message for SaslAuthenticateRequest {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { auth_bytes: r.bytes()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.bytes(&self.auth_bytes);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslAuthenticateResponse {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub auth_bytes: Bytes,
    pub session_lifetime_ms: i64,
}

impl Message for SaslAuthenticateResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            auth_bytes: r.bytes()?,
            session_lifetime_ms: if version >= 1 { r.i64()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.bytes(&self.auth_bytes);
        if version >= 1 {
            w.i64(self.session_lifetime_ms);
        }
        w.no_tags();
    }
}
