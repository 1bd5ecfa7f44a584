//! Kafka's requests: which are supported, how a frame becomes an answer. Each API has its file below; they are the only
//! place where protocol structures and the engine's types meet.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_producers;
mod describe_transactions;
mod end_txn;
mod errors;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod init_producer_id;
mod join_group;
mod leaders;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_fetch;
mod produce;
mod supported;
mod sync_group;
mod txn_offset_commit;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use broker_engine::{Engine, TopicRef};
use broker_wire::frame::{self, RequestStart};
use broker_wire::{ApiKey, DecodeError, EncodeError, Encoded, Request, Response, Str, Uuid};
use bytes::Bytes;
use thiserror::Error;

use crate::connection::Admission;
use crate::counters::Counters;
use crate::limits::{DECODED_BYTES_FREE, DECODED_BYTES_PER_BYTE, DECODED_BYTES_PER_RECORDS_BYTE, RESPONSE_BYTES_FREE};
use crate::memory::{Hold, Memory};
use crate::peers::{self, PEER_API, PeerKey, PeerRefused, PeerSession};
use crate::sessions::{SessionSlot, Sessions};
use broker_wire::limits::DECODED_BYTES_MAX;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) peer_key: PeerKey,
    pub(crate) memory: Memory,
    pub(crate) decoded: Memory,
    pub(crate) responses: Memory,
    pub(crate) sessions: Sessions,
    pub(crate) counters: Arc<Counters>,
}

/// Who is on the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// The order in which this connection's batches get their places.
    pub(crate) turn: broker_engine::Turn,
    pub(crate) session: Arc<SessionSlot>,
    /// What it has proved, if it is another broker.
    pub(crate) peer: PeerSession,
    /// Who may use the connection.
    pub(crate) admission: Admission,
}

/// One request's surroundings.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) client: Client,
    pub(crate) client_id: String,
    pub(crate) version: i16,
    /// Bytes of the frame that the request came in.
    pub(crate) frame_bytes: usize,
}

/// Why a request is answered by ending its connection, as Kafka does.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("API {0} is not supported")]
    Api(i16),
    #[error("version {version} of {api} is not supported")]
    Version { api: &'static str, version: i16 },
    #[error("header: {0}")]
    Header(#[source] DecodeError),
    #[error("{api} version {version}: {source}")]
    Decode { api: &'static str, version: i16, source: DecodeError },
    #[error("answer to {api} version {version}: {source}")]
    Encode { api: &'static str, version: i16, source: EncodeError },
    #[error("another broker's request: {0}")]
    Peer(#[from] PeerRefused),
    #[error("only other brokers have a place left")]
    Full,
    #[error("the metadata is too old to answer from")]
    Stale,
    #[error("records were not appended, and the client wants no answer")]
    Unacknowledged,
}

/// A response to be written, and the memory it counts for until then.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) encoded: Encoded,
    pub(crate) hold: Hold,
}

/// Answers the request in `frame`; none where the client wants no answer.
pub(crate) async fn handle(server: &Server, client: Client, frame: Bytes) -> Result<Option<Answer>, RequestError> {
    server.counters.requests.increment();
    server.counters.request_bytes.add(frame.len());
    let start = frame::start(&frame).map_err(RequestError::Header)?;
    let RequestStart { api_key, api_version: version, correlation_id } = start;
    if api_key == PEER_API {
        return answer_peer(server, client, correlation_id, frame).await.map(Some);
    }
    if client.admission == Admission::PeersOnly {
        return Err(RequestError::Full);
    }
    if server.engine.is_stale() {
        return Err(RequestError::Stale);
    }
    let api = ApiKey::from_code(api_key).filter(|api| supported::api(*api)).ok_or(RequestError::Api(api_key))?;
    let mut hold = Hold::default();
    let (response, version) = if supported::version(api, version) {
        let frame_bytes = frame.len();
        let mut structures = Hold::default();
        server.decoded.grow(&mut structures, decoded_bytes_max(api, frame_bytes)).await;
        let decoded = frame::decode_request(api, frame);
        let decoded = decoded.map_err(|source| RequestError::Decode { api: api.name(), version, source })?;
        if decoded.memory_bytes > structures.bytes() {
            let source = DecodeError::Memory;
            return Err(RequestError::Decode { api: api.name(), version, source });
        }
        structures.shrink(decoded.memory_bytes);
        let client_id = decoded.client_id.as_deref().unwrap_or_default().to_owned();
        let call = Call { server, client, client_id, version, frame_bytes };
        let Some(response) = dispatch(&call, decoded.body, &mut hold).await? else { return Ok(None) };
        (response, version)
    } else if api == ApiKey::ApiVersions {
        // A client may be newer than the broker and must learn from the answer what it can say.
        (Response::ApiVersions(api_versions::unsupported()), 0)
    } else {
        return Err(RequestError::Version { api: api.name(), version });
    };
    let encoded = frame::encode_response(correlation_id, &response, version);
    let encoded = encoded.map_err(|source| RequestError::Encode { api: api.name(), version, source })?;
    server.counters.response_bytes.add(encoded.len());
    if hold.bytes() == 0 && encoded.len() > RESPONSE_BYTES_FREE {
        server.responses.grow(&mut hold, encoded.len()).await;
    }
    Ok(Some(Answer { encoded, hold }))
}

/// What the structures of a request may take. Frames with records are long, and their structures few.
fn decoded_bytes_max(api: ApiKey, frame_bytes: usize) -> usize {
    let per_byte = if api == ApiKey::Produce { DECODED_BYTES_PER_RECORDS_BYTE } else { DECODED_BYTES_PER_BYTE };
    frame_bytes.saturating_mul(per_byte).saturating_add(DECODED_BYTES_FREE).min(DECODED_BYTES_MAX)
}

async fn answer_peer(
    server: &Server,
    client: Client,
    correlation_id: i32,
    frame: Bytes,
) -> Result<Answer, RequestError> {
    let body = frame::decode_private_request(&frame).map_err(RequestError::Header)?;
    let body = peers::answer(&server.engine, &server.peer_key, &client.peer, body).await?;
    let encoded = frame::encode_private_response(correlation_id, &body);
    let encoded = encoded.map_err(|source| RequestError::Encode { api: "Peer", version: 0, source })?;
    Ok(Answer { encoded, hold: Hold::default() })
}

async fn dispatch(call: &Call<'_>, request: Request, hold: &mut Hold) -> Result<Option<Response>, RequestError> {
    let response = match request {
        Request::Produce(request) => return Ok(produce::handle(call, request).await?.map(Response::Produce)),
        Request::ApiVersions(_) => Response::ApiVersions(api_versions::supported(call.version)),
        Request::Fetch(request) => Response::Fetch(fetch::handle(call, request, hold).await),
        Request::ListOffsets(request) => Response::ListOffsets(list_offsets::handle(call, request).await),
        Request::Metadata(request) => Response::Metadata(metadata::handle(call, request, hold).await),
        Request::FindCoordinator(request) => Response::FindCoordinator(find_coordinator::handle(call, request)),
        Request::JoinGroup(request) => Response::JoinGroup(join_group::handle(call, request).await),
        Request::SyncGroup(request) => Response::SyncGroup(sync_group::handle(call, request).await),
        Request::Heartbeat(request) => Response::Heartbeat(heartbeat::handle(call, request).await),
        Request::LeaveGroup(request) => Response::LeaveGroup(leave_group::handle(call, request).await),
        Request::OffsetCommit(request) => Response::OffsetCommit(offset_commit::handle(call, request).await),
        Request::OffsetFetch(request) => Response::OffsetFetch(offset_fetch::handle(call, request).await),
        Request::DescribeGroups(request) => Response::DescribeGroups(describe_groups::handle(call, request).await),
        Request::ListGroups(request) => Response::ListGroups(list_groups::handle(call, &request)),
        Request::DeleteGroups(request) => Response::DeleteGroups(delete_groups::handle(call, request).await),
        Request::CreateTopics(request) => Response::CreateTopics(create_topics::handle(call, request).await),
        Request::CreatePartitions(request) => {
            Response::CreatePartitions(create_partitions::handle(call, request).await)
        }
        Request::DeleteRecords(request) => Response::DeleteRecords(delete_records::handle(call, request).await),
        Request::DeleteTopics(request) => Response::DeleteTopics(delete_topics::handle(call, request).await),
        Request::InitProducerId(request) => Response::InitProducerId(init_producer_id::handle(call, request).await),
        Request::DescribeConfigs(request) => Response::DescribeConfigs(describe_configs::handle(call, request)),
        Request::DescribeCluster(request) => Response::DescribeCluster(describe_cluster::handle(call, &request)),
        Request::AddPartitionsToTxn(_)
        | Request::AddOffsetsToTxn(_)
        | Request::EndTxn(_)
        | Request::TxnOffsetCommit(_)
        | Request::DescribeTransactions(_)
        | Request::ListTransactions(_)
        | Request::DescribeProducers(_) => return transactions(call, request).await.map(Some),
        other => return Err(RequestError::Api(other.api().code())),
    };
    Ok(Some(response))
}

/// What is about transactions.
async fn transactions(call: &Call<'_>, request: Request) -> Result<Response, RequestError> {
    Ok(match request {
        Request::AddPartitionsToTxn(request) => {
            Response::AddPartitionsToTxn(add_partitions_to_txn::handle(call, request).await)
        }
        Request::AddOffsetsToTxn(request) => Response::AddOffsetsToTxn(add_offsets_to_txn::handle(call, request).await),
        Request::EndTxn(request) => Response::EndTxn(end_txn::handle(call, request).await),
        Request::TxnOffsetCommit(request) => Response::TxnOffsetCommit(txn_offset_commit::handle(call, request).await),
        Request::DescribeTransactions(request) => {
            Response::DescribeTransactions(describe_transactions::handle(call, request).await)
        }
        Request::ListTransactions(request) => Response::ListTransactions(list_transactions::handle(call, &request)),
        Request::DescribeProducers(request) => {
            Response::DescribeProducers(describe_producers::handle(call, request).await)
        }
        other => return Err(RequestError::Api(other.api().code())),
    })
}

impl Call<'_> {
    /// Who this is in the log of administration.
    pub(crate) fn actor(&self) -> String {
        format!("User:ANONYMOUS@{}", self.client.address)
    }
}

/// How a request names topics: older versions of an API by name, newer ones by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Name,
    Id,
}

impl Naming {
    fn of(version: i16, first_by_id: i16) -> Self {
        if version >= first_by_id { Self::Id } else { Self::Name }
    }

    fn topic(self, name: &Str, id: Uuid) -> TopicRef {
        match self {
            Self::Name => TopicRef::Name(name.to_string()),
            Self::Id => TopicRef::Id(id),
        }
    }
}

/// Each once, where it came first: what is named again and again is not answered again and again.
fn distinct<T, K: Ord>(mut asked: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = BTreeSet::new();
    asked.retain(|one| seen.insert(key(one)));
    asked
}

fn text(text: Option<Str>) -> Option<String> {
    text.map(|text| text.to_string())
}

#[cfg(test)]
mod tests {
    use broker_record::BatchBuilder;
    use broker_wire::Records;
    use broker_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

    use super::*;

    #[test]
    fn a_request_with_one_small_record_for_each_of_many_topics_is_decoded() {
        let mut builder = BatchBuilder::new(1);
        builder.push(None, Some(b"x"));
        let records = builder.build().bytes().clone();
        let topic = |number: u32| TopicProduceData {
            name: Str::from(format!("t{number}")),
            partition_data: vec![PartitionProduceData { index: 0, records: Some(Records::from(records.clone())) }],
            ..Default::default()
        };
        for version in [3, 9, 13] {
            let request =
                ProduceRequest { acks: -1, topic_data: (0..5_000).map(topic).collect(), ..Default::default() };
            let frame =
                frame::encode_request(1, None, &Request::Produce(request), version).unwrap().to_bytes().slice(4..);
            let allowed = decoded_bytes_max(ApiKey::Produce, frame.len());
            let decoded = frame::decode_request(ApiKey::Produce, frame).unwrap();
            assert!(decoded.memory_bytes <= allowed, "{} of {allowed} in version {version}", decoded.memory_bytes);
        }
    }
}
