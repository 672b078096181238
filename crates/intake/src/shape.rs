//! Compares a configuration with its shape: which keys there are and what each may hold.
//!
//! A value is checked before it is read into types, because a parser of types stops at the first problem.
//! `partners.yml` and `stack.yml` are both checked here.

use crate::problem::{Kind, Problems};
use serde_yaml_ng::{Mapping, Value};

/// Returns what is wrong with a text, if anything is.
pub type Check = fn(&str) -> Option<String>;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A map with these keys and no others.
    Map(&'static [Field]),
    /// A map from names of any kind, at least one, to this.
    Named(&'static Shape),
    /// A list of this, with at least one item.
    List(&'static Shape),
    /// This; an empty value, list or map counts as a key that is not there.
    OrNothing(&'static Shape),
    /// Text that passes a check.
    Text(Check),
    /// One text or a list of them.
    Names(Check),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number in a range.
    Whole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A number from 0 to 100.
    Percent,
    /// A map from names to tables: each is a map from texts to texts, or a text that names a file and
    /// passes the check.
    Tables(Check),
}

/// A key of a map: its name, whether it is required, and what it holds.
#[derive(Clone, Copy, Debug)]
pub struct Field(pub &'static str, pub bool, pub Shape);

/// For [`Field`]: the key must be there and must have a value.
pub const REQUIRED: bool = true;
/// For [`Field`]: the key may be left out.
pub const OPTIONAL: bool = false;

impl Shape {
    /// What is expected, for people: `a list of text`.
    fn expected(&self) -> String {
        match self {
            Self::Map(_) => "a map of settings".to_owned(),
            Self::Named(each) => format!("a map from names to {}", each.expected()),
            Self::List(_) => "a list".to_owned(),
            Self::OrNothing(shape) => shape.expected(),
            Self::Text(_) => "text".to_owned(),
            Self::Names(_) => "text or a list of texts".to_owned(),
            Self::OneOf(allowed) => format!("one of {}", allowed.join(" ")),
            Self::Flag => "true or false".to_owned(),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Percent => "a number from 0 to 100".to_owned(),
            Self::Tables(_) => "a map from names to tables".to_owned(),
        }
    }

    fn takes_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Names(_))
    }
}

/// Adds to `problems` everything that is wrong with the value at `place`; the empty place is the whole file.
pub fn check(place: &str, value: &Value, shape: &Shape, problems: &mut Problems) {
    let reason = match (shape, value) {
        (Shape::OrNothing(_), Value::Null) => None,
        (Shape::OrNothing(Shape::List(_)), Value::Sequence(list)) if list.is_empty() => None,
        (Shape::OrNothing(Shape::Named(_)), Value::Mapping(map)) if map.is_empty() => None,
        (Shape::OrNothing(shape), value) => return check(place, value, shape, problems),
        (Shape::Map(fields), Value::Mapping(map)) => {
            return check_map(place, map, fields, problems);
        }
        (Shape::Named(each), Value::Mapping(map)) => {
            for (name, value) in map {
                check(&named(place, name, problems), value, each, problems);
            }
            map.is_empty().then(|| "is empty".to_owned())
        }
        (Shape::Tables(is_file), Value::Mapping(tables)) => {
            for (name, table) in tables {
                check_table(&named(place, name, problems), table, *is_file, problems);
            }
            None
        }
        (Shape::Text(check) | Shape::Names(check), Value::String(text)) => check(text),
        (Shape::Names(check), Value::Sequence(list)) => {
            check_list(place, list, &Shape::Text(*check), problems)
        }
        (Shape::List(each), Value::Sequence(list)) => check_list(place, list, each, problems),
        (Shape::OneOf(allowed), Value::String(text)) => not_allowed(text, allowed),
        (Shape::Flag, Value::Bool(_)) => None,
        (Shape::Whole { min, max }, Value::Number(number))
            if number.as_u64().is_some_and(|number| (*min..=*max).contains(&number)) =>
        {
            None
        }
        (Shape::Percent, Value::Number(number))
            if number.as_f64().is_some_and(|number| (0.0..=100.0).contains(&number)) =>
        {
            None
        }
        (shape, value) => {
            let is_scalar = matches!(value, Value::Bool(_) | Value::Number(_));
            let quotes = if is_scalar && shape.takes_text() { "; numbers need quotes" } else { "" };
            Some(format!("is not {}{quotes}", shape.expected()))
        }
    };
    if let Some(reason) = reason {
        problems.add(place, reason);
    }
}

fn check_map(place: &str, map: &Mapping, fields: &[Field], problems: &mut Problems) {
    let is_missing =
        |field: &Field| field.1 == REQUIRED && map.get(field.0).is_none_or(Value::is_null);
    for (key, value) in map {
        let field = key.as_str().and_then(|key| fields.iter().find(|field| field.0 == key));
        match field {
            Some(field) if is_missing(field) => {}
            Some(field) => check(&join(place, field.0), value, &field.2, problems),
            None => {
                let name = key_text(key);
                let reason = unknown(&name, fields.iter().map(|field| field.0));
                problems.add_of(Kind::Unknown, join(place, &name), reason);
            }
        }
    }
    for field in fields.iter().filter(|field| is_missing(field)) {
        problems.add_of(Kind::Missing, join(place, field.0), "missing");
    }
}

fn check_list(
    place: &str,
    list: &[Value],
    each: &Shape,
    problems: &mut Problems,
) -> Option<String> {
    for (index, value) in list.iter().enumerate() {
        check(&format!("{place}[{index}]"), value, each, problems);
    }
    list.is_empty().then(|| "is empty".to_owned())
}

fn check_table(place: &str, table: &Value, is_file: Check, problems: &mut Problems) {
    let Value::Mapping(texts) = table else {
        if table.is_string() {
            return check(place, table, &Shape::Text(is_file), problems);
        }
        return problems.add(place, "is not a map from texts to texts or the name of a table");
    };
    for (from, to) in texts.iter().filter(|(from, to)| !(from.is_string() && to.is_string())) {
        let what = if from.is_string() { to } else { from };
        let reason = format!("has {}, which is not text; numbers need quotes", key_text(what));
        problems.add(place, reason);
    }
}

/// The place of a name that may be any text.
fn named(place: &str, name: &Value, problems: &mut Problems) -> String {
    let place = join(place, &key_text(name));
    if !name.is_string() {
        problems.add(&place, "has a name that is not text; numbers need quotes");
    }
    place
}

fn not_allowed(text: &str, allowed: &[&str]) -> Option<String> {
    let meant = || suggestion(text, allowed.iter().copied());
    let reason = || format!("is {text:?}; allowed are {}{}", allowed.join(" "), meant());
    (!allowed.contains(&text)).then(reason)
}

/// What is wrong with a key that is none of `known`, with the name that was probably meant, else all of them.
pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut hint = suggestion(name, known.clone());
    if hint.is_empty() {
        hint = format!("; known are {}", known.collect::<Vec<_>>().join(" "));
    }
    format!("is not known{hint}")
}

/// `; did you mean "quantity"?`, if one of `known` is similar to `name`.
pub fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = domain::nearest(name, known);
    nearest.map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}

/// A key as a part of a place.
#[must_use]
pub fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_yaml_ng::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}
