//! Subscriptions: who is told of what, and where.

use crate::kinds::Kind;
use chassis::{Resource, Role, Wrong};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use messaging::{events, streams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::record::Record;
use std::collections::BTreeSet;

/// Stands for all partners, in place of one. Only the operator's tokens make such a subscription.
pub(crate) const ALL: &str = "*";
/// Most characters of an id.
const ID_CHARS_MAX: usize = 64;
/// Most characters of a note.
const NOTE_CHARS_MAX: usize = 200;
/// As the guarded client has it.
const URL_BYTES_MAX: usize = 2_048;

const fn yes() -> bool {
    true
}

const fn first() -> u32 {
    1
}

/// An endpoint and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    /// Whose events: a partner, or `*` for all.
    pub(crate) partner: String,
    /// Its name: 1 to 64 letters, digits, `_` and `-`.
    pub(crate) id: String,
    /// Where messages are posted: `https://…`, without a user and password.
    pub(crate) url: String,
    /// What it is told of; of everything if nothing is said.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) types: BTreeSet<Kind>,
    /// `false`: messages wait until it is `true` again, for 30 days at most.
    #[serde(default = "yes")]
    pub(crate) active: bool,
    /// Why it is not active any more, where orderflow has switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled: Option<String>,
    /// Raise it by one to get another signing secret. Each version has its own, also of a subscription that is removed
    /// and made again.
    #[serde(default = "first")]
    pub(crate) secret_version: u32,
    /// Until then messages are signed with the secret before as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) old_secret_until: Option<DateTime<Utc>>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl Subscription {
    pub(crate) fn wants(&self, kind: Kind) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    /// The versions of the secret with which messages are signed at `now`, the newest first.
    pub(crate) fn versions(&self, now: DateTime<Utc>) -> Vec<u32> {
        let old = self.old_secret_until.filter(|until| now < *until);
        let before = old.and_then(|_| self.secret_version.checked_sub(1)).filter(|it| 0 < *it);
        std::iter::once(self.secret_version).chain(before).collect()
    }
}

impl Record for Subscription {
    const BUCKET: &'static str = streams::SUBSCRIPTIONS;
    const EVENT: &'static str = events::SUBSCRIPTION_CHANGED;
    const SUBJECT: &'static str = "webhooks.changed";
    const STREAM: &'static str = streams::WEBHOOKS;
    const SOURCE: &'static str = "/functions/webhooks";

    /// Not the URL, which may hold a token.
    fn shown(&self) -> Option<Value> {
        let Self { types, active, disabled, .. } = self;
        Some(json!({"types": types, "active": active, "disabled": disabled}))
    }
}

impl Resource for Subscription {
    const PATH: &'static str = "/subscriptions/{partner}/{id}";
    const NAME: &'static str = "subscription";
    const READ: Role = Role::WebhooksRead;
    const WRITE: Role = Role::Webhooks;

    fn check(&self, wrong: &mut Wrong) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let id_fits = (1..=ID_CHARS_MAX).contains(&self.id.len()) && self.id.chars().all(is_plain);
        wrong.unless(id_fits, "id", "is not 1 to 64 letters, digits, _ and -");
        if self.partner != ALL && PartnerId::parse(&self.partner).is_err() {
            wrong.field("partner", "is neither a partner's name nor *");
        }
        let is_http = self.url.starts_with("https://") || self.url.starts_with("http://");
        wrong.unless(is_http, "url", "does not begin with https://");
        wrong.unless(self.url.len() <= URL_BYTES_MAX, "url", "is longer than 2048 bytes");
        wrong.unless(0 < self.secret_version, "secret_version", "is 0; versions begin with 1");
        if let Some(note) = &self.note {
            wrong.text("note", note, NOTE_CHARS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn after_a_rotation_both_secrets_sign_for_a_while() {
        let text = json!({"partner": "US1", "id": "shop", "url": "https://shop.example/hook"});
        let mut subscription: Subscription = serde_json::from_value(text).unwrap();
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(subscription.versions(now), [1]);
        subscription.old_secret_until = Some(now + TimeDelta::hours(24));
        assert_eq!(subscription.versions(now), [1], "there was none before the first");
        subscription.secret_version = 2;
        subscription.old_secret_until = Some(now + TimeDelta::hours(24));
        assert_eq!(subscription.versions(now), [2, 1]);
        assert_eq!(subscription.versions(now + TimeDelta::hours(24)), [2]);
    }

    #[test]
    fn without_types_it_is_told_of_all() {
        let text = json!({"partner": "*", "id": "all", "url": "https://x.example"});
        let all: Subscription = serde_json::from_value(text.clone()).unwrap();
        assert!(all.wants(Kind::StockLow));
        let some = json!({"types": ["order.shipped"]});
        let mut some: Subscription = serde_json::from_value(merge(text, some)).unwrap();
        assert!(some.wants(Kind::OrderShipped) && !some.wants(Kind::StockLow));
        some.active = false;
        assert!(some.wants(Kind::OrderShipped), "what comes meanwhile waits");
    }

    fn merge(mut one: Value, other: Value) -> Value {
        let more = other.as_object().cloned().unwrap_or_default();
        one.as_object_mut().unwrap().extend(more);
        one
    }
}
