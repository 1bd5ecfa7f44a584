//! Sequences of immutable objects on an object store that can create if absent.
