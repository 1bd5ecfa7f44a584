//! How fast a double is: PUTs (or GETs) of one size over some connections, and what they cost the double's process.
//!
//! `cargo run --release -p broker-s3double --example rate -- ADDRESS PID CONNECTIONS BYTES COUNT [get] [crc32c]`
//!
//! The client is a bare socket that sends the same bytes again and again, so that the machine's time goes to the double.
#![expect(clippy::indexing_slicing, reason = "a tool for measuring; that it ends with a panic harms nobody")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

/// Clock ticks of a second in `/proc/PID/stat`; the same on every Linux that we build for.
const TICKS_PER_S: f64 = 100.0;

struct Load {
    address: String,
    pid: u32,
    connections: usize,
    bytes: usize,
    count: usize,
    gets: bool,
    checksum: bool,
}

fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [address, pid, connections, bytes, count, flags @ ..] = &given[..] else {
        bail!("arguments: ADDRESS PID CONNECTIONS BYTES COUNT [get] [crc32c]");
    };
    let load = Load {
        address: address.clone(),
        pid: pid.parse()?,
        connections: connections.parse()?,
        bytes: bytes.parse()?,
        count: count.parse()?,
        gets: flags.iter().any(|flag| flag == "get"),
        checksum: flags.iter().any(|flag| flag == "crc32c"),
    };
    let (began, cpu) = (Instant::now(), cpu_s(load.pid)?);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..load.connections)
            .map(|n| {
                scope.spawn({
                    let load = &load;
                    move || client(load, n)
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| anyhow::anyhow!("a client failed"))?)
    })?;
    report(&load, began.elapsed(), cpu_s(load.pid)? - cpu)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(load: &Load, took: Duration, cpu: f64) -> anyhow::Result<()> {
    let mib = (load.bytes * load.count * load.connections) as f64 / f64::from(1 << 20);
    let requests = (load.count * load.connections) as f64;
    let verb = if load.gets { "GET" } else { "PUT" };
    writeln!(
        std::io::stdout(),
        "{verb} of {} bytes, {} connections: {:.0} MiB/s, {:.0} requests/s; the double took {cpu:.2} s of one core, \
         that is {:.0} MiB and {:.0} requests per core-second",
        load.bytes,
        load.connections,
        mib / took.as_secs_f64(),
        requests / took.as_secs_f64(),
        mib / cpu,
        requests / cpu,
    )?;
    Ok(())
}

fn client(load: &Load, number: usize) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(&load.address)?;
    stream.set_nodelay(true)?;
    let body = vec![0x5A; if load.gets { 0 } else { load.bytes }];
    let checksum =
        if load.checksum { format!("x-amz-checksum-crc32c: {}\r\n", base64(crc32c(&body))) } else { String::new() };
    let mut answer = vec![0; 256 << 10];
    for n in 0..load.count {
        let key = format!("rate/{}/{number}/{n}", load.bytes);
        if load.gets {
            write!(stream, "GET /data/{key} HTTP/1.1\r\nhost: x\r\n\r\n")?;
        } else {
            let condition = "if-none-match: *\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";
            let length = body.len();
            write!(
                stream,
                "PUT /data/{key} HTTP/1.1\r\nhost: x\r\n{condition}{checksum}content-length: {length}\r\n\r\n"
            )?;
            stream.write_all(&body)?;
        }
        read_answer(&mut stream, &mut answer)?;
    }
    Ok(())
}

fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    let end = loop {
        let n = stream.read(&mut buffer[filled..])?;
        if n == 0 {
            bail!("the double closed the connection");
        }
        filled += n;
        if let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
    if !head.starts_with("http/1.1 200") {
        bail!("{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap_or("0");
    let mut left = length.trim().parse::<usize>()?.saturating_sub(filled - end);
    while left > 0 {
        let most = left.min(buffer.len());
        left -= stream.read(&mut buffer[..most])?;
    }
    Ok(())
}

/// Seconds of processor time that a process has taken.
fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / TICKS_PER_S)
}

fn crc32c(bytes: &[u8]) -> [u8; 4] {
    use s3s::crypto::Checksum as _;
    let mut crc = s3s::crypto::Crc32c::new();
    crc.update(bytes);
    crc.finalize()
}

fn base64(bytes: [u8; 4]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let n = u64::from(u32::from_be_bytes(bytes)) << 4;
    let digits = (0..6).map(|at| char::from(DIGITS[usize::try_from(n >> (30 - 6 * at)).unwrap_or_default() & 63]));
    digits.chain("==".chars()).collect()
}
