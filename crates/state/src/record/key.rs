//! Keys of records and second keys: any text, part by part.

use messaging::subject::{text, token};
use std::fmt;

/// Most parts of a key.
const PARTS_MAX: usize = 4;
/// Most bytes of a part, as UTF-8.
const PART_BYTES_MAX: usize = 256;
/// Most bytes of all parts as tokens, in which every byte that is no letter, digit, `_` or `-` takes three.
const KEY_BYTES_MAX: usize = 1_024;

/// A text that can be no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Too few or too many parts.
    #[error("a key has 1 to {PARTS_MAX} parts, this one has {0}")]
    Parts(usize),
    /// A part is empty, or too long.
    #[error("part {part} of the key has {bytes} bytes, and may have 1 to {PART_BYTES_MAX}")]
    Part {
        /// Which one, from 1 on.
        part: usize,
        /// How long it is.
        bytes: usize,
    },
    /// All together are too long.
    #[error(
        "the key takes {bytes} bytes, the limit is {KEY_BYTES_MAX}; a byte that is no letter, digit, _ \
         or - takes three"
    )]
    Whole {
        /// How many it takes.
        bytes: usize,
    },
}

/// The key of a record: 1 to 4 parts, each any text of 1 to 256 bytes, such as partner and order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key with these parts.
    ///
    /// # Errors
    /// Which limit it goes beyond.
    pub fn new<S: AsRef<str>>(parts: impl IntoIterator<Item = S>) -> Result<Self, BadKey> {
        join(parts).map(Self)
    }

    /// As it stands in the bucket: parts as tokens (`messaging::subject::token`), with dots between them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        // It was made of tokens only.
        self.0.split('.').filter_map(text).collect()
    }

    /// The key that stands so in a bucket; nothing if it was not made here.
    #[must_use]
    pub fn read(stored: &str) -> Option<Self> {
        let parts: Option<Vec<String>> = stored.split('.').map(text).collect();
        let key = Self::new(parts?).ok()?;
        (key.0 == stored).then_some(key)
    }
}

/// The parts, as people read them.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().join("/"))
    }
}

/// A second key: a name such as `email`, and what only one record may hold under it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unique {
    name: &'static str,
    parts: String,
}

impl Unique {
    /// `parts` under `name`, which holds `a-z 0-9 _ -` only. The parts have the limits of a [`Key`].
    ///
    /// # Errors
    /// Which limit it goes beyond.
    pub fn new<S: AsRef<str>>(
        name: &'static str,
        parts: impl IntoIterator<Item = S>,
    ) -> Result<Self, BadKey> {
        Ok(Self { name, parts: join(parts)? })
    }

    /// What kind of second key it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn key(&self) -> String {
        format!("{}.{}", token(self.name), self.parts)
    }
}

fn join<S: AsRef<str>>(parts: impl IntoIterator<Item = S>) -> Result<String, BadKey> {
    let mut tokens = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let bytes = part.as_ref().len();
        if !(1..=PART_BYTES_MAX).contains(&bytes) {
            return Err(BadKey::Part { part: index + 1, bytes });
        }
        tokens.push(token(part.as_ref()));
    }
    if !(1..=PARTS_MAX).contains(&tokens.len()) {
        return Err(BadKey::Parts(tokens.len()));
    }
    let key = tokens.join(".");
    if KEY_BYTES_MAX < key.len() {
        return Err(BadKey::Whole { bytes: key.len() });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_survives_as_a_part(parts in prop::collection::vec("\\PC{1,20}", 1..4)) {
            let key = Key::new(&parts).unwrap();
            prop_assert_eq!(key.parts(), parts);
            prop_assert_eq!(Key::read(key.as_str()), Some(key));
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_named() {
        for (parts, problem) in [
            (vec![], "a key has 1 to 4 parts, this one has 0"),
            (vec!["a"; 5], "a key has 1 to 4 parts, this one has 5"),
            (vec!["a", ""], "part 2 of the key has 0 bytes, and may have 1 to 256"),
            (vec![&"x".repeat(257)], "part 1 of the key has 257 bytes, and may have 1 to 256"),
        ] {
            assert_eq!(Key::new(parts).unwrap_err().to_string(), problem);
        }
        let long = "é".repeat(128);
        assert!(Key::new([&long]).is_ok());
        let error = Key::new([&long, &long]).unwrap_err();
        assert!(error.to_string().starts_with("the key takes 1537 bytes, the limit is 1024"));
    }

    #[test]
    fn a_strangers_key_is_none() {
        for stored in ["", "a..b", "a b", "=zz", "=61", "a.b.c.d.e"] {
            assert_eq!(Key::read(stored), None, "{stored}");
        }
    }
}
