//! The keys that `faas-cli` reads. It drops every other one in silence.

use super::finding::{Findings, Rule};
use super::nearest::nearest;
use connector::annotations;
use intake::yaml::{Key, Node, Value};
use serde_json::{Map, Value as Json, json};

/// What a key holds.
enum Shape {
    Text,
    Flag,
    Texts,
    /// A map of names to texts.
    Pairs,
    /// The same, of which some names mean something to the connectors.
    Annotations,
    Map(&'static [Field]),
    Maps(&'static [Field]),
    /// A map of names to maps.
    Named(&'static [Field]),
}

struct Field {
    name: &'static str,
    is_required: bool,
    shape: Shape,
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, is_required: true, shape }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, is_required: false, shape }
}

const STACK: &[Field] = &[
    optional("version", Shape::Text),
    required("provider", Shape::Map(PROVIDER)),
    required("functions", Shape::Named(FUNCTION)),
    optional("configuration", Shape::Map(CONFIGURATION)),
];
const PROVIDER: &[Field] = &[required("name", Shape::Text), optional("gateway", Shape::Text)];
const CONFIGURATION: &[Field] =
    &[optional("templates", Shape::Maps(TEMPLATE)), optional("copy", Shape::Texts)];
const TEMPLATE: &[Field] = &[required("name", Shape::Text), optional("source", Shape::Text)];
const RESOURCES: &[Field] = &[optional("memory", Shape::Text), optional("cpu", Shape::Text)];
const FUNCTION: &[Field] = &[
    required("lang", Shape::Text),
    required("handler", Shape::Text),
    required("image", Shape::Text),
    optional("fprocess", Shape::Text),
    optional("environment", Shape::Pairs),
    optional("environment_file", Shape::Texts),
    optional("secrets", Shape::Texts),
    optional("skip_build", Shape::Flag),
    optional("constraints", Shape::Texts),
    optional("labels", Shape::Pairs),
    optional("annotations", Shape::Annotations),
    optional("limits", Shape::Map(RESOURCES)),
    optional("requests", Shape::Map(RESOURCES)),
    optional("readonly_root_filesystem", Shape::Flag),
    optional("build_options", Shape::Texts),
    optional("build_args", Shape::Pairs),
    optional("build_secrets", Shape::Pairs),
    optional("platforms", Shape::Text),
    optional("namespace", Shape::Text),
];

/// The JSON Schema of a stack, for editors.
pub(crate) fn json() -> Json {
    let Json::Object(mut schema) = object(STACK) else {
        unreachable!("it is written as an object")
    };
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("stack.yml of orderflow, as faas-cli reads it"));
    schema.into()
}

fn object(fields: &[Field]) -> Json {
    let properties = fields.iter().map(|field| (field.name.to_owned(), expected(&field.shape)));
    let properties: Map<String, Json> = properties.collect();
    let required = fields.iter().filter(|field| field.is_required).map(|field| field.name);
    let required: Vec<&str> = required.collect();
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

/// An empty value is as good as no key, and numbers and flags count as text.
fn expected(shape: &Shape) -> Json {
    let text = || json!({"type": ["string", "number", "boolean", "null"]});
    match shape {
        Shape::Text => text(),
        Shape::Flag => json!({"type": ["boolean", "null"]}),
        Shape::Texts => json!({"type": ["array", "null"], "items": text()}),
        Shape::Pairs => json!({"type": ["object", "null"], "additionalProperties": text()}),
        Shape::Annotations => {
            let known = annotations::KNOWN.iter().map(|(name, what)| {
                let types = text().get("type").cloned().unwrap_or_default();
                ((*name).to_owned(), json!({"type": types, "description": what}))
            });
            let known: Map<String, Json> = known.collect();
            json!({
                "type": ["object", "null"], "properties": known, "additionalProperties": text(),
            })
        }
        Shape::Map(fields) => object(fields),
        Shape::Maps(fields) => json!({"type": "array", "items": object(fields)}),
        Shape::Named(fields) => json!({"type": "object", "additionalProperties": object(fields)}),
    }
}

pub(super) fn look(root: &Node, findings: &mut Findings) {
    fields("", root, STACK, findings);
    let text = |path: &[&str]| {
        let node = path.iter().try_fold(root, |node, name| node.get(name))?;
        Some((node.text()?, node.line))
    };
    if let Some((version, line)) = text(&["version"])
        && version != "1.0"
    {
        findings.add(
            Rule::Value,
            line,
            "version",
            format!("is {version:?}"),
            "the only one is 1.0",
        );
    }
    if let Some((name, line)) = text(&["provider", "name"])
        && name != "openfaas"
    {
        let path = "provider.name";
        findings.add(
            Rule::Value,
            line,
            path,
            format!("is {name:?}"),
            "faas-cli takes openfaas only",
        );
    }
}

fn fields(path: &str, node: &Node, known: &'static [Field], findings: &mut Findings) {
    let Value::Map(members) = &node.value else {
        wrong_shape(path, node, "keys and values", findings);
        return;
    };
    for (number, (key, node)) in members.iter().enumerate() {
        let path = join(path, &key.text);
        if is_repeated(members, number, &path, findings) {
            continue;
        }
        let Some(field) = known.iter().find(|field| field.name == key.text) else {
            let mend = nearest(&key.text, known.iter().map(|field| field.name));
            let wrong = "is no key of stack.yml: faas-cli drops it in silence";
            findings.add(Rule::KeyUnknown, key.line, path, wrong, mend);
            continue;
        };
        shape(&path, node, &field.shape, findings);
    }
    for field in known.iter().filter(|field| field.is_required) {
        if node.get(field.name).is_none_or(|node| matches!(node.value, Value::Null)) {
            let line = node.key(field.name).map_or(node.line, |key| key.line);
            findings.add(Rule::KeyMissing, line, join(path, field.name), "is missing", "");
        }
    }
}

/// Was the key of this number given before? That is said.
fn is_repeated(
    members: &[(Key, Node)],
    number: usize,
    path: &str,
    findings: &mut Findings,
) -> bool {
    let Some((key, _)) = members.get(number) else { return false };
    let is_repeated = members.iter().take(number).any(|(before, _)| before.text == key.text);
    if is_repeated {
        findings.add(Rule::KeyTwice, key.line, path, "is given twice", "keep one");
    }
    is_repeated
}

fn shape(path: &str, node: &Node, expected: &Shape, findings: &mut Findings) {
    // An empty value is as good as no key; where one is required, that is said elsewhere.
    if matches!(node.value, Value::Null) {
        return;
    }
    match expected {
        Shape::Text if node.text().is_none() => wrong_shape(path, node, "a text", findings),
        Shape::Text => {}
        Shape::Flag if matches!(node.text(), Some("true" | "false")) => {}
        Shape::Flag => wrong_shape(path, node, "true or false", findings),
        Shape::Texts => match &node.value {
            Value::List(items) if items.iter().all(|item| item.text().is_some()) => {}
            _ => wrong_shape(path, node, "a list of texts", findings),
        },
        Shape::Pairs | Shape::Annotations => pairs(path, node, findings),
        Shape::Map(known) => fields(path, node, known, findings),
        Shape::Maps(known) => match &node.value {
            Value::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    fields(&format!("{path}[{number}]"), item, known, findings);
                }
            }
            _ => wrong_shape(path, node, "a list", findings),
        },
        Shape::Named(known) => match &node.value {
            Value::Map(members) => {
                for (number, (key, node)) in members.iter().enumerate() {
                    let path = join(path, &key.text);
                    if !is_repeated(members, number, &path, findings) {
                        fields(&path, node, known, findings);
                    }
                }
            }
            _ => wrong_shape(path, node, "names with keys and values", findings),
        },
    }
}

fn pairs(path: &str, node: &Node, findings: &mut Findings) {
    let Value::Map(members) = &node.value else {
        wrong_shape(path, node, "names and texts", findings);
        return;
    };
    for (number, (key, node)) in members.iter().enumerate() {
        let path = join(path, &key.text);
        is_repeated(members, number, &path, findings);
        if matches!(node.value, Value::List(_) | Value::Map(_)) {
            wrong_shape(&path, node, "a text", findings);
        }
    }
}

fn wrong_shape(path: &str, node: &Node, expected: &str, findings: &mut Findings) {
    let found = match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Text(text) => format!("{text:?}"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "keys and values".to_owned(),
    };
    findings.add(Rule::Value, node.line, path, format!("is {found}, not {expected}"), "");
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
