//! The token that stops running calls. It is renewed after a stop, because a process may serve further calls.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(super) struct Stop {
    current: Mutex<CancellationToken>,
}

impl Stop {
    /// A token for a call that begins now.
    pub(super) fn child(&self) -> CancellationToken {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).child_token()
    }

    /// Stops every call that runs now, and none that begins later.
    pub(super) fn all(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_does_not_reach_later_calls() {
        let stop = Stop::default();
        let before = stop.child();
        stop.all();
        assert!(before.is_cancelled());
        assert!(!stop.child().is_cancelled());
    }
}
