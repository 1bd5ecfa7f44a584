//! What a running call of a resource or data source has at hand.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::{Type, Value, json};

/// The configured provider, cancellation, and what the call leaves behind beside its result.
///
/// It dereferences to the provider's data: `cx.kms` is a field of [`Provider::Data`](crate::Provider::Data).
#[derive(Debug)]
pub struct Context<D> {
    data: Arc<D>,
    stop: CancellationToken,
    notes: Notes,
}

/// What a call leaves behind; it survives a panic of the call.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    types: Arc<BTreeMap<String, Type>>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: Option<BTreeMap<String, Value>>,
    diagnostics: Diagnostics,
    private: Private,
}

/// What a resource keeps beside its state, unseen by the operator.
pub(crate) type Private = BTreeMap<String, serde_json::Value>;

impl<D> Context<D> {
    pub(crate) fn new(data: Arc<D>, stop: CancellationToken, notes: Notes) -> Self {
        Self { data, stop, notes }
    }

    /// The configured provider.
    #[must_use]
    pub fn data(&self) -> &Arc<D> {
        &self.data
    }

    /// Cancelled when the operator interrupts. A long wait must listen to it; [`wait`](crate::wait) does.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Notes that an object exists, and what identifies it. Call it as soon as that is so: if the call then fails,
    /// panics or is interrupted, the attributes mentioned here are saved with what the plan knows, and the object is
    /// not lost. May be called again as more becomes known.
    ///
    /// ```text
    /// cx.keep(&json!({ "key_id": created.key_id }));
    /// ```
    pub fn keep<T: Serialize + ?Sized>(&self, attributes: &T) {
        match json::mentioned(attributes, &self.notes.types) {
            Ok(attributes) => self.notes.lock().kept.get_or_insert_default().extend(attributes),
            Err(error) => self.notes.lock().diagnostics.push(error.into()),
        }
    }

    /// Tells the operator something without failing.
    pub fn warn(&self, warning: Diagnostic) {
        self.notes.lock().diagnostics.push(warning);
    }

    /// What an earlier call kept under `key` beside the state.
    #[must_use]
    pub fn private<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.notes.lock().private.get(key).and_then(|json| T::deserialize(json).ok())
    }

    /// Keeps something beside the state. Secrets do not belong there: it is saved as it is.
    pub fn set_private(&self, key: &str, value: impl Serialize) {
        if let Ok(json) = serde_json::to_value(value) {
            self.notes.lock().private.insert(key.to_owned(), json);
        }
    }
}

impl<D> Deref for Context<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.data
    }
}

impl Notes {
    pub(crate) fn new(types: BTreeMap<String, Type>, private: Private) -> Self {
        let inner = Inner { private, ..Inner::default() };
        Self { types: Arc::new(types), inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_kept(&self) -> Option<BTreeMap<String, Value>> {
        self.lock().kept.take()
    }

    pub(crate) fn take_diagnostics(&self) -> Diagnostics {
        std::mem::take(&mut self.lock().diagnostics)
    }

    pub(crate) fn take_private(&self) -> Private {
        std::mem::take(&mut self.lock().private)
    }
}
