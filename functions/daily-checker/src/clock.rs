//! The only reader of the clock here.

use chrono::{DateTime, Utc};

/// Now.
pub(crate) fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
