//! What OpenFaaS Community Edition and Kubernetes refuse.

use super::finding::{Findings, Rule};
use super::function::Function;
use intake::yaml::Node;

/// CE refuses the sixteenth function.
const FUNCTIONS_MAX: usize = 15;
/// CE starts no more of one function.
const REPLICAS_MAX: u64 = 5;
/// Of a name or of the value of a label, in Kubernetes.
const NAME_BYTES_MAX: usize = 63;
/// The only namespace of CE for functions.
const NAMESPACE: &str = "openfaas-fn";

pub(super) fn look(functions: &[Function<'_>], findings: &mut Findings) {
    if let Some(first) = functions.get(FUNCTIONS_MAX) {
        let wrong = format!("{} functions: CE refuses the sixteenth", functions.len());
        findings.add(Rule::FunctionsMax, first.line, "functions", wrong, "put some together");
    }
    for function in functions {
        name(function, findings);
        image(function, findings);
        labels(function, findings);
        annotations(function, findings);
        other(function, findings);
    }
}

fn name(function: &Function<'_>, findings: &mut Findings) {
    let name = function.name;
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(inside)
        && !name.ends_with('-')
        && name.len() <= NAME_BYTES_MAX;
    if !good {
        let mend = format!(
            "a Service in Kubernetes is a-z 0-9 and -, begins with a letter, does not end with -, and \
             has at most {NAME_BYTES_MAX} characters"
        );
        let path = format!("functions.{name}");
        findings.add(Rule::Name, function.line, path, "is no name for a function", mend);
    }
}

fn image(function: &Function<'_>, findings: &mut Findings) {
    let Some(node) = function.node.get("image") else { return };
    let Some(image) = node.text() else { return };
    let path = function.path("image");
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash is that of a port.
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    let part = |part: &str| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c);
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(inside)
    };
    let good_name = name.split('/').all(part);
    let good_tag = tag.is_none_or(|tag| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !tag.is_empty()
            && tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.chars().all(inside)
    });
    let good_digest = digest.is_none_or(|digest| {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if !(good_name && good_tag && good_digest) {
        let mend = "[REGISTRY/]NAME:TAG, the name in small letters";
        findings.add(Rule::Image, node.line, path, format!("{image:?} is no image"), mend);
    } else if digest.is_none() && tag.is_none_or(|tag| tag == "latest") {
        let wrong = format!("{image:?} is another image tomorrow: nothing can be rolled back");
        findings.add(Rule::ImageLatest, node.line, path, wrong, "give it a tag of its own");
    }
}

fn members<'a>(
    function: &'a Function<'_>,
    map: &'static str,
) -> impl Iterator<Item = (&'a str, usize, &'a str)> {
    let members = function.node.get(map).into_iter().flat_map(Node::members);
    members.map(|(key, node)| (key.text.as_str(), key.line, node.text().unwrap_or_default()))
}

fn labels(function: &Function<'_>, findings: &mut Findings) {
    for (name, line, value) in members(function, "labels") {
        let mut add = |wrong: String, mend: &str| {
            findings.add(Rule::Label, line, function.path(&format!("labels.{name}")), wrong, mend);
        };
        let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let ends = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        let plain = |text: &str| {
            text.is_empty()
                || (text.len() <= NAME_BYTES_MAX && text.chars().all(inside) && ends(text))
        };
        let short = name.split_once('/').map_or(name, |(_, short)| short);
        if short.is_empty() || !plain(short) || !plain(value) {
            let mend = "Kubernetes takes letters, digits, . _ - and at most 63 characters";
            add(format!("{value:?} is refused"), mend);
        }
        match name {
            "com.openfaas.scale.zero" if value != "true" => {}
            "com.openfaas.scale.zero"
            | "com.openfaas.scale.zero-duration"
            | "com.openfaas.scale.target"
            | "com.openfaas.scale.type" => {
                add("is not in CE, which refuses the function with 400".to_owned(), "remove it");
            }
            "com.openfaas.scale.min" | "com.openfaas.scale.max" => {
                if value.parse().is_ok_and(|n: u64| (1..=REPLICAS_MAX).contains(&n)) {
                    continue;
                }
                add(format!("is {value:?}"), "CE starts from 1 to 5 of a function");
            }
            _ => {}
        }
    }
}

fn annotations(function: &Function<'_>, findings: &mut Findings) {
    for (name, line, _) in members(function, "annotations") {
        if ["amazonaws.com", "gke.io"].iter().any(|cloud| name.contains(cloud)) {
            let path = function.path(&format!("annotations.{name}"));
            findings.add(Rule::Annotation, line, path, "CE refuses it", "remove it");
        }
    }
}

fn other(function: &Function<'_>, findings: &mut Findings) {
    if let Some(namespace) = function.node.get("namespace").and_then(Node::text)
        && !matches!(namespace, "" | NAMESPACE)
    {
        let line = function.line_of("namespace");
        let wrong = format!("is {namespace:?}: CE has {NAMESPACE} only");
        findings.add(Rule::Namespace, line, function.path("namespace"), wrong, "remove it");
    }
    if function.node.get("constraints").is_some_and(|node| !node.items().is_empty()) {
        let line = function.line_of("constraints");
        let mend = "a Deployment of your own can have a nodeSelector";
        findings.add(
            Rule::Constraints,
            line,
            function.path("constraints"),
            "CE ignores them",
            mend,
        );
    }
    for (name, line) in function.secrets() {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if name.len() <= 253
            && name.chars().all(inside)
            && name.starts_with(end)
            && name.ends_with(end)
        {
            continue;
        }
        let wrong = format!("{name:?} is no name of a secret");
        let mend = "Kubernetes takes a-z 0-9 . and -";
        findings.add(Rule::SecretName, line, function.path("secrets"), wrong, mend);
    }
}
