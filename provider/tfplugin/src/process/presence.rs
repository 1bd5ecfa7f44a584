//! Whether anybody is connected, so that a provider does not outlive a Terraform that was killed.

use std::time::Duration;

use tokio::sync::watch;

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    open: watch::Sender<usize>,
}

/// One connection, counted as long as it lives.
#[derive(Debug)]
pub(super) struct Present {
    open: watch::Sender<usize>,
}

impl Presence {
    pub(super) fn new() -> Self {
        Self { open: watch::Sender::new(0) }
    }

    pub(super) fn enter(&self) -> Present {
        self.open.send_modify(|open| *open += 1);
        Present { open: self.open.clone() }
    }

    /// Returns when somebody was connected, and then nobody for as long as `patience`.
    pub(super) async fn abandoned(&self, patience: Duration) {
        let mut open = self.open.subscribe();
        // The sender lives as long as this, so waiting does not fail.
        let _ = open.wait_for(|open| *open > 0).await;
        loop {
            let _ = open.wait_for(|open| *open == 0).await;
            if tokio::time::timeout(patience, open.wait_for(|open| *open > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn nobody_is_missed_before_the_first_connection() {
        let presence = Presence::new();
        assert!(tokio::time::timeout(PATIENCE * 10, presence.abandoned(PATIENCE)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_comes_back_in_time_counts() {
        let presence = Presence::new();
        let first = presence.enter();
        let abandoned = presence.abandoned(PATIENCE);
        let comes_back = async {
            tokio::time::sleep(PATIENCE).await;
            drop(first);
            tokio::time::sleep(PATIENCE / 2).await;
            let second = presence.enter();
            tokio::time::sleep(PATIENCE * 2).await;
            second
        };
        tokio::pin!(abandoned);
        let second = tokio::select! {
            () = &mut abandoned => panic!("too early"),
            second = comes_back => second,
        };
        drop(second);
        abandoned.await;
    }
}
