//! Kafka record batches (magic 2): the bytes on the wire and in the bucket.
