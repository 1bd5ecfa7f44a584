//! The messages of AlterUserScramCredentials (API key 51).
// Generated from messages.table; do not edit.
#![expect(missing_docs, reason = "the fields are Kafka's, under Kafka's names")]

use crate::Message;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};
use crate::text::Str;
use crate::writer::Writer;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<ScramCredentialDeletion>,
    pub upsertions: Vec<ScramCredentialUpsertion>,
}

impl Message for AlterUserScramCredentialsRequest {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            deletions: r.array(|r| ScramCredentialDeletion::decode(r, version))?,
            upsertions: r.array(|r| ScramCredentialUpsertion::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.array(&self.deletions, |w, each| each.encode(w, version));
        w.array(&self.upsertions, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialDeletion {
    pub name: Str,
    pub mechanism: i8,
}

impl Message for ScramCredentialDeletion {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { name: r.str()?, mechanism: r.i8()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.i8(self.mechanism);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialUpsertion {
    pub name: Str,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl Message for ScramCredentialUpsertion {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            name: r.str()?,
            mechanism: r.i8()?,
            iterations: r.i32()?,
            salt: r.bytes()?,
            salted_password: r.bytes()?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.name);
        w.i8(self.mechanism);
        w.i32(self.iterations);
        w.bytes(&self.salt);
        w.bytes(&self.salted_password);
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterUserScramCredentialsResult>,
}

impl Message for AlterUserScramCredentialsResponse {
    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let message = Self {
            throttle_time_ms: r.i32()?,
            results: r.array(|r| AlterUserScramCredentialsResult::decode(r, version))?,
        };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.results, |w, each| each.encode(w, version));
        w.no_tags();
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsResult {
    pub user: Str,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for AlterUserScramCredentialsResult {
    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let message = Self { user: r.str()?, error_code: r.error_code()?, error_message: r.nullable_str()? };
        r.no_tags()?;
        Ok(message)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.str(&self.user);
        w.error_code(self.error_code);
        w.nullable_str(self.error_message.as_ref());
        w.no_tags();
    }
}
