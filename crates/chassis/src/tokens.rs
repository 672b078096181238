//! Tokens that people make and revoke: records of the bucket `TOKENS`. Only their hashes are kept.
//!
//! `orderflow tokens add` writes them; no route does, so that no token can make another one. Every function follows
//! the bucket: a token works, and a revoked one ends, within a second; while NATS is away nothing changes.

use crate::role::Role;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::PartnerId;
use messaging::{Nats, events, streams};
use runtime::{Directory, Grant};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use state::record::{BadKey, Cache, Found, Keep, Key, Record, Records};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What such tokens begin with, so that people, and tools that look for leaked secrets, know them.
pub const PREFIX: &str = "oft_";
/// Most tokens. Each takes some 500 bytes in every function.
pub const TOKENS_MAX: usize = 1_000;
/// Most characters of a token's name.
pub const NAME_CHARS_MAX: usize = 64;

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of the token, in hex. A token has 256 random bits, so its hash needs neither salt nor slow hashing.
    pub hash: String,
    /// Names of its roles ([`Role::name`]). One that this version does not know opens nothing.
    pub roles: Vec<String>,
    /// The only partner whose data it opens; `None`: those of all partners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// When it expires; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// What it is for, in the words of who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Token {
    /// The text that its holder sends, made of random bits, and what is kept of it.
    #[must_use]
    pub fn made(random: [u8; 32], roles: &BTreeSet<Role>) -> (String, Self) {
        let text = format!("{PREFIX}{}", hex::encode(random));
        let roles = roles.iter().map(|role| role.name().to_owned()).collect();
        let hash = hash(text.as_bytes());
        (text, Self { hash, roles, partner: None, expires: None, note: None })
    }

    /// The key of the token with this name.
    ///
    /// # Errors
    /// The name is empty or longer than 256 bytes.
    pub fn key(name: &str) -> Result<Key, BadKey> {
        Key::new([name])
    }

    /// Has it expired at `now`?
    #[must_use]
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The roles that it has, with those that follow from others.
    fn grants(&self) -> Arc<[&'static str]> {
        let named = self.roles.iter().filter_map(|name| Role::named(name));
        let all: BTreeSet<&str> = named.flat_map(Role::includes).map(Role::name).collect();
        all.into_iter().collect()
    }
}

impl Record for Token {
    const BUCKET: &'static str = streams::TOKENS;
    const EVENT: &'static str = events::TOKEN_CHANGED;
    const SUBJECT: &'static str = "tokens.changed";
    const STREAM: &'static str = streams::ACCESS;
    const SOURCE: &'static str = "/orderflow/tokens";

    /// What it allows; not its hash.
    fn shown(&self) -> Option<serde_json::Value> {
        let Self { roles, partner, expires, .. } = self;
        let shown = serde_json::json!({"roles": roles, "partner": partner, "expires": expires});
        Some(shown)
    }
}

/// A token's hash, as it is kept.
fn hash(token: &[u8]) -> String {
    hex::encode(Sha256::digest(token))
}

/// The tokens that a function knows.
#[derive(Debug)]
pub(crate) struct Known(Cache<Token, Held>);

impl Known {
    /// Follows the tokens of `nats` until it is dropped.
    pub(crate) fn follow(nats: &Nats) -> Arc<Self> {
        Arc::new(Self(Records::new(nats.clone()).keep()))
    }
}

impl Directory for Known {
    fn find(&self, token: &[u8]) -> Option<runtime::Found> {
        // What does not look like one is not hashed.
        token.starts_with(PREFIX.as_bytes()).then_some(())?;
        let found = self.0.look(|held| held.find(&hash(token), now()));
        found.map_or(Some(runtime::Found::Unread), |found| found.value)
    }
}

#[expect(clippy::disallowed_methods, reason = "whether a token has expired; decides no order")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Tokens by their hashes.
#[derive(Debug, Default)]
pub(crate) struct Held {
    by_hash: HashMap<String, Entry>,
    /// The hash of each key in the bucket.
    hashes: HashMap<String, String>,
}

#[derive(Debug)]
struct Entry {
    expires: Option<DateTime<Utc>>,
    grant: Grant,
}

impl Held {
    fn find(&self, hash: &str, now: DateTime<Utc>) -> Option<runtime::Found> {
        let Entry { expires, grant } = self.by_hash.get(hash)?;
        Some(match expires.filter(|expires| *expires <= now) {
            Some(at) => {
                let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
                runtime::Found::Expired { name: Arc::clone(&grant.name), at }
            }
            None => runtime::Found::Grant(grant.clone()),
        })
    }
}

impl Keep<Token> for Held {
    fn set(&mut self, key: String, found: Option<Found<Token>>) {
        if let Some(hash) = self.hashes.remove(&key) {
            self.by_hash.remove(&hash);
        }
        let (Some(found), Some(name)) = (found, Key::read(&key)) else { return };
        let token = found.value;
        let roles = token.grants();
        let partner = token.partner.as_ref().map(|partner| partner.as_str().into());
        let grant = Grant { name: name.to_string().into(), roles, partner };
        self.by_hash.insert(token.hash.clone(), Entry { expires: token.expires, grant });
        self.hashes.insert(key, token.hash);
    }
}

#[cfg(test)]
mod tests;
