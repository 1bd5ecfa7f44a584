//! Each invariant of the storage design over a modest number of worlds; `cargo sim` runs many more.

mod invariants;
