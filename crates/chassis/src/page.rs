//! Which page of a list a query asks for.

use runtime::Problem;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::borrow::Cow;

/// `limit`: how many of a list, from 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<const MAX: usize>(usize);

impl<const MAX: usize> Limit<MAX> {
    /// How many.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }

    /// Reads the text of a query.
    ///
    /// # Errors
    /// 400 with the text and what is allowed.
    pub fn read(text: &str) -> Result<Self, Problem> {
        Self::of(text).map_err(Problem::bad_request)
    }

    fn of(text: &str) -> Result<Self, String> {
        let limit = text.parse().ok().filter(|limit| (1..=MAX).contains(limit));
        limit.map(Self).ok_or_else(|| format!("limit: {text:?} is not a number from 1 to {MAX}"))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Limit<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Limit<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Limit{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "format": "uint", "minimum": 1, "maximum": MAX})
    }
}

/// `cursor`: the `next` of the page before, where that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After(u64);

impl After {
    /// The number; 0 is the beginning.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            D::Error::custom(format!("cursor: {text:?} is not the `next` of a page, a number"))
        })
    }
}

impl JsonSchema for After {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "format": "uint64", "minimum": 0})
    }
}
