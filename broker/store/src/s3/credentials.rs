//! The keys that sign: asked for at every request, kept where asking fails.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use object_store::CredentialProvider;
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use tokio::time::{Instant, timeout};

use super::{AccessKeys, CredentialsUnavailable};
use crate::limits::{CREDENTIALS_KEPT_MAX, CREDENTIALS_WAIT_MAX};

pub(super) type Ask = Arc<dyn Fn() -> BoxFuture<'static, Result<AccessKeys, CredentialsUnavailable>> + Send + Sync>;

/// The caller's own provider.
pub(super) struct Custom(pub(super) Ask);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Custom {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match (self.0)().await {
            Ok(keys) => Ok(Arc::new(AwsCredential { key_id: keys.id, secret_key: keys.secret, token: keys.token })),
            Err(e) => Err(object_store::Error::Generic { store: "S3", source: Box::new(e) }),
        }
    }
}

/// The last keys of a provider, which renews them some minutes before they expire: while it fails or hangs they still sign.
#[derive(Debug)]
pub(super) struct Cached {
    provider: AwsCredentialProvider,
    last: Mutex<Option<Last>>,
}

#[derive(Clone, Debug)]
struct Last {
    keys: Arc<AccessKeys>,
    /// Since when the provider has given no others.
    failing_since: Option<Instant>,
}

impl Cached {
    pub(super) fn over(provider: AwsCredentialProvider) -> Self {
        Self { provider, last: Mutex::new(None) }
    }

    pub(super) async fn get(&self) -> object_store::Result<Arc<AccessKeys>> {
        let last = self.last().clone();
        let Some(last) = last else {
            let fresh = self.provider.get_credential().await?;
            return Ok(self.keep(&fresh));
        };
        let asked = timeout(CREDENTIALS_WAIT_MAX, self.provider.get_credential()).await;
        let now = Instant::now();
        let error = match asked {
            Ok(Ok(fresh)) => return Ok(self.keep(&fresh)),
            Ok(Err(error)) => error,
            Err(_) => object_store::Error::Generic { store: "S3", source: "no credentials in time".into() },
        };
        let since = last.failing_since.unwrap_or(now);
        if now.duration_since(since) > CREDENTIALS_KEPT_MAX {
            return Err(error);
        }
        *self.last() = Some(Last { failing_since: Some(since), ..last.clone() });
        Ok(last.keys)
    }

    fn keep(&self, fresh: &AwsCredential) -> Arc<AccessKeys> {
        let mut last = self.last();
        let known = last.as_ref().filter(|last| {
            last.failing_since.is_none()
                && last.keys.id == fresh.key_id
                && last.keys.secret == fresh.secret_key
                && last.keys.token == fresh.token
        });
        if let Some(known) = known {
            return Arc::clone(&known.keys);
        }
        let keys = Arc::new(AccessKeys {
            id: fresh.key_id.clone(),
            secret: fresh.secret_key.clone(),
            token: fresh.token.clone(),
        });
        *last = Some(Last { keys: Arc::clone(&keys), failing_since: None });
        keys
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    fn provider(works: &Arc<AtomicBool>) -> AwsCredentialProvider {
        let works = Arc::clone(works);
        Arc::new(Custom(Arc::new(move || {
            let works = works.load(Ordering::SeqCst);
            Box::pin(async move {
                let keys = AccessKeys { id: "a".to_owned(), secret: "b".to_owned(), token: None };
                if works { Ok(keys) } else { std::future::pending().await }
            })
        })))
    }

    #[tokio::test(start_paused = true)]
    async fn keys_sign_on_while_their_provider_hangs_and_not_for_ever() {
        let works = Arc::new(AtomicBool::new(true));
        let cached = Cached::over(provider(&works));
        assert_eq!(cached.get().await.unwrap().id, "a");
        works.store(false, Ordering::SeqCst);
        assert_eq!(cached.get().await.unwrap().id, "a");
        tokio::time::advance(CREDENTIALS_KEPT_MAX + Duration::from_secs(1)).await;
        assert!(cached.get().await.is_err());
        works.store(true, Ordering::SeqCst);
        assert_eq!(cached.get().await.unwrap().id, "a");
    }
}
