//! What the S3 store sends, and how it takes answers: a small server plays S3.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_store::{
    AccessKeys, Credentials, Failure, Filled, Frozen, Incarnation, Key, Outcome, Patience, S3Config, SequenceName,
    Store,
};
use tokio::task::JoinSet;

/// One PUT as it arrived.
#[derive(Clone, Debug)]
struct Put {
    path: String,
    headers: HeaderMap,
}

#[derive(Default)]
struct World {
    objects: BTreeMap<String, Bytes>,
    puts: Vec<Put>,
    /// Answers to give before anything is done: status and S3 code.
    answers: Vec<(u16, &'static str)>,
}

type Shared = Arc<Mutex<World>>;

async fn serve(State(world): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    let mut world = world.lock().unwrap();
    if parts.method == "PUT" {
        world.puts.push(Put { path: path.clone(), headers: parts.headers.clone() });
    }
    if let Some((status, code)) = world.answers.pop() {
        let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
        let id = [("x-amz-request-id", "REQUEST1")];
        return (StatusCode::from_u16(status).unwrap(), id, text).into_response();
    }
    match parts.method.as_str() {
        "PUT" if world.objects.contains_key(&path) && parts.headers.contains_key("if-none-match") => {
            StatusCode::PRECONDITION_FAILED.into_response()
        }
        "PUT" => {
            world.objects.insert(path, body);
            ([("etag", "\"1\"")], "").into_response()
        }
        _ => match world.objects.get(&path) {
            Some(bytes) => {
                ([("etag", "\"1\""), ("last-modified", "Sat, 21 Nov 2026 08:00:00 GMT")], bytes.clone()).into_response()
            }
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
    }
}

struct Rig {
    world: Shared,
    store: Store,
    _server: JoinSet<()>,
}

async fn rig() -> Rig {
    let world = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(serve).with_state(Arc::clone(&world));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let keys =
        AccessKeys { id: "AKIDEXAMPLE".to_owned(), secret: "secret".to_owned(), token: Some("token".to_owned()) };
    let config = S3Config {
        bucket: "records".to_owned(),
        prefix: None,
        region: "eu-central-1".to_owned(),
        endpoint: Some(format!("http://{address}").parse().unwrap()),
        kms_key_id: Some("arn:aws:kms:eu-central-1:111122223333:key/k".to_owned()),
        actor: Some("AROAEXAMPLE:i-0abc".to_owned()),
        credentials: Credentials::Custom(Arc::new(move || {
            let keys = keys.clone();
            Box::pin(async move { Ok(keys) })
        })),
    };
    Rig { world, store: Store::s3(&config, "orders").unwrap(), _server: server }
}

impl Rig {
    fn puts(&self) -> Vec<Put> {
        self.world.lock().unwrap().puts.clone()
    }

    fn answer(&self, status: u16, code: &'static str) {
        self.world.lock().unwrap().answers.push((status, code));
    }
}

fn header<'a>(put: &'a Put, name: &str) -> &'a str {
    put.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_create_names_the_key_the_condition_the_checksum_and_the_actor() {
    let rig = rig().await;
    let content = Frozen::shared("entry".into());
    let filled = rig.store.sequence(SequenceName::MetaLog).fill(3, &content, Patience::forever()).await.unwrap();
    assert_eq!(filled, Filled::Mine);
    let put = &rig.puts()[0];
    assert_eq!(put.path, "/records/orders/meta/log/00000000000000000003");
    assert_eq!(header(put, "if-none-match"), "*");
    assert_eq!(header(put, "x-amz-server-side-encryption"), "aws:kms");
    assert_eq!(
        header(put, "x-amz-server-side-encryption-aws-kms-key-id"),
        "arn:aws:kms:eu-central-1:111122223333:key/k"
    );
    assert_eq!(header(put, "x-amz-server-side-encryption-bucket-key-enabled"), "true");
    assert_eq!(header(put, "x-amz-tagging"), "actor=AROAEXAMPLE%3Ai-0abc");
    assert_eq!(header(put, "x-amz-security-token"), "token");
    // CRC-32C of `entry`.
    assert_eq!(header(put, "x-amz-checksum-crc32c"), "pjaL3Q==");
    // Hashing every byte once more would cost more than all the rest: the checksum is signed instead.
    assert_eq!(header(put, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    let signed = header(put, "authorization");
    assert!(signed.contains("Credential=AKIDEXAMPLE/"), "{signed}");
    assert!(signed.contains("/eu-central-1/s3/aws4_request"), "{signed}");
    for name in [
        "host",
        "if-none-match",
        "x-amz-checksum-crc32c",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-tagging",
    ] {
        assert!(signed.contains(name), "{name} is not signed: {signed}");
    }
}

#[tokio::test]
async fn records_and_hints_carry_the_key_but_no_actor_and_hints_no_condition() {
    let rig = rig().await;
    let incarnation = Incarnation { broker: 1, epoch: 2 };
    let content = Frozen::shared("records".into());
    rig.store.sequence(SequenceName::Wal(incarnation)).fill(0, &content, Patience::forever()).await.unwrap();
    rig.store.put(&Key::Live { incarnation }, "{}".into()).await.unwrap();
    let puts = rig.puts();
    for put in &puts {
        assert_eq!(header(put, "x-amz-server-side-encryption"), "aws:kms");
        assert_eq!(header(put, "x-amz-tagging"), "");
    }
    assert_eq!(header(&puts[0], "if-none-match"), "*");
    assert_eq!(header(&puts[1], "if-none-match"), "");
}

#[tokio::test]
async fn answers_become_the_five_outcomes_and_nothing_is_retried_below() {
    let rig = rig().await;
    let sequence = rig.store.sequence(SequenceName::MetaLog);
    let content = Frozen::shared("entry".into());
    type Fits = fn(&Outcome) -> bool;
    let expected: [(u16, &str, Fits); 10] = [
        (409, "ConditionalRequestConflict", |o| matches!(o, Outcome::Conflict)),
        (412, "PreconditionFailed", |o| matches!(o, Outcome::Taken)),
        (403, "AccessDenied", |o| matches!(o, Outcome::Refused(e) if e.code.as_deref() == Some("AccessDenied"))),
        (404, "NoSuchBucket", |o| matches!(o, Outcome::Refused(e) if e.status == Some(404))),
        (400, "KMS.DisabledException", |o| matches!(o, Outcome::Refused(_))),
        (400, "ThrottlingException", |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Throttled)),
        (400, "KMS.ThrottlingException", |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Throttled)),
        (429, "TooManyRequestsException", |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Throttled)),
        (503, "SlowDown", |o| matches!(o, Outcome::Unknown(e) if e.failure == Failure::Throttled)),
        (500, "InternalError", |o| matches!(o, Outcome::Unknown(e) if e.request_id.as_deref() == Some("REQUEST1"))),
    ];
    for (n, (status, code, fits)) in expected.into_iter().enumerate() {
        rig.answer(status, code);
        let outcome = sequence.create(0, &content).await;
        assert!(fits(&outcome), "{status} {code}: {outcome:?}");
        assert_eq!(rig.puts().len(), n + 1, "one PUT per attempt");
    }
    assert!(matches!(sequence.create(0, &content).await, Outcome::Created));
    assert!(matches!(sequence.create(0, &content).await, Outcome::Taken));
    let counts = rig.store.counts();
    assert_eq!((counts.creates, counts.conflicts, counts.throttled, counts.unknown), (12, 1, 4, 1));
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_a_refusal_and_a_key_that_is_gone_is_none() {
    let rig = rig().await;
    assert_eq!(rig.store.get(&Key::MetaMarker).await.unwrap(), None);
    rig.answer(404, "NoSuchBucket");
    let error = rig.store.get(&Key::MetaMarker).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_deref()), (Failure::Refused, Some("NoSuchBucket")));
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_unreachable_and_nothing_was_written() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = S3Config {
        bucket: "records".to_owned(),
        prefix: None,
        region: "eu-central-1".to_owned(),
        endpoint: Some(format!("http://{closed}").parse().unwrap()),
        kms_key_id: None,
        actor: None,
        credentials: Credentials::Custom(Arc::new(|| {
            Box::pin(async { Ok(AccessKeys { id: "a".to_owned(), secret: "b".to_owned(), token: None }) })
        })),
    };
    let store = Store::s3(&config, "orders").unwrap();
    let outcome = store.create(&Key::MetaMarker, &Frozen::shared("x".into())).await;
    assert!(matches!(&outcome, Outcome::Refused(e) if e.failure == Failure::Unreachable), "{outcome:?}");
}

#[test]
fn keys_are_never_printed() {
    let keys = AccessKeys { id: "AKID".to_owned(), secret: "hunter2".to_owned(), token: None };
    assert!(!format!("{keys:?}").contains("hunter2"));
}
