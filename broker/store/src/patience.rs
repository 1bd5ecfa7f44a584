//! How long a create is repeated.

use std::time::Duration;

use crate::limits::REFUSALS_MAX;

/// How long a create is repeated before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    time_max: Option<Duration>,
}

impl Patience {
    /// Until the number is occupied: what a broker does.
    #[must_use]
    pub fn forever() -> Self {
        Self { time_max: None }
    }

    /// For this long, or until the store refused a few times in a row: for callers who report to a human.
    #[must_use]
    pub fn bounded(time_max: Duration) -> Self {
        Self { time_max: Some(time_max) }
    }

    pub(crate) fn is_over(self, elapsed: Duration, refusals: u32) -> bool {
        self.time_max.is_some_and(|time_max| elapsed >= time_max || refusals >= REFUSALS_MAX)
    }
}
