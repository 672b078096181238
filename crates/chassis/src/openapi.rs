//! The OpenAPI document and the table of roles, made from the routes.

use crate::api::Operation;
use crate::describe::Description;
use runtime::PROBLEM_JSON;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The routes of functions, each under the name in `stack.yml`.
pub type Functions<'a> = &'a [(&'a str, Vec<Operation>)];

/// An OpenAPI 3.1 document of all routes that people call; the paths are those behind the gateway.
#[must_use]
pub fn document(functions: Functions<'_>) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for (name, operations) in functions {
        for operation in operations {
            let mut description = Description::default();
            (operation.describe)(&mut description, &mut schemas);
            let path = format!("/function/{name}{}", operation.path.trim_end_matches('/'));
            let methods = paths.entry(path).or_insert_with(|| json!({}));
            if let Some(methods) = methods.as_object_mut() {
                let method = operation.method.as_str().to_ascii_lowercase();
                methods.insert(method, of(name, operation, description));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "orderflow", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn of(function: &str, operation: &Operation, description: Description) -> Value {
    let Description { parameters, takes, answers } = description;
    let names: Vec<_> = operation.roles.iter().map(|(role, _)| role.name()).collect();
    let problem = json!({"description": "what is wrong", "content": {PROBLEM_JSON: {"schema": {
        "type": "object",
        "properties": {
            "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "field": {"type": "string"}, "reason": {"type": "string"}}}},
        },
    }}}});
    let mut said = json!({
        "tags": [function],
        "summary": operation.summary,
        "x-roles": names,
        "x-partner-scope": operation.scope.name(),
        "responses": {"2XX": {"description": "done", "content": answers}, "default": problem},
    });
    if let Some(said) = said.as_object_mut() {
        if !parameters.is_empty() {
            said.insert("parameters".to_owned(), parameters.into());
        }
        if !takes.is_empty() {
            said.insert("requestBody".to_owned(), json!({"content": takes}));
        }
        if !names.contains(&"anyone") {
            said.insert("security".to_owned(), json!([{"token": []}]));
        }
    }
    said
}

/// A Markdown table: who may call what, with which tokens, and whose data it is.
#[must_use]
pub fn roles(functions: Functions<'_>) -> String {
    let mut table = String::from("| call | role | token | partners |\n|---|---|---|---|\n");
    for (name, operations) in functions {
        for operation in operations {
            let roles: Vec<_> = operation.roles.iter().map(|(role, _)| role.name()).collect();
            let tokens: Vec<_> = operation.roles.iter().map(|(_, door)| door.tokens()).collect();
            let path = operation.path.trim_end_matches('/');
            writeln!(
                table,
                "| `{} /function/{name}{path}` | {} | {} | {} |",
                operation.method,
                roles.join("; "),
                tokens.join("; "),
                operation.scope.name()
            )
            .expect("text takes everything");
        }
    }
    table
}
