//! `Idempotency-Key`: a command that comes again under the same key is done once.

use axum::http::HeaderMap;
use runtime::Problem;
use serde::Serialize;
use state::journal::BoundKey;

/// Most characters of a key.
const KEY_MAX: usize = 255;

/// The key of a request, bound to its command: `kind`, and what it asks for.
pub(crate) fn bound_key(
    headers: &HeaderMap,
    kind: &str,
    command: &impl Serialize,
) -> Result<BoundKey, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let key = key.filter(|key| (1..=KEY_MAX).contains(&key.len())).ok_or_else(|| {
        Problem::bad_request(format!("an Idempotency-Key of 1 to {KEY_MAX} characters is needed"))
    })?;
    Ok(BoundKey::new(key, &(kind, command)))
}

/// 422: the key stands for another command.
pub(crate) fn used_before() -> Problem {
    let reason = "was used for another command; send this one under a new key";
    Problem::invalid("nothing is changed").field("Idempotency-Key", reason)
}
