//! Creating an object and finding out who occupies its key.
//!
//! Invariant: after an unknown outcome only the same bytes are tried at the same key, and nobody is told success or failure
//! before the key is known to be occupied.

use std::pin::pin;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use crate::error::{Failure, Filled, Operation, Outcome, StoreError, Unfilled};
use crate::frozen::Frozen;
use crate::key::Key;
use crate::mutation::{Mutation, is_on};
use crate::patience::Patience;
use crate::store::Store;

/// The key is not known to be occupied.
struct Open {
    error: StoreError,
    /// Whether nothing was written, and nothing will appear.
    certain: bool,
}

type Resolved = Result<Filled, Open>;

impl Store {
    /// Creates an object and finds out who occupies its key: repeats the same bytes until something is there. An attempt
    /// that takes longer than nearly all do gets a second one of the same bytes beside it.
    ///
    /// # Errors
    /// [`Unfilled`] when patience ends; never with [`Patience::forever`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the outcome unknown: only the same bytes may be tried at this key again.
    pub async fn fill(&self, key: &Key, content: &Frozen, patience: Patience) -> Result<Filled, Unfilled> {
        let started = Instant::now();
        let mut backoff = self.backoff();
        let mut all_certain = true;
        let mut refusals = 0;
        loop {
            let Open { error, certain } = match self.attempt(key, content).await {
                Ok(filled) => return Ok(filled),
                Err(open) => open,
            };
            all_certain &= certain;
            refusals = if error.failure == Failure::Refused { refusals + 1 } else { 0 };
            let gives_up = is_on(Mutation::GiveUpAtAbsent) && certain && error.failure == Failure::Unknown;
            if patience.is_over(started.elapsed(), refusals) || gives_up {
                return Err(if all_certain { Unfilled::NotWritten(error) } else { Unfilled::Unknown(error) });
            }
            tracing::debug!(%error, "create is tried again");
            tokio::time::sleep(backoff.after(error.failure)).await;
        }
    }

    /// One create, or two at once.
    async fn attempt(&self, key: &Key, content: &Frozen) -> Resolved {
        let started = Instant::now();
        let bytes = content.bytes().len();
        let mut first = pin!(self.resolve(key, content));
        let resolved = match self.pace.begins(bytes) {
            None => first.await,
            Some(after) => match timeout(after, &mut first).await {
                Ok(resolved) => resolved,
                Err(_) if self.pace.may_hedge(Instant::now()) => {
                    self.counters.hedged();
                    either(first, self.resolve(key, content)).await
                }
                Err(_) => first.await,
            },
        };
        if matches!(resolved, Ok(Filled::Mine)) {
            self.pace.took(bytes, started.elapsed());
        }
        resolved
    }

    /// One create, and a read where something is in the way.
    async fn resolve(&self, key: &Key, content: &Frozen) -> Resolved {
        match self.create(key, content).await {
            Outcome::Created => Ok(Filled::Mine),
            Outcome::Conflict if is_on(Mutation::ConflictAsTaken) => Ok(Filled::Other(Bytes::new())),
            Outcome::Taken | Outcome::Conflict => match self.get(key).await {
                Ok(Some(bytes)) if content.is_mine(&bytes) => Ok(Filled::Mine),
                Ok(Some(bytes)) => Ok(Filled::Other(bytes)),
                // The object that was in the way may have been an earlier attempt of ours.
                Ok(None) => Err(Open { error: self.absent_after_conflict(key), certain: false }),
                Err(error) => Err(Open { error, certain: false }),
            },
            Outcome::Refused(error) => Err(Open { error, certain: true }),
            Outcome::Unknown(error) => {
                let certain = is_on(Mutation::GiveUpAtAbsent) && matches!(self.get(key).await, Ok(None));
                Err(Open { error, certain })
            }
        }
    }

    fn absent_after_conflict(&self, key: &Key) -> StoreError {
        let (key, detail) = (key.path(self.cluster()), "another write was in flight, and nothing is there".to_owned());
        let (status, code, request_id) = (Some(409), None, None);
        StoreError { operation: Operation::Create, key, failure: Failure::Throttled, status, code, request_id, detail }
    }
}

/// The first that finds the key occupied; that is final for both. Where neither does, both outcomes count.
async fn either(first: impl Future<Output = Resolved>, second: impl Future<Output = Resolved>) -> Resolved {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (one, other) = tokio::select! {
        biased;
        one = &mut first => match one {
            Err(open) => (open, second.await),
            occupied => return occupied,
        },
        one = &mut second => match one {
            Err(open) => (open, first.await),
            occupied => return occupied,
        },
    };
    other.map_err(|open| Open { certain: open.certain && one.certain, error: open.error })
}
