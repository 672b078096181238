//! An order as it is placed.

pub mod amend;
mod check;
mod content;
mod returns;
mod total;

pub use crate::kind::Kind;
pub use returns::problem as returns_problem;
pub use total::{LinesError, kind_and_total};

use crate::charge::Charge;
use crate::partner::{Partner, Prices, StockPolicy};
use crate::person::Person;
use crate::problem::Problem;
use crate::{CustomerId, Money, OrderId, PartnerId, ProductId, TaxCategory, WarehouseId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most lines of one order.
pub const LINES_MAX: usize = 1_000;
/// Most bytes of one order as JSON: a decision that repeats it must fit into one NATS message.
pub const ORDER_BYTES_MAX: usize = 256 * 1024;
/// Largest number of an attempt: far more than people try one order.
pub const ATTEMPT_MAX: u32 = 1_000_000;
/// Largest absolute quantity of a line.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
/// Most bytes of a free text: description, region, category.
pub const TEXT_BYTES_MAX: usize = 512;

/// Most pairs of an order's metadata, and most bytes of their names and texts together.
pub const METADATA_PAIRS_MAX: usize = 20;
/// See [`METADATA_PAIRS_MAX`].
pub const METADATA_BYTES_MAX: usize = 4 * 1024;

/// What a sender adds to an order for itself: passed on with it, and never looked at.
pub type Metadata = BTreeMap<String, String>;

/// Who buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The partner's number of the customer.
    pub id: CustomerId,
    /// Is it a customer with priority?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vip: bool,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// What is ordered.
    pub product_id: ProductId,
    /// Pieces; below zero in a return, never zero.
    pub quantity: i64,
    /// Price of one piece.
    pub unit_price: Money,
    /// What the partner calls the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Product category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Discount on the whole line: from zero to quantity times price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// By which rate it is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<TaxCategory>,
}

impl Line {
    /// Quantity × unit price, less the discount; below zero in a return. Nothing if that cannot be
    /// held.
    #[must_use]
    pub fn total(&self) -> Option<Money> {
        let whole = self.unit_price.times(self.quantity)?;
        match self.discount {
            None => Some(whole),
            Some(discount) if self.quantity < 0 => whole.plus(discount),
            Some(discount) => whole.plus(discount.negated()),
        }
    }

    /// Why its discount cannot be, if it cannot.
    #[must_use]
    pub fn discount_problem(&self) -> Option<String> {
        let discount = self.discount?;
        if discount < Money::ZERO {
            return Some(format!("is {discount}; it is taken off, and not below zero"));
        }
        let whole = self.unit_price.times(self.quantity.checked_abs()?)?;
        (whole < discount).then(|| format!("is {discount}, but the line comes to {whole}"))
    }
}

/// An order that was checked and placed; the data of `orderflow.order.placed.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Unique per partner.
    pub order_id: OrderId,
    /// Who sent it.
    pub partner: PartnerId,
    /// Whose stock it takes.
    pub warehouse: WarehouseId,
    /// Sale or return.
    pub kind: Kind,
    /// 1 for the first try; a retry after a refusal, a cancellation and an amendment count up.
    pub attempt: u32,
    /// When it was ordered, as the partner says; when it came, if the partner says nothing.
    pub ordered_at: DateTime<Utc>,
    /// ISO 4217.
    pub currency: String,
    /// Who buys; only orders of the partner `DIRECT` may name nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Country or sales region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What is done about stock.
    pub stock: StockPolicy,
    /// 1 to 1,000 lines.
    pub lines: Vec<Line>,
    /// At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Charge>,
    /// The tax that the sender has calculated: no part of the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_given: Option<Money>,
    /// What the sender adds for itself.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The sale of the same partner that this return gives back; only in a return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<OrderId>,
    /// What lines and charges add up to.
    pub total: Money,
    /// The confirmed attempt that this one takes back; otherwise it is to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Cancels>,
    /// The confirmed attempt whose place this one takes, with another content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amends: Option<Amends>,
}

/// The confirmed attempt that an amendment replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amends {
    /// Its number.
    pub attempt: u32,
    /// Its stream sequence.
    pub placed: u64,
    /// Id of the decision that confirmed it.
    pub decision: String,
    /// What it came to: totals of customers change by the difference.
    pub total: Money,
    /// All of it, for who adds up what was ordered by product, region or day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<Order>>,
}

/// A confirmed attempt that is cancelled. Its lines are those of the order that cancels it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancels {
    /// Its number.
    pub attempt: u32,
    /// Its stream sequence.
    pub placed: u64,
    /// Id of the decision that confirmed it.
    pub decision: String,
}

impl Order {
    /// The next attempt of the same order.
    #[must_use]
    pub fn again(&self) -> Self {
        let attempt = self.attempt.saturating_add(1);
        Self { attempt, cancels: None, amends: None, ..self.clone() }
    }

    /// The next attempt, which takes a confirmed one back.
    #[must_use]
    pub fn cancelling(&self, cancels: Cancels) -> Self {
        Self { cancels: Some(cancels), ..self.again() }
    }
}

/// What a sender said of an order, checked, before the partner's settings are added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// The partner's number.
    pub order_id: OrderId,
    /// The partner, if the sender named one.
    #[serde(skip)]
    pub partner: Option<PartnerId>,
    /// Sale or return.
    pub kind: Kind,
    /// When it was ordered, if said.
    pub ordered_at: Option<DateTime<Utc>>,
    /// ISO 4217, if said.
    pub currency: Option<String>,
    /// Who buys.
    pub customer: Option<Customer>,
    /// What is said of the person who buys: no part of the order as it is placed, nor of its content.
    #[serde(skip)]
    pub person: Option<Person>,
    /// Country or region.
    pub region: Option<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// What is added to the lines, or taken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Charge>,
    /// The tax that the sender has calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_given: Option<Money>,
    /// What the sender adds for itself.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The sale that this return gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<OrderId>,
    /// What lines and charges add up to.
    pub total: Money,
}

/// What the configuration says about a partner's orders.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The partner.
    pub partner: PartnerId,
    /// Its warehouse.
    pub warehouse: WarehouseId,
    /// Currency of orders that name none.
    pub currency: String,
    /// What is done about stock.
    pub stock: StockPolicy,
    /// Are its prices compared with the catalogue's?
    pub prices: Prices,
    /// By how much one may differ, in percent.
    pub price_tolerance: f64,
    /// Must an order name a customer?
    pub customer_required: bool,
}

impl Terms {
    /// Terms of the built-in partner `DIRECT`.
    #[must_use]
    pub fn direct() -> Self {
        Self {
            partner: PartnerId::direct(),
            warehouse: WarehouseId::main(),
            currency: "EUR".into(),
            stock: StockPolicy::Enforce,
            prices: Prices::Off,
            price_tolerance: 0.0,
            customer_required: false,
        }
    }

    /// Terms of a configured partner.
    #[must_use]
    pub fn of(name: &PartnerId, partner: &Partner) -> Self {
        Self {
            partner: name.clone(),
            warehouse: partner.warehouse.clone(),
            currency: partner.currency.clone(),
            stock: partner.stock,
            prices: partner.prices,
            price_tolerance: partner.price_tolerance,
            customer_required: partner.rules.customer_required,
        }
    }
}

impl Draft {
    /// The order as it is placed; `received` stands in for a time that the sender did not give.
    ///
    /// # Errors
    /// The partner's orders must name a customer, and this one does not.
    pub fn place(self, terms: &Terms, received: DateTime<Utc>) -> Result<Order, Problem> {
        if terms.customer_required && self.customer.is_none() {
            let reason = format!("is required for partner {}", terms.partner);
            return Err(Problem { field: "customer.id".into(), reason });
        }
        Ok(Order {
            order_id: self.order_id,
            partner: terms.partner.clone(),
            warehouse: terms.warehouse.clone(),
            kind: self.kind,
            attempt: 1,
            ordered_at: self.ordered_at.unwrap_or(received),
            currency: self.currency.unwrap_or_else(|| terms.currency.clone()),
            customer: self.customer,
            region: self.region,
            stock: terms.stock,
            lines: self.lines,
            charges: self.charges,
            tax_given: self.tax_given,
            metadata: self.metadata,
            returns: self.returns,
            total: self.total,
            cancels: None,
            amends: None,
        })
    }
}
