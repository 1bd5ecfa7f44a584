//! Cluster metadata: commands, a pure state machine, its log and snapshots in the bucket.
