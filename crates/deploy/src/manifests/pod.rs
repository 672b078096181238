//! What the pods of a function have in common, whoever makes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stack::Function;

/// Where functions live.
pub(super) const NAMESPACE: &str = "openfaas-fn";
/// What functions give themselves to end in good order, and a little more.
pub(super) const GRACE_SECONDS: u32 = 30;
/// OpenFaaS runs functions as this user.
const USER: u32 = 12_000;
/// The largest file of a partner, twice.
const SCRATCH: &str = "4Gi";

/// `faas_function` is what the gateway of OpenFaaS looks for.
pub(super) fn labels(name: &str, function: &Function) -> BTreeMap<String, String> {
    let mut labels = function.labels.clone();
    labels.insert("app.kubernetes.io/name".to_owned(), name.to_owned());
    labels.insert("faas_function".to_owned(), name.to_owned());
    labels
}

/// How many there are, unless somebody scales them.
pub(super) fn replicas(function: &Function) -> u32 {
    let min = function.labels.get("com.openfaas.scale.min");
    min.and_then(|min| min.parse().ok()).unwrap_or(1)
}

pub(super) fn security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

/// The function's container, but for its ports and probes.
pub(super) fn container(name: &str, function: &Function) -> serde_json::Map<String, Value> {
    let environment = function.environment.iter();
    let environment: Vec<Value> =
        environment.map(|(name, value)| json!({"name": name, "value": value})).collect();
    let Value::Object(container) = json!({
        "name": name,
        "image": function.image,
        "env": environment,
        "resources": {"requests": function.requests, "limits": function.limits},
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "secrets", "mountPath": "/var/openfaas/secrets", "readOnly": true},
        ],
    }) else {
        unreachable!("it is written as an object")
    };
    container
}

pub(super) fn volumes(function: &Function) -> Value {
    // One key in each, named as the secret, as faas-cli makes them.
    let sources = function.secrets.iter().map(|name| json!({"secret": {"name": name}}));
    json!([
        {"name": "tmp", "emptyDir": {"sizeLimit": SCRATCH}},
        {"name": "secrets", "projected": {"sources": sources.collect::<Vec<Value>>()}},
    ])
}
