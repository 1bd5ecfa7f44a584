//! A client that says exactly what it is told to.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use broker_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use broker_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use broker_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use broker_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic};
use broker_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use broker_wire::{ErrorCode, Records, Request, Response, Str, frame};
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

/// One that is answered when the records are durable.
pub(crate) fn produce_request(topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData { index: partition, records: Some(Records::from(records)) };
    let data = TopicProduceData { name: Str::from(topic), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![data], ..Default::default() }
}

/// What a client does with topics, in the versions that a current one would use.
impl Client {
    pub(crate) fn metadata(&mut self, topics: Option<Vec<&str>>) -> MetadataResponse {
        let topic = |name| MetadataRequestTopic { name: Some(Str::from(name)), ..Default::default() };
        let topics = topics.map(|names| names.into_iter().map(topic).collect());
        let request = MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() };
        match self.call(&Request::Metadata(request), 12) {
            Response::Metadata(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Has a topic created by asking for it, and waits until it has leaders.
    pub(crate) fn topic(&mut self, name: &str) -> MetadataResponseTopic {
        for _ in 0..300 {
            let topic = self.metadata(Some(vec![name])).topics.remove(0);
            let led = topic.partitions.iter().all(|partition| partition.error_code == ErrorCode::None);
            if topic.error_code == ErrorCode::None && led {
                return topic;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} has no leader");
    }

    pub(crate) fn produce(&mut self, topic: &str, records: Bytes) -> PartitionProduceResponse {
        for _ in 0..300 {
            let request = Request::Produce(produce_request(topic, 0, records.clone()));
            let Response::Produce(mut response) = self.call(&request, 12) else { panic!() };
            let answer = response.responses.remove(0).partition_responses.remove(0);
            if answer.error_code != ErrorCode::NotLeaderOrFollower {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody leads {topic}");
    }

    pub(crate) fn fetch(&mut self, topic: &str, offset: i64, max_wait_ms: i32) -> PartitionData {
        let partition =
            FetchPartition { partition: 0, fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
        let topic = FetchTopic { topic: Str::from(topic), partitions: vec![partition], ..Default::default() };
        let request = FetchRequest { max_wait_ms, min_bytes: 1, topics: vec![topic], ..Default::default() };
        let Response::Fetch(mut response) = self.call(&Request::Fetch(request), 12) else { panic!() };
        assert_eq!((response.error_code, response.session_id), (ErrorCode::None, 0));
        response.responses.remove(0).partitions.remove(0)
    }

    pub(crate) fn fetch_in_session(
        &mut self,
        session_id: i32,
        session_epoch: i32,
        topic: &str,
        partitions: &[FetchPartition],
    ) -> FetchResponse {
        let topic = FetchTopic { topic: Str::from(topic), partitions: partitions.to_vec(), ..Default::default() };
        let topics = if partitions.is_empty() { Vec::new() } else { vec![topic] };
        let request =
            FetchRequest { max_wait_ms: 200, min_bytes: 1, session_id, session_epoch, topics, ..Default::default() };
        match self.call(&Request::Fetch(request), 12) {
            Response::Fetch(response) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn list_offset(&mut self, topic: &str, timestamp: i64) -> ListOffsetsPartitionResponse {
        let partition = ListOffsetsPartition { timestamp, ..Default::default() };
        let topic = ListOffsetsTopic { name: Str::from(topic), partitions: vec![partition] };
        let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
        let Response::ListOffsets(mut response) = self.call(&Request::ListOffsets(request), 7) else { panic!() };
        response.topics.remove(0).partitions.remove(0)
    }
}
