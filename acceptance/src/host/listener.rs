//! A listening socket served by threads: one that accepts, one for each connection, all bounded.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::limits;

/// Serves until it is dropped. Connections under way end with their peers.
#[derive(Debug)]
pub(super) struct Listener {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Serves every connection of `socket` with `handle`.
    pub(super) fn serve(socket: TcpListener, handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let handle: Handler = Arc::new(handle);
        let thread = std::thread::spawn(move || accept(&socket, &stopped, &handle));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Handler = Arc<dyn Fn(TcpStream) + Send + Sync>;

fn accept(socket: &TcpListener, stop: &AtomicBool, handle: &Handler) {
    let open = Arc::new(AtomicUsize::new(0));
    while !stop.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        if !matches!(poll(&mut ready, PollTimeout::from(limits::ACCEPT_WAIT_MS)), Ok(1..)) {
            continue;
        }
        let Ok((stream, _)) = socket.accept() else { continue };
        if open.load(Ordering::Relaxed) >= limits::CONNECTIONS_MAX {
            continue; // dropping the stream refuses the connection
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (open, handle) = (Arc::clone(&open), Arc::clone(handle));
        std::thread::spawn(move || {
            handle(stream);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
