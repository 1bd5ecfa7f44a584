//! A bucket in memory that fails as real ones do.
//!
//! A request has a time when it takes effect and a time when its answer arrives; both are drawn when it is made. What is on
//! its way takes effect whatever becomes of whoever sent it.

mod access;
mod objects;

mod request;

pub use access::{Access, Who};
pub use objects::{Created, Object, Objects};
pub use request::{Operation, Part, Request};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Which bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BucketId {
    /// `wal/` and `data/`.
    Data,
    /// `meta/` and `live/`.
    Metadata,
}

/// How a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It works, but for single requests.
    Well,
    /// Nothing is answered, and nothing happens.
    Down,
    /// Its key is disabled: 403.
    KeyDisabled,
    /// Most requests are answered with 503.
    Throttled,
    /// Everything takes long.
    Slow,
}

/// A bucket; clones share it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Which.
    pub id: BucketId,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    objects: Objects,
    mode: Mode,
}

impl Bucket {
    /// An empty one.
    #[must_use]
    pub fn new(id: BucketId) -> Self {
        let inner = Inner { objects: Objects::default(), mode: Mode::Well };
        Self { id, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Sets how it is.
    pub fn set_mode(&self, mode: Mode) {
        self.inner().mode = mode;
    }

    /// How it is.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner().mode
    }

    /// Looks at its objects, without any fault.
    pub fn look<T>(&self, question: impl FnOnce(&mut Objects) -> T) -> T {
        question(&mut self.inner().objects)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How likely single requests fail, in a thousand, and how long they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odds {
    /// See [`crate::fault::Fault::LatePut`].
    pub late: u64,
    /// See [`crate::fault::Fault::LostAnswer`].
    pub lost_answer: u64,
    /// See [`crate::fault::Fault::LostRequest`].
    pub lost_request: u64,
    /// See [`crate::fault::Fault::ConflictWithNothing`].
    pub conflict: u64,
    /// See [`crate::fault::Fault::ConflictWithItself`].
    pub conflict_with_itself: u64,
    /// See [`crate::fault::Fault::TakenByItself`].
    pub taken_by_itself: u64,
    /// See [`crate::fault::Fault::Broken`].
    pub broken: u64,
    /// See [`crate::fault::Fault::Refused`].
    pub refused: u64,
    /// See [`crate::fault::Fault::Throttled`].
    pub throttled: u64,
    /// See [`crate::fault::Fault::Hung`].
    pub hung: u64,
    /// See [`crate::fault::Fault::Slow`].
    pub slow: u64,
    /// See [`crate::fault::Fault::AbsentNamed`].
    pub absent: u64,
    /// See [`crate::fault::Fault::LateDelete`].
    pub late_delete: u64,
    /// The longest time of one way of an ordinary request.
    pub way_max: Duration,
}
