//! What was shipped of a sale.

use super::Pieces;
use crate::{OrderId, PartnerId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most characters of the name of a carrier.
pub const CARRIER_CHARS_MAX: usize = 64;
/// Most characters of a tracking number, or of the address of a page that shows it.
pub const TRACKING_CHARS_MAX: usize = 200;

/// One shipment of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Its number among the shipments of the sale, from 1.
    pub number: u32,
    /// Pieces by product.
    pub products: Pieces,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// When it left.
    pub shipped_at: DateTime<Utc>,
    /// Whose token said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A shipment, and what is shipped of its sale with it: an entry of the journal, and the data of
/// `orderflow.order.shipped.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// The partner.
    pub partner: PartnerId,
    /// The sale.
    pub order_id: OrderId,
    /// Its attempt that is confirmed.
    pub attempt: u32,
    /// Stream sequence of that attempt.
    pub placed: u64,
    /// This shipment.
    pub shipment: Shipment,
    /// Pieces by product in all shipments so far, this one included.
    pub shipped: Pieces,
    /// Is nothing left to ship?
    pub complete: bool,
}
