//! The store on S3.
//!
//! The client library's own retries are off: every retry is this crate's, so that each outcome is known and counted. Its
//! signatures are off, too: they would hash every body with SHA-256.

mod connector;
mod credentials;
mod sign;

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use http::Uri;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use thiserror::Error;
use url::Url;

use crate::clock::StoreClock;
use crate::limits::{CONNECT_TIME_MAX, CONNECTION_IDLE_MAX, REQUEST_TIME_MAX};
pub(crate) use connector::BodyChecksum;
use connector::Observing;
use credentials::{Cached, Custom};
use sign::Signer;

/// Where a bucket is and how to use it.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// Put before every key, without slashes at its ends; none in production.
    pub prefix: Option<String>,
    /// The bucket's region.
    pub region: String,
    /// Another server than AWS's; the bucket then stands in the path, and plain HTTP is used where the URL says so.
    pub endpoint: Option<Url>,
    /// The key that encrypts every object; it is named in every PUT. None leaves it to the bucket.
    pub kms_key_id: Option<String>,
    /// The `actor` tag of metadata log entries: what AWS knows the caller as (`aws:userid`). None sends no tag.
    pub actor: Option<String>,
    /// Who asks.
    pub credentials: Credentials,
}

/// Where credentials come from.
#[derive(Clone)]
pub enum Credentials {
    /// The usual variables of the environment, else the instance's metadata service.
    Environment,
    /// The instance's metadata service (IMDSv2).
    Instance,
    /// A provider of the caller's; asked for every request, so it should cache.
    Custom(Arc<dyn Fn() -> BoxFuture<'static, Result<AccessKeys, CredentialsUnavailable>> + Send + Sync>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Instance => "Instance",
            Self::Custom(_) => "Custom",
        })
    }
}

/// Keys that sign requests; never printed.
#[derive(Clone)]
pub struct AccessKeys {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
    /// Session token.
    pub token: Option<String>,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys([redacted])")
    }
}

/// The caller's provider has no credentials.
#[derive(Clone, Debug, Error)]
#[error("no credentials: {0}")]
pub struct CredentialsUnavailable(pub String);

/// The settings of an S3 store do not make sense.
#[derive(Debug, Error)]
#[error("s3 settings: {0}")]
pub struct InvalidS3Config(String);

/// Makes the client.
pub(crate) fn open(config: &S3Config, clock: &Arc<StoreClock>) -> Result<Arc<dyn ObjectStore>, InvalidS3Config> {
    let S3Config { bucket, region, .. } = config;
    let options = ClientOptions::new()
        .with_timeout(REQUEST_TIME_MAX)
        .with_connect_timeout(CONNECT_TIME_MAX)
        .with_pool_idle_timeout(CONNECTION_IDLE_MAX)
        .with_allow_http(config.endpoint.as_ref().is_some_and(|url| url.scheme() == "http"));
    let builder = match config.credentials {
        Credentials::Environment => AmazonS3Builder::from_env(),
        Credentials::Instance | Credentials::Custom(_) => AmazonS3Builder::new(),
    };
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let (endpoint, virtual_hosted) = match &config.endpoint {
        Some(url) => (url.as_str().trim_end_matches('/').to_owned(), false),
        // TLS certificates of S3 do not cover bucket names with dots.
        None if bucket.contains('.') => (format!("https://s3.{region}.{suffix}"), false),
        None => (format!("https://{bucket}.s3.{region}.{suffix}"), true),
    };
    let authority = endpoint.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    let authority = authority.ok_or_else(|| InvalidS3Config(format!("endpoint {endpoint:?} names no host")))?;
    // The library makes the provider, and the client that asks it, in one go.
    let provider = Arc::new(OnceLock::new());
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_region(region)
        // Both names of the setting, so that no variable of the environment takes the place of the configuration.
        .with_endpoint(&endpoint)
        .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
        .with_virtual_hosted_style_request(virtual_hosted)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_skip_signature(true)
        .with_disable_bulk_delete(true)
        .with_client_options(options)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(Observing::new(authority, Signer::new(region), Arc::clone(&provider), Arc::clone(clock)));
    if let Some(key) = &config.kms_key_id {
        builder = builder.with_sse_kms_encryption(key).with_bucket_key(true);
    }
    if let Credentials::Custom(ask) = &config.credentials {
        builder = builder.with_credentials(Arc::new(Custom(Arc::clone(ask))));
    }
    let s3 = builder.build().map_err(|e| InvalidS3Config(e.to_string()))?;
    let _first = provider.set(Cached::over(Arc::clone(s3.credentials())));
    match config.prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
        None | Some("") => Ok(Arc::new(s3)),
        Some(prefix) => Ok(Arc::new(PrefixStore::new(s3, prefix))),
    }
}
