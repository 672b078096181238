//! `Idempotency-Key`: a command that comes again under the same key is done once.

use axum::http::HeaderMap;
use runtime::Problem;

/// Most characters of a key.
const KEY_MAX: usize = 255;

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    key.filter(|key| (1..=KEY_MAX).contains(&key.len())).ok_or_else(|| {
        Problem::bad_request(format!("an Idempotency-Key of 1 to {KEY_MAX} characters is needed"))
    })
}
