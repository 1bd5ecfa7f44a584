//! As much HTTP as the host needs: ask once and read the whole answer; read a request without a body and answer it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

use super::limits;

/// A request; header names in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    /// A request without headers and body.
    pub(super) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// The request with one more header.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The value of a header, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sends the request on `stream` and reads the answer to its end. HTTP/1.0 keeps the answer free of chunks.
    pub(super) fn send(&self, mut stream: TcpStream) -> Result<Response> {
        stream.set_read_timeout(Some(limits::HTTP_TIMEOUT))?;
        stream.set_write_timeout(Some(limits::HTTP_TIMEOUT))?;
        let peer = stream.peer_addr()?;
        let mut text = format!("{} {} HTTP/1.0\r\nhost: {peer}\r\n", self.method, self.path);
        self.headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        text.push_str(&format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body));
        stream.write_all(text.as_bytes())?;
        let mut bytes = Vec::new();
        stream.take(limits::HTTP_BODY_BYTES_MAX).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").context("an answer without a head")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Response { status: status.context("an answer without a status")?, body: body.to_owned() })
    }

    /// Reads a request's head; a body, if any, is not read.
    pub(super) fn read(stream: &TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(limits::HTTP_TIMEOUT))?;
        let bound = u64::try_from(limits::HTTP_HEAD_BYTES_MAX)?;
        Self::parse(BufReader::new(stream.take(bound)))
    }

    fn parse(reader: impl BufRead) -> Result<Self> {
        let mut lines = reader.lines();
        let first = lines.next().context("an empty request")??;
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { bail!("no request line in {first:?}") };
        let mut request = Self::new(method, path);
        for line in lines {
            let line = line?;
            if line.is_empty() {
                return Ok(request);
            }
            let (name, value) = line.split_once(':').with_context(|| format!("no header in {line:?}"))?;
            request = request.with(name.trim(), value.trim());
        }
        bail!("a request that ends inside its head")
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Response {
    /// An answer made of status and body.
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }

    /// Sends it; the connection closes with it.
    pub(super) fn write(&self, mut stream: &TcpStream) -> Result<()> {
        let Self { status, body } = self;
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(text.as_bytes()).context("the answer cannot be sent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_header_names_in_lower_case() {
        let bytes = "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-Ttl: 60\r\n\r\n".as_bytes();
        let request = Request::parse(bytes).expect("well formed");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/latest/api/token"));
        assert_eq!(request.header("x-ttl"), Some("60"));
    }

    #[test]
    fn a_request_cut_short_is_refused() {
        for bytes in ["", "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
            assert!(Request::parse(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }
}
