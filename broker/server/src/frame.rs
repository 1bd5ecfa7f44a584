//! Frames from a socket: four bytes of length, then that many bytes.
//!
//! Invariant: memory follows the bytes that arrived, never the length that was announced.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use crate::limits::{
    CONNECTION_BYTES_FREE, FRAME_BYTES_MAX, FRAME_DURATION_MAX, FRAME_GROWTH_BYTES_MAX, FRAME_GROWTH_BYTES_MIN,
    FRAME_SILENCE_MAX, IDLE_MAX,
};
use crate::memory::{Hold, Memory};

const LENGTH_BYTES: usize = 4;

/// One request, and the memory it counts for.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) hold: Hold,
}

/// Why a connection gives no further frames.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("frame of {0} bytes announced, {FRAME_BYTES_MAX} are allowed")]
    Length(i32),
    #[error("connection closed inside a frame")]
    Truncated,
    #[error("nothing received for too long")]
    Silent,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What was received and is not yet a frame.
#[derive(Debug)]
pub(crate) struct FrameReader {
    memory: Memory,
    buffer: BytesMut,
    hold: Hold,
    /// When the frame must be complete; none between frames.
    deadline: Option<Instant>,
}

impl FrameReader {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { memory, buffer: BytesMut::new(), hold: Hold::default(), deadline: None }
    }

    /// The next frame, or none when the client has closed the connection between two.
    ///
    /// # Cancel safety
    /// Nothing received is lost when dropped.
    pub(crate) async fn next(&mut self, io: &mut (impl AsyncRead + Unpin)) -> Result<Option<Frame>, FrameError> {
        loop {
            let frame_bytes = self.frame_bytes()?;
            if let Some(total) = frame_bytes.filter(|total| self.buffer.len() >= *total) {
                self.memory.grow(&mut self.hold, total).await;
                return Ok(Some(self.split(total)));
            }
            let growth = match frame_bytes {
                None => CONNECTION_BYTES_FREE,
                // Doubles, so that a frame is copied twice at most as it grows.
                Some(total) => total
                    .saturating_sub(self.buffer.len())
                    .min(self.buffer.len().clamp(FRAME_GROWTH_BYTES_MIN, FRAME_GROWTH_BYTES_MAX)),
            };
            if self.receive(io, growth).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
    }

    /// Bytes of the frame at the front with its length, once that is known.
    fn frame_bytes(&self) -> Result<Option<usize>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        let total = usize::try_from(length).ok().filter(|length| *length <= FRAME_BYTES_MAX);
        Ok(Some(total.ok_or(FrameError::Length(length))?.saturating_add(LENGTH_BYTES)))
    }

    fn split(&mut self, total: usize) -> Frame {
        self.deadline = None;
        let mut bytes = self.buffer.split_to(total).freeze();
        Frame { bytes: bytes.split_off(LENGTH_BYTES), hold: self.hold.split(total) }
    }

    async fn receive(&mut self, io: &mut (impl AsyncRead + Unpin), growth: usize) -> Result<usize, FrameError> {
        let now = Instant::now();
        let until = if self.buffer.is_empty() {
            now + IDLE_MAX
        } else {
            let deadline = *self.deadline.get_or_insert(now + FRAME_DURATION_MAX);
            deadline.min(now + FRAME_SILENCE_MAX)
        };
        let wanted = self.buffer.len().saturating_add(growth);
        if wanted > CONNECTION_BYTES_FREE {
            let grown = timeout_at(until, self.memory.grow(&mut self.hold, wanted)).await;
            grown.map_err(|_| FrameError::Silent)?;
        }
        self.buffer.reserve(growth);
        let mut space = (&mut self.buffer).limit(growth);
        let received = timeout_at(until, io.read_buf(&mut space)).await;
        Ok(received.map_err(|_| FrameError::Silent)??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> FrameReader {
        FrameReader::new(Memory::new(64 << 20))
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[tokio::test]
    async fn frames_come_out_one_by_one_however_they_arrive() {
        let bodies = [vec![1; 10], Vec::new(), vec![2; 100_000], vec![3; 5_000_000]];
        let sent = bodies.iter().flat_map(|body| framed(body)).collect::<Vec<u8>>();
        for capacity in [1 << 20, 7_001] {
            let (mut client, mut server) = tokio::io::duplex(capacity);
            let mut reader = reader();
            let receive = async {
                for body in &bodies {
                    assert_eq!(reader.next(&mut server).await.unwrap().unwrap().bytes, body[..]);
                }
                assert!(reader.next(&mut server).await.unwrap().is_none());
            };
            let send = async {
                tokio::io::AsyncWriteExt::write_all(&mut client, &sent).await.unwrap();
                drop(client);
            };
            tokio::join!(receive, send);
            assert_eq!(reader.memory.used_bytes(), 0);
        }
    }

    #[tokio::test]
    async fn two_gibibytes_announced_end_the_connection_at_once() {
        for length in [i32::MAX, -1, i32::try_from(FRAME_BYTES_MAX).unwrap() + 1] {
            let refused = reader().next(&mut &length.to_be_bytes()[..]).await;
            assert!(matches!(refused, Err(FrameError::Length(found)) if found == length));
        }
    }

    #[tokio::test]
    async fn a_half_sent_frame_holds_what_was_sent_and_not_what_was_announced() {
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        let mut reader = reader();
        let mut sent = 60_000_000_u32.to_be_bytes().to_vec();
        sent.resize(50_000, 1);
        tokio::io::AsyncWriteExt::write_all(&mut client, &sent).await.unwrap();
        let half = std::future::poll_fn(|cx| {
            let next = std::pin::pin!(reader.next(&mut server));
            std::task::Poll::Ready(next.poll(cx).is_pending())
        });
        assert!(half.await);
        assert!(reader.buffer.capacity() < 200_000 && reader.memory.used_bytes() < 200_000);
        drop(client);
        assert!(matches!(reader.next(&mut server).await, Err(FrameError::Truncated)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_sent_frame_is_given_up_after_a_while() {
        let (mut client, mut server) = tokio::io::duplex(1 << 10);
        tokio::io::AsyncWriteExt::write_all(&mut client, &[0, 0]).await.unwrap();
        assert!(matches!(reader().next(&mut server).await, Err(FrameError::Silent)));
    }
}
