//! `ringfence_broker_role`.

mod policy;
