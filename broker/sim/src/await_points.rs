//! At which await points processes were crashed.

use crate::executor::PinnedTask;

/// Notes where a task waits that is about to be dropped.
pub(crate) fn crashed(_task: PinnedTask<'_>) {}
