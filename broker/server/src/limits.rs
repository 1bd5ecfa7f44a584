//! The bounds of the process, each with its unit and reason.

use std::time::Duration;

/// Bytes of one request frame; Kafka's `socket.request.max.bytes`.
pub const FRAME_BYTES_MAX: usize = 100 << 20;

/// Bytes that a connection may hold before it counts against [`REQUEST_BYTES_MAX`]: what an idle one costs.
pub const CONNECTION_BYTES_FREE: usize = 4 << 10;

/// Bytes by which a frame's buffer grows at least, where the frame is that long: a system call each.
pub const FRAME_GROWTH_BYTES_MIN: usize = 32 << 10;

/// Bytes by which a frame's buffer grows at most at once, so that memory follows what was sent and not what was
/// announced.
pub const FRAME_GROWTH_BYTES_MAX: usize = 1 << 20;

/// Bytes of all requests that are being received or handled; readers wait when it is used up.
pub const REQUEST_BYTES_MAX: usize = 256 << 20;

/// Bytes of the structures of all requests that are being handled. A pool of its own: a request that waits for it holds a
/// frame, and those that hold it never wait for one.
pub const DECODED_BYTES_ALL_MAX: usize = 128 << 20;

/// Bytes of structures that a byte of a frame can become at most; reserved before it is decoded.
pub const DECODED_BYTES_PER_BYTE: usize = 64;

/// The same of a frame with records: a topic of one partition with one small record is about 80 bytes of it and becomes 150.
pub const DECODED_BYTES_PER_RECORDS_BYTE: usize = 4;

/// The same of any frame, however short.
pub const DECODED_BYTES_FREE: usize = 8 << 10;

/// Bytes from which on a response without records counts against [`RESPONSE_BYTES_MAX`] as well.
pub const RESPONSE_BYTES_FREE: usize = 16 << 10;

/// Bytes of a partition in a response that describes it: what is reserved before it is built.
pub const PARTITION_RESPONSE_BYTES: usize = 160;

/// Bytes that all fetch sessions remember together; without room a client names its partitions every time.
pub const SESSION_BYTES_MAX: usize = 32 << 20;

/// Bytes of one partition in a session, without its name.
pub const SESSION_PARTITION_BYTES: usize = 512;

/// Bytes of records in all responses that are being written: what clients that read slowly can pin. Beyond it a fetch
/// brings nothing, and the client asks again.
pub const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// What a client is asked to wait when its fetch had to bring nothing.
pub const OVERLOAD_PAUSE: Duration = Duration::from_millis(200);

/// Connections at once, unless fewer are configured; each costs a descriptor and some KiB. Further ones are closed as they
/// come.
pub const CONNECTIONS_MAX: usize = 8_000;

/// Requests of one connection that are handled at once; clients have five, librdkafka up to a hundred.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// How long a connection may be silent between requests; Kafka's `connections.max.idle.ms`.
pub const IDLE_MAX: Duration = Duration::from_secs(600);

/// How long a half-sent frame may make no progress.
pub const FRAME_SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one frame may take: 100 MiB at 1 MiB/s with some slack.
pub const FRAME_DURATION_MAX: Duration = Duration::from_secs(180);

/// How long a client may leave a response unread.
pub const WRITE_SILENCE_MAX: Duration = Duration::from_secs(60);

/// After how much silence TCP asks whether the other side is still there; NAT gateways forget after 350 s.
pub const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Bytes of one frame between brokers: an entry of the metadata log as text, with room.
pub const PEER_FRAME_BYTES_MAX: usize = 4 << 20;

/// Connections beyond [`CONNECTIONS_MAX`] that only other brokers get.
pub const PEER_CONNECTIONS_MAX: usize = 256;

/// How long whoever has one of those may take to prove that it is another broker.
pub const PEER_PROOF_MAX: Duration = Duration::from_secs(2);

/// Connections to one other broker that are kept while nobody uses them.
pub const PEER_CONNECTIONS_IDLE_MAX: usize = 24;

/// Other brokers to which connections are kept.
pub const PEERS_KNOWN_MAX: usize = 1_000;

/// How long making the members' key may take.
pub const PEER_KEY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Bytes of one fetch response, whatever the client asks for.
pub const FETCH_BYTES_MAX: i32 = 32 << 20;

/// How long a fetch may wait for records, whatever the client asks for.
pub const FETCH_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long open requests may take to finish when the process stops.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);

/// PUT requests per second that small objects of the write-ahead log may cost where the configuration does not say: about
/// $259 a month.
pub const PUT_BUDGET_PER_SECOND: u32 = 20;
