//! The messages of ConsumerGroupDescribe (API key 69).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<Str>,
    pub include_authorized_operations: bool,
}

impl Message for ConsumerGroupDescribeRequest {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { group_ids: r.array(Reader::str)?, include_authorized_operations: r.bool()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.array(&self.group_ids, Writer::str);
        w.bool(self.include_authorized_operations);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for ConsumerGroupDescribeResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { throttle_time_ms: r.i32()?, groups: r.array(|r| DescribedGroup::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.groups, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: Str,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            assignor_name: Default::default(),
            members: Default::default(),
            authorized_operations: -2_147_483_648,
        }
    }
}

impl Message for DescribedGroup {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            error_code: r.error_code()?,
            error_message: r.nullable_str()?,
            group_id: r.str()?,
            group_state: r.str()?,
            group_epoch: r.i32()?,
            assignment_epoch: r.i32()?,
            assignor_name: r.str()?,
            members: r.array(|r| Member::decode(r, version))?,
            authorized_operations: r.i32()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.str(&self.group_id);
        w.str(&self.group_state);
        w.i32(self.group_epoch);
        w.i32(self.assignment_epoch);
        w.str(&self.assignor_name);
        w.array(&self.members, |w, each| each.encode(w, version));
        w.i32(self.authorized_operations);
        w.no_tags();
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub member_id: Str,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub member_epoch: i32,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub member_type: i8,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            member_epoch: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            assignment: Default::default(),
            target_assignment: Default::default(),
            member_type: -1,
        }
    }
}

impl Message for Member {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            member_id: r.str()?,
            instance_id: r.nullable_str()?,
            rack_id: r.nullable_str()?,
            member_epoch: r.i32()?,
            client_id: r.str()?,
            client_host: r.str()?,
            subscribed_topic_names: r.array(Reader::str)?,
            subscribed_topic_regex: r.nullable_str()?,
            assignment: Assignment::decode(r, version)?,
            target_assignment: Assignment::decode(r, version)?,
            member_type: if version >= 1 { r.i8()? } else { -1 },
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.str(&self.member_id);
        w.nullable_str(self.instance_id.as_ref());
        w.nullable_str(self.rack_id.as_ref());
        w.i32(self.member_epoch);
        w.str(&self.client_id);
        w.str(&self.client_host);
        w.array(&self.subscribed_topic_names, Writer::str);
        w.nullable_str(self.subscribed_topic_regex.as_ref());
        self.assignment.encode(w, version);
        self.target_assignment.encode(w, version);
        if version >= 1 {
            w.i8(self.member_type);
        }
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Message for Assignment {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic_partitions: r.array(|r| TopicPartitions::decode(r, version))? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.topic_partitions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

impl Message for TopicPartitions {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { topic_id: r.uuid()?, topic_name: r.str()?, partitions: r.array(Reader::i32)? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.uuid(self.topic_id);
        w.str(&self.topic_name);
        w.array(&self.partitions, |w, each| w.i32(*each));
        w.no_tags();
    }
}
