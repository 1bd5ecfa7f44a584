//! Waiting until AWS shows a state: bounded, with growing and jittered steps, ended by cancellation.

use std::time::Duration;

use tfplugin_rs::wait::{Progress, Wait, WaitError};
use tokio_util::sync::CancellationToken;

use crate::failure::{Answer, Failure};

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
    let look = || {
        let found = look();
        async { Ok(found.await?.map_or_else(|| Progress::Pending(what.to_owned()), Progress::Ready)) }
    };
    Wait::for_at_most(limit).until(cancel, look).await.map_err(|error| match error {
        WaitError::Failed(failure) => failure,
        WaitError::Deadline { .. } => Failure::new(
            format!("{what} took longer than {} seconds", limit.as_secs()),
            "What was made so far is kept in the state. Look at it in the console, then apply again.",
        ),
        WaitError::Stopped { .. } => Failure::new(
            format!("interrupted while waiting: {what}"),
            "What was made so far is kept in the state; apply again to go on.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

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
