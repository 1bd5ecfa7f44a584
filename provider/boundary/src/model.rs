//! The entities of the boundary and the answers given about them.

pub mod fact;
pub mod verdict;

pub use fact::{Fact, Symbol, Template};
pub use verdict::{Reason, Verdict, Witness};
