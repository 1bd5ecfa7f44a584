//! Plans: what needs a replacement, what is kept, and what the framework refuses.

use serde_json::{Value as Json, json};
use tfplugin_rs::testing::{Planned, Saved, Terraform, unknown};

use crate::lamp::Shop;
use crate::life::terraform;

async fn made(terraform: &mut Terraform<Shop>, config: &Json) -> Saved {
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), config).await;
    terraform.apply("shop_lamp", &Saved::nothing(), config, &planned).await
}

async fn change(from: Json, to: Json) -> Planned {
    let mut terraform = terraform().await;
    let saved = made(&mut terraform, &from).await;
    terraform.plan("shop_lamp", &saved, &to).await
}

#[tokio::test]
async fn a_change_of_the_name_replaces() {
    let planned = change(json!({ "name": "a" }), json!({ "name": "b" })).await;
    assert_eq!(planned.replace(), ["name"]);
    let planned = change(json!({ "name": "a" }), json!({ "name": unknown() })).await;
    assert_eq!(planned.replace(), ["name"]);
}

#[tokio::test]
async fn a_condition_decides_about_replacement() {
    let black = json!({ "name": "a", "color": "black" });
    let white = json!({ "name": "a", "color": "white" });
    assert_eq!(change(black.clone(), white.clone()).await.replace(), ["color"]);
    assert!(change(white, black).await.replace().is_empty());
}

#[tokio::test]
async fn a_nested_change_replaces_with_its_path() {
    let planned = change(
        json!({ "name": "a", "bulbs": [{ "socket": "E27" }, { "socket": "E14" }] }),
        json!({ "name": "a", "bulbs": [{ "socket": "E27" }, { "socket": "GU10" }] }),
    );
    assert_eq!(planned.await.replace(), ["bulbs[1].socket"]);
}

#[tokio::test]
async fn what_nobody_sets_becomes_unknown_only_when_something_changes() {
    let config = json!({ "name": "a" });
    assert_eq!(change(config.clone(), config.clone()).await.json()["lit"], true);
    let planned = change(config, json!({ "name": "a", "watts": 10 })).await;
    assert_eq!(planned.json()["lit"], "(known after apply)");
    assert_eq!(planned.json()["id"], "id-a");
}

#[tokio::test]
async fn an_unknown_argument_stays_unknown() {
    let planned = change(json!({ "name": "a" }), json!({ "name": "a", "tags": { "x": unknown() } })).await;
    assert_eq!(planned.json()["tags"], json!({ "x": "(known after apply)" }));
}

#[tokio::test]
async fn a_plan_that_terraform_would_refuse_names_the_attribute() {
    let mut terraform = terraform().await;
    for (how, path) in [("plan another value", "name"), ("plan a value from nowhere", "color")] {
        let config = json!({ "name": "a", "misbehave": how });
        let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
        let errors: Vec<_> = planned.diagnostics().iter().map(|d| d.path().to_string()).collect();
        assert_eq!(errors, [path], "{how}");
    }
}

#[tokio::test]
async fn a_panic_in_a_plan_is_an_error() {
    let mut terraform = terraform().await;
    let config = json!({ "name": "a", "misbehave": "panic in plan" });
    let planned = terraform.plan("shop_lamp", &Saved::nothing(), &config).await;
    assert!(planned.diagnostics().iter().any(|d| d.detail().contains("no plan")), "{:?}", planned.diagnostics());
}
