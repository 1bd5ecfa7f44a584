//! The server: socket, handshake, calls, end.

use std::io::{self, Write as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use super::environment::Environment;
use super::plumbing::Plumbing;
use super::presence::Presence;
use super::socket::{PrivateSocket, SocketError};
use super::tls::{self, TlsError};
use super::{connection, handshake};
use crate::limits::{ABANDONED_AFTER, MESSAGE_BYTES_MAX, SHUTDOWN_GRACE};
use crate::proto::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::proto::plugin::grpc_controller_server::GrpcControllerServer;
use crate::proto::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::proto::tfplugin6::provider_server::ProviderServer;
use crate::provider::Provider;
use crate::service::Service;

/// Who started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Terraform.
    Plugin,
    /// A person, to attach a Terraform to it.
    Debug,
}

/// The provider could not be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error("start: {0}")]
    Runtime(#[source] io::Error),
    #[error("agree on a protocol: Terraform offers {offered}, this provider speaks {}", handshake::PROTOCOL)]
    Protocol { offered: String },
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("announce the provider: {0}")]
    Announce(#[source] io::Error),
    #[error("serve: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until Terraform asks for the end, or the person interrupts.
pub(super) async fn run<P: Provider>(provider: P, mode: Mode, environment: &Environment) -> Result<(), ServeError> {
    if mode == Mode::Plugin && !handshake::is_spoken(environment.protocol_versions.as_deref()) {
        let offered = environment.protocol_versions.clone().unwrap_or_default();
        return Err(ServeError::Protocol { offered });
    }
    let (acceptor, certificate) = match &environment.client_certificate {
        Some(pem) if mode == Mode::Plugin => {
            let (config, certificate) = tls::server(pem)?;
            (Some(TlsAcceptor::from(config)), Some(certificate))
        }
        _ => (None, None),
    };
    let (socket, listener) = PrivateSocket::bind(&environment.socket_folder)?;
    // From here on an interrupt does not end the process: it reaches the whole foreground group, and Terraform tells
    // its providers itself what to stop.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    let announced = match mode {
        Mode::Plugin => {
            let line = handshake::line(socket.path(), certificate.as_deref(), environment.asks_for_multiplexing);
            announce(&line).and_then(|()| redirect_stdout())
        }
        Mode::Debug => announce(&reattach::<P>(&socket)),
    };
    announced.map_err(ServeError::Announce)?;

    let done = CancellationToken::new();
    let presence = Presence::new();
    let plumbing = Plumbing { done: done.clone() };
    let provider = ProviderServer::new(Service::new(provider))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let server = Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(plumbing.clone()))
        .add_service(GrpcStdioServer::new(plumbing.clone()))
        .add_service(GrpcBrokerServer::new(plumbing))
        .serve_with_incoming_shutdown(
            connection::incoming(listener, acceptor, presence.clone()),
            done.clone().cancelled_owned(),
        );
    let end = async {
        tokio::select! {
            () = done.cancelled() => {}
            () = interrupted(&mut interrupts, mode) => done.cancel(),
            () = presence.abandoned(ABANDONED_AFTER), if mode == Mode::Plugin => done.cancel(),
        }
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        served = server => served?,
        () = end => tracing::debug!("calls are still running at the end"),
    }
    Ok(())
}

/// Returns when a person interrupts a process that they started themselves.
async fn interrupted(interrupts: &mut Signal, mode: Mode) {
    while interrupts.recv().await.is_some() {
        if mode == Mode::Debug {
            return;
        }
        tracing::debug!("interrupt ignored: Terraform decides what to stop");
    }
    std::future::pending().await
}

fn announce(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Nobody reads stdout after the handshake; what is printed there by mistake goes to the log instead.
fn redirect_stdout() -> io::Result<()> {
    Ok(rustix::stdio::dup2_stdout(io::stderr())?)
}

/// What to set in the shell of the Terraform that shall use this process.
fn reattach<P: Provider>(socket: &PrivateSocket) -> String {
    let address = format!("registry.terraform.io/{}/{}", P::NAMESPACE, P::NAME);
    let json = serde_json::json!({ address: {
        "Protocol": "grpc",
        "ProtocolVersion": handshake::PROTOCOL,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": { "Network": "unix", "String": socket.path() },
    }});
    format!("TF_REATTACH_PROVIDERS='{json}'")
}
