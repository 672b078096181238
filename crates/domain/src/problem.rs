//! What is wrong with an order, for whoever sent it.

use serde::{Deserialize, Serialize};

/// One thing that is wrong with an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}{}{reason}", if field.is_empty() { "" } else { ": " })]
pub struct Problem {
    /// Path of the field, `lines[2].quantity`; empty for the whole.
    pub field: String,
    /// What is wrong, with the value and the limit.
    pub reason: String,
}
