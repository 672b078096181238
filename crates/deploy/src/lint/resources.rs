//! Memory and processor time: given, readable, and asked for within what is allowed.

use stack::catalogue;
use stack::quantity::{bytes, quantity};

use super::finding::{Findings, Rule};
use super::function::Function;
use intake::yaml::Node;

pub(super) fn look(function: &Function<'_>, findings: &mut Findings) {
    let amount = |map: &str, kind: &str, findings: &mut Findings| {
        let text = function.text_in(map, kind)?;
        let read = quantity(text);
        if read.is_none() {
            let path = function.path(&format!("{map}.{kind}"));
            let wrong = format!("{text:?} is no quantity of Kubernetes");
            findings.add(
                Rule::Quantity,
                function.line_in(map, kind),
                path,
                wrong,
                "such as 64Mi or 100m",
            );
        }
        read
    };
    for kind in ["memory", "cpu"] {
        let limit = amount("limits", kind, findings);
        let request = amount("requests", kind, findings);
        if let (Some(limit), Some(request)) = (limit, request)
            && limit < request
        {
            let path = function.path(&format!("requests.{kind}"));
            let mend = "Kubernetes refuses the pod";
            let wrong = "is more than the limit";
            findings.add(Rule::Quantity, function.line_in("requests", kind), path, wrong, mend);
        }
    }
    if function.text_in("limits", "memory").is_none() {
        let mend = "without it one function can take the memory of the whole node";
        let path = function.path("limits.memory");
        findings.add(Rule::Limits, function.line_of("limits"), path, "is missing", mend);
    }
    if let Some(bodies) = bodies(function).filter(|bodies| bodies.is_short) {
        let mib = bodies.most.div_ceil(1024 * 1024);
        let wrong = format!("leaves too little for requests: the function may take {mib} MiB");
        let (line, path) = (function.line_in("limits", "memory"), function.path("limits.memory"));
        findings.add(Rule::Limits, line, path, wrong, "raise it");
    }
    for kind in ["memory", "cpu"] {
        if function.text_in("requests", kind).is_none() {
            let path = function.path(&format!("requests.{kind}"));
            let mend = "CE has no default, and the scheduler does not know what fits";
            findings.add(Rule::Requests, function.line_of("requests"), path, "is missing", mend);
        }
    }
    if function.node.get("readonly_root_filesystem").and_then(Node::text) != Some("true") {
        let path = function.path("readonly_root_filesystem");
        let mend = "set it: functions write to /tmp only";
        findings.add(
            Rule::Root,
            function.line_of("readonly_root_filesystem"),
            path,
            "is not true",
            mend,
        );
    }
}

/// What the memory of a function in this program leaves for the bodies of requests.
pub(super) fn bodies(function: &Function<'_>) -> Option<runtime::Bodies> {
    let memory = catalogue::memory(function.name)?;
    let limit = bytes(function.text_in("limits", "memory")?)?;
    let default = runtime::ServerSettings::default().connections_max.get();
    let connections = function.text_in("environment", "ORDERFLOW_CONNECTIONS_MAX");
    let connections = connections.and_then(|text| text.trim().parse().ok()).unwrap_or(default);
    Some(memory.bodies(limit, connections))
}
