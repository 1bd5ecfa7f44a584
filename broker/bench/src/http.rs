//! As much of HTTP/1.1 as the control port and the metrics need: one request on a connection of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// Longest time for one request; both sides are this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request and answers the body of a 200.
///
/// # Errors
/// When the server does not answer, or not with 200.
pub fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let answer = exchange(address, method, path, body).with_context(|| format!("{method} http://{address}{path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(status.starts_with('2'), "{method} http://{address}{path} answers {status}: {body}");
    let chunked = head.lines().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    if chunked { joined(body) } else { Ok(body.to_owned()) }
}

fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8(answer)?)
}

/// The body without chunked coding.
fn joined(mut rest: &str) -> Result<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").context("no chunk size")?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        if size == 0 {
            return Ok(body);
        }
        body.push_str(after.get(..size).context("chunk ends early")?);
        rest = after.get(size..).and_then(|rest| rest.strip_prefix("\r\n")).context("chunk without end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        assert_eq!(joined("3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n").unwrap(), "abcde");
        assert!(joined("5\r\nabc\r\n0\r\n\r\n").is_err());
    }
}
