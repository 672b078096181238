//! Which column of a partner's file holds what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A column of ours, as the fields of [`Columns`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// The partner's number of the order.
    OrderId,
    /// SKU.
    ProductId,
    /// What the product is called.
    Description,
    /// Country or sales region.
    Region,
    /// Product category.
    Category,
    /// Who buys.
    CustomerId,
    /// Whole number, not zero.
    Quantity,
    /// Price of one piece.
    UnitPrice,
    /// When it was ordered.
    OrderedAt,
    /// Currency of the price: an ISO 4217 code or a sign.
    Currency,
    /// What is taken off a line as a whole, with or without a sign.
    LineDiscount,
    /// By which rate a row is taxed.
    TaxCategory,
    /// Shipping of the whole order: in one of its rows, or the same in all.
    Shipping,
    /// What is taken off the whole order, with or without a sign: in one of its rows, or the same in all.
    Discount,
    /// The tax of the whole order, as the partner has calculated it: in one of its rows, or the same in all.
    /// No part of the total.
    TaxGiven,
}

impl Column {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 15] = [
        Self::OrderId,
        Self::ProductId,
        Self::Description,
        Self::Region,
        Self::Category,
        Self::CustomerId,
        Self::Quantity,
        Self::UnitPrice,
        Self::OrderedAt,
        Self::Currency,
        Self::LineDiscount,
        Self::TaxCategory,
        Self::Shipping,
        Self::Discount,
        Self::TaxGiven,
    ];

    /// Those that say more of a row than every row does; see [`Extra`](crate::extra::Extra).
    pub const EXTRA: [Self; 5] =
        [Self::LineDiscount, Self::TaxCategory, Self::Shipping, Self::Discount, Self::TaxGiven];

    /// Its key in the configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::OrderId => "order-id",
            Self::ProductId => "product-id",
            Self::Description => "description",
            Self::Region => "region",
            Self::Category => "category",
            Self::CustomerId => "customer-id",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit-price",
            Self::OrderedAt => "ordered-at",
            Self::Currency => "currency",
            Self::LineDiscount => "line-discount",
            Self::TaxCategory => "tax-category",
            Self::Shipping => "shipping",
            Self::Discount => "discount",
            Self::TaxGiven => "tax-given",
        }
    }
}

/// Header names of the columns.
///
/// They are compared without case, accents, blanks and punctuation, and by all of these first. One
/// that the partner's [`Transform`] makes has no name here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Columns {
    /// The partner's number of the order.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub order_id: Names,
    /// SKU.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub product_id: Names,
    /// Whole number, not zero.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub quantity: Names,
    /// Price of one piece.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub unit_price: Names,
    /// When it was ordered.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub ordered_at: Names,
    /// Who buys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Names>,
    /// What the product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Names>,
    /// Country or sales region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Names>,
    /// Product category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Names>,
    /// Currency of the price. Rows of another one than the partner's are rejected. Without it, a column
    /// that is called `currency` is taken for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Names>,
    /// What is taken off a line as a whole, with or without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_discount: Option<Names>,
    /// By which rate a row is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<Names>,
    /// Shipping of the whole order: in one of its rows, or the same in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Names>,
    /// What is taken off the whole order, with or without a sign: in one of its rows, or the same in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Names>,
    /// The tax of the whole order, as the partner has calculated it: in one of its rows, or the same in all.
    /// No part of the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_given: Option<Names>,
}

impl Columns {
    /// What a column may be called, if the partner has it.
    #[must_use]
    pub fn names(&self, column: Column) -> Option<&Names> {
        match column {
            Column::OrderId => Some(&self.order_id),
            Column::ProductId => Some(&self.product_id),
            Column::Description => self.description.as_ref(),
            Column::Region => self.region.as_ref(),
            Column::Category => self.category.as_ref(),
            Column::CustomerId => self.customer_id.as_ref(),
            Column::Quantity => Some(&self.quantity),
            Column::UnitPrice => Some(&self.unit_price),
            Column::OrderedAt => Some(&self.ordered_at),
            Column::Currency => self.currency.as_ref(),
            Column::LineDiscount => self.line_discount.as_ref(),
            Column::TaxCategory => self.tax_category.as_ref(),
            Column::Shipping => self.shipping.as_ref(),
            Column::Discount => self.discount.as_ref(),
            Column::TaxGiven => self.tax_given.as_ref(),
        }
    }
}

/// What a column may be called: one name, or a list of which the first that the file has counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Names(Vec<String>);

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Names {
    /// In the order in which they are looked for.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self(names)
    }
}

impl From<OneOrMany> for Names {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(name) => Self(vec![name]),
            OneOrMany::Many(names) => Self(names),
        }
    }
}

impl From<Names> for OneOrMany {
    fn from(Names(mut names): Names) -> Self {
        match (names.pop(), names.is_empty()) {
            (Some(name), true) => Self::One(name),
            (last, _) => Self::Many(names.into_iter().chain(last).collect()),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" / "))
    }
}
