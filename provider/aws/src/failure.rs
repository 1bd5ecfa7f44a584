//! What went wrong with an AWS call, in words that say what to do.
//!
//! Invariant: every failure names action and resource; what AWS answered (code, message, request id) is kept beside it.

use std::fmt::{self, Display};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tfplugin_rs::Diagnostic;

/// Codes with which services say that a thing is not there.
const GONE: [&str; 17] = [
    "404",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
    "InvalidLaunchTemplateId.NotFound",
    "InvalidLaunchTemplateName.NotFoundException",
    "InvalidSecurityGroupID.NotFound",
    "InvalidVpcEndpointId.NotFound",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchEntity",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
];

/// Codes of missing permissions.
const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "Forbidden",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

/// Codes of credentials that are no good.
const CREDENTIALS: [&str; 8] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// One failed call, or a condition of ours that stops an operation.
#[derive(Clone, Debug)]
pub struct Failure {
    /// One line: what could not be done.
    pub summary: String,
    /// What to do, and what AWS answered.
    pub detail: String,
    code: Option<String>,
}

/// The result of everything that talks to AWS.
pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A condition found by the provider itself.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Failure {
        Failure { summary: summary.into(), detail: detail.into(), code: None }
    }

    /// A failed call of `action` (as IAM names it, `kms:CreateKey`) on `resource`.
    pub fn of<E>(action: &str, resource: impl Display, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Not every service has the request id in a header, and HEAD answers have no body with a code.
        let status = match &error {
            SdkError::ServiceError(e) => Some(e.raw().status().as_u16()),
            SdkError::ResponseError(e) => Some(e.raw().status().as_u16()),
            _ => None,
        };
        let id = error.request_id().or_else(|| error.meta().extra("aws_request_id")).map(str::to_owned);
        let code = error.code().map(str::to_owned).or_else(|| status.map(|s| s.to_string()));
        let message = error.message().map_or_else(|| causes(&error), str::to_owned);
        let advice = match &error {
            SdkError::DispatchFailure(_) if wants_credentials(&error) => NO_CREDENTIALS.to_owned(),
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => UNREACHABLE.to_owned(),
            SdkError::ConstructionFailure(_) => {
                "The request could not be made. Check the credentials and the region of the provider block.".into()
            }
            _ => advice(code.as_deref(), action, &resource),
        };
        Failure::compose(action, &resource, advice, code, message, id)
    }

    /// A failed call that was made without the SDK. Without a code there was no answer.
    pub fn answered(action: &str, resource: &str, code: Option<&str>, message: &str, id: Option<&str>) -> Failure {
        let advice = match code {
            Some(_) => advice(code, action, &resource),
            None => UNREACHABLE.to_owned(),
        };
        Failure::compose(action, &resource, advice, code.map(str::to_owned), message.to_owned(), id.map(str::to_owned))
    }

    fn compose(
        action: &str,
        resource: &impl Display,
        advice: String,
        code: Option<String>,
        message: String,
        id: Option<String>,
    ) -> Failure {
        let summary = format!("{action} failed on {resource}");
        let answer = match (&code, &id) {
            (Some(code), Some(id)) => format!("AWS answered {code}: {message} (request id {id})"),
            (Some(code), None) => format!("AWS answered {code}: {message}"),
            (None, _) => message,
        };
        Failure { summary, detail: format!("{advice}\n\n{answer}"), code }
    }

    /// AWS's error code, where AWS answered.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether AWS said that the thing is not there.
    pub fn is_gone(&self) -> bool {
        self.code().is_some_and(|code| GONE.contains(&code))
    }

    /// Whether AWS said that the caller may not.
    pub fn is_denied(&self) -> bool {
        self.code().is_some_and(|code| DENIED.contains(&code) || code == "403")
    }

    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary, self.detail)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        Diagnostic::error(failure.summary, failure.detail)
    }
}

/// What to do when there is nobody to sign as.
const NO_CREDENTIALS: &str = "No usable credentials were found. Sign in (for example with `aws sso login`), set AWS_PROFILE or \
                              AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or set profile, access_key or assume_role in the \
                              provider block.";

/// The messages of an error and of what caused it, without repeats.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

fn wants_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<CredentialsError>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// What to do when nobody answered.
const UNREACHABLE: &str = "The endpoint did not answer. Check region, endpoints and the network between here and AWS; then apply \
                           again: what was made so far is kept.";

fn advice(code: Option<&str>, action: &str, resource: &impl Display) -> String {
    match code {
        Some(code) if DENIED.contains(&code) || code == "403" => format!(
            "The caller is not allowed to do this. Grant {action} on {resource} to the identity that runs Terraform, or run \
             Terraform as one that has it; then apply again."
        ),
        Some(code) if CREDENTIALS.contains(&code) => {
            "AWS does not accept these credentials. Renew them (sign in again, or check access_key, profile and assume_role \
             of the provider block); then apply again."
                .into()
        }
        Some(code) if code.starts_with("Throttl") || code == "RequestLimitExceeded" || code == "SlowDown" => {
            "AWS limits the rate of such calls in this account. Apply again, or raise max_retries in the provider block.".into()
        }
        Some(code) if code.contains("LimitExceeded") => {
            "A quota of this account is used up. Delete what is not needed, or ask for more in Service Quotas.".into()
        }
        Some(code) if code.starts_with("MalformedPolicy") => {
            "AWS refused the policy. Check that every role and account in it exists.".into()
        }
        Some("InvalidSubnetID.NotFound" | "InvalidSubnet") => {
            "A subnet does not exist in this region and account. Check the subnet ids.".into()
        }
        Some("InvalidVpcID.NotFound" | "InvalidVpcId.NotFound") => {
            "The VPC does not exist in this region and account. Check vpc_id.".into()
        }
        _ => "Nothing else was done after this call; what was made so far is kept in the state.".into(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    async fn kms_failure(answer: ResponseTemplate) -> Failure {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let config = aws_sdk_kms::config::Builder::new()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(server.uri())
            .build();
        let client = aws_sdk_kms::Client::from_conf(config);
        let error = client.describe_key().key_id("alias/x").send().await.unwrap_err();
        Failure::of("kms:DescribeKey", "alias/x", error)
    }

    #[tokio::test]
    async fn a_missing_permission_names_action_resource_code_and_request_id() {
        let body =
            r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized to perform: kms:DescribeKey"}"#;
        let answer = ResponseTemplate::new(400).insert_header("x-amzn-requestid", "id-1").set_body_string(body);
        let failure = kms_failure(answer).await;
        assert!(failure.is_denied());
        expect_test::expect![[r#"
            kms:DescribeKey failed on alias/x: The caller is not allowed to do this. Grant kms:DescribeKey on alias/x to the identity that runs Terraform, or run Terraform as one that has it; then apply again.

            AWS answered AccessDeniedException: User: x is not authorized to perform: kms:DescribeKey (request id id-1)"#]]
        .assert_eq(&failure.to_string());
    }

    #[tokio::test]
    async fn a_thing_that_is_not_there_is_recognised() {
        let body = r#"{"__type":"NotFoundException","message":"no"}"#;
        assert!(kms_failure(ResponseTemplate::new(400).set_body_string(body)).await.is_gone());
    }
}
