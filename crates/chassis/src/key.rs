//! `Idempotency-Key`: a command that comes again under the same key is done once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use runtime::Problem;
use serde::Serialize;
use state::journal::BoundKey;

/// Most characters of a key.
const KEY_MAX: usize = 255;

/// The key of a request. A route that takes it answers 400 without one.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Key {
    /// The key bound to what is asked for: another command under the same key is another one.
    pub fn bound_to(&self, kind: &str, command: &impl Serialize) -> BoundKey {
        BoundKey::new(&self.0, &(kind, command))
    }

    /// 422: the key was used for another command.
    #[must_use]
    pub fn used_before() -> Problem {
        let reason = "was used for another command; send this one under a new key";
        Problem::invalid("nothing is changed").field("Idempotency-Key", reason)
    }
}

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let key = key.filter(|key| (1..=KEY_MAX).contains(&key.len())).ok_or_else(|| {
            let needed = format!("an Idempotency-Key of 1 to {KEY_MAX} characters is needed");
            Problem::bad_request(needed)
        })?;
        Ok(Self(key.to_owned()))
    }
}
