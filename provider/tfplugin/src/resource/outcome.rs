//! How an apply ended.

use crate::diagnostic::Diagnostics;

/// How an apply ended: with the object as planned, with an object and errors, or with errors and nothing new.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<S> {
    /// As planned.
    Done(S),
    /// An object exists, and it is not what was planned. It is saved; a new one is marked for replacement.
    Partial(S, Diagnostics),
    /// Nothing to save: no object was made, or it is as it was before.
    Failed(Diagnostics),
}

impl<S> Outcome<S> {
    /// An error after [`keep`](crate::Context::keep) leaves what was kept, one before it leaves nothing.
    pub(crate) fn new(result: Result<S, Diagnostics>, kept: Option<S>) -> Self {
        match (result, kept) {
            (Ok(state), _) => Self::Done(state),
            (Err(diagnostics), Some(state)) => Self::Partial(state, diagnostics),
            (Err(diagnostics), None) => Self::Failed(diagnostics),
        }
    }

    /// The state to save, if any, and what to tell.
    pub fn into_parts(self) -> (Option<S>, Diagnostics) {
        match self {
            Self::Done(state) => (Some(state), Diagnostics::new()),
            Self::Partial(state, diagnostics) => (Some(state), diagnostics),
            Self::Failed(diagnostics) => (None, diagnostics),
        }
    }
}
