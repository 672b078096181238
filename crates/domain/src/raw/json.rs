//! JSON as a tree, knowing where it is wrong and which members are given twice.

use super::shown;
use crate::problem::Problem;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Most problems of one order that are named; the last one then says how many more there are.
pub const PROBLEMS_MAX: usize = 20;

/// Said of nothing at all, which an envelope may write as `null` or leave out.
pub(super) const NOTHING: &str = "is empty or null; an order is a JSON object";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The tree, and the paths of members that are given more than once.
///
/// # Errors
/// Why it is no JSON, with the path of the value at which that shows.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, Vec<String>), Problem> {
    let whole = |reason: String| Problem { field: String::new(), reason };
    if bytes.trim_ascii().is_empty() {
        return Err(whole(NOTHING.into()));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(whole("begins with a byte order mark, which JSON does not allow".into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        whole(format!("is not UTF-8 from byte {} on, counted from 0", error.valid_up_to()))
    })?;
    let mut trail = Trail::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Tree(&mut trail)
        .deserialize(&mut deserializer)
        .and_then(|tree| deserializer.end().map(|()| tree));
    match tree {
        Ok(tree) => Ok((tree, trail.repeated)),
        Err(error) => Err(trail.problem(&error)),
    }
}

/// Where the parser is, and what it noticed on its way.
#[derive(Default)]
struct Trail {
    here: Vec<Step>,
    repeated: Vec<String>,
}

enum Step {
    Member(String),
    Item(usize),
}

impl Trail {
    fn path<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
        steps.into_iter().fold(String::new(), |mut path, step| {
            match step {
                Step::Member(name) => shown::add_member(&mut path, name),
                Step::Item(index) => shown::add_item(&mut path, *index),
            }
            path
        })
    }

    fn problem(&self, error: &serde_json::Error) -> Problem {
        let text = error.to_string();
        if text.starts_with("recursion limit") {
            // Its path would be as deep.
            let field = Self::path(self.here.first());
            return Problem { field, reason: "is nested more than 127 levels deep".into() };
        }
        Problem { field: Self::path(&self.here), reason: format!("is not JSON: {text}") }
    }

    /// Goes one step up; the name of the member that is left, if it is one.
    fn leave(&mut self) -> String {
        match self.here.pop() {
            Some(Step::Member(name)) => name,
            Some(Step::Item(_)) | None => String::new(),
        }
    }

    fn repeat(&mut self, name: &str) {
        if self.repeated.len() <= PROBLEMS_MAX {
            let mut path = Self::path(&self.here);
            shown::add_member(&mut path, name);
            self.repeated.push(path);
        }
    }
}

/// Reads one value; what is left of `here` when that fails is where it failed.
struct Tree<'a>(&'a mut Trail);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let trail = self.0;
        let mut items = Vec::new();
        loop {
            trail.here.push(Step::Item(items.len()));
            let item = list.next_element_seed(Tree(trail))?;
            trail.leave();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let trail = self.0;
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            trail.here.push(Step::Member(name));
            let value = object.next_value_seed(Tree(trail))?;
            let name = trail.leave();
            if members.contains_key(&name) {
                trail.repeat(&name);
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
