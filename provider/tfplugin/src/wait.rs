//! Waiting for something that takes its time: polls with jitter, deadline and cancellation.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often to look, and how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The first pause; each further one is half as long again.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// When to give up.
    pub deadline: Duration,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// It is there.
    Ready(T),
    /// Not yet; the text says what the state is, for the log and for the error at the deadline.
    Pending(String),
}

/// Why waiting ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError<E> {
    /// Looking failed.
    #[error("{0}")]
    Failed(E),
    /// The deadline passed.
    #[error("gave up after {} s; last seen: {last}", after.as_secs())]
    Deadline {
        /// How long it took.
        after: Duration,
        /// What the last look found.
        last: String,
    },
    /// The operator interrupted.
    #[error("interrupted; last seen: {last}")]
    Stopped {
        /// What the last look found.
        last: String,
    },
}

impl Wait {
    /// Looks every second or so at first, every ten seconds later, until `deadline`.
    #[must_use]
    pub const fn for_at_most(deadline: Duration) -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(10), deadline }
    }

    /// Looks until something is ready.
    ///
    /// # Errors
    /// When looking fails, the deadline passes, or `stop` is cancelled.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped between two looks.
    pub async fn until<T, E, F>(self, stop: &CancellationToken, mut look: impl FnMut() -> F) -> Result<T, WaitError<E>>
    where
        F: Future<Output = Result<Progress<T>, E>>,
    {
        let begun = tokio::time::Instant::now();
        let mut pause = self.first;
        loop {
            let last = match look().await.map_err(WaitError::Failed)? {
                Progress::Ready(found) => return Ok(found),
                Progress::Pending(last) => last,
            };
            tracing::debug!(%last, "waiting");
            if begun.elapsed() + pause > self.deadline {
                return Err(WaitError::Deadline { after: begun.elapsed(), last });
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(WaitError::Stopped { last }),
                () = tokio::time::sleep(jittered(pause)) => {}
            }
            pause = (pause * 3 / 2).min(self.longest);
        }
    }
}

/// Between half and all of the pause, so that many waiters do not look at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Wait =
        Wait { first: Duration::from_millis(10), longest: Duration::from_millis(50), deadline: Duration::from_secs(1) };

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_is_ready() {
        let mut looks = 0;
        let stop = CancellationToken::new();
        let found = QUICK.until::<_, (), _>(&stop, || {
            looks += 1;
            std::future::ready(Ok(if looks < 4 { Progress::Pending("not yet".into()) } else { Progress::Ready(looks) }))
        });
        assert_eq!(found.await, Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_the_deadline() {
        let stop = CancellationToken::new();
        let pending = QUICK.until::<(), (), _>(&stop, || std::future::ready(Ok(Progress::Pending("busy".into()))));
        assert!(matches!(pending.await, Err(WaitError::Deadline { last, .. }) if last == "busy"));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_is_interrupted() {
        let stop = CancellationToken::new();
        stop.cancel();
        let pending = QUICK.until::<(), (), _>(&stop, || std::future::ready(Ok(Progress::Pending("busy".into()))));
        assert!(matches!(pending.await, Err(WaitError::Stopped { .. })));
    }
}
