//! Asks the other brokers whether they answer; the engine decides what follows from it.

use std::io::ErrorKind;
use std::sync::Arc;

use broker_engine::{BrokerInfo, PeerSignal};
use broker_wire::messages::api_versions::ApiVersionsRequest;
use broker_wire::{Request, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::Server;
use crate::limits::{PROBE_DURATION_MAX, PROBE_INTERVAL};

/// Probes every peer, twice a second, until `stop` is cancelled.
pub(crate) async fn run(server: Arc<Server>, stop: CancellationToken) {
    let mut ticks = interval(PROBE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let mut probes = JoinSet::new();
        for peer in server.engine.peers() {
            probes.spawn(async move { (peer.node_id, probe(&peer).await) });
        }
        while let Some(probed) = probes.join_next().await {
            if let Ok((node_id, signal)) = probed {
                server.engine.observe(node_id, signal);
            }
        }
    }
}

/// A peer answers when it answers a request; accepting a connection is the kernel's doing.
async fn probe(peer: &BrokerInfo) -> PeerSignal {
    match timeout(PROBE_DURATION_MAX, ask(peer)).await {
        Ok(Ok(())) => PeerSignal::Answered,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => PeerSignal::Refused,
            _ => PeerSignal::Silent,
        },
        Err(_) => PeerSignal::Silent,
    }
}

async fn ask(peer: &BrokerInfo) -> std::io::Result<()> {
    let request = Request::ApiVersions(ApiVersionsRequest::default());
    let request = frame::encode_request(0, None, &request, 0).map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect((peer.endpoint.host.as_str(), peer.endpoint.port)).await?;
    stream.write_all(&request.to_bytes()).await?;
    stream.read_i32().await.map(|_| ())
}
