//! The way to the other brokers: one private request on the address that clients use.
//!
//! Only members are answered: whoever can read the metadata bucket has their key. What is said is not secret, and goes as
//! the listener's other requests do.

mod session;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_engine::store::{self, Filled, Frozen, Patience, Store};
use broker_engine::{BrokerInfo, Endpoint, Engine, Network, PeerAnswer, PeerError, PeerRequest};
use broker_wire::frame;
use bytes::Bytes;
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tracing::debug;
use uuid::Uuid;

use crate::limits::{PEER_CONNECTIONS_IDLE_MAX, PEER_FRAME_BYTES_MAX, PEER_KEY_WAIT_MAX, PEERS_KNOWN_MAX};
pub(crate) use session::NotAMember;
use session::{Incoming, Key, Nonce, Session};

/// Number of the private request, far from those that Kafka gives away.
pub(crate) const PEER_API: i16 = 32_100;

/// The key of the cluster's members, read when it is first needed.
#[derive(Clone, Debug)]
pub(crate) struct PeerKey {
    metadata: Store,
    key: Arc<OnceCell<Key>>,
}

/// Why a peer's request is not answered; ends the connection.
#[derive(Debug, Error)]
pub(crate) enum PeerRefused {
    #[error("not from a member: {0}")]
    NotAMember(#[from] NotAMember),
    #[error("{0} bytes are too many")]
    TooLarge(usize),
    #[error("the members' key: {0}")]
    NoKey(String),
}

impl PeerKey {
    pub(crate) fn new(metadata: Store) -> Self {
        Self { metadata, key: Arc::default() }
    }

    async fn get(&self) -> Result<&Key, PeerRefused> {
        self.key.get_or_try_init(|| self.load()).await.map_err(PeerRefused::NoKey)
    }

    /// The first member makes it up.
    async fn load(&self) -> Result<Key, String> {
        let key = store::Key::PeerKey;
        let found = match self.metadata.get(&key).await.map_err(|error| error.to_string())? {
            Some(found) => found,
            None => {
                let fresh = Frozen::shared(Bytes::copy_from_slice(&random()));
                let patience = Patience::bounded(PEER_KEY_WAIT_MAX);
                match self.metadata.fill(&key, &fresh, patience).await.map_err(|error| error.to_string())? {
                    Filled::Mine => fresh.bytes().clone(),
                    Filled::Other(other) => other,
                }
            }
        };
        let bytes: [u8; 32] = found.as_ref().try_into().map_err(|_| format!("it has {} bytes", found.len()))?;
        Ok(Key::new(bytes))
    }
}

/// 244 bits of the operating system's randomness.
fn random() -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(Uuid::new_v4().as_bytes());
    hash.update(Uuid::new_v4().as_bytes());
    hash.finalize().into()
}

/// What one connection's peer has proved.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerSession(Arc<Mutex<Option<Session>>>);

impl PeerSession {
    /// Whether it has asked something that only a member can ask.
    pub(crate) fn has_proved(&self) -> bool {
        self.session().as_ref().is_some_and(Session::has_proved)
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a frame of the private request.
pub(crate) async fn answer(
    engine: &Engine,
    key: &PeerKey,
    session: &PeerSession,
    body: Bytes,
) -> Result<Bytes, PeerRefused> {
    if body.len() > PEER_FRAME_BYTES_MAX {
        return Err(PeerRefused::TooLarge(body.len()));
    }
    let body = match session::read(&body)? {
        Incoming::Hello(nonce) => {
            let (welcome, begun) = session::welcome(key.get().await?, &nonce, &random());
            *session.session() = Some(begun);
            return Ok(welcome);
        }
        Incoming::Question(body) => body,
    };
    let (number, payload) = session.session().as_mut().ok_or(NotAMember::NoSession)?.asked(&body)?;
    let answer = match PeerRequest::decode(&payload) {
        Ok(request) => engine.answer_peer(request).await,
        Err(error) => {
            // A newer release may ask what this one does not know.
            debug!(%error, "a question between brokers is not understood");
            PeerAnswer::NotNow
        }
    };
    let answer = answer.encode();
    Ok(session.session().as_ref().ok_or(NotAMember::NoSession)?.answer(number, &answer))
}

/// TCP to the address that a broker gives to clients.
#[derive(Clone, Debug)]
pub(crate) struct TcpNetwork {
    key: PeerKey,
    /// Connections that nobody uses at the moment, by host and port.
    idle: Arc<Mutex<Idle>>,
}

type Idle = BTreeMap<(String, u16), Vec<Connection>>;

/// A session on its connection; one question at a time.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    session: Session,
}

impl Network for TcpNetwork {
    fn ask(&self, to: BrokerInfo, request: PeerRequest) -> BoxFuture<'static, Result<PeerAnswer, PeerError>> {
        let network = self.clone();
        Box::pin(async move {
            network.ask_there(&to.endpoint, &request.encode()).await.map_err(|error| {
                debug!(%error, node_id = to.node_id, "no answer from another broker");
                match error.kind() {
                    // Reset is not refused: a broker that has no room for a connection resets it.
                    ErrorKind::ConnectionRefused => PeerError::Refused,
                    _ => PeerError::Silent,
                }
            })
        })
    }
}

impl TcpNetwork {
    pub(crate) fn new(key: PeerKey) -> Self {
        Self { key, idle: Arc::default() }
    }

    async fn ask_there(&self, to: &Endpoint, request: &[u8]) -> io::Result<PeerAnswer> {
        if let Some(mut used) = self.take(to) {
            match used.ask(request).await {
                Ok(answer) => {
                    self.keep(to, used);
                    return Ok(answer);
                }
                // The others ended with the same process; a new one tells whether there is another.
                Err(_) => self.forget(to),
            }
        }
        let mut fresh = Connection::open(to, &self.key).await?;
        let answer = fresh.ask(request).await?;
        self.keep(to, fresh);
        Ok(answer)
    }

    fn take(&self, to: &Endpoint) -> Option<Connection> {
        self.idle().get_mut(&(to.host.clone(), to.port))?.pop()
    }

    fn keep(&self, to: &Endpoint, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() >= PEERS_KNOWN_MAX {
            idle.clear();
        }
        let connections = idle.entry((to.host.clone(), to.port)).or_default();
        if connections.len() < PEER_CONNECTIONS_IDLE_MAX {
            connections.push(connection);
        }
    }

    fn forget(&self, to: &Endpoint) {
        self.idle().remove(&(to.host.clone(), to.port));
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn open(to: &Endpoint, key: &PeerKey) -> io::Result<Self> {
        let key = key.get().await.map_err(io::Error::other)?;
        let mut stream = TcpStream::connect((to.host.as_str(), to.port)).await?;
        stream.set_nodelay(true)?;
        let nonce: Nonce = random();
        let welcome = exchange(&mut stream, session::hello(&nonce)).await?;
        let session = session::welcomed(key, &nonce, &welcome).map_err(io::Error::other)?;
        Ok(Self { stream, session })
    }

    async fn ask(&mut self, request: &[u8]) -> io::Result<PeerAnswer> {
        let (number, body) = self.session.ask(request);
        let answer = exchange(&mut self.stream, body).await?;
        let payload = self.session.answered(number, &answer).map_err(io::Error::other)?;
        PeerAnswer::decode(&payload).map_err(io::Error::other)
    }
}

/// Sends a frame and reads the one that comes back.
async fn exchange(stream: &mut TcpStream, body: Bytes) -> io::Result<Bytes> {
    let request = frame::encode_private_request(PEER_API, 0, &body).map_err(io::Error::other)?;
    stream.write_all(&request.to_bytes()).await?;
    let length = usize::try_from(stream.read_i32().await?).unwrap_or(usize::MAX);
    if length > PEER_FRAME_BYTES_MAX {
        return Err(io::Error::other("the answer is too long"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    frame::decode_private_response(&answer.into()).map_err(io::Error::other)
}
