//! The Ringfence provider: AWS resources, Kafka resources, and the policies between them.
