//! Reads `stack.yml`: which functions there are, and what calls them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_yaml_ng::Value;

use crate::{catalogue, sources};

/// The root's `stack.yml`, so that the command needs no file.
pub const BUILT_IN: &str = include_str!("../../../stack.yml");

/// The functions, by name.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Stack {
    /// By name.
    pub functions: BTreeMap<String, Function>,
}

/// What this command reads of a function; `faas-cli` reads the rest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Function {
    /// `[REGISTRY/]NAME:TAG`; empty where none is named.
    #[serde(default)]
    pub image: String,
    /// What calls it: see `connector::annotations`.
    #[serde(default, deserialize_with = "texts")]
    pub annotations: BTreeMap<String, String>,
    /// For OpenFaaS and Kubernetes.
    #[serde(default, deserialize_with = "texts")]
    pub labels: BTreeMap<String, String>,
    /// Its settings.
    #[serde(default, deserialize_with = "texts")]
    pub environment: BTreeMap<String, String>,
    /// Names of what it finds in its folder of secrets.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The most memory and processor time that it gets, as quantities of Kubernetes.
    #[serde(default, deserialize_with = "texts")]
    pub limits: BTreeMap<String, String>,
    /// What the scheduler sets aside for it.
    #[serde(default, deserialize_with = "texts")]
    pub requests: BTreeMap<String, String>,
    /// It writes to `/tmp` only.
    #[serde(default)]
    pub readonly_root_filesystem: bool,
}

/// The functions of `given`, else of `./stack.yml`, else of the built-in one; and which of them it was.
///
/// # Errors
/// The file cannot be read or used.
pub fn read(given: Option<&Path>) -> anyhow::Result<(Stack, String)> {
    let (text, place) = sources::choose(given, "stack.yml", BUILT_IN)?;
    let mut env = runtime::Env::from_process();
    let stack = parse(&text, &place, |name| env.optional::<String>(name))?;
    env.finish(|| Some(()))?;
    Ok((stack, place))
}

/// The functions of [`BUILT_IN`].
pub fn built_in() -> Stack {
    parse(BUILT_IN, "the built-in stack.yml", |_| None).expect("a test reads it")
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// It is no YAML, or not of this form.
    #[error("{place}: {source}")]
    Yaml {
        /// Which file.
        place: String,
        /// What the parser says.
        source: serde_yaml_ng::Error,
    },
    /// It names no function.
    #[error("{place}: no functions")]
    Empty {
        /// Which file.
        place: String,
    },
    /// A function that nobody wrote.
    #[error("{place}: function {name:?} is not in this program; it has {known}")]
    Unknown {
        /// Which file.
        place: String,
        /// As it is called there.
        name: String,
        /// Those that there are.
        known: String,
    },
}

/// Reads `text`; `variable` gives what `${NAME:-default}` in it stands for.
pub fn parse(
    text: &str,
    place: &str,
    mut variable: impl FnMut(&str) -> Option<String>,
) -> Result<Stack, StackError> {
    let wrong = |source| StackError::Yaml { place: place.to_owned(), source };
    let text = substitute(text, |name, default| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.or_else(|| default.map(str::to_owned))
    });
    let mut value: Value = serde_yaml_ng::from_str(&text).map_err(wrong)?;
    value.apply_merge().map_err(wrong)?;
    let stack: Stack = serde_yaml_ng::from_value(value).map_err(wrong)?;
    if stack.functions.is_empty() {
        return Err(StackError::Empty { place: place.to_owned() });
    }
    let known = catalogue::NAMES;
    match stack.functions.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(stack),
        Some(name) => Err(StackError::Unknown {
            place: place.to_owned(),
            name: name.clone(),
            known: known.join(", "),
        }),
    }
}

/// `${NAME}` and `${NAME:-default}`, over the whole text as `faas-cli` does; `$${` is a plain `${`.
/// What stands for a name and its default is asked from `value`.
pub fn substitute(
    text: &str,
    mut value: impl FnMut(&str, Option<&str>) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((inner, next)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        out.push_str(&value(name, default).unwrap_or_default());
        rest = next;
    }
    out.push_str(rest);
    out
}

/// Numbers and booleans count as text, as for `faas-cli`.
fn texts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = Option::<BTreeMap<String, Value>>::deserialize(from)?.unwrap_or_default();
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Bool(value) => Ok((name, value.to_string())),
        Value::Number(value) => Ok((name, value.to_string())),
        Value::Null => Ok((name, String::new())),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
            Err(serde::de::Error::custom(format!("{name}: not a text")))
        }
    };
    values.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_stack_has_every_function_with_what_calls_it() {
        let stack = parse(BUILT_IN, "built-in", |_| None).unwrap();
        let names: Vec<_> = stack.functions.keys().map(String::as_str).collect();
        assert_eq!(names, catalogue::NAMES);
        let calls = |name: &str, key: &str| stack.functions[name].annotations.get(key).cloned();
        assert_eq!(calls("daily-checker", "schedule").unwrap(), "0 8 * * *");
        assert_eq!(calls("order-ingest", "topic").unwrap(), "orders");
        assert_eq!(calls("order-processor", "orderflow.lanes").unwrap(), "main");
        let ingest = &stack.functions["order-ingest"];
        assert_eq!(ingest.image, "ghcr.io/orderflow/order-ingest:0.1.0");
        assert_eq!(ingest.environment["ORDERFLOW_OPEN_INGEST"], "false");
        assert!(ingest.environment.contains_key("ORDERFLOW_NATS_URL"));
        assert!(ingest.readonly_root_filesystem);
    }

    #[test]
    fn every_topic_is_cron_or_a_subject_of_a_stream() {
        for (name, function) in parse(BUILT_IN, "built-in", |_| None).unwrap().functions {
            let Some(topic) = function.annotations.get("topic") else { continue };
            let known = topic == "cron-function" || messaging::streams::of_subject(topic).is_some();
            assert!(known, "{name}: {topic}");
        }
    }

    #[test]
    fn variables_stand_for_their_value_or_default() {
        let value = |name: &str, default: Option<&str>| {
            (name == "TAG").then(|| "2".to_owned()).or_else(|| default.map(str::to_owned))
        };
        for (text, expected) in [
            ("a:${TAG}", "a:2"),
            ("a:${TAG:-1}", "a:2"),
            ("a:${NONE:-1}b", "a:1b"),
            ("a:${NONE}b", "a:b"),
            ("$${TAG} $5 ${open", "${TAG} $5 ${open"),
        ] {
            assert_eq!(substitute(text, value), expected);
        }
    }

    #[test]
    fn numbers_and_booleans_count_as_text() {
        let text = "functions: {order-ingest: {annotations: {a: 5, b: true, c: x}, labels: }}";
        let stack = parse(text, "t", |_| None).unwrap();
        let annotations = &stack.functions["order-ingest"].annotations;
        assert_eq!(annotations.values().collect::<Vec<_>>(), ["5", "true", "x"]);
    }

    #[test]
    fn a_stack_that_cannot_be_used_says_why_and_where() {
        for (text, expected) in [
            ("functions: {}", "s.yml: no functions"),
            ("functions: {nope: {}}", "function \"nope\" is not in this program"),
            ("functions: [", "s.yml: "),
            ("provider: x", "missing field `functions`"),
            ("functions: {order-ingest: {labels: {a: []}}}", "a: not a text"),
        ] {
            let error = parse(text, "s.yml", |_| None).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
