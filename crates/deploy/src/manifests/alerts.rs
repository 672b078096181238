//! What Prometheus has to see, for a Prometheus that reads files and for one that an operator runs.

use serde_json::{Value, json};
use stack::{Stack, expected};

pub(super) fn rules(stack: &Stack) -> Vec<Value> {
    vec![expected::rules(stack)]
}

/// The same as an object of the Prometheus operator.
pub(super) fn object(stack: &Stack) -> Vec<Value> {
    vec![json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "orderflow-expected",
            "namespace": "orderflow",
            "labels": {"app.kubernetes.io/part-of": "orderflow"},
        },
        "spec": expected::rules(stack),
    })]
}
