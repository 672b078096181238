//! A change of stock that people make, as the journal has it.

use crate::{ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change of stock as it is decided and written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is.
    pub cause: Cause,
    /// What was added (taken, if below zero), by product. A count of what was expected has 0 there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<ProductId, i64>,
    /// Whose token asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a change is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// Goods came in.
    Restock {
        /// Whatever names the delivery, such as its number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// The stock was corrected by a difference.
    Adjustment {
        /// Why.
        reason: String,
    },
    /// The stock was counted.
    Count {
        /// Whatever is to be said of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Goods left for another warehouse.
    TransferOut {
        /// Where to.
        to: WarehouseId,
        /// Numbers the transfers from this warehouse to that one, from 1 on, without a gap.
        number: u64,
        /// Which command it was: the same for the same key and body.
        command: String,
        /// Whatever names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// Goods came from another warehouse.
    TransferIn {
        /// Where from.
        from: WarehouseId,
        /// The number of the transfer.
        number: u64,
        /// Whatever names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// Goods that left have come in: nothing moves by it.
    TransferDone {
        /// Where to.
        to: WarehouseId,
        /// The number of the transfer.
        number: u64,
    },
}

impl Cause {
    /// The value of `kind` in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Restock { .. } => "restock",
            Self::Adjustment { .. } => "adjustment",
            Self::Count { .. } => "count",
            Self::TransferOut { .. } => "transfer_out",
            Self::TransferIn { .. } => "transfer_in",
            Self::TransferDone { .. } => "transfer_done",
        }
    }
}
