//! Texts that many orders share, each kept once.

use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;

/// Texts by number, and numbers by text.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<Box<str>>")]
pub(crate) struct Names {
    all: Vec<Box<str>>,
    by_name: HashMap<Box<str>, u32>,
}

impl Names {
    /// The number of a text, from now on.
    ///
    /// # Errors
    /// There are `max` others.
    pub(crate) fn number(&mut self, name: &str, max: usize) -> Result<u32, String> {
        if let Some(number) = self.by_name.get(name) {
            return Ok(*number);
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        if max <= self.all.len() {
            return Err(format!("{name}: more than {max} different ones"));
        }
        self.all.push(name.into());
        self.by_name.insert(name.into(), number);
        Ok(number)
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.all.get(at)).map_or("", |name| name)
    }
}

impl From<Vec<Box<str>>> for Names {
    fn from(all: Vec<Box<str>>) -> Self {
        let by_name = (0..).zip(&all).map(|(number, name)| (name.clone(), number)).collect();
        Self { all, by_name }
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(to)
    }
}
