//! A connection that never leaves the process.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::{Ready, ready};
use futures::stream;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tonic::codegen::{Service as Tower, http::Uri};
use tonic::transport::{Channel, Endpoint, Server};

use crate::limits::MESSAGE_BYTES_MAX;
use crate::proto::tfplugin6::provider_server::ProviderServer;
use crate::provider::Provider;
use crate::service::Service;

const PIPE_BYTES: usize = 64 << 10;

#[expect(clippy::expect_used, reason = "a broken pipe ends a test")]
pub(super) async fn connect<P: Provider>(service: Arc<Service<P>>) -> (Channel, JoinSet<()>) {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let service = ProviderServer::from_arc(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let mut server = JoinSet::new();
    server.spawn(async move {
        let incoming = stream::iter([Ok::<_, io::Error>(theirs)]);
        let _ = Server::builder().add_service(service).serve_with_incoming(incoming).await;
    });
    let pipe = Pipe(Mutex::new(Some(ours)));
    let channel = Endpoint::from_static("http://pipe").connect_with_connector(pipe).await.expect("connect");
    (channel, server)
}

/// Hands out its end of the pipe, once.
struct Pipe(Mutex<Option<DuplexStream>>);

impl Tower<Uri> for Pipe {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready(stream.map(TokioIo::new).ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
