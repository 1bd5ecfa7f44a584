//! The suite that every store passes, over real sockets.

use broker_s3double::{Settings, Spread, Spreads};
use broker_store::{Frozen, Outcome, conformance};

use crate::rig::Rig;

#[tokio::test]
async fn the_double_conforms() {
    let rig = Rig::start().await;
    let passed = conformance::run(&rig.store).await.unwrap();
    assert!(passed.len() >= 13, "{passed:?}");
}

#[tokio::test]
async fn the_double_conforms_with_latency_and_with_versions() {
    let few_ms = Spread { p50_ms: 3.0, p99_ms: 12.0 };
    let settings = Settings {
        versioned: true,
        spreads: Spreads { put_ms: few_ms, get_ms: few_ms, list_ms: few_ms, delete_ms: few_ms },
        ..Settings::immediate("data")
    };
    let rig = Rig::with(settings, "secret").await;
    conformance::run(&rig.store).await.unwrap();
}

#[tokio::test]
async fn our_signatures_are_right_and_wrong_ones_are_refused() {
    let settings =
        Settings { credentials: Some(("AKIDEXAMPLE".to_owned(), "secret".to_owned())), ..Settings::immediate("data") };
    let rig = Rig::with(settings.clone(), "secret").await;
    conformance::run(&rig.store).await.unwrap();
    let stranger = Rig::with(settings, "guessed").await;
    let outcome = stranger.wal(1).create(0, &Frozen::shared("x".into())).await;
    let Outcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.status, error.code.as_deref()), (Some(403), Some("SignatureDoesNotMatch")));
}
