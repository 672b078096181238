//! `orderflow up --provider`, asked as an OpenFaaS gateway asks its provider.

use serde_json::{Value, json};

use crate::support::{Up, eventually, is_gone};

const FUNCTIONS: &str = "/system/functions";
const ORDER: &str = r#"{"order_id":"A-1","product":"P001","quantity":1,"price":2.50}"#;

/// As `faas-cli deploy` sends it, by what stack.yml says.
fn order_ingest() -> Value {
    json!({
        "service": "order-ingest",
        "image": "ghcr.io/orderflow/order-ingest:0.1.0",
        "namespace": "openfaas-fn",
        "envVars": {
            "ORDERFLOW_NATS_URL": "nats://nats.orderflow:4222",
            "ORDERFLOW_PARTNERS": "/var/openfaas/secrets/partners.yml",
            "ORDERFLOW_OPEN_INGEST": "true",
        },
        "secrets": ["connector-token", "api-token-admin", "persons-key", "partners.yml"],
        "labels": {"team": "orders"},
        "annotations": {"topic": "orders"},
        "limits": {"memory": "64Mi"},
    })
}

fn with(changes: &Value) -> String {
    let mut deployment = order_ingest();
    for (name, value) in changes.as_object().unwrap() {
        deployment[name.as_str()] = value.clone();
    }
    deployment.to_string()
}

fn status(up: &Up) -> Value {
    serde_json::from_str(&up.get("/system/function/order-ingest").1).unwrap()
}

fn available(up: &Up, replicas: u64) {
    let is_so = || status(up)["availableReplicas"] == replicas;
    eventually(&format!("{replicas} replicas answer"), is_so);
}

#[test]
fn a_function_runs_as_it_was_deployed_and_outlasts_a_restart() {
    let mut up = Up::start(&["--provider"]);
    assert_eq!(up.get(FUNCTIONS), (200, "[]".to_owned()));
    assert_eq!(up.send("POST", FUNCTIONS, &order_ingest().to_string()).0, 202);
    available(&up, 1);
    let function = status(&up);
    assert_eq!(function["annotations"]["topic"], "orders");
    assert_eq!(function["labels"]["team"], "orders");
    assert_eq!(up.send("POST", "/function/order-ingest", ORDER).0, 201);

    let pid = up.pid_of("order-ingest");
    up.end("-TERM");
    assert!(is_gone(pid));
    up.again(&["--provider"]);
    available(&up, 1);
    assert_eq!(up.send("POST", "/function/order-ingest", ORDER).0, 200, "a duplicate");

    let closed = with(&json!({"envVars": {
        "ORDERFLOW_PARTNERS": "/var/openfaas/secrets/partners.yml",
        "ORDERFLOW_OPEN_INGEST": "false",
    }}));
    assert_eq!(up.send("PUT", FUNCTIONS, &closed).0, 202);
    available(&up, 1);
    assert_eq!(up.send("POST", "/function/order-ingest", ORDER).0, 401);

    let pid = up.pid_of("order-ingest");
    let name = json!({"functionName": "order-ingest"}).to_string();
    assert_eq!(up.send("DELETE", FUNCTIONS, &name).0, 202);
    assert!(is_gone(pid));
    assert_eq!(up.get(FUNCTIONS), (200, "[]".to_owned()));
    assert_eq!(up.send("DELETE", FUNCTIONS, &name).0, 404);
    assert_eq!(up.send("POST", "/function/order-ingest", ORDER).0, 404);
}

#[test]
fn what_cannot_run_here_is_refused_with_the_reason() {
    let up = Up::start(&["--provider"]);
    for (body, expected) in [
        (with(&json!({"image": "ghcr.io/openfaas/figlet:1"})), "is not one of this program"),
        (with(&json!({"service": "ingest"})), "under that name only"),
        (with(&json!({"secrets": ["nowhere"]})), "nowhere"),
        (with(&json!({"secrets": ["../run.json"]})), "run.json"),
        (with(&json!({"namespace": "prod"})), "one namespace"),
        ("{".to_owned(), ""),
    ] {
        let (status, text) = up.send("POST", FUNCTIONS, &body);
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(up.send("PUT", FUNCTIONS, &order_ingest().to_string()).0, 404);
    assert_eq!(up.send("POST", "/system/scale-function/order-ingest", r#"{"replicas":1}"#).0, 404);
    assert_eq!(up.get("/system/logs?name=order-ingest").0, 404);
    assert_eq!(up.get(FUNCTIONS), (200, "[]".to_owned()));
}

#[test]
fn replicas_are_processes_that_share_the_calls_and_have_logs() {
    let up = Up::start(&["--provider"]);
    assert_eq!(up.send("POST", FUNCTIONS, &order_ingest().to_string()).0, 202);
    let scale = |n: u64| {
        let body = json!({"serviceName": "order-ingest", "replicas": n}).to_string();
        up.send("POST", "/system/scale-function/order-ingest", &body).0
    };
    assert_eq!((scale(6), scale(2)), (400, 202));
    available(&up, 2);
    let second = up.pid_of("order-ingest.2");
    for _ in 0..4 {
        assert_eq!(up.send("POST", "/function/order-ingest", "no order").0, 400);
    }
    for part in ["order-ingest", "order-ingest.2"] {
        let path = format!("/system/logs?name=order-ingest&instance={part}&tail=1");
        let has_answered = || up.get(&path).1.contains("answered");
        eventually(&format!("{part} has answered"), has_answered);
        let lines = up.get(&path).1;
        let line: Value = serde_json::from_str(lines.trim()).unwrap();
        assert_eq!((&line["name"], &line["instance"]), (&json!("order-ingest"), &json!(part)));
    }
    let outside = "/system/logs?name=order-ingest&instance=order-ingest.%2F..%2Fup";
    assert_eq!(up.get(outside).0, 404);
    assert_eq!(scale(0), 202);
    assert!(is_gone(second));
    assert_eq!(status(&up)["availableReplicas"], 0);
    assert_eq!(up.send("POST", "/function/order-ingest", ORDER).0, 502);
    assert_eq!(scale(1), 202);
    available(&up, 1);
}

#[test]
fn secrets_can_be_made_changed_listed_and_removed_and_never_read() {
    let up = Up::start(&["--provider"]);
    let path = "/system/secrets";
    let secret = |name: &str| json!({"name": name, "value": "hidden"}).to_string();
    let raw = json!({"name": "raw", "rawValue": "AAE="}).to_string();
    assert_eq!(up.send("POST", path, &secret("a.b")).0, 202);
    assert_eq!(up.send("POST", path, &secret("a.b")).0, 409);
    assert_eq!(up.send("POST", path, &raw).0, 202);
    let (status, list) = up.get(path);
    assert_eq!(status, 200);
    assert!(list.contains("\"a.b\"") && list.contains("\"raw\"") && !list.contains("hidden"));
    let bytes = std::fs::read(up.dir.path().join("data/secrets/raw")).unwrap();
    assert_eq!(bytes, [0, 1]);
    assert_eq!(up.send("PUT", path, &secret("a.b")).0, 202);
    assert_eq!(up.send("PUT", path, &secret("none")).0, 404);
    for name in ["", "../up", ".hidden", "a/b"] {
        assert_eq!(up.send("POST", path, &secret(name)).0, 400, "{name}");
    }
    assert_eq!(up.send("DELETE", path, &secret("a.b")).0, 202);
    assert_eq!(up.send("DELETE", path, &secret("a.b")).0, 404);
}
