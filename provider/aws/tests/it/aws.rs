//! A configured provider. STS answers; every other service refuses connections, so whoever calls it fails.

use provider_aws::provider::Ringfence;
use serde_json::{Value, json};
use tfplugin_rs::testing::Terraform;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// Account of the tests.
pub(crate) const ACCOUNT: &str = "123456789012";
/// Who calls, as a principal.
pub(crate) const CALLER: &str = "arn:aws:iam::123456789012:role/platform";

/// A provider and the server that it asked who is calling.
pub(crate) struct World {
    pub(crate) terraform: Terraform<Ringfence>,
    pub(crate) sts: MockServer,
}

/// A provider configured for a session of [`CALLER`] in one region.
pub(crate) async fn configured(region: &str) -> World {
    let sts = MockServer::start().await;
    let identity = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/platform/run</Arn><UserId>AROA:run</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(identity)).mount(&sts).await;
    let mut terraform = Terraform::start(Ringfence).await;
    let told = terraform.configure(block(region, &sts.uri())).await;
    assert!(!told.has_errors(), "{told:?}");
    World { terraform, sts }
}

/// A provider block in which only STS can be reached.
pub(crate) fn block(region: &str, sts: &str) -> Value {
    // Nothing listens on port 1.
    let closed = "http://127.0.0.1:1";
    json!({
        "region": region,
        "access_key": "test",
        "secret_key": "test",
        "endpoints": {
            "sts": sts, "s3": closed, "kms": closed, "ec2": closed, "iam": closed, "autoscaling": closed, "logs": closed
        },
        "default_tags": { "team": "platform" },
    })
}
