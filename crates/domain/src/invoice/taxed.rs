//! How a line or a charge is taxed.

use crate::seller::Percent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a rate is what it is: a code of EN 16931 (UNTDID 5305).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum TaxCode {
    /// Taxed by a rate above zero.
    #[default]
    S,
    /// Taxed by a rate of zero.
    Z,
    /// Exempt from tax; a reason says by which rule.
    E,
    /// The buyer owes the tax (reverse charge).
    AE,
    /// Supplied to a business in another country of the European Union.
    K,
    /// Exported.
    G,
    /// Not subject to tax.
    O,
}

impl TaxCode {
    /// As in XML and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::K => "K",
            Self::G => "G",
            Self::O => "O",
        }
    }

    /// May its rate be above zero?
    #[must_use]
    pub const fn has_tax(self) -> bool {
        matches!(self, Self::S)
    }

    /// Must a document say why no tax is taken (BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10)?
    #[must_use]
    pub const fn needs_reason(self) -> bool {
        !matches!(self, Self::S | Self::Z)
    }

    /// Must buyer and seller both have a VAT number (BR-AE-02, BR-IC-02)?
    #[must_use]
    pub const fn needs_vat_numbers(self) -> bool {
        matches!(self, Self::AE | Self::K)
    }
}

/// How a line or a charge is taxed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Taxed {
    /// The code of EN 16931.
    pub code: TaxCode,
    /// From 0 to 100.
    #[schemars(with = "String")]
    pub percent: Percent,
    /// Why no tax is taken, in the seller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
