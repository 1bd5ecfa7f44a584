//! Bytes no client would send: the connection closes, the broker lives, its memory stays.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::program::{Broker, Store};
use crate::clock::Stopwatch;
use crate::suite::Outcome;
use crate::world::World;

/// Memory all attacks together may cost: allocator noise, not what the bytes claim.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

/// How long a broker may take to close on bytes it cannot accept.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);

/// Connections of random bytes.
const RANDOM: u64 = 200;

pub(super) fn case(world: &World) -> Result<Outcome> {
    let folder = world.folder("hostile")?;
    let mut broker = Broker::start(world, &folder, "one", &Store::Memory, &[])?;
    greet(&broker.address)?;
    let before = broker.resident_bytes()?;
    let metadata_of_two_billion_topics = frame(&[0, 3, 0, 1, 0, 0, 0, 9, 0, 1, b'x', 0x7f, 0xff, 0xff, 0xff]);
    let produce_of_two_billion_topics =
        frame(&[0, 0, 0, 3, 0, 0, 0, 9, 0, 1, b'x', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0x7f, 0xff, 0xff, 0xff]);
    expect_closed(&broker.address, "an array of 2^31-1 elements in Metadata", &metadata_of_two_billion_topics)?;
    expect_closed(&broker.address, "an array of 2^31-1 elements in Produce", &produce_of_two_billion_topics)?;
    expect_closed(&broker.address, "a frame of 2 GiB", &[0x7f, 0xff, 0xff, 0xff, 0, 18, 0, 0])?;
    expect_closed(&broker.address, "a frame of negative length", &[0xff, 0xff, 0xff, 0xff, 0, 18, 0, 0])?;
    half_a_frame(&broker.address)?;
    for seed in 0..RANDOM {
        random_bytes(&broker.address, seed)?;
    }
    broker.process.expect_running()?;
    greet(&broker.address)?;
    let grown = broker.resident_bytes()?.saturating_sub(before);
    ensure!(grown <= GROWTH_BYTES_MAX, "resident memory grew by {grown} bytes");
    Ok(Outcome::Passed)
}

/// A length in front of the bytes.
fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [length.to_be_bytes().as_slice(), bytes].concat()
}

/// An honest ApiVersions request must be answered.
fn greet(address: &str) -> Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(&frame(&[0, 18, 0, 0, 0, 0, 0, 7, 0, 1, b'x']))?;
    let mut head = [0; 8];
    stream.read_exact(&mut head).context("ApiVersions was not answered")?;
    ensure!(head.get(4..) == Some(&[0, 0, 0, 7]), "another correlation id: {head:?}");
    Ok(())
}

/// Sends bytes and waits for the broker to close; an answer before that is fine.
fn expect_closed(address: &str, what: &str, bytes: &[u8]) -> Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(bytes)?;
    let watch = Stopwatch::start();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => anyhow::bail!("after {what} the connection stays open ({error})"),
        }
        ensure!(watch.elapsed() < CLOSE_LIMIT, "after {what} the broker keeps answering");
    }
}

/// Half a frame, then the client leaves.
fn half_a_frame(address: &str) -> Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(&[0, 0, 0, 100, 0, 18, 0])?;
    drop(stream);
    greet(address)
}

/// Bytes of a generator everybody can rerun; the broker may close or ignore, both are fine.
fn random_bytes(address: &str, seed: u64) -> Result<()> {
    let mut stream = connect(address)?;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(512);
    for _ in 0..64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_be_bytes());
    }
    // The broker may have closed already: a failing write is an answer too.
    let _closed = stream.write_all(&bytes);
    Ok(())
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("the broker at {address} takes no connection"))?;
    stream.set_read_timeout(Some(CLOSE_LIMIT))?;
    stream.set_write_timeout(Some(CLOSE_LIMIT))?;
    Ok(stream)
}
