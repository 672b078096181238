//! Values of optional columns of a file: charges, discounts, tax.

use crate::charge::ChargeRow;
use crate::{Money, TaxCategory};
use serde::{Deserialize, Serialize};

/// Values of a row's optional columns. Few partners have any, so they are kept apart from the row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The row is no line of its order, but this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeRow>,
    /// What is taken off the line, not below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_discount: Option<Money>,
    /// By which rate the line or charge is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<TaxCategory>,
    /// Shipping of the whole order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// What is taken off the whole order, not below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// The tax of the whole order, as the partner has calculated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_given: Option<Money>,
}

impl Extra {
    /// Names of its columns in an output, in their order.
    pub const COLUMNS: [&str; 6] =
        ["charge", "line_discount", "tax_category", "shipping", "discount", "tax_given"];

    /// Does it say something of the order as a whole, or that the row is no line of it?
    #[must_use]
    pub fn is_of_order(&self) -> bool {
        let Self { charge, shipping, discount, tax_given, .. } = self;
        charge.is_some() || shipping.is_some() || discount.is_some() || tax_given.is_some()
    }

    /// As texts, in the order of [`Extra::COLUMNS`].
    #[must_use]
    pub fn texts(&self) -> [String; 6] {
        let money = |amount: Option<Money>| amount.map(|it| it.to_string()).unwrap_or_default();
        let charge = self.charge.map(ChargeRow::as_str).unwrap_or_default().to_owned();
        let tax_category = self.tax_category.as_ref().map(ToString::to_string).unwrap_or_default();
        [
            charge,
            money(self.line_discount),
            tax_category,
            money(self.shipping),
            money(self.discount),
            money(self.tax_given),
        ]
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it has only string keys")
    }
}
