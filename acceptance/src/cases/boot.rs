//! What boots is what was checked: altered bytes stop the boot of an instance.

use crate::suite::Case;

/// The cases of this module.
pub const CASES: &[Case] = &[];
