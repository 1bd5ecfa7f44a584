//! Keys.

pub(crate) mod key;
