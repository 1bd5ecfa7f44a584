//! Connections as they come in: accepted, and proved before anything is served on them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::limits::{CONNECTIONS_WAITING_MAX, TLS_HANDSHAKE_MAX};

/// A connection to Terraform.
#[derive(Debug)]
pub(super) enum Connection {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

/// Connections whose peer has proved who it is; others are closed. Without an acceptor each one counts.
pub(super) fn incoming(
    listener: UnixListener,
    acceptor: Option<TlsAcceptor>,
) -> impl Stream<Item = io::Result<Connection>> {
    let accepted = stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await;
        Some((accepted.map(|(stream, _)| stream), listener))
    });
    let proved = accepted.map(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            match stream {
                Ok(stream) => prove(stream, acceptor).await,
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    None
                }
            }
        }
    });
    proved.buffer_unordered(CONNECTIONS_WAITING_MAX).filter_map(std::future::ready).map(Ok)
}

async fn prove(stream: UnixStream, acceptor: Option<TlsAcceptor>) -> Option<Connection> {
    let Some(acceptor) = acceptor else { return Some(Connection::Plain(stream)) };
    match tokio::time::timeout(TLS_HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Connection::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::error!(%error, "a connection was refused");
            None
        }
        Err(_) => {
            tracing::error!("a connection did not prove itself in time");
            None
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
