//! Roles.

pub(crate) mod broker_role;
