//! The store's address on the instances' network: connections taken there go on to the emulated AWS on this machine's
//! loopback. The listening socket lives in the outer namespace, the upstream connections in the machine's own.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};

use super::namespace::Namespace;
use crate::host::limits;
use crate::host::listener::Listener;

/// Relays from `address:port` inside `namespace` to `upstream`.
pub(super) fn start(namespace: &Namespace, address: Ipv4Addr, port: u16, upstream: SocketAddr) -> Result<Listener> {
    let socket = namespace.inside(|| TcpListener::bind((address, port)).context("the store's relay cannot listen"))?;
    Ok(Listener::serve(socket, move |client| relay(&client, upstream)))
}

/// Copies both ways until both sides are done.
fn relay(client: &TcpStream, upstream: SocketAddr) {
    let Ok(server) = TcpStream::connect_timeout(&upstream, limits::HTTP_TIMEOUT) else { return };
    for stream in [client, &server] {
        if stream.set_nodelay(true).is_err() {
            return;
        }
    }
    std::thread::scope(|scope| {
        scope.spawn(|| copy(client, &server));
        copy(&server, client);
    });
}

/// Copies one way, then tells the other side that nothing more comes.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    if std::io::copy(&mut from, &mut to).is_err() {
        // A broken side breaks the other: half a dead connection would hold both threads.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
    let _ = to.shutdown(Shutdown::Write);
}
