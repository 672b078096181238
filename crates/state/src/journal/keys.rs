//! Idempotency keys: a command that comes again under the same key is done once. Each key is bound to
//! what its command asked for.

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Keys of commands that are remembered; a client that repeats a command does so within these.
pub const KEYS_MAX: usize = 10_000;

/// What the keys of a journal's own steps begin with, as version 0.1.0 wrote them as well.
pub(super) const OWN: &str = "rebase:";

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

/// What a journal knows of a key.
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

    /// As it stands in an entry.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A short name of the command: the same for the same key and command, another one for any other.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = Sha256::digest(&self.text);
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn key(&self) -> &str {
        self.text.get(..self.key_bytes).unwrap_or_default()
    }
}

/// The keys of the last [`KEYS_MAX`] commands, with the number of each command. A part of what a
/// journal folds to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "BTreeMap<String, u64>")]
pub struct Keys {
    clients: Last,
    /// Of what the journal itself does step by step, such as a rebase. However many steps that has, no
    /// client's key is forgotten for them.
    own: Last,
}

/// The last keys of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Last {
    numbers: BTreeMap<String, u64>,
    /// Number of the last command.
    last: u64,
}

impl Last {
    fn remember(&mut self, key: &str) {
        self.last += 1;
        self.numbers.insert(key.to_owned(), self.last);
        if self.numbers.len() > KEYS_MAX {
            let oldest = self.last - KEYS_MAX as u64;
            self.numbers.retain(|_, number| *number > oldest);
        }
    }
}

impl Keys {
    /// Whether a command was applied. One that was applied under a key without a hash, as version
    /// 0.1.0 wrote them, counts as the same.
    #[must_use]
    pub fn use_of(&self, bound: &BoundKey) -> KeyUse {
        let numbers = &self.of(bound.key()).numbers;
        if numbers.contains_key(bound.as_str()) || numbers.contains_key(bound.key()) {
            return KeyUse::Applied;
        }
        let begin = format!("{}{BETWEEN}", bound.key());
        let next = numbers.range(begin.clone()..).next();
        match next.is_some_and(|(text, _)| text.starts_with(&begin)) {
            true => KeyUse::Other,
            false => KeyUse::New,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.clients.numbers.len() + self.own.numbers.len()
    }

    /// A command was applied under this key.
    pub(super) fn remember(&mut self, key: &str) {
        match is_own(key) {
            true => self.own.remember(key),
            false => self.clients.remember(key),
        }
    }

    fn of(&self, key: &str) -> &Last {
        if is_own(key) { &self.own } else { &self.clients }
    }
}

/// Is it a key of the journal's own steps?
fn is_own(key: &str) -> bool {
    key.starts_with(OWN)
}

impl From<BTreeMap<String, u64>> for Keys {
    fn from(numbers: BTreeMap<String, u64>) -> Self {
        let (own, clients) = numbers.into_iter().partition(|(key, _)| is_own(key));
        let last = |numbers: BTreeMap<String, u64>| {
            let last = numbers.values().max().copied().unwrap_or(0);
            Last { numbers, last }
        };
        Self { clients: last(clients), own: last(own) }
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.clients.numbers.iter().chain(&self.own.numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(key: &str) -> Keys {
        let mut keys = Keys::default();
        keys.remember(key);
        serde_json::from_str(&serde_json::to_string(&keys).unwrap()).unwrap()
    }

    #[test]
    fn a_key_is_bound_to_its_command() {
        let keys = applied(BoundKey::new("k", &("set", 1)).as_str());
        for (key, command, expected) in [
            ("k", ("set", 1), KeyUse::Applied),
            ("k", ("set", 2), KeyUse::Other),
            ("k", ("skip", 1), KeyUse::Other),
            ("k2", ("set", 1), KeyUse::New),
            ("", ("set", 1), KeyUse::New),
        ] {
            assert_eq!(keys.use_of(&BoundKey::new(key, &command)), expected, "{key} {command:?}");
        }
    }

    #[test]
    fn a_command_is_named_by_its_key_and_what_it_asks_for() {
        let id = |key, command| BoundKey::new(key, &command).id();
        assert_eq!(id("k", 1), id("k", 1));
        assert!(id("k", 1) != id("k", 2) && id("k", 1) != id("l", 1));
    }

    #[test]
    fn a_key_without_a_hash_is_taken_for_the_same_command() {
        let keys = applied("k");
        assert_eq!(keys.use_of(&BoundKey::new("k", &1)), KeyUse::Applied);
        assert_eq!(keys.use_of(&BoundKey::new("kk", &1)), KeyUse::New);
    }

    #[test]
    fn applied_keys_are_remembered_up_to_the_limit() {
        let mut keys = Keys::default();
        (0..=KEYS_MAX).for_each(|number| keys.remember(&number.to_string()));
        let applied = |key| keys.use_of(&BoundKey::new(key, &())) == KeyUse::Applied;
        assert_eq!(keys.count(), KEYS_MAX);
        assert!(!applied("0") && applied("1"));
    }

    #[test]
    fn a_long_rebase_makes_no_client_s_key_forgotten() {
        let mut keys = applied("client");
        (0..=KEYS_MAX).for_each(|number| keys.remember(&format!("{OWN}a1:{number}")));
        let read: Keys = serde_json::from_str(&serde_json::to_string(&keys).unwrap()).unwrap();
        for mut keys in [keys, read] {
            keys.remember("next");
            assert_eq!(keys.count(), KEYS_MAX + 2);
            for key in ["client", "next", "rebase:a1:10000"] {
                assert_eq!(keys.use_of(&BoundKey::new(key, &())), KeyUse::Applied, "{key}");
            }
            assert_eq!(keys.use_of(&BoundKey::new("rebase:a1:0", &())), KeyUse::New);
        }
    }
}
