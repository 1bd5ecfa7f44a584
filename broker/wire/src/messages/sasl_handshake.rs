//! The messages of SaslHandshake (API key 17).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeRequest {
    pub mechanism: Str,
}

impl Message for SaslHandshakeRequest {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { mechanism: r.str()? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.mechanism);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeResponse {
    pub error_code: ErrorCode,
    pub mechanisms: Vec<Str>,
}

impl Message for SaslHandshakeResponse {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { error_code: r.error_code()?, mechanisms: r.array(Reader::str)? };
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.error_code(self.error_code);
        w.array(&self.mechanisms, Writer::str);
    }
}
