//! Values of optional columns of a file: charges, discounts, tax, the sale that is returned, the person.

use crate::charge::ChargeRow;
use crate::partner::{Column, FileFormat};
use crate::{Money, OrderId, TaxCategory};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a row says of the person who buys, by column: texts that were checked and can be read by
/// [`person::of_columns`](crate::person::of_columns). Personal data.
pub type PersonTexts = BTreeMap<Column, String>;

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
    /// The sale that the whole order gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<OrderId>,
    /// The person who buys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub person: PersonTexts,
}

/// Which optional columns the results of a partner's files have. What is said of a person is in none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Charges, discounts and tax.
    pub charges: bool,
    /// The sale that is returned.
    pub returns: bool,
}

impl Shown {
    /// Those of a partner whose files have this format.
    #[must_use]
    pub fn of(format: &FileFormat) -> Self {
        let charges = Column::CHARGES.into_iter().any(|column| format.has(column));
        Self {
            charges: charges || !format.charges.is_empty(),
            returns: format.has(Column::Returns),
        }
    }

    /// The names of the columns, in their order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let charges =
            ["charge", "line_discount", "tax_category", "shipping", "discount", "tax_given"];
        let charges = charges.into_iter().filter(move |_| self.charges);
        charges.chain(self.returns.then_some("returns"))
    }

    /// The texts of a row in these columns.
    pub fn texts(self, extra: &Extra) -> impl Iterator<Item = String> {
        let money = |amount: Option<Money>| amount.map(|it| it.to_string()).unwrap_or_default();
        let charges = self.charges.then(|| {
            [
                extra.charge.map(ChargeRow::as_str).unwrap_or_default().to_owned(),
                money(extra.line_discount),
                extra.tax_category.as_ref().map(ToString::to_string).unwrap_or_default(),
                money(extra.shipping),
                money(extra.discount),
                money(extra.tax_given),
            ]
        });
        let sale = extra.returns.as_ref().map(ToString::to_string);
        charges.into_iter().flatten().chain(self.returns.then(|| sale.unwrap_or_default()))
    }
}

impl Extra {
    /// Does it say something of the order as a whole, or that the row is no line of it?
    #[must_use]
    pub fn is_of_order(&self) -> bool {
        let Self { charge, shipping, discount, tax_given, .. } = self;
        let amounts = shipping.is_some() || discount.is_some() || tax_given.is_some();
        charge.is_some() || amounts || self.returns.is_some() || !self.person.is_empty()
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it has only string keys")
    }
}
