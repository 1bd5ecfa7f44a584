//! Black-box acceptance: real terraform, an emulated AWS, hosts that boot what was provisioned, real Kafka clients.
