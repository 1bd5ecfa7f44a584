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

use super::presence::{Presence, Present};
use crate::limits::{CONNECTIONS_WAITING_MAX, TLS_HANDSHAKE_MAX};

/// A connection to Terraform.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Proved,
    _present: Present,
}

#[derive(Debug)]
enum Proved {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

/// Connections whose peer has proved who it is; others are closed. Without an acceptor each one counts.
pub(super) fn incoming(
    listener: UnixListener,
    acceptor: Option<TlsAcceptor>,
    presence: Presence,
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
    let proved = proved.buffer_unordered(CONNECTIONS_WAITING_MAX).filter_map(std::future::ready);
    proved.map(move |stream| Ok(Connection { stream, _present: presence.enter() }))
}

async fn prove(stream: UnixStream, acceptor: Option<TlsAcceptor>) -> Option<Proved> {
    let Some(acceptor) = acceptor else { return Some(Proved::Plain(stream)) };
    match tokio::time::timeout(TLS_HANDSHAKE_MAX, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Proved::Tls(Box::new(stream))),
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
        match &mut self.get_mut().stream {
            Proved::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Proved::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Proved::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Proved::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Proved::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Proved::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Proved::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Proved::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
