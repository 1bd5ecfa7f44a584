//! What S3 answers, asked by hand.

use std::time::Duration;

use broker_s3double::{Double, Settings, Spread, Spreads};
use futures::future::join_all;
use tokio::time::Instant;

use crate::raw::{Answer, ask};

const ABSENT: &str = "if-none-match: *";

async fn double() -> Double {
    Double::start("127.0.0.1:0", "127.0.0.1:0", Settings::immediate("data")).await.unwrap()
}

async fn slow_double(put_ms: f64) -> Double {
    let settings = Settings::immediate("data");
    let spreads = Spreads { put_ms: Spread { p50_ms: put_ms, p99_ms: put_ms }, ..settings.spreads };
    Double::start("127.0.0.1:0", "127.0.0.1:0", Settings { spreads, ..settings }).await.unwrap()
}

async fn put(double: &Double, key: &str, headers: &[&str], body: &str) -> Answer {
    ask(double.address(), &format!("PUT /data/{key}"), headers, body.as_bytes()).await
}

async fn get(double: &Double, what: &str, headers: &[&str]) -> Answer {
    ask(double.address(), &format!("GET /data{what}"), headers, b"").await
}

#[tokio::test]
async fn of_many_conditional_puts_at_once_one_wins_and_the_others_conflict() {
    let double = slow_double(100.0).await;
    let answers = join_all((0..16).map(|n| {
        let double = &double;
        async move { put(double, "k", &[ABSENT], &format!("content {n}")).await.status }
    }))
    .await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(409)), (1, 15), "{answers:?}");
    let later = put(&double, "k", &[ABSENT], "later").await;
    assert_eq!((later.status, later.element("Code")), (412, Some("PreconditionFailed")));
}

#[tokio::test]
async fn an_answer_takes_as_long_as_it_was_told_to() {
    let double = slow_double(120.0).await;
    let started = Instant::now();
    assert_eq!(put(&double, "k", &[], "x").await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(119), "{:?}", started.elapsed());
}

#[tokio::test]
async fn ranges_heads_and_dates_are_answered() {
    let double = double().await;
    put(&double, "k", &["content-type: text/plain"], "0123456789").await;
    let middle = get(&double, "/k", &["range: bytes=2-4"]).await;
    assert_eq!((middle.status, middle.body.as_str()), (206, "234"));
    assert_eq!(middle.headers["content-range"], "bytes 2-4/10");
    let end = get(&double, "/k", &["range: bytes=-3"]).await;
    assert_eq!((end.status, end.body.as_str()), (206, "789"));
    let beyond = get(&double, "/k", &["range: bytes=10-12"]).await;
    assert_eq!((beyond.status, beyond.element("Code")), (416, Some("InvalidRange")));
    let head = ask(double.address(), "HEAD /data/k", &[], b"").await;
    assert_eq!((head.status, head.headers["content-length"].as_str()), (200, "10"));
    assert!(head.headers["last-modified"].ends_with("GMT") && head.headers["date"].ends_with("GMT"));
    assert_eq!(head.headers["content-type"], "text/plain");
    assert_eq!(get(&double, "/absent", &[]).await.element("Code"), Some("NoSuchKey"));
    let elsewhere = ask(double.address(), "GET /other-bucket/k", &[], b"").await;
    assert_eq!((elsewhere.status, elsewhere.element("Code")), (404, Some("NoSuchBucket")));
}

#[tokio::test]
async fn the_clock_may_be_wrong_on_purpose() {
    let settings = Settings { clock_ahead_s: -365 * 86_400, ..Settings::immediate("data") };
    let wrong = Double::start("127.0.0.1:0", "127.0.0.1:0", settings).await.unwrap();
    let right = double().await;
    let year = |answer: Answer| answer.headers["date"].split(' ').nth(3).unwrap().parse::<i32>().unwrap();
    let (wrong, right) = (put(&wrong, "k", &[], "x").await, put(&right, "k", &[], "x").await);
    assert_eq!(year(right) - year(wrong), 1);
}

#[tokio::test]
async fn checksums_are_verified_and_answered() {
    let double = double().await;
    // Of "123456789": CRC32C is E3069283, as every table of checksums says.
    let right = put(&double, "k", &["x-amz-checksum-crc32c: 4waSgw=="], "123456789").await;
    assert_eq!((right.status, right.headers["x-amz-checksum-crc32c"].as_str()), (200, "4waSgw=="));
    let sha = "x-amz-checksum-sha256: FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=";
    let wrong = put(&double, "k2", &[sha], "12345678").await;
    assert_eq!((wrong.status, wrong.element("Code")), (400, Some("BadDigest")));
    assert_eq!(get(&double, "/k2", &[]).await.status, 404);
    let wrong = put(&double, "k2", &["x-amz-checksum-crc32c: 4waSgw=="], "12345678").await;
    assert_eq!((wrong.status, wrong.element("Code")), (400, Some("BadDigest")));
    assert_eq!(put(&double, "k2", &[sha], "123456789").await.status, 200);
    let read = get(&double, "/k", &["x-amz-checksum-mode: ENABLED"]).await;
    assert_eq!(read.headers["x-amz-checksum-crc32c"], "4waSgw==");
    assert!(!get(&double, "/k", &[]).await.headers.contains_key("x-amz-checksum-crc32c"));
}

#[tokio::test]
async fn bodies_in_chunks_of_aws_are_read() {
    let double = double().await;
    let body = "4;chunk-signature=00\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n";
    let headers =
        ["content-encoding: aws-chunked", "x-amz-decoded-content-length: 9", "x-amz-trailer: x-amz-checksum-crc32c"];
    let answer = put(&double, "k", &headers, body).await;
    assert_eq!((answer.status, answer.headers["x-amz-checksum-crc32c"].as_str()), (200, "4waSgw=="));
    assert_eq!(get(&double, "/k", &[]).await.body, "123456789");
}

#[tokio::test]
async fn tags_and_encryption_are_kept() {
    let double = double().await;
    let key = "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:us-east-1:111122223333:key/k";
    let headers = ["x-amz-tagging: actor=AROA%3Ai-0&reason=a+b", "x-amz-server-side-encryption: aws:kms", key];
    let written = put(&double, "k", &headers, "x").await;
    assert_eq!(written.headers["x-amz-server-side-encryption"], "aws:kms");
    let read = get(&double, "/k", &[]).await;
    assert_eq!(read.headers["x-amz-tagging-count"], "2");
    assert!(read.headers["x-amz-server-side-encryption-aws-kms-key-id"].ends_with("key/k"));
    let tags = get(&double, "/k?tagging", &[]).await;
    assert_eq!(tags.elements("Value"), ["AROA:i-0", "a b"]);
}

#[tokio::test]
async fn listings_come_in_pages() {
    let double = double().await;
    for n in 0..1005 {
        let part = n % 5;
        assert_eq!(put(&double, &format!("p/{part}/{n:04}"), &[], "x").await.status, 200);
    }
    put(&double, "q", &[], "x").await;
    let first = get(&double, "?list-type=2&prefix=p%2F", &[]).await;
    assert_eq!((first.elements("Key").len(), first.element("IsTruncated")), (1000, Some("true")));
    let token = first.element("NextContinuationToken").unwrap();
    let second = get(&double, &format!("?list-type=2&prefix=p%2F&continuation-token={token}"), &[]).await;
    assert_eq!((second.elements("Key").len(), second.element("IsTruncated")), (5, Some("false")));
    let after = get(&double, "?list-type=2&prefix=p%2F&start-after=p%2F4%2F0994", &[]).await;
    assert_eq!(after.elements("Key"), ["p/4/0999", "p/4/1004"]);
    let groups = get(&double, "?list-type=2&prefix=p%2F&delimiter=%2F&max-keys=3", &[]).await;
    assert_eq!((groups.elements("CommonPrefixes").len(), groups.element("KeyCount")), (3, Some("3")));
    let wrong = get(&double, "?list-type=2&continuation-token=nonsense", &[]).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn multipart_uploads_are_put_together() {
    let double = double().await;
    let begin = ask(double.address(), "POST /data/k?uploads", &[], b"").await;
    let id = begin.element("UploadId").unwrap().to_owned();
    let (big, small) = ("a".repeat(5 << 20), "b");
    let mut etags = Vec::new();
    for (number, body) in [(1, big.as_str()), (2, small)] {
        let answer = put(&double, &format!("k?partNumber={number}&uploadId={id}"), &[], body).await;
        etags.push(answer.headers["etag"].clone());
    }
    assert_eq!(get(&double, "/k", &[]).await.status, 404, "not there before it is complete");
    assert_eq!(get(&double, "?uploads", &[]).await.elements("UploadId"), [id.as_str()]);
    let part = |n: usize| format!("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", n + 1, etags[n]);
    let parts = format!("<CompleteMultipartUpload>{}{}</CompleteMultipartUpload>", part(0), part(1));
    let line = format!("POST /data/k?uploadId={id}");
    let complete = ask(double.address(), &line, &[ABSENT], parts.as_bytes()).await;
    assert_eq!(complete.status, 200, "{complete:?}");
    assert_eq!(get(&double, "/k", &[]).await.body.len(), (5 << 20) + 1);
    let again = ask(double.address(), &line, &[], parts.as_bytes()).await;
    assert_eq!((again.status, again.element("Code")), (404, Some("NoSuchUpload")));

    let begin = ask(double.address(), "POST /data/k2?uploads", &[], b"").await;
    let id = begin.element("UploadId").unwrap();
    let aborted = ask(double.address(), &format!("DELETE /data/k2?uploadId={id}"), &[], b"").await;
    assert_eq!(aborted.status, 204);
    assert!(get(&double, "?uploads", &[]).await.elements("UploadId").is_empty());
}

#[tokio::test]
async fn versions_and_markers_are_kept_where_that_is_switched_on() {
    let double = double().await;
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(ask(double.address(), "PUT /data?versioning", &[], on).await.status, 200);
    let first = put(&double, "k", &[ABSENT], "one").await.headers["x-amz-version-id"].clone();
    let deleted = ask(double.address(), "DELETE /data/k", &[], b"").await;
    assert_eq!(deleted.headers["x-amz-delete-marker"], "true");
    assert_eq!(get(&double, "/k", &[]).await.status, 404);
    assert_eq!(put(&double, "k", &[ABSENT], "two").await.status, 200, "a delete marker counts as absent");
    assert_eq!(get(&double, &format!("/k?versionId={first}"), &[]).await.body, "one");
    let versions = get(&double, "?versions", &[]).await;
    assert_eq!((versions.elements("Version").len(), versions.elements("DeleteMarker").len()), (2, 1));
}

#[tokio::test]
async fn many_objects_are_deleted_at_once() {
    let double = double().await;
    for key in ["a", "b", "c"] {
        put(&double, key, &[], "x").await;
    }
    let body =
        b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>z</Key></Object></Delete>";
    let answer = ask(double.address(), "POST /data?delete", &[], body).await;
    assert_eq!((answer.status, answer.elements("Key").len()), (200, 3), "{answer:?}");
    assert_eq!(get(&double, "?list-type=2", &[]).await.elements("Key"), ["c"]);
    assert_eq!(double.report().stored_objects, 1);
}
