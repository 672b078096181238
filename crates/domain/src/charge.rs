//! The charges of an order: shipping, discounts, fees. They are not moved in stock.

use crate::kind::Kind;
use crate::{Money, TaxCategory};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most charges of one order.
pub const CHARGES_MAX: usize = 100;

/// What a charge is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// Carriage.
    Shipping,
    /// A coupon or rebate on the whole order: below zero in a sale, above zero in a return.
    Discount,
    /// A fee, of a means of payment or for a return.
    Fee,
    /// Wrapping as a gift.
    GiftWrap,
    /// What is added or taken off to come to a round total.
    Rounding,
    /// Anything else.
    Other,
}

impl ChargeKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Shipping, Self::Discount, Self::Fee, Self::GiftWrap, Self::Rounding, Self::Other];

    /// As in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shipping => "shipping",
            Self::Discount => "discount",
            Self::Fee => "fee",
            Self::GiftWrap => "gift_wrap",
            Self::Rounding => "rounding",
            Self::Other => "other",
        }
    }
}

/// One charge of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Charge {
    /// The kind of charge.
    pub kind: ChargeKind,
    /// What the sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it adds to the total; below zero, what it takes off.
    pub amount: Money,
    /// By which rate it is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<TaxCategory>,
}

impl Charge {
    /// Without a description.
    #[must_use]
    pub const fn new(kind: ChargeKind, amount: Money) -> Self {
        Self { kind, description: None, amount, tax_category: None }
    }

    /// Why it cannot be a charge of an order of this kind: a discount has to make the amount of the
    /// order smaller.
    #[must_use]
    pub fn problem(&self, kind: Kind) -> Option<String> {
        let amount = self.amount;
        match (self.kind, kind) {
            (ChargeKind::Discount, Kind::Sale) if amount > Money::ZERO => {
                Some(format!("is {amount}; a discount of a sale is not above zero"))
            }
            (ChargeKind::Discount, Kind::Return) if amount < Money::ZERO => {
                Some(format!("is {amount}; a discount of a return is not below zero"))
            }
            _ if !amount.is_within_limit() => Some(format!("is {amount}, which is too large")),
            _ => None,
        }
    }
}

/// What a row of a file is that is no line of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChargeRow {
    /// Carriage.
    Shipping,
    /// A coupon or rebate on the whole order.
    Discount,
    /// A fee.
    Fee,
    /// Wrapping as a gift.
    GiftWrap,
    /// What is added or taken off to come to a round total.
    Rounding,
    /// Anything else that is part of the total.
    Other,
    /// The tax that the partner has calculated: kept as `tax_given`, and no part of the total.
    Tax,
}

impl ChargeRow {
    /// The kind of the charge; nothing for a tax.
    #[must_use]
    pub const fn kind(self) -> Option<ChargeKind> {
        match self {
            Self::Shipping => Some(ChargeKind::Shipping),
            Self::Discount => Some(ChargeKind::Discount),
            Self::Fee => Some(ChargeKind::Fee),
            Self::GiftWrap => Some(ChargeKind::GiftWrap),
            Self::Rounding => Some(ChargeKind::Rounding),
            Self::Other => Some(ChargeKind::Other),
            Self::Tax => None,
        }
    }

    /// As in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self.kind() {
            Some(kind) => kind.as_str(),
            None => "tax",
        }
    }
}
