//! The messages of DeleteTopics (API key 20).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest {
    pub topics: Vec<DeleteTopicState>,
    pub topic_names: Vec<Str>,
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            topics: if version >= 6 { r.array(|r| DeleteTopicState::decode(r, version))? } else { Default::default() },
            topic_names: if version <= 5 { r.array(Reader::str)? } else { Default::default() },
            timeout_ms: r.i32()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 6 {
            w.array(&self.topics, |w, each| each.encode(w, version));
        }
        if version <= 5 {
            w.array(&self.topic_names, Writer::str);
        }
        w.i32(self.timeout_ms);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicState {
    pub name: Option<Str>,
    pub topic_id: Uuid,
}

impl Message for DeleteTopicState {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.nullable_str()?, topic_id: r.uuid()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.nullable_str(self.name.as_ref());
        w.uuid(self.topic_id);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<DeletableTopicResult>,
}

impl Message for DeleteTopicsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message =
            Self { throttle_time_ms: r.i32()?, responses: r.array(|r| DeletableTopicResult::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.responses, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletableTopicResult {
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for DeletableTopicResult {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: if version >= 6 { r.nullable_str()? } else { Some(r.str()?) },
            topic_id: if version >= 6 { r.uuid()? } else { Default::default() },
            error_code: r.error_code()?,
            error_message: if version >= 5 { r.nullable_str()? } else { Default::default() },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 6 {
            w.nullable_str(self.name.as_ref())
        } else {
            w.required(self.name.as_ref(), Writer::str)
        };
        if version >= 6 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        if version >= 5 {
            w.nullable_str(self.error_message.as_ref());
        }
        w.no_tags();
    }
}
