//! What the store answered, in more detail than the client library passes on.
//!
//! The library folds a status of 409 and one of 412 into one error and hides the others. Every request runs inside
//! [`observe`]; the HTTP client below it notes the last answer there.

use std::cell::RefCell;
use std::future::Future;

use object_store::Error;

use crate::error::{Failure, Operation, Outcome, StoreError};

tokio::task_local! {
    static ANSWER: RefCell<Option<Answer>>;
}

/// The last answer of the store to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// HTTP status; none when there was no answer.
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The connection could not be made.
    pub(crate) unreachable: bool,
}

/// An error that a test put in the place of an answer.
#[derive(Debug, thiserror::Error)]
#[error("injected status {0}")]
pub(crate) struct InjectedStatus(pub(crate) u16);

/// A connection that a test did not let be made.
#[derive(Debug, thiserror::Error)]
#[error("injected: no connection")]
pub(crate) struct InjectedUnreachable;

/// Runs one request and tells what was answered.
pub(crate) async fn observe<F: Future>(request: F) -> (F::Output, Option<Answer>) {
    ANSWER
        .scope(RefCell::new(None), async {
            let output = request.await;
            (output, ANSWER.try_with(RefCell::take).ok().flatten())
        })
        .await
}

/// Notes an answer for the request that runs in this task.
pub(crate) fn note(answer: Answer) {
    // Outside of `observe` nobody wants to know.
    let _ = ANSWER.try_with(|slot| *slot.borrow_mut() = Some(answer));
}

/// Says what a library error means. `None`: the object does not exist.
pub(crate) fn failure_of(operation: Operation, key: &str, error: &Error, answer: Option<Answer>) -> Option<StoreError> {
    let answer = injected(error).or(answer).unwrap_or_default();
    let code = answer.code.as_deref().unwrap_or_default();
    if matches!(error, Error::NotFound { .. }) && code != "NoSuchBucket" && operation != Operation::Create {
        return None;
    }
    let failure = match answer.status {
        Some(503 | 429) => Failure::Throttled,
        Some(_) if is_throttling(code) => Failure::Throttled,
        // S3 answers 400 RequestTimeout when the body came too slowly: it did not take the object.
        Some(400..=407 | 409..=499) => Failure::Refused,
        Some(_) => Failure::Unknown,
        None if answer.unreachable => Failure::Unreachable,
        None => failure_without_status(error),
    };
    let Answer { status, code, request_id, .. } = answer;
    Some(StoreError { operation, key: key.to_owned(), failure, status, code, request_id, detail: error.to_string() })
}

/// Says what one attempt to create met.
pub(crate) fn outcome_of(key: &str, error: &Error, answer: Option<Answer>) -> Outcome {
    if matches!(error, Error::AlreadyExists { .. }) {
        let status = injected(error).or(answer).and_then(|answer| answer.status);
        return if status == Some(409) { Outcome::Conflict } else { Outcome::Taken };
    }
    let Some(error) = failure_of(Operation::Create, key, error, answer) else { return Outcome::Taken };
    match error.failure {
        Failure::Refused | Failure::Unreachable => Outcome::Refused(error),
        // A throttled PUT should not have been done, but no store promises it.
        Failure::Throttled | Failure::Unknown => Outcome::Unknown(error),
    }
}

fn failure_without_status(error: &Error) -> Failure {
    match error {
        Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::NotFound { .. }
        | Error::UnknownConfigurationKey { .. } => Failure::Refused,
        _ => Failure::Unknown,
    }
}

/// Whatever S3 and KMS call it: `SlowDown`, `ThrottlingException`, `KMS.ThrottlingException`, `KMS.LimitExceededException`...
fn is_throttling(code: &str) -> bool {
    ["SlowDown", "Throttl", "LimitExceeded", "TooManyRequests"].iter().any(|part| code.contains(part))
}

/// What a test put in the place of the answer, which may have been given all the same.
fn injected(error: &Error) -> Option<Answer> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(InjectedStatus(status)) = cause.downcast_ref() {
            return Some(Answer { status: Some(*status), ..Answer::default() });
        }
        if cause.is::<InjectedUnreachable>() {
            return Some(Answer { unreachable: true, ..Answer::default() });
        }
        source = cause.source();
    }
    None
}
