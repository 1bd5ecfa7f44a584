//! A plain connection to one broker, for what librdkafka hides: who answers, and when.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use broker_record::BatchBuilder;
use broker_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use broker_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use broker_wire::{ApiKey, ErrorCode, Request, Response, frame};
use bytes::Bytes;

use crate::clock;

/// Leader by partition; -1 where there is none.
pub type Layout = BTreeMap<i32, i32>;

/// How long a broker may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

const METADATA_VERSION: i16 = 12;
const PRODUCE_VERSION: i16 = 9;

/// Answers are far smaller.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    next: i32,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, next: 0 })
    }

    /// Another handle of the same connection, to read while this one writes.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn reader(&self) -> Result<Self> {
        Ok(Self { stream: self.stream.try_clone()?, next: 0 })
    }

    /// Sends a request and answers its correlation id.
    ///
    /// # Errors
    /// When the connection is gone, or its buffers are full for 30 s.
    pub fn send(&mut self, request: &Request, version: i16) -> Result<i32> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let bytes = frame::encode_request(id, None, request, version)?.to_bytes();
        self.stream.write_all(&bytes)?;
        Ok(id)
    }

    /// Receives the next answer.
    ///
    /// # Errors
    /// When the connection ends or is silent for 30 s.
    pub fn receive(&mut self, api: ApiKey, version: i16) -> Result<(i32, Response)> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(frame::decode_response(api, version, Bytes::from(body))?)
    }

    /// The leaders of a topic's partitions.
    ///
    /// # Errors
    /// When the broker does not answer, or does not know the topic.
    pub fn leaders(&mut self, topic: &str) -> Result<Layout> {
        let name = MetadataRequestTopic { name: Some(topic.into()), ..MetadataRequestTopic::default() };
        let answer = self.metadata(Some(vec![name]))?;
        let topic = answer.topics.first().context("no topic in the answer")?;
        ensure!(topic.error_code == ErrorCode::None, "{:?}", topic.error_code);
        Ok(topic.partitions.iter().map(|one| (one.partition_index, one.leader_id)).collect())
    }

    /// Partitions of all topics, and how many of them have a leader.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn partitions(&mut self) -> Result<(usize, usize)> {
        let answer = self.metadata(None)?;
        let all = || answer.topics.iter().flat_map(|topic| &topic.partitions);
        Ok((all().count(), all().filter(|one| one.leader_id >= 0).count()))
    }

    fn metadata(
        &mut self,
        topics: Option<Vec<MetadataRequestTopic>>,
    ) -> Result<broker_wire::messages::metadata::MetadataResponse> {
        self.send(&Request::Metadata(MetadataRequest { topics, ..MetadataRequest::default() }), METADATA_VERSION)?;
        match self.receive(ApiKey::Metadata, METADATA_VERSION)? {
            (_, Response::Metadata(answer)) => Ok(answer),
            (_, other) => bail!("another answer: {other:?}"),
        }
    }

    /// Sends one record that is to be acknowledged when it is durable.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_record(&mut self, topic: &str, partition: i32, value: &[u8]) -> Result<i32> {
        let mut batch = BatchBuilder::new(clock::wall_ms());
        batch.push(None, Some(value));
        let data = PartitionProduceData { index: partition, records: Some(batch.build().bytes().clone().into()) };
        let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..TopicProduceData::default() };
        let request =
            ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..ProduceRequest::default() };
        self.send(&Request::Produce(request), PRODUCE_VERSION)
    }

    /// Receives the answer to [`Connection::send_record`]: its correlation id, and the offset or error.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_offset(&mut self) -> Result<(i32, Result<i64, ErrorCode>)> {
        let (id, answer) = self.receive(ApiKey::Produce, PRODUCE_VERSION)?;
        let Response::Produce(answer) = answer else { bail!("another answer: {answer:?}") };
        let partition = answer.responses.first().and_then(|topic| topic.partition_responses.first());
        let partition = partition.context("an answer without a partition")?;
        Ok((
            id,
            match partition.error_code {
                ErrorCode::None => Ok(partition.base_offset),
                error => Err(error),
            },
        ))
    }
}
