//! Deployments and Services, schedules as cron jobs, the list of functions for the connector, and who may call
//! whom.
//!
//! Labels and annotations are those of OpenFaaS's own deployments, so that its gateway lists, calls and
//! scales them as functions where there is one.

use serde_json::{Value, json};
use stack::{Function, Stack};

use super::network;
use super::pod::{self, NAMESPACE};

/// Calls what has a schedule.
const CALLER: &str = "curlimages/curl:8.11.1";

pub(super) fn objects(stack: &Stack) -> Vec<Value> {
    let functions = stack.functions.iter();
    let functions = functions.flat_map(|(name, function)| {
        let url = format!("http://{name}.{NAMESPACE}:8080/");
        let both = [deployment(name, function), service(name, function)];
        both.into_iter().chain(schedule(name, function, &url))
    });
    let network = network::connector(stack).into_iter().chain(network::schedules(stack));
    functions.chain([list(stack)]).chain(network).collect()
}

/// What the connector reads where no gateway lists functions.
pub(super) fn list(stack: &Stack) -> Value {
    let one = |(name, function): (&String, &Function)| json!({"name": name, "annotations": function.annotations});
    let list: Vec<Value> = stack.functions.iter().map(one).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "functions", "namespace": "orderflow"},
        "data": {"functions.json": format!("{:#}\n", Value::Array(list))},
    })
}

fn deployment(name: &str, function: &Function) -> Value {
    let mut container = pod::container(name, function);
    let ports = json!([
        {"name": "http", "containerPort": 8080},
        {"name": "metrics", "containerPort": 8081},
    ]);
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3});
    container.insert("ports".to_owned(), ports);
    container.insert("readinessProbe".to_owned(), probe("/_/ready"));
    container.insert("livenessProbe".to_owned(), probe("/_/health"));
    let labels = pod::labels(name, function);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": labels,
            "annotations": function.annotations,
        },
        "spec": {
            "replicas": pod::replicas(function),
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": {"faas_function": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": function.annotations},
                "spec": {
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "terminationGracePeriodSeconds": pod::GRACE_SECONDS,
                    "securityContext": pod::security(),
                    "containers": [container],
                    "volumes": pod::volumes(function),
                },
            },
        },
    })
}

fn service(name: &str, function: &Function) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": pod::labels(name, function)},
        "spec": {
            "selector": {"faas_function": name},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    })
}

/// A cron job, where the function has a schedule of cron-connector.
pub(super) fn schedule(name: &str, function: &Function, url: &str) -> Option<Value> {
    let schedule = function.annotations.get("schedule")?;
    let zoned = schedule.strip_prefix("CRON_TZ=").and_then(|rest| rest.split_once(' '));
    let (zone, schedule) = zoned.unwrap_or(("Etc/UTC", schedule));
    let mut labels = function.labels.clone();
    labels.insert("app.kubernetes.io/name".to_owned(), "schedule".to_owned());
    Some(json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": format!("{name}-schedule"), "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "schedule": schedule.trim(),
            "timeZone": zone,
            "concurrencyPolicy": "Forbid",
            // Late is better than not at all.
            "startingDeadlineSeconds": 3_600,
            "jobTemplate": {"spec": {
                "backoffLimit": 5,
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "restartPolicy": "Never",
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        "securityContext": pod::security(),
                        "containers": [{
                            "name": "call",
                            "image": CALLER,
                            // What a network policy lets a new pod do comes a moment after the pod, and
                            // the function may be between two pods of its own.
                            "args": ["--fail-with-body", "--silent", "--show-error",
                                "--retry", "8", "--retry-all-errors", "--retry-max-time", "240",
                                "--connect-timeout", "5", "--max-time", "300",
                                "--request", "POST", url],
                            "resources": {
                                "requests": {"cpu": "10m", "memory": "16Mi"},
                                "limits": {"memory": "64Mi"},
                            },
                            "securityContext": pod::container_security(),
                        }],
                    },
                },
            }},
        },
    }))
}
