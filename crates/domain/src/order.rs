//! An order as it is placed.

use crate::money::WHOLE_MAX;
use crate::partner::{Partner, StockPolicy};
use crate::problem::Problem;
use crate::{CustomerId, Money, OrderId, PartnerId, ProductId, WarehouseId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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

/// A sale or a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All quantities above zero; takes stock.
    #[default]
    Sale,
    /// All quantities below zero; gives stock back.
    Return,
}

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// 1 for the first try; a retry after a refusal, or a cancellation, counts up.
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
    /// Sum of quantity × unit price.
    pub total: Money,
    /// The confirmed attempt that this one takes back; otherwise it is to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Cancels>,
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
        Self { attempt: self.attempt.saturating_add(1), cancels: None, ..self.clone() }
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
    /// Country or region.
    pub region: Option<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// Sum of quantity × unit price.
    pub total: Money,
}

/// What the configuration says about a partner's orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The partner.
    pub partner: PartnerId,
    /// Its warehouse.
    pub warehouse: WarehouseId,
    /// Currency of orders that name none.
    pub currency: String,
    /// What is done about stock.
    pub stock: StockPolicy,
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
            total: self.total,
            cancels: None,
        })
    }

    /// SHA-256 (hex) over what the sender said. Two messages with the same order id and the same
    /// hash are the same order sent twice; with another hash they are a conflict. Settings of the
    /// partner and the time of arrival do not count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a draft has only string keys");
        hex::encode(Sha256::digest(&json))
    }
}

impl Order {
    /// What is wrong with an order that somebody else than order-ingest may have placed; nothing if
    /// it keeps to the rules.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let quantities = self.lines.iter().map(|line| line.quantity);
        let wrong = quantities.enumerate().find(|(_, quantity)| {
            *quantity == 0 || quantity.unsigned_abs() > QUANTITY_MAX.unsigned_abs()
        });
        if let Some((index, quantity)) = wrong {
            return Some(format!(
                "lines[{index}].quantity is {quantity}: 1 to {QUANTITY_MAX} are allowed, below zero \
                 in a return"
            ));
        }
        match kind_and_total(&self.lines) {
            Err(error) => return Some(format!("its lines cannot be used: {error}")),
            Ok((kind, _)) if kind != self.kind => {
                return Some("its kind does not fit the signs of its quantities".into());
            }
            Ok((_, total)) if total != self.total => {
                let given = &self.total;
                return Some(format!("its total is {given}, but its lines add up to {total}"));
            }
            Ok(_) => {}
        }
        let attempt = self.attempt;
        (!(1..=ATTEMPT_MAX).contains(&attempt))
            .then(|| format!("its attempt is {attempt}: 1 to {ATTEMPT_MAX} are allowed"))
    }
}

/// Why lines do not make an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// An order of nothing.
    #[error("has no lines")]
    None,
    /// Too many for one decision.
    #[error("has {0} lines, the limit is {LINES_MAX}")]
    TooMany(usize),
    /// Neither a sale nor a return.
    #[error("mix quantities above and below zero")]
    MixedSigns,
    /// Beyond the largest amount that can be read again.
    #[error("add up to more than {WHOLE_MAX}, the limit")]
    TotalTooLarge,
}

/// The kind and total of an order with these lines.
///
/// # Errors
/// No or too many lines, quantities of both signs, or a total beyond the largest amount.
pub fn kind_and_total(lines: &[Line]) -> Result<(Kind, Money), LinesError> {
    let first = lines.first().ok_or(LinesError::None)?;
    if lines.len() > LINES_MAX {
        return Err(LinesError::TooMany(lines.len()));
    }
    if lines.iter().any(|line| (line.quantity < 0) != (first.quantity < 0)) {
        return Err(LinesError::MixedSigns);
    }
    let total = lines
        .iter()
        .try_fold(Money::ZERO, |sum, line| sum.plus(line.unit_price.times(line.quantity)?))
        .filter(|total| total.is_within_limit())
        .ok_or(LinesError::TotalTooLarge)?;
    Ok((if first.quantity < 0 { Kind::Return } else { Kind::Sale }, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: i64, price: &str) -> Line {
        Line {
            product_id: ProductId::parse("P001").unwrap(),
            quantity,
            unit_price: Money::parse(price).unwrap(),
            description: None,
            category: None,
        }
    }

    #[test]
    fn a_total_is_exact_and_negative_for_a_return() {
        assert_eq!(
            kind_and_total(&[line(3, "0.1"), line(1, "2.255")]),
            Ok((Kind::Sale, Money::parse("2.555").unwrap()))
        );
        assert_eq!(
            kind_and_total(&[line(-2, "1.25")]),
            Ok((Kind::Return, Money::parse("-2.5").unwrap()))
        );
    }

    #[test]
    fn what_is_no_order_says_why() {
        assert_eq!(kind_and_total(&[]), Err(LinesError::None));
        assert_eq!(kind_and_total(&[line(1, "1"), line(-1, "1")]), Err(LinesError::MixedSigns));
        assert_eq!(kind_and_total(&vec![line(1, "1"); 1001]), Err(LinesError::TooMany(1001)));
        let most = vec![line(QUANTITY_MAX, "1000000000"); 3];
        assert_eq!(kind_and_total(&most), Err(LinesError::TotalTooLarge));
    }

    #[test]
    fn a_total_that_is_accepted_can_be_read_again() {
        let (_, total) = kind_and_total(&[line(QUANTITY_MAX, "1")]).unwrap();
        assert_eq!(Money::parse(&total.to_string()), Ok(total));
        for sign in [1, -1] {
            let over = [line(sign * QUANTITY_MAX, "1"), line(sign, "0.0001")];
            assert_eq!(kind_and_total(&over), Err(LinesError::TotalTooLarge));
        }
    }
}
