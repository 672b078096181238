//! Idempotency keys, each bound to what its command asked for.

use super::State;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Between a key and the hash of its command. No header can hold it, so no key does.
const BETWEEN: char = '\n';

/// A key with the hash of the command that it was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundKey {
    /// As the journal holds it.
    text: String,
    /// How much of it is the key.
    key_bytes: usize,
}

/// What a state knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Nothing.
    New,
    /// The command was applied.
    Applied,
    /// Another command was applied under this key.
    Other,
}

impl BoundKey {
    /// Binds `key` to `command`, whose JSON is hashed.
    #[must_use]
    pub fn new(key: &str, command: &impl Serialize) -> Self {
        let json = serde_json::to_vec(command).unwrap_or_default();
        let hash =
            Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { text: format!("{key}{BETWEEN}{hash}"), key_bytes: key.len() }
    }

    /// For the `key` of an entry.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn key(&self) -> &str {
        self.text.get(..self.key_bytes).unwrap_or_default()
    }
}

impl State {
    /// Whether a command was applied. One that was applied under a key without a hash, as releases
    /// before this one wrote them, counts as the same.
    #[must_use]
    pub fn key_use(&self, bound: &BoundKey) -> KeyUse {
        if self.keys.contains_key(bound.as_str()) || self.keys.contains_key(bound.key()) {
            return KeyUse::Applied;
        }
        let is_other =
            |text: &String| text.split_once(BETWEEN).is_some_and(|(key, _)| key == bound.key());
        if self.keys.keys().any(is_other) { KeyUse::Other } else { KeyUse::New }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Body;
    use super::*;
    use std::collections::BTreeMap;

    fn applied(key: &str) -> State {
        let mut state = State::default();
        state.apply(&Body::Set { key: key.to_owned(), available: BTreeMap::new() });
        let json = serde_json::to_string(&state).unwrap();
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_key_is_bound_to_its_command() {
        let state = applied(BoundKey::new("k", &("set", 1)).as_str());
        for (key, command, expected) in [
            ("k", ("set", 1), KeyUse::Applied),
            ("k", ("set", 2), KeyUse::Other),
            ("k", ("skip", 1), KeyUse::Other),
            ("k2", ("set", 1), KeyUse::New),
            ("", ("set", 1), KeyUse::New),
        ] {
            assert_eq!(state.key_use(&BoundKey::new(key, &command)), expected, "{key} {command:?}");
        }
    }

    #[test]
    fn a_key_without_a_hash_is_taken_for_the_same_command() {
        let state = applied("k");
        assert_eq!(state.key_use(&BoundKey::new("k", &1)), KeyUse::Applied);
        assert_eq!(state.key_use(&BoundKey::new("kk", &1)), KeyUse::New);
    }
}
