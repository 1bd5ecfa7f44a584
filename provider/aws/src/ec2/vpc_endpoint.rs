//! `ringfence_vpc_endpoint`.

mod policy;
