//! The way to the other brokers.

use std::io::ErrorKind;

use broker_engine::{BrokerInfo, Network, PeerAnswer, PeerError, PeerRequest};
use broker_wire::messages::api_versions::ApiVersionsRequest;
use broker_wire::{Request, frame};
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// TCP to the address that the broker gives to clients.
#[derive(Debug)]
pub(crate) struct TcpNetwork;

impl Network for TcpNetwork {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        Box::pin(async move {
            let PeerRequest::Heartbeat(_) = request else { return Err(PeerError::Silent) };
            // A peer answers when it answers a request; accepting a connection is the kernel's doing.
            match probe(&to).await {
                Ok(()) => Ok(PeerAnswer::Noted),
                // Reset is not refused: a broker that has no room for a connection resets it.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(PeerError::Refused),
                Err(_) => Err(PeerError::Silent),
            }
        })
    }
}

async fn probe(peer: &BrokerInfo) -> std::io::Result<()> {
    let request = Request::ApiVersions(ApiVersionsRequest::default());
    let request = frame::encode_request(0, None, &request, 0).map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect((peer.endpoint.host.as_str(), peer.endpoint.port)).await?;
    stream.write_all(&request.to_bytes()).await?;
    stream.read_i32().await.map(|_| ())
}
