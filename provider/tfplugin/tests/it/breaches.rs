//! Every way in which an apply can betray its plan: an error that names the attribute, and no object is lost.

use serde_json::{Value as Json, json};
use tfplugin_rs::testing::Saved;

use crate::life::terraform;

/// Creates a lamp that misbehaves: what is saved, and the errors with their paths.
async fn create(how: &str) -> (Json, Vec<String>) {
    let mut terraform = terraform().await;
    let config = json!({ "name": "a", "misbehave": how, "bulbs": [{ "socket": "E27" }] });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    assert!(planned.diagnostics().is_empty(), "{:?}", planned.diagnostics());
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    let errors = saved.diagnostics().iter().map(|d| format!("{}: {}", d.path(), d.summary()));
    (saved.json(), errors.collect())
}

#[tokio::test]
async fn a_result_that_differs_from_the_plan_is_saved_with_an_error() {
    let betrayed = "the result is not what was planned";
    for (how, path, attribute, value) in [
        ("return another value", "watts", "watts", json!(1)),
        ("forget an attribute", "lit", "lit", json!(null)),
        ("return fewer bulbs", "bulbs", "bulbs", json!([])),
    ] {
        let (saved, errors) = create(how).await;
        assert_eq!(errors, [format!("{path}: {betrayed}")], "{how}");
        assert_eq!(saved[attribute], value, "{how}");
        assert_eq!(saved["id"], "id-a", "{how}: the object is not lost");
    }
}

#[tokio::test]
async fn what_is_returned_as_null_stays_as_planned() {
    let (saved, errors) = create("return null").await;
    assert_eq!(errors, [""; 0]);
    assert_eq!(saved["watts"], 60);
}

#[tokio::test]
async fn what_is_read_as_null_is_null() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "a", "misbehave": "return null" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    assert!(terraform.read("shop_lamp", &saved).await.json()["watts"].is_null());
}

#[tokio::test]
async fn a_returned_write_only_value_is_dropped() {
    let (saved, errors) = create("return a write-only value").await;
    assert_eq!(errors, [""; 0]);
    assert!(saved["pin"].is_null());
}

#[tokio::test]
async fn a_result_that_does_not_fit_the_schema_is_an_error() {
    for how in ["return an unknown attribute", "return another type"] {
        let (_, errors) = create(how).await;
        assert_eq!(errors.len(), 1, "{how}: {errors:?}");
    }
}

#[tokio::test]
async fn a_failure_before_anything_exists_saves_nothing() {
    let (saved, errors) = create("fail at once").await;
    assert!(saved.is_null());
    assert_eq!(errors, ["name: out of lamps"]);
}

#[tokio::test]
async fn a_half_made_object_is_saved() {
    let (saved, errors) = create("fail half-made").await;
    assert_eq!(errors, [": it broke"]);
    assert_eq!((&saved["id"], &saved["name"], &saved["lit"]), (&json!("half"), &json!("a"), &json!(null)));
}

#[tokio::test]
async fn a_panic_is_an_error_and_keeps_what_was_made() {
    let (saved, errors) = create("panic").await;
    assert_eq!(errors, [": the provider panicked"]);
    assert_eq!(saved["id"], "half");
}

#[tokio::test]
async fn a_failed_update_leaves_the_saved_object() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "a" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    for (how, id) in [("fail at once", "id-a"), ("fail half-made", "half"), ("panic", "half")] {
        let config = json!({ "name": "a", "watts": 1, "misbehave": how });
        let planned = terraform.plan("shop_lamp", &saved, &config).await;
        let after = terraform.apply("shop_lamp", &saved, &config, &planned).await;
        assert!(after.diagnostics().has_errors());
        assert_eq!((&after.json()["watts"], &after.json()["id"]), (&json!(60), &json!(id)), "{how}");
    }
}
