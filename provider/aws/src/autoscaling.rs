//! Groups of brokers.

pub mod broker_group;
