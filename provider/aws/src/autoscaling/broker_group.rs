//! `ringfence_broker_group`.

mod boot;
