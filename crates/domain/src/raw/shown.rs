//! How what somebody sent stands in a text about it: short, on one line, and seen for what it is.

use crate::nearest;
use serde_json::Value;
use std::fmt::Write as _;

/// Most characters of a value or name that a text repeats.
const CHARS_MAX: usize = 40;

/// A value: text in quotes, the rest as JSON has it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", cut(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Its beginning, if it is long.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// Adds a member to a path; control characters of its name are escaped.
pub(super) fn add_member(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    for c in cut(name).chars() {
        if c.is_control() {
            path.extend(c.escape_default());
        } else {
            path.push(c);
        }
    }
}

/// Adds an item of a list to a path.
pub(super) fn add_item(path: &mut String, index: usize) {
    write!(path, "[{index}]").expect("writing to a String does not fail");
}

/// `; did you mean "quantity"?`, if one of `known` is much like `name`.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}
