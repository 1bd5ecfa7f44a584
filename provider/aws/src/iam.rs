//! Roles.

pub mod broker_role;
