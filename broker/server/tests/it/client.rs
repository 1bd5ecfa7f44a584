//! A client that says exactly what it is told to.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use broker_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use broker_wire::{Request, Response, Str, frame};
use bytes::Bytes;

/// Longer than any answer of a healthy broker takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Sends bytes as they are; the broker may have hung up already.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends bytes as one frame.
    pub(crate) fn send_frame(&mut self, body: &[u8]) {
        self.send(&[&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat());
    }

    /// The next frame, without its length; none when the broker has ended the connection.
    pub(crate) fn receive(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("neither an answer nor an end")
            }
            Err(_) => return None,
        }
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut body).unwrap();
        Some(Bytes::from(body))
    }

    pub(crate) fn send_request(&mut self, correlation_id: i32, request: &Request, version: i16) {
        let client_id = Str::from_static("test");
        self.send(&frame::encode_request(correlation_id, Some(&client_id), request, version).unwrap().to_bytes());
    }

    pub(crate) fn call(&mut self, request: &Request, version: i16) -> Response {
        self.send_request(7, request, version);
        let (correlation_id, response) =
            frame::decode_response(request.api(), version, self.receive().unwrap()).unwrap();
        assert_eq!(correlation_id, 7);
        response
    }

    pub(crate) fn supported(&mut self) -> ApiVersionsResponse {
        match self.call(&Request::ApiVersions(ApiVersionsRequest::default()), 3) {
            Response::ApiVersions(response) => response,
            other => panic!("{other:?}"),
        }
    }
}
