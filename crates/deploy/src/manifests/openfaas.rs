//! Objects of the kind `Function`, which the operator of OpenFaaS follows.

use serde_json::{Value, json};
use stack::{Function, Stack};

use super::pod::NAMESPACE;

pub(super) fn objects(stack: &Stack) -> Vec<Value> {
    let function = |(name, function): (&String, &Function)| {
        json!({
            "apiVersion": "openfaas.com/v1",
            "kind": "Function",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "name": name,
                "image": function.image,
                "labels": function.labels,
                "annotations": function.annotations,
                "environment": function.environment,
                "secrets": function.secrets,
                "limits": function.limits,
                "requests": function.requests,
                "readOnlyRootFilesystem": function.readonly_root_filesystem,
            },
        })
    };
    stack.functions.iter().map(function).collect()
}
