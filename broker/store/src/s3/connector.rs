//! The HTTP client below the library: signs what goes to the bucket, and notes what its server answers.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{DATE, HeaderName, HeaderValue};
use jiff::Timestamp;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use thiserror::Error;

use super::credentials::Cached;
use super::sign::{Body, Signer};
use crate::answer::{self, Answer};
use crate::clock::StoreClock;
use crate::limits::ERROR_BODY_BYTES_MAX;

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-crc32c");

/// CRC-32C of a request's body, for the store to compare and to keep with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyChecksum(pub(crate) u32);

/// Makes clients that sign and observe.
#[derive(Clone, Debug)]
pub(super) struct Observing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    authority: String,
    signer: Signer,
    provider: Arc<OnceLock<Cached>>,
    clock: Arc<StoreClock>,
}

#[derive(Debug)]
struct ObservedClient {
    inner: HttpClient,
    shared: Arc<Shared>,
}

/// Nothing was sent.
#[derive(Debug, Error)]
#[error("the request was not sent: {0}")]
struct NotSent(String);

impl Observing {
    pub(super) fn new(
        authority: String,
        signer: Signer,
        provider: Arc<OnceLock<Cached>>,
        clock: Arc<StoreClock>,
    ) -> Self {
        Self { shared: Arc::new(Shared { authority, signer, provider, clock }) }
    }
}

impl HttpConnector for Observing {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(ObservedClient { inner, shared: Arc::clone(&self.shared) }))
    }
}

#[async_trait::async_trait]
impl HttpService for ObservedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let authority = request.uri().authority();
        if authority.is_none_or(|found| !found.as_str().eq_ignore_ascii_case(&self.shared.authority)) {
            // Fetching credentials: until it succeeds, nothing was sent to the bucket.
            return self.inner.execute(request).await;
        }
        let request = match self.shared.signed(request).await {
            Ok(request) => request,
            Err(error) => {
                answer::note(Answer { unreachable: true, ..Answer::default() });
                return Err(HttpError::new(HttpErrorKind::Connect, error));
            }
        };
        let answered = self.inner.execute(request).await;
        if let Ok(response) = &answered
            && let Some(Ok(date)) = response.headers().get(DATE).map(HeaderValue::to_str)
        {
            self.shared.clock.note_header(date);
        }
        match answered {
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

impl Shared {
    async fn signed(&self, request: HttpRequest) -> Result<HttpRequest, NotSent> {
        let provider = self.provider.get().ok_or_else(|| NotSent("no credentials yet".to_owned()))?;
        let keys = provider.get().await.map_err(|error| NotSent(error.to_string()))?;
        let (mut parts, body) = request.into_parts();
        if let Some(BodyChecksum(crc)) = parts.extensions.get() {
            let text = BASE64_STANDARD.encode(crc.to_be_bytes());
            parts.headers.insert(CHECKSUM, HeaderValue::from_str(&text).map_err(|e| NotSent(e.to_string()))?);
        }
        let kind = if body.content_length() == 0 { Body::Empty } else { Body::Unsigned };
        // A clock that is wrong by minutes is refused by the store, and nothing else depends on it.
        self.signer.sign(&mut parts, kind, &keys, Timestamp::now()).map_err(|error| NotSent(error.to_string()))?;
        Ok(HttpRequest::from_parts(parts, body))
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
