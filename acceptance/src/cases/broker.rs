//! The broker program alone: real clients, hostile bytes, and two brokers on one bucket.

use crate::suite::Case;

/// The cases of this module.
pub const CASES: &[Case] = &[];
