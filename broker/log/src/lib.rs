//! Readers and writers of the objects that hold records.
