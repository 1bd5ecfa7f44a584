//! Groups of brokers.

pub(crate) mod broker_group;
