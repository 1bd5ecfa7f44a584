//! The accept loop.

use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, debug, info_span, warn};

use crate::api::Server;
use crate::connection::{self, Admission};
use crate::limits::{KEEP_ALIVE, PEER_CONNECTIONS_MAX};

/// Pause after a failed accept: the process is out of descriptors, and trying at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts so many connections of clients until `stop` is cancelled, and then waits for those that are open.
pub(crate) async fn run(server: Arc<Server>, listener: TcpListener, connections_max: usize, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(connections_max));
    // However many clients there are, the other brokers must not take this one for dead.
    let peer_places = Arc::new(Semaphore::new(PEER_CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        server.counters.connections_accepted.increment();
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => Some((place, Admission::Anyone)),
            Err(_) => Arc::clone(&peer_places).try_acquire_owned().ok().map(|place| (place, Admission::PeersOnly)),
        };
        let Some((place, admission)) = place else {
            server.counters.connections_refused.increment();
            continue;
        };
        prepare(&stream);
        let (server, stop) = (Arc::clone(&server), stop.clone());
        let serve = async move {
            let counters = Arc::clone(&server.counters);
            if let Err(reason) = connection::serve(server, stream, peer, admission, stop).await {
                counters.connections_failed.increment();
                debug!(%reason, "connection closed");
            }
            drop(place);
        };
        connections.spawn(serve.instrument(info_span!("connection", %peer)));
    }
    connections.close();
    connections.wait().await;
}

fn prepare(stream: &TcpStream) {
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE);
    let socket = SockRef::from(stream);
    // A socket that refuses an option still serves.
    if let Err(error) = socket.set_tcp_keepalive(&keep_alive).and_then(|()| stream.set_nodelay(true)) {
        debug!(%error, "socket option refused");
    }
}
