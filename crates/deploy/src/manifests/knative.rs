//! Services of Knative, schedules as cron jobs, and the list of functions for the connector.

use serde_json::{Value, json};
use stack::{Function, Stack};

use super::pod::NAMESPACE;
use super::{plain, pod};

pub(super) fn objects(stack: &Stack) -> Vec<Value> {
    let functions = stack.functions.iter();
    let functions = functions.flat_map(|(name, function)| {
        let url = format!("http://{name}.{NAMESPACE}.svc.cluster.local/");
        [service(name, function)].into_iter().chain(plain::schedule(name, function, &url))
    });
    functions.chain([plain::list(stack)]).collect()
}

fn service(name: &str, function: &Function) -> Value {
    let mut container = pod::container(name, function);
    container.insert("ports".to_owned(), json!([{"containerPort": 8080}]));
    // Knative takes a time-out only beside a period.
    let probe =
        |path: &str| json!({"httpGet": {"path": path}, "periodSeconds": 5, "timeoutSeconds": 3});
    container.insert("readinessProbe".to_owned(), probe("/_/ready"));
    container.insert("livenessProbe".to_owned(), probe("/_/health"));
    // Unlike Kubernetes, Knative takes these from a container, and by default not from a pod.
    if let (Some(container), Value::Object(pod)) =
        (container.get_mut("securityContext").and_then(Value::as_object_mut), pod::security())
    {
        container.extend(pod);
    }
    let mut annotations = function.annotations.clone();
    // The connector calls when there is something; a start in between only costs time.
    annotations.insert(
        "autoscaling.knative.dev/min-scale".to_owned(),
        pod::replicas(function).to_string(),
    );
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            // Nobody outside the cluster calls them through Knative's own gateway.
            "labels": {"networking.knative.dev/visibility": "cluster-local"},
        },
        "spec": {"template": {
            "metadata": {"labels": pod::labels(name, function), "annotations": annotations},
            "spec": {
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "timeoutSeconds": 300,
                "containers": [container],
                "volumes": pod::volumes(function),
            },
        }},
    })
}
