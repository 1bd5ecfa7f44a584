//! The store on S3.
//!
//! The client library's own retries are off: every retry is this crate's, so that each outcome is known and counted.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::Uri;
use http::header::AUTHORIZATION;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, Checksum, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use thiserror::Error;
use url::Url;

use crate::answer::{self, Answer};
use crate::limits::{CONNECT_TIME_MAX, CONNECTION_IDLE_MAX, ERROR_BODY_BYTES_MAX, REQUEST_TIME_MAX};

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
pub(crate) fn open(config: &S3Config) -> Result<Arc<dyn ObjectStore>, InvalidS3Config> {
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
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_region(region)
        // Both names of the setting, so that no variable of the environment takes the place of the configuration.
        .with_endpoint(&endpoint)
        .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
        .with_virtual_hosted_style_request(virtual_hosted)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Free of charge: the payload's SHA-256 is computed for the signature anyway.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_disable_bulk_delete(true)
        .with_client_options(options)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(Observing { authority });
    if let Some(key) = &config.kms_key_id {
        builder = builder.with_sse_kms_encryption(key).with_bucket_key(true);
    }
    if let Credentials::Custom(ask) = &config.credentials {
        builder = builder.with_credentials(Arc::new(Custom(config.credentials.clone(), Arc::clone(ask))));
    }
    let s3 = builder.build().map_err(|e| InvalidS3Config(e.to_string()))?;
    match config.prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
        None | Some("") => Ok(Arc::new(s3)),
        Some(prefix) => Ok(Arc::new(PrefixStore::new(s3, prefix))),
    }
}

type Ask = Arc<dyn Fn() -> BoxFuture<'static, Result<AccessKeys, CredentialsUnavailable>> + Send + Sync>;

struct Custom(Credentials, Ask);

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Custom {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match (self.1)().await {
            Ok(keys) => Ok(Arc::new(AwsCredential { key_id: keys.id, secret_key: keys.secret, token: keys.token })),
            Err(e) => {
                answer::note(Answer { unreachable: true, ..Answer::default() });
                Err(object_store::Error::Generic { store: "S3", source: Box::new(e) })
            }
        }
    }
}

/// Notes what the bucket's server answers.
#[derive(Debug)]
struct Observing {
    authority: String,
}

impl HttpConnector for Observing {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(ObservedClient { inner, authority: self.authority.clone() }))
    }
}

#[derive(Debug)]
struct ObservedClient {
    inner: HttpClient,
    authority: String,
}

#[async_trait::async_trait]
impl HttpService for ObservedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // What is signed goes to the bucket, too: a PUT must never pass for something that was not sent.
        let is_bucket = request.headers().contains_key(AUTHORIZATION)
            || request.uri().authority().is_some_and(|a| a.as_str().eq_ignore_ascii_case(&self.authority));
        let result = self.inner.execute(request).await;
        if !is_bucket {
            // Fetching credentials: until it succeeds, nothing was sent to the bucket.
            answer::note(Answer { unreachable: true, ..Answer::default() });
            return result;
        }
        match result {
            Err(error) => {
                let unreachable = error.kind() == HttpErrorKind::Connect;
                answer::note(Answer { unreachable, ..Answer::default() });
                Err(error)
            }
            Ok(response) if response.status().is_success() => {
                answer::note(Answer { status: Some(response.status().as_u16()), ..Answer::default() });
                Ok(response)
            }
            Ok(response) => note_error(response).await,
        }
    }
}

async fn note_error(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request_id = header("x-amz-request-id");
    let status = Some(parts.status.as_u16());
    answer::note(Answer { status, code: None, request_id: request_id.clone(), unreachable: false });
    let bytes = body.bytes().await?;
    let text = String::from_utf8_lossy(bytes.get(..ERROR_BODY_BYTES_MAX).unwrap_or(&bytes)).into_owned();
    answer::note(Answer { status, code: code_in(&text), request_id, unreachable: false });
    Ok(HttpResponse::from_parts(parts, bytes.into()))
}

fn code_in(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.trim().to_owned())
}
