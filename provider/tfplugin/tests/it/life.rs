//! The life of a resource through the protocol.

use serde_json::json;
use tfplugin_rs::Severity;
use tfplugin_rs::testing::{Saved, Terraform, unknown};

use crate::lamp::Shop;

pub(crate) async fn terraform() -> Terraform<Shop> {
    let mut terraform = Terraform::start(Shop::default()).await;
    let told = terraform.configure(json!({ "region": "north" })).await;
    assert!(told.is_empty(), "{told:?}");
    terraform
}

#[tokio::test]
async fn a_lamp_is_made_read_changed_imported_and_destroyed() {
    let mut terraform = terraform().await;
    assert_eq!(terraform.flaws(), []);
    let config = json!({ "name": "desk", "rooms": ["study", "attic"], "bulbs": [{ "socket": "E27" }] });
    assert!(terraform.validate("shop_lamp", &config).await.is_empty());

    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let after = "(known after apply)";
    let expected = json!({
        "name": "desk", "watts": 60, "tags": null, "rooms": ["attic", "study"], "pin": null, "color": null,
        "label": after, "misbehave": null, "shade": null,
        "bulbs": [{ "socket": "E27", "dim": false, "serial": after }], "id": after, "lit": after,
    });
    assert_eq!(planned.json(), expected);

    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    assert!(saved.diagnostics().is_empty(), "{:?}", saved.diagnostics());
    assert_eq!(saved.json()["bulbs"][0]["serial"], "serial-E27");
    assert_eq!(saved.json()["label"], "lamp desk");

    let read = terraform.read("shop_lamp", &saved).await;
    assert_eq!(read.json(), saved.json());
    let again = terraform.plan("shop_lamp", &read, &config).await;
    assert_eq!(again.json(), saved.json(), "the second plan is empty");

    let config = json!({ "name": "desk", "watts": 40, "color": "red" });
    let planned = terraform.plan("shop_lamp", &read, &config).await;
    assert_eq!(planned.json()["id"], "id-desk", "kept");
    assert_eq!(planned.json()["lit"], after);
    assert!(planned.replace().is_empty());
    let saved = terraform.apply("shop_lamp", &read, &config, &planned).await;
    assert!(saved.diagnostics().is_empty(), "{:?}", saved.diagnostics());

    let imported = terraform.import("shop_lamp", "id-desk").await;
    assert_eq!(imported.json()["watts"], 60, "the default, until it is read");
    let gone = terraform.destroy("shop_lamp", &saved).await;
    assert_eq!(gone.json(), json!(null));
    assert!(terraform.read("shop_lamp", &saved).await.json().is_null(), "what is gone drops out of the state");
    let missing = terraform.import("shop_lamp", "id-desk").await;
    assert!(missing.diagnostics().has_errors());
}

#[tokio::test]
async fn checks_run_on_what_is_known() {
    let mut terraform = terraform().await;
    let config = json!({ "name": unknown(), "watts": 101, "rooms": ["a", ""], "color": "invisible" });
    let told = terraform.validate("shop_lamp", &config).await;
    let told: Vec<_> = told.iter().map(|d| format!("{:?} {}: {}", d.severity(), d.path(), d.summary())).collect();
    let expected = [
        "Error rooms[0]: each element of rooms must not be empty",
        "Error watts: watts must be between 1 and 100",
        "Warning color: nobody will see it",
        "Error color: a lamp must be visible",
    ];
    assert_eq!(told, expected);
    let told = terraform.validate("shop_lamp", &json!({ "name": "a", "watts": 1.5 })).await;
    assert!(told.iter().any(|d| d.summary() == "watts must be a whole number"), "{told:?}");
}

#[tokio::test]
async fn a_refused_secret_is_not_repeated() {
    let mut terraform = Terraform::start(Shop::default()).await;
    let told = terraform.configure(json!({ "region": "north", "token": "far too long a token" })).await;
    assert!(told.has_errors());
    assert!(!format!("{told:?}").contains("far too long"), "{told:?}");
}

#[tokio::test]
async fn an_unknown_provider_configuration_does_not_fail_a_plan() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "desk" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;

    assert!(terraform.configure(json!({ "region": unknown() })).await.is_empty());
    let read = terraform.read("shop_lamp", &saved).await;
    assert_eq!(read.json(), saved.json());
    assert!(read.diagnostics().iter().all(|d| d.severity() == Severity::Warning));
    let planned = terraform.plan("shop_lamp", &saved, &json!({ "name": "desk", "watts": 10 })).await;
    assert!(planned.diagnostics().is_empty());
    let refused = terraform.apply("shop_lamp", &saved, &config, &planned).await;
    assert!(refused.diagnostics().has_errors());
    assert_eq!(refused.json(), saved.json());
}

#[tokio::test]
async fn a_write_only_value_reaches_create_and_is_never_saved() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "desk", "pin": "1234" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    assert!(planned.json()["pin"].is_null());
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    assert!(saved.json()["pin"].is_null());
    let read = terraform.read("shop_lamp", &saved).await;
    assert!(read.diagnostics().iter().any(|d| d.summary() == "it has a pin"), "kept beside the state");
}

#[tokio::test]
async fn an_older_state_is_upgraded() {
    let mut terraform = terraform().await;
    let upgraded = terraform.upgrade("shop_lamp", 1, r#"{"name":"desk","power":"25","extra":[1]}"#).await;
    assert_eq!(upgraded.json()["watts"], 25);
    let newer = terraform.upgrade("shop_lamp", 3, "{}").await;
    assert!(newer.diagnostics().iter().any(|d| d.summary().contains("newer provider")));
}

#[tokio::test]
async fn a_destroy_can_be_refused_or_warned_about_in_the_plan() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "desk", "misbehave": "refuse to go" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let saved = terraform.apply("shop_lamp", &Saved::nothing(), &config, &planned).await;
    assert!(terraform.plan_destroy("shop_lamp", &saved).await.diagnostics().has_errors());
    assert!(!terraform.destroy("shop_lamp", &saved).await.json().is_null());
}

#[tokio::test]
async fn data_sources_and_functions_answer() {
    let mut terraform = terraform().await;
    let found = terraform.read_data("shop_count", &json!({ "prefix": "d" })).await;
    assert_eq!(found.json(), json!({ "prefix": "d", "lamps": 0 }));
    assert_eq!(terraform.call("double", &[json!(21)]).await, Ok(json!({ "twice": 42 })));
    assert_eq!(terraform.call("double", &[json!(0)]).await, Err("nothing to double".to_owned()));
    let panicked = terraform.call("double", &[json!(13)]).await.unwrap_err();
    assert!(panicked.contains("unlucky"), "{panicked}");
}

#[tokio::test]
async fn a_stop_reaches_a_running_create_and_keeps_what_it_made() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "desk", "misbehave": "wait" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    let stop = terraform.stopper();
    let (nothing, stop) = (Saved::nothing(), async {
        tokio::task::yield_now().await;
        stop.await;
    });
    let (saved, ()) = tokio::join!(terraform.apply("shop_lamp", &nothing, &config, &planned), stop);
    assert_eq!(saved.json()["id"], "half");
    assert!(saved.diagnostics().has_errors());
}
