//! Kafka semantics on sequences of immutable objects: no sockets, no AWS, no ambient time.
