//! As much of HTTP/1.1 as a test needs: messages read from and written to a stream, and a client on top.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest head or chunk line; anything longer is not ours.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Largest body kept in memory: a package of the dev profile is below it.
const BODY_BYTES_MAX: usize = 512 << 20;

/// A request or a response: first line, headers in order, whole body.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Request line or status line, without its line end.
    pub start: String,
    /// Header names as they came, and their values.
    pub headers: Vec<(String, String)>,
    /// The body with transfer coding removed.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads one message; `None` when the peer closed the connection before one began.
    ///
    /// # Errors
    /// When the stream fails, ends inside a message, or is not HTTP/1.1.
    pub fn read(stream: &mut impl BufRead) -> Result<Option<Self>> {
        let Some(start) = line(stream)? else { return Ok(None) };
        let mut message = Self { start, ..Self::default() };
        loop {
            let header = line(stream)?.context("connection closed inside the head")?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').with_context(|| format!("not a header: {header}"))?;
            message.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        if message.status() == Some(100) {
            return Self::read(stream);
        }
        Ok(Some(message))
    }

    /// Reads the body that belongs to this head; `to_end` is what a response without a length means.
    ///
    /// # Errors
    /// When the stream ends early or the body is larger than a test's may be.
    pub fn read_body(&mut self, stream: &mut impl BufRead, to_end: bool) -> Result<()> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
            return self.read_chunks(stream);
        }
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().context("content-length")?;
            anyhow::ensure!(length <= BODY_BYTES_MAX, "body of {length} bytes");
            self.body = vec![0; length];
            stream.read_exact(&mut self.body).context("body ends early")?;
        } else if to_end {
            stream.read_to_end(&mut self.body)?;
        }
        Ok(())
    }

    fn read_chunks(&mut self, stream: &mut impl BufRead) -> Result<()> {
        loop {
            let size = line(stream)?.context("connection closed inside a chunked body")?;
            let digits = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).with_context(|| format!("chunk size {size}"))?;
            anyhow::ensure!(self.body.len().saturating_add(size) <= BODY_BYTES_MAX, "body too large");
            let mut chunk = vec![0; size];
            stream.read_exact(&mut chunk).context("chunk ends early")?;
            self.body.extend(chunk);
            while !line(stream)?.context("connection closed after a chunk")?.is_empty() {}
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// The value of a header, by name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The status code, if this is a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Writes head and body, with the length the body has.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn write(&self, stream: &mut impl Write) -> Result<()> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("content-length") {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        Ok(stream.flush()?)
    }
}

fn line(stream: &mut impl BufRead) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        bail!("line too long or connection closed inside it");
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8(bytes).context("head is not text")?))
}

/// Sends one request to `address` (`host:port`) on a connection of its own and reads the whole answer.
///
/// # Errors
/// When the peer cannot be reached, is silent for `limit`, or does not answer in HTTP.
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    limit: Duration,
) -> Result<Message> {
    let target = format!("{method} http://{address}{path}");
    let stream = TcpStream::connect(address).with_context(|| target.clone())?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut request = Message { start: format!("{method} {path} HTTP/1.1"), ..Message::default() };
    request.headers.push(("host".to_owned(), address.to_owned()));
    request.headers.push(("connection".to_owned(), "close".to_owned()));
    request.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    request.body = body.to_vec();
    request.write(&mut &stream).with_context(|| target.clone())?;
    let mut reader = BufReader::new(&stream);
    let mut answer = Message::read(&mut reader)?.with_context(|| format!("{target}: closed without an answer"))?;
    if method != "HEAD" {
        answer.read_body(&mut reader, true).with_context(|| target)?;
    }
    Ok(answer)
}

/// GET with no headers of its own.
///
/// # Errors
/// As [`send`].
pub fn get(address: &str, path: &str) -> Result<Message> {
    send(address, "GET", path, &[], &[], Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_put_together() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n";
        let mut message = Message::read(&mut bytes).unwrap().unwrap();
        message.read_body(&mut bytes, true).unwrap();
        assert_eq!((message.status(), message.text().as_str()), (Some(200), "abcde"));
    }

    #[test]
    fn an_interim_answer_is_skipped() {
        let mut bytes: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(Message::read(&mut bytes).unwrap().unwrap().status(), Some(204));
    }
}
