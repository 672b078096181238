//! The only reader of the clock in this crate.

use chrono::{DateTime, Utc};

/// Now.
#[expect(clippy::disallowed_methods, reason = "the command is an edge")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
