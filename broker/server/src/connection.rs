//! One client's connection: requests are begun in the order they came, handled side by side, and answered in order.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use broker_engine::Turn;
use broker_wire::Encoded;
use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use thiserror::Error;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Answer, Client, Server};
use crate::frame::{Frame, FrameError, FrameReader};
use crate::limits::{PEER_PROOF_MAX, REQUESTS_IN_FLIGHT_MAX, WRITE_SILENCE_MAX};
use crate::peers::PeerSession;

/// Why the broker ends a connection.
#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Request(#[from] api::RequestError),
    #[error("only other brokers have a place left")]
    Full,
    #[error("the client does not read its responses")]
    Unread,
    #[error("write a response: {0}")]
    Write(#[source] std::io::Error),
}

/// Who may use a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// There is a place for everybody.
    Anyone,
    /// The places that are left are for other brokers, who have to prove soon that they are such.
    PeersOnly,
}

/// Serves `stream` until the client leaves, does something that ends the connection, or `stop` is cancelled.
pub(crate) async fn serve(
    server: Arc<Server>,
    mut stream: TcpStream,
    peer: SocketAddr,
    admission: Admission,
    stop: CancellationToken,
) -> Result<(), ConnectionError> {
    let client = Client {
        address: peer.ip(),
        turn: Turn::default(),
        session: Arc::default(),
        peer: PeerSession::default(),
        admission,
    };
    let (mut input, mut output) = stream.split();
    let mut frames = FrameReader::new(server.memory.clone());
    let mut in_flight = FuturesOrdered::new();
    let mut finished = VecDeque::new();
    let mut open = true;
    let proof = tokio::time::sleep(PEER_PROOF_MAX);
    tokio::pin!(proof);
    loop {
        let doubted = admission == Admission::PeersOnly && !client.peer.has_proved();
        tokio::select! {
            biased;
            () = &mut proof, if doubted => return Err(ConnectionError::Full),
            Some(answer) = in_flight.next(), if !in_flight.is_empty() => {
                finished.push_back(answer);
                while let Some(answer) = finished.pop_front() {
                    let Some(Answer { encoded, hold }) = answer? else { continue };
                    write_meanwhile(&mut output, encoded, &mut in_flight, &mut finished).await?;
                    drop(hold);
                }
            }
            () = stop.cancelled(), if open => open = false,
            frame = frames.next(&mut input), if open && in_flight.len() < REQUESTS_IN_FLIGHT_MAX => match frame? {
                Some(frame) => in_flight.push_back(handle(&server, client.clone(), frame)),
                None => open = false,
            },
            else => return Ok(()),
        }
    }
}

/// What became of a request.
type Handled = Result<Option<Answer>, api::RequestError>;

/// Writes a response while the other requests go on: one that waits for its client to read may stand in the queue of a
/// lock, and must not keep everybody behind it waiting. At most as many finish meanwhile as are in flight.
async fn write_meanwhile(
    output: &mut (impl AsyncWrite + Unpin),
    response: Encoded,
    in_flight: &mut FuturesOrdered<impl Future<Output = Handled>>,
    finished: &mut VecDeque<Handled>,
) -> Result<(), ConnectionError> {
    let written = write(output, response);
    tokio::pin!(written);
    loop {
        tokio::select! {
            biased;
            written = &mut written => return written,
            Some(answer) = in_flight.next(), if !in_flight.is_empty() => finished.push_back(answer),
        }
    }
}

async fn handle(server: &Server, client: Client, frame: Frame) -> Handled {
    let Frame { bytes, hold } = frame;
    let response = api::handle(server, client, bytes).await;
    drop(hold);
    response
}

async fn write(output: &mut (impl AsyncWrite + Unpin), response: Encoded) -> Result<(), ConnectionError> {
    let mut slices = Slices(response.into_slices().into());
    while slices.has_remaining() {
        let written = timeout(WRITE_SILENCE_MAX, output.write_buf(&mut slices)).await;
        written.map_err(|_| ConnectionError::Unread)?.map_err(ConnectionError::Write)?;
    }
    Ok(())
}

/// A response on its way out; its slices go to the socket as they are.
struct Slices(VecDeque<Bytes>);

impl Buf for Slices {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], Bytes::as_ref)
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let pairs = out.iter_mut().zip(&self.0);
        pairs.map(|(place, slice)| *place = IoSlice::new(slice)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.0.front_mut() {
            if front.len() > count {
                return front.advance(count);
            }
            count = count.saturating_sub(front.len());
            self.0.pop_front();
        }
    }

    fn has_remaining(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use broker_wire::messages::api_versions::ApiVersionsRequest;
    use broker_wire::{Request, Str, frame};
    use tokio::io::AsyncReadExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn requests_go_on_while_a_response_waits_to_be_read() {
        let long = Str::from("x".repeat(1_000).as_str());
        let response = frame::encode_request(1, Some(&long), &Request::ApiVersions(ApiVersionsRequest::default()), 3);
        let response = response.unwrap();
        let expected = response.to_bytes();
        let (mut output, mut input) = tokio::io::duplex(16);
        let (tell, told) = oneshot::channel();
        let mut in_flight = FuturesOrdered::new();
        in_flight.push_back(async move {
            tell.send(()).unwrap();
            Ok(None)
        });
        let mut finished = VecDeque::new();
        let client = async {
            told.await.unwrap();
            let mut read = vec![0; expected.len()];
            input.read_exact(&mut read).await.unwrap();
            read
        };
        let both =
            async { tokio::join!(write_meanwhile(&mut output, response, &mut in_flight, &mut finished), client) };
        let (written, read) = timeout(Duration::from_secs(10), both).await.unwrap();
        written.unwrap();
        assert_eq!(read, expected);
        assert_eq!(finished.len(), 1);
    }
}
