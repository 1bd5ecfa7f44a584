//! Which IAM action a request is, and how AWS refuses it in the request's own protocol.

use std::fmt;

use crate::denial::REQUEST_ID;
use crate::http::Message;

/// One call: the service's prefix and the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    service: String,
    operation: String,
    account: String,
}

/// Bucket operations by method and the subresource in the query.
const BUCKET: &[(&str, &str, &str)] = &[
    ("PUT", "policy", "PutBucketPolicy"),
    ("GET", "policy", "GetBucketPolicy"),
    ("DELETE", "policy", "DeleteBucketPolicy"),
    ("PUT", "encryption", "PutEncryptionConfiguration"),
    ("GET", "encryption", "GetEncryptionConfiguration"),
    ("PUT", "publicAccessBlock", "PutBucketPublicAccessBlock"),
    ("GET", "publicAccessBlock", "GetBucketPublicAccessBlock"),
    ("PUT", "ownershipControls", "PutBucketOwnershipControls"),
    ("PUT", "lifecycle", "PutLifecycleConfiguration"),
    ("PUT", "versioning", "PutBucketVersioning"),
    ("PUT", "tagging", "PutBucketTagging"),
    ("GET", "tagging", "GetBucketTagging"),
    ("GET", "list-type", "ListBucket"),
    ("GET", "versions", "ListBucketVersions"),
    ("PUT", "", "CreateBucket"),
    ("DELETE", "", "DeleteBucket"),
    ("HEAD", "", "ListBucket"),
];

impl Action {
    /// The action of a request; unknown parts are empty, which matches no denied action.
    pub(super) fn of(request: &Message) -> Self {
        let scope =
            request.header("authorization").and_then(|line| line.split_once("Credential=")).map(|(_, rest)| rest);
        let mut parts = scope.unwrap_or_default().split('/');
        let account = parts.next().unwrap_or_default().to_owned();
        let service = parts.nth(2).unwrap_or_default().to_owned();
        let operation = match request.header("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None if service == "s3" => object_or_bucket(&request.start).to_owned(),
            None => form_action(&request.text()),
        };
        Self { service, operation, account }
    }

    /// AWS's answer to a call that no policy allows.
    ///
    /// Source: "Common errors" of the IAM, EC2, KMS and S3 API references.
    pub(super) fn refusal(&self) -> Message {
        let Self { service, operation, account } = self;
        let why = format!(
            "User: arn:aws:iam::{account}:user/deployer is not authorized to perform: {self} on resource: * because no \
             identity-based policy allows the {self} action"
        );
        let (status, kind, body) = match service.as_str() {
            "s3" => (
                403,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>{why}</Message>\
                 <RequestId>{REQUEST_ID}</RequestId><HostId>host</HostId></Error>"
                ),
            ),
            "ec2" => (
                403,
                "text/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>\
                 You are not authorized to perform this operation. {why}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID>\
                 </Response>"
                ),
            ),
            "iam" | "sts" | "autoscaling" => (
                403,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{why}</Message></Error>\
                 <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
                ),
            ),
            _ => (
                400,
                "application/x-amz-json-1.1",
                format!("{{\"__type\":\"AccessDeniedException\",\"Message\":\"{why}\"}}"),
            ),
        };
        let id = if service == "s3" { "x-amz-request-id" } else { "x-amzn-requestid" };
        let body = if operation.is_empty() { Vec::new() } else { body.into_bytes() };
        Message {
            start: format!("HTTP/1.1 {status} Refused"),
            headers: vec![("content-type".to_owned(), kind.to_owned()), (id.to_owned(), REQUEST_ID.to_owned())],
            body,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)
    }
}

/// `Action=` of a form.
fn form_action(body: &str) -> String {
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned()
}

/// The action of a path-style S3 request, from its request line.
fn object_or_bucket(start: &str) -> &'static str {
    let mut words = start.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_object = path.trim_matches('/').contains('/');
    if is_object {
        return match method {
            "PUT" | "POST" => "PutObject",
            "DELETE" => "DeleteObject",
            _ => "GetObject",
        };
    }
    let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    let fits = |wanted: &str| {
        if wanted.is_empty() { !names.iter().any(|name| is_subresource(name)) } else { names.contains(&wanted) }
    };
    BUCKET.iter().find(|(known, wanted, _)| *known == method && fits(wanted)).map_or("", |(_, _, action)| *action)
}

fn is_subresource(name: &str) -> bool {
    !name.is_empty() && name != "x-id"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(start: &str, service: &str, body: &str) -> Message {
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=000000000000/20260101/eu-central-1/{service}/aws4_request, x");
        Message { start: start.to_owned(), headers: vec![("Authorization".to_owned(), credential)], body: body.into() }
    }

    #[test]
    fn each_protocol_names_its_action() {
        let form = request("POST / HTTP/1.1", "iam", "Action=CreateRole&Version=2010-05-08");
        let bucket = request("PUT /orders HTTP/1.1", "s3", "");
        let policy = request("PUT /orders?policy HTTP/1.1", "s3", "{}");
        let object = request("GET /orders/a/b?x-id=GetObject HTTP/1.1", "s3", "");
        let mut json = request("POST / HTTP/1.1", "kms", "{}");
        json.headers.push(("X-Amz-Target".to_owned(), "TrentService.CreateKey".to_owned()));
        let all = [form, bucket, policy, object, json].map(|one| Action::of(&one).to_string());
        assert_eq!(all, ["iam:CreateRole", "s3:CreateBucket", "s3:PutBucketPolicy", "s3:GetObject", "kms:CreateKey"]);
    }
}
