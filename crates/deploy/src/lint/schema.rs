//! The keys that `faas-cli` reads. It ignores every other one without a message.

use super::finding::{Findings, Rule};
use connector::annotations;
use intake::problem::{Kind, Problems, repeated};
use intake::shape::{self, Field, OPTIONAL, REQUIRED, Shape};
use intake::yaml::Node;
use serde_json::{Map, Value as Json, json};

/// The text may be anything: what it means is checked by other rules.
const TEXT: Shape = Shape::Text(|_| None);
const TEXTS: Shape = Shape::List(&TEXT);
/// A map of names to texts.
const PAIRS: Shape = Shape::Named(&Shape::OrNothing(&TEXT));
const FLAG: Shape = Shape::OneOf(&["true", "false"]);
const ANNOTATIONS: &str = "annotations";

/// An empty value is as good as no key.
const fn optional(name: &'static str, shape: &'static Shape) -> Field {
    Field(name, OPTIONAL, Shape::OrNothing(shape))
}

const STACK: Shape = Shape::Map(&[
    optional("version", &Shape::OneOf(&["1.0"])),
    Field("provider", REQUIRED, Shape::Map(PROVIDER)),
    Field("functions", REQUIRED, Shape::OrNothing(&Shape::Named(&Shape::Map(FUNCTION)))),
    optional("configuration", &Shape::Map(CONFIGURATION)),
]);
const PROVIDER: &[Field] =
    &[Field("name", REQUIRED, Shape::OneOf(&["openfaas"])), optional("gateway", &TEXT)];
const CONFIGURATION: &[Field] =
    &[optional("templates", &Shape::List(&Shape::Map(TEMPLATE))), optional("copy", &TEXTS)];
const TEMPLATE: &[Field] = &[Field("name", REQUIRED, TEXT), optional("source", &TEXT)];
const RESOURCES: Shape = Shape::Map(&[optional("memory", &TEXT), optional("cpu", &TEXT)]);
const FUNCTION: &[Field] = &[
    Field("lang", REQUIRED, TEXT),
    Field("handler", REQUIRED, TEXT),
    Field("image", REQUIRED, TEXT),
    optional("fprocess", &TEXT),
    optional("environment", &PAIRS),
    optional("environment_file", &TEXTS),
    optional("secrets", &TEXTS),
    optional("skip_build", &FLAG),
    optional("constraints", &TEXTS),
    optional("labels", &PAIRS),
    optional(ANNOTATIONS, &PAIRS),
    optional("limits", &RESOURCES),
    optional("requests", &RESOURCES),
    optional("readonly_root_filesystem", &FLAG),
    optional("build_options", &TEXTS),
    optional("build_args", &PAIRS),
    optional("build_secrets", &PAIRS),
    optional("platforms", &TEXT),
    optional("namespace", &TEXT),
];

/// The JSON Schema of a stack, for editors.
pub(crate) fn json() -> Json {
    let schema =
        with(expected(&STACK), "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    with(schema, "title", json!("stack.yml of orderflow, as faas-cli reads it"))
}

/// The schema with another key.
fn with(mut schema: Json, key: &str, value: Json) -> Json {
    schema.as_object_mut().expect("a schema is an object").insert(key.to_owned(), value);
    schema
}

/// Numbers and flags count as text.
fn expected(shape: &Shape) -> Json {
    match shape {
        Shape::Map(fields) => {
            let property = |field: &Field| (field.0.to_owned(), of_field(field));
            let properties: Map<String, Json> = fields.iter().map(property).collect();
            let required = fields.iter().filter(|field| field.1).map(|field| field.0);
            json!({
                "type": "object", "properties": properties,
                "required": required.collect::<Vec<_>>(), "additionalProperties": false,
            })
        }
        Shape::Named(each) => json!({"type": "object", "additionalProperties": expected(each)}),
        Shape::List(each) => json!({"type": "array", "items": expected(each)}),
        Shape::OrNothing(shape) => or_nothing(expected(shape)),
        Shape::OneOf(["true", "false"]) => json!({"type": "boolean"}),
        Shape::OneOf(allowed) => json!({"enum": allowed}),
        _ => json!({"type": ["string", "number", "boolean"]}),
    }
}

fn of_field(field: &Field) -> Json {
    let schema = expected(&field.2);
    if field.0 != ANNOTATIONS {
        return schema;
    }
    let known = annotations::KNOWN.iter().map(|(name, what)| {
        let text = expected(&Shape::OrNothing(&TEXT));
        ((*name).to_owned(), with(text, "description", json!(what)))
    });
    with(schema, "properties", known.collect::<Map<_, _>>().into())
}

/// The same schema, which takes `null` as well.
fn or_nothing(schema: Json) -> Json {
    let (key, nothing) = match schema.get("enum") {
        Some(_) => ("enum", Json::Null),
        None => ("type", json!("null")),
    };
    let mut allowed = match schema.get(key) {
        Some(Json::Array(allowed)) => allowed.clone(),
        one => one.cloned().into_iter().collect(),
    };
    allowed.push(nothing);
    with(schema, key, allowed.into())
}

pub(super) fn look(root: &Node, findings: &mut Findings) {
    let mut problems = Problems(repeated(root));
    shape::check("", &root.into(), &STACK, &mut problems);
    for problem in problems.0 {
        let line = problem.line.unwrap_or_else(|| root.line_of(&problem.place));
        // What is wrong, then what to do.
        let (wrong, mend) = problem.reason.split_once("; ").unwrap_or((&problem.reason, ""));
        let (rule, wrong) = match problem.kind {
            Kind::Unknown => (Rule::KeyUnknown, "is not a key that faas-cli reads: it ignores it"),
            Kind::Missing => (Rule::KeyMissing, "is missing"),
            Kind::Repeated => (Rule::KeyTwice, wrong),
            Kind::Value => (Rule::Value, wrong),
        };
        findings.add(rule, line, problem.place, wrong, mend);
    }
}
