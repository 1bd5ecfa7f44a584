//! Waiting until AWS shows a state: bounded, with growing and jittered steps, ended by cancellation.

use std::time::Duration;

use rand::RngExt as _;
use tokio_util::sync::CancellationToken;

use crate::{
    failure::{Answer, Failure},
    limits,
};

/// Looks until `look` answers something.
///
/// # Errors
/// The first failure of `look`, the end of `limit`, cancellation.
pub async fn until<T, F>(
    what: &str,
    limit: Duration,
    cancel: &CancellationToken,
    mut look: impl FnMut() -> F,
) -> Answer<T>
where
    F: Future<Output = Answer<Option<T>>>,
{
    let mut waited = Duration::ZERO;
    let mut step = limits::WAIT_STEP;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if waited >= limit {
            return Err(Failure::new(
                format!("{what} took longer than {} seconds", limit.as_secs()),
                "What was made so far is kept in the state. Look at it in the console, then apply again.",
            ));
        }
        let jittered = step.mul_f64(rand::rng().random_range(0.8..1.2));
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled(what)),
            () = tokio::time::sleep(jittered) => {}
        }
        waited += jittered;
        step = (step * 3 / 2).min(limits::WAIT_STEP_MAX);
    }
}

fn cancelled(what: &str) -> Failure {
    Failure::new(
        format!("interrupted while waiting: {what}"),
        "What was made so far is kept in the state; apply again to go on.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_end_with_the_answer_or_at_their_limit_or_when_cancelled() {
        let cancel = CancellationToken::new();
        let mut looks = 0;
        let answer = until("x", limits::WAIT, &cancel, || {
            looks += 1;
            let found = (looks == 3).then_some(looks);
            async move { Ok(found) }
        });
        assert_eq!(answer.await.unwrap(), 3);
        let limit = until::<(), _>("x", Duration::from_secs(3), &cancel, || async { Ok(None) }).await.unwrap_err();
        assert_eq!(limit.summary, "x took longer than 3 seconds");
        cancel.cancel();
        let stopped = until::<(), _>("x", limits::WAIT, &cancel, || async { Ok(None) }).await.unwrap_err();
        assert_eq!(stopped.summary, "interrupted while waiting: x");
    }
}
