//! How requests fail.

use std::fmt;

use thiserror::Error;

/// What was asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Create if absent.
    Create,
    /// Overwrite a hint.
    Put,
    /// Read an object or a part of one.
    Get,
    /// List keys.
    List,
    /// Delete an object.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Put => "put",
            Self::Get => "get",
            Self::List => "list",
            Self::Delete => "delete",
        })
    }
}

/// What a failure means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 403, 400, no bucket, bad credentials: this request changed nothing.
    Refused,
    /// No connection, or no credentials to sign with: this request was not sent.
    Unreachable,
    /// 503, 429 or KMS throttling: come back later.
    Throttled,
    /// Time-out, connection lost, other 5xx: whether it happened, or will, is not known.
    Unknown,
}

/// A request that failed. An object that is not there is no failure.
#[derive(Clone, Debug, Error)]
#[error("{operation} {key}: {detail}")]
pub struct StoreError {
    /// What was asked.
    pub operation: Operation,
    /// The key or prefix as the bucket knows it.
    pub key: String,
    /// What it means.
    pub failure: Failure,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The store's own code, such as `AccessDenied`.
    pub code: Option<String>,
    /// The store's request id, for support.
    pub request_id: Option<String>,
    /// What the store or the client said.
    pub detail: String,
}

impl StoreError {
    /// A failure that this crate found by itself.
    pub(crate) fn local(operation: Operation, key: String, detail: &str) -> Self {
        let failure = Failure::Refused;
        Self { operation, key, failure, status: None, code: None, request_id: None, detail: detail.to_owned() }
    }
}

/// What one attempt to create an object met.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The object is there, and it is this one.
    Created,
    /// 412: an object is there; whose is only known after reading it.
    Taken,
    /// 409: somebody was writing; whether anything is there is only known after reading.
    Conflict,
    /// Nothing was written by this attempt.
    Refused(StoreError),
    /// Whether it was written, or will be, is not known.
    Unknown(StoreError),
}

/// Who occupies a number after all attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The bytes that were to be created.
    Mine,
    /// Somebody else's bytes.
    Other(bytes::Bytes),
}

/// A create that was given up.
#[derive(Clone, Debug, Error)]
pub enum Unfilled {
    /// No attempt wrote anything; the number may be given other content.
    #[error("nothing was written: {0}")]
    NotWritten(StoreError),
    /// The object may be there, or appear later: only the same bytes may be tried at this number.
    #[error("the outcome is unknown: {0}")]
    Unknown(StoreError),
}

impl Unfilled {
    /// The last failure.
    #[must_use]
    pub fn cause(&self) -> &StoreError {
        match self {
            Self::NotWritten(e) | Self::Unknown(e) => e,
        }
    }
}
