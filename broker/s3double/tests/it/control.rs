//! The control port.

use broker_s3double::{Double, Settings};
use serde_json::{Value, json};

use crate::raw::ask;

async fn double() -> Double {
    Double::start("127.0.0.1:0", "127.0.0.1:0", Settings::immediate("data")).await.unwrap()
}

async fn counters(double: &Double) -> Value {
    let answer = ask(double.control_address(), "GET /counters", &[], b"").await;
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn requests_bytes_and_dollars_are_counted() {
    let double = double().await;
    for n in 0..4 {
        ask(double.address(), &format!("PUT /data/orders/wal/{n}/0"), &[], b"12345").await;
    }
    ask(double.address(), "GET /data/orders/wal/0/0", &[], b"").await;
    ask(double.address(), "GET /data/orders/wal/0/9", &[], b"").await;
    let counted = counters(&double).await;
    let put = &counted["operations"]["put"];
    assert_eq!((&put["requests"], &put["bytes_in"], &put["answers"]["200"]), (&json!(4), &json!(20), &json!(4)));
    let get = &counted["operations"]["get"];
    assert_eq!((&get["bytes_out"].as_u64().is_some(), &get["answers"]["404"]), (&true, &json!(1)));
    assert_eq!(counted["groups"]["data/orders/wal"], json!({"get": 2, "put": 4}));
    assert_eq!((&counted["stored_bytes"], &counted["distinct_prefixes"]), (&json!(20), &json!(4)));
    let dollars = counted["dollars"]["requests"].as_f64().unwrap();
    assert!((dollars - (4.0 * 0.000_005 + 2.0 * 0.000_000_4)).abs() < 1e-12, "{dollars}");
    let cost = ask(double.control_address(), "GET /cost", &[], b"").await.body;
    assert!(cost.contains("4 PUT, 2 GET") && cost.ends_with('\n'), "{cost}");
    assert_eq!(ask(double.control_address(), "POST /reset", &[], b"").await.status, 204);
    let counted = counters(&double).await;
    assert_eq!((&counted["operations"]["put"]["requests"], &counted["stored_bytes"]), (&json!(0), &json!(20)));
}

#[tokio::test]
async fn faults_are_set_reported_and_taken_away() {
    let double = double().await;
    let rules =
        br#"[{"kind": "503", "operations": ["put"], "prefix": "orders/wal/", "for_ms": 60000, "per_mille": 1000}]"#;
    assert_eq!(ask(double.control_address(), "POST /faults", &[], rules).await.status, 200);
    let struck = ask(double.address(), "PUT /data/orders/wal/1", &[], b"x").await;
    assert_eq!((struck.status, struck.element("Code")), (503, Some("SlowDown")));
    assert_eq!(ask(double.address(), "PUT /data/orders/meta/1", &[], b"x").await.status, 200);
    let report: Value =
        serde_json::from_str(&ask(double.control_address(), "GET /faults", &[], b"").await.body).unwrap();
    assert_eq!(
        (&report[0]["struck"], &report[0]["is_on"], &report[0]["kind"]),
        (&json!(1), &json!(true), &json!("503"))
    );
    assert_eq!(ask(double.control_address(), "POST /faults", &[], b"[]").await.status, 200);
    assert_eq!(ask(double.address(), "PUT /data/orders/wal/1", &[], b"x").await.status, 200);
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused_with_words() {
    let double = double().await;
    for rules in
        [r#"[{"kind": "nonsense"}]"#, r#"[{"kind": "503", "preffix": "x"}]"#, r#"[{"kind": "503", "per_mille": 2000}]"#]
    {
        let answer = ask(double.control_address(), "POST /faults", &[], rules.as_bytes()).await;
        assert_eq!(answer.status, 400, "{rules}");
        assert!(!answer.body.is_empty());
    }
}

#[tokio::test]
async fn latency_can_be_changed() {
    let double = double().await;
    let spreads = br#"{"put_ms": [60, 60], "get_ms": [0, 0], "list_ms": [0, 0], "delete_ms": [0, 0]}"#;
    assert_eq!(ask(double.control_address(), "POST /latency", &[], spreads).await.status, 204);
    let started = tokio::time::Instant::now();
    ask(double.address(), "PUT /data/k", &[], b"x").await;
    assert!(started.elapsed().as_millis() >= 59, "{:?}", started.elapsed());
}
