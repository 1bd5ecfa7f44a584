//! A proxy in front of the emulated AWS that refuses chosen actions with the bodies AWS documents, and passes the rest on.
//!
//! The emulator enforces no policy, so a missing permission is shown this way: ours, not AWS's. What it cannot show is whether
//! AWS would have refused.

mod action;

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::http::Message;
use action::Action;

/// The request id every refusal carries; messages to users must show it.
pub const REQUEST_ID: &str = "11112222-3333-4444-5555-666677778888";

/// A client that is silent for this long has gone.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Shared {
    upstream: String,
    denied: Vec<String>,
    refused: Mutex<Vec<String>>,
    stop: AtomicBool,
}

/// A running proxy; dropping it ends it.
#[derive(Debug)]
pub struct Denial {
    address: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Denial {
    /// Listens on loopback in front of `upstream` (`host:port`), refusing `denied` (`kms:CreateKey`, `s3:PutBucketPolicy`, ...).
    ///
    /// # Errors
    /// When loopback cannot be bound.
    pub fn start(upstream: String, denied: &[&str]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let denied = denied.iter().map(|action| (*action).to_owned()).collect();
        let shared = Arc::new(Shared { upstream, denied, refused: Mutex::default(), stop: AtomicBool::new(false) });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("denial".to_owned()).spawn(move || accept(&listener, &own))?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// `http://host:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was refused so far, in order.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().map(|all| all.clone()).unwrap_or_default()
    }
}

impl Drop for Denial {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; its connections end when their clients do.
        let _woken = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(shared);
        if let Ok(stream) = stream {
            std::thread::spawn(move || {
                if let Err(error) = serve(&stream, &shared) {
                    eprintln!("denial proxy: {error:#}");
                }
            });
        }
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream);
    loop {
        // A client that leaves, or is silent, between two requests ends the connection without noise.
        let Ok(Some(mut request)) = Message::read(&mut reader) else { return Ok(()) };
        if request.header("expect").is_some() {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("expect"));
        }
        request.read_body(&mut reader, false)?;
        let action = Action::of(&request);
        let name = action.to_string();
        let answer = if shared.denied.contains(&name) {
            if let Ok(mut refused) = shared.refused.lock() {
                refused.push(name);
            }
            action.refusal()
        } else {
            pass(request, &shared.upstream).with_context(|| name)?
        };
        answer.write(&mut &*stream)?;
    }
}

/// Sends the request on over a connection of its own.
fn pass(mut request: Message, upstream: &str) -> Result<Message> {
    let is_head = request.start.starts_with("HEAD ");
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("connection"));
    request.headers.push(("connection".to_owned(), "close".to_owned()));
    let stream = TcpStream::connect(upstream)?;
    stream.set_read_timeout(Some(SILENCE))?;
    request.write(&mut &stream)?;
    let mut reader = BufReader::new(&stream);
    let mut answer = Message::read(&mut reader)?.context("the emulator closed without an answer")?;
    if !is_head {
        answer.read_body(&mut reader, true)?;
    }
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("connection"));
    Ok(answer)
}
