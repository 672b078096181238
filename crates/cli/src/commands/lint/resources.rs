//! Memory and processor time: given, readable, and asked for within what is allowed.

use super::Function;
use super::finding::{Findings, Rule};
use super::tree::Node;

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

/// A quantity of Kubernetes: `64Mi`, `100m`, `0.5`, `1e3`.
fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_f64.powi(exponent)
        }
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, expected) in [
            ("64Mi", Some(67_108_864.0)),
            ("100m", Some(0.1)),
            ("0.5", Some(0.5)),
            ("1e3", Some(1_000.0)),
            ("2G", Some(2e9)),
            ("64MB", None),
            ("64 Mi", None),
            ("Mi", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(quantity(text), expected, "{text}");
        }
    }
}
