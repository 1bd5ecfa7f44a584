//! What a request asks for, told from its first line and headers.

use std::fmt;

use http::{Method, request};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// Kinds of requests, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// PutObject.
    Put,
    /// CopyObject.
    Copy,
    /// UploadPart.
    UploadPart,
    /// Beginning and completing a multipart upload.
    Multipart,
    /// GetObject.
    Get,
    /// HeadObject.
    Head,
    /// Any listing of a bucket.
    List,
    /// DeleteObject, AbortMultipartUpload.
    Delete,
    /// DeleteObjects.
    DeleteMany,
    /// Everything about buckets.
    Bucket,
}

/// What takes equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Put,
    Get,
    List,
    Delete,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) operation: Operation,
    pub(crate) bucket: String,
    /// The key, or a listing's prefix; empty where the request is about the bucket.
    pub(crate) key: String,
}

impl Operation {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Put,
        Self::Copy,
        Self::UploadPart,
        Self::Multipart,
        Self::Get,
        Self::Head,
        Self::List,
        Self::Delete,
        Self::DeleteMany,
        Self::Bucket,
    ];

    pub(crate) fn class(self) -> Class {
        match self {
            Self::Put | Self::Copy | Self::UploadPart | Self::Multipart => Class::Put,
            Self::Get | Self::Head | Self::Bucket => Class::Get,
            Self::List => Class::List,
            Self::Delete | Self::DeleteMany => Class::Delete,
        }
    }

    /// Whether it may change something, and so goes on when nobody waits for it any more.
    pub(crate) fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::Head | Self::List)
    }

    /// The name that counters and fault rules use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Copy => "copy",
            Self::UploadPart => "upload_part",
            Self::Multipart => "multipart",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
            Self::DeleteMany => "delete_many",
            Self::Bucket => "bucket",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Target {
    /// Reads it from a request; buckets stand in the path.
    pub(crate) fn of(parts: &request::Parts) -> Self {
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = Query(parts.uri.query().unwrap_or_default());
        let operation = if key.is_empty() { about_bucket(parts, query) } else { about_object(parts, query) };
        let key = if operation == Operation::List { query.value("prefix") } else { key.to_owned() };
        Self { operation, bucket: bucket.to_owned(), key }
    }

    /// Bucket and the first two parts of the key: cluster and kind of object.
    pub(crate) fn group(&self) -> String {
        let mut parts = self.key.split('/');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{}/{first}/{second}", self.bucket)
    }
}

#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl Query<'_> {
    fn has(self, name: &str) -> bool {
        self.0.split('&').any(|pair| pair.split('=').next() == Some(name))
    }

    fn value(self, name: &str) -> String {
        let pair = self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        percent_decode_str(pair.unwrap_or_default()).decode_utf8_lossy().into_owned()
    }
}

fn about_bucket(parts: &request::Parts, query: Query<'_>) -> Operation {
    let is_listing =
        ["list-type", "prefix", "versions", "uploads", "max-keys", "delimiter"].iter().any(|n| query.has(n));
    match parts.method {
        Method::POST if query.has("delete") => Operation::DeleteMany,
        Method::GET if is_listing || query.0.is_empty() => Operation::List,
        _ => Operation::Bucket,
    }
}

fn about_object(parts: &request::Parts, query: Query<'_>) -> Operation {
    match parts.method {
        Method::PUT if query.has("uploadId") => Operation::UploadPart,
        Method::PUT if parts.headers.contains_key("x-amz-copy-source") => Operation::Copy,
        Method::PUT => Operation::Put,
        Method::POST => Operation::Multipart,
        Method::HEAD => Operation::Head,
        Method::DELETE => Operation::Delete,
        _ => Operation::Get,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let expected = [
            ("PUT", "/b/k/1", Operation::Put, "k/1"),
            ("PUT", "/b/k?uploadId=1&partNumber=2", Operation::UploadPart, "k"),
            ("POST", "/b/k?uploads", Operation::Multipart, "k"),
            ("POST", "/b?delete", Operation::DeleteMany, ""),
            ("GET", "/b/k", Operation::Get, "k"),
            ("HEAD", "/b/k", Operation::Head, "k"),
            ("GET", "/b?list-type=2&prefix=a%2Fb", Operation::List, "a/b"),
            ("GET", "/b?versions", Operation::List, ""),
            ("GET", "/b?location", Operation::Bucket, ""),
            ("DELETE", "/b/k%20k", Operation::Delete, "k k"),
        ];
        for (method, uri, operation, key) in expected {
            let (parts, ()) = http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
            let target = Target { operation, bucket: "b".to_owned(), key: key.to_owned() };
            assert_eq!(Target::of(&parts), target, "{method} {uri}");
        }
    }
}
