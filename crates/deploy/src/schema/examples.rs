//! The examples of docs/API.md, held against the types.

use super::tests::followed;
use super::{File, text};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../docs/API.md");

fn document() -> Value {
    serde_json::from_str(&text(File::Api)).unwrap()
}

/// What all parts of `allOf` say together.
fn together(root: &Value, schema: &Value) -> Value {
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut whole = json!({"properties": {}, "required": []});
    for part in parts.iter().map(|part| followed(root, part)) {
        for (name, own) in part["properties"].as_object().into_iter().flatten() {
            whole["properties"][name] = own.clone();
        }
        let required = whole["required"].as_array_mut().unwrap();
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
    }
    whole
}

/// Does `value` have the type, the members and the words of `schema`?
#[track_caller]
fn fits(root: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = &together(root, followed(root, schema));
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    let types = schema["type"].to_string();
    let is_number = kind == "integer" && types.contains("\"number\"");
    assert!(
        schema["type"].is_null() || is_number || types.contains(kind),
        "{place}: {kind}, {types}"
    );
    if let Some(items) = value.as_array() {
        items.iter().for_each(|item| fits(root, &schema["items"], item, place));
    }
    let Some(members) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(name.as_str().unwrap()), "{place} lacks {name}");
    }
    for (name, member) in members {
        let own = schema["properties"].get(name);
        let any = schema.get("additionalProperties").filter(|any| any.is_object());
        let member_schema = own.or(any).unwrap_or_else(|| panic!("{place}.{name} is not known"));
        fits(root, member_schema, member, &format!("{place}.{name}"));
    }
}

/// Calls of the page's table with body and answer.
fn examples() -> Vec<(String, String, Value, Value)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [call, body, answer] = cells[..] else { return None };
        let json = |cell: &str| serde_json::from_str::<Value>(cell.trim_matches('`')).ok();
        let (method, path) = call.trim_matches('`').split_once(' ')?;
        Some((method.to_ascii_lowercase(), path.to_owned(), json(body)?, json(answer)?))
    };
    PAGE.lines().filter_map(row).collect()
}

#[test]
fn every_call_with_a_body_has_an_example_that_its_types_allow() {
    let root = document();
    let mut shown = Vec::new();
    for (method, path, body, answer) in examples() {
        let operation = &root["paths"][&path][&method];
        let json = "/content/application~1json/schema";
        let taken = operation.pointer(&format!("/requestBody{json}"));
        let given = operation.pointer(&format!("/responses/2XX{json}"));
        let (taken, given) = taken.zip(given).unwrap_or_else(|| panic!("no call {method} {path}"));
        fits(&root, taken, &body, &format!("the body of {path}"));
        fits(&root, given, &answer, &format!("the answer of {path}"));
        shown.push((path, method));
    }
    for (path, methods) in root["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_shown = shown.contains(&(path.clone(), method.clone()));
            let takes = operation.pointer("/requestBody/content/application~1json").is_some();
            assert!(!takes || is_shown, "docs/API.md has no example of {method} {path}");
        }
    }
}

/// Two types of one name get a number behind it.
#[test]
fn every_schema_has_a_name_of_its_own() {
    let root = document();
    let names = root["components"]["schemas"].as_object().unwrap().keys();
    let numbered: Vec<&String> = names.filter(|name| name.ends_with(char::is_numeric)).collect();
    assert!(numbered.is_empty(), "give each its own name: {numbered:?}");
}
