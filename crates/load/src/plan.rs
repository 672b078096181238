//! Generates the messages: message `n` depends only on the seed and `n`, so nothing is stored.

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::PartnerId;
use fastrand::Rng;

use super::wire::{Charge, Customer, Line, Order, Person, Quantity};

/// Products and prices of the seed catalogue; generated products follow them.
const CATALOGUE: [(&str, &str); 5] =
    [("P001", "19.99"), ("P002", "149.00"), ("P003", "7.50"), ("P004", "3.25"), ("P005", "0.99")];
const REGIONS: [&str; 4] = ["north", "east", "south", "west"];
/// Charges of a sale. The discount is less than the cheapest product plus shipping.
const CHARGES: [Charge; 2] = [
    Charge { kind: "shipping", description: "Standard", amount: "4.90" },
    Charge { kind: "discount", description: "WELCOME", amount: "-2.50" },
];
/// Charges of a return; shipping is not refunded.
const CHARGES_BACK: [Charge; 1] =
    [Charge { kind: "fee", description: "Return label", amount: "0.50" }];
const CUSTOMERS: u32 = 500;
const PIECES_MAX: i64 = 3;
/// A duplicate or conflict repeats one of this many preceding messages.
const BACK_MAX: u64 = 1_000;
/// The whole, in units of shares: parts per million.
pub const ALL: u32 = 1_000_000;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// An order.
    Sale,
    /// A return, with negative quantities.
    Return,
    /// An exact repetition of an earlier order.
    Duplicate,
    /// A different order with the id of an earlier one.
    Conflict,
    /// Not a valid order.
    Broken(Fault),
}

/// How an order can be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is truncated.
    Cut,
    /// It has no id.
    NoId,
    /// Its quantity is 0.
    Zero,
    /// The quantity is in quotes.
    TextQuantity,
    /// The price has a decimal comma.
    Comma,
    /// It has an unknown field.
    UnknownField,
    /// Its partner is unknown.
    UnknownPartner,
    /// Its time has no time zone.
    NoZone,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 8] = [
        Self::Cut,
        Self::NoId,
        Self::Zero,
        Self::TextQuantity,
        Self::Comma,
        Self::UnknownField,
        Self::UnknownPartner,
        Self::NoZone,
    ];

    /// A short description.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "half a message",
            Self::NoId => "no order_id",
            Self::Zero => "quantity 0",
            Self::TextQuantity => "quantity as text",
            Self::Comma => "decimal comma",
            Self::UnknownField => "unknown field",
            Self::UnknownPartner => "unknown partner",
            Self::NoZone => "time without zone",
        }
    }
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its kind.
    pub what: What,
    /// Unique among the messages of a seed.
    pub id: String,
    /// The JSON.
    pub body: Bytes,
}

/// The mix of messages in a run. Shares are in parts per million, [`ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Messages that repeat an earlier order exactly.
    pub duplicates: u32,
    /// Messages with a different order under the id of an earlier one.
    pub conflicts: u32,
    /// Messages that are not valid orders, in eight ways.
    pub broken: u32,
    /// Share of returns among the orders.
    pub returns: u32,
    /// Share of the returns that name an earlier sale, and give the whole of it back.
    pub named_returns: u32,
    /// Share of orders with shipping and a discount.
    pub charges: u32,
    /// Share of orders that say who the customer is.
    pub persons: u32,
    /// Share of lines that order the first product, in addition to those that pick it at random.
    pub hot_product: u32,
    /// Number of products, at least 1.
    pub products: u32,
    /// Most lines of an order, at least 1.
    pub lines: u16,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            duplicates: 0,
            conflicts: 0,
            broken: 0,
            returns: 0,
            named_returns: 0,
            charges: 0,
            persons: 0,
            hot_product: 0,
            products: 5,
            lines: 1,
        }
    }
}

/// The shares add up to more than 100 %.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("duplicates, conflicts and broken messages are more than 100 % together")]
pub struct TooMany;

/// The messages of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    mix: Mix,
    /// Names and prices.
    products: Vec<(String, String)>,
    /// `None` is the built-in partner.
    partners: Vec<Option<PartnerId>>,
    at: String,
}

impl Plan {
    /// Orders of `partners` (`None` is the built-in one) with the time `at`.
    ///
    /// # Errors
    /// If the shares of bad messages add up to more than 100 %.
    pub fn new(
        mix: &Mix,
        seed: u64,
        partners: Vec<Option<PartnerId>>,
        at: DateTime<Utc>,
    ) -> Result<Self, TooMany> {
        let bad = u64::from(mix.duplicates) + u64::from(mix.conflicts) + u64::from(mix.broken);
        if bad > u64::from(ALL) {
            return Err(TooMany);
        }
        Ok(Self {
            seed,
            mix: mix.clone(),
            products: (0..mix.products.max(1)).map(product).collect(),
            partners,
            at: at.to_rfc3339_opts(SecondsFormat::Secs, true),
        })
    }

    /// Message number `index`, from 1; its body is cut from `buffer`.
    pub fn message(&self, index: u64, buffer: &mut BytesMut) -> Message {
        let (what, of) = self.what(index);
        self.write(of, what, buffer);
        Message { what, id: self.order_id(index), body: buffer.split().freeze() }
    }

    /// The kind of message number `index`, and the number of the message whose order it contains.
    #[must_use]
    pub fn what(&self, index: u64) -> (What, u64) {
        match self.rolled(index) {
            what @ (What::Duplicate | What::Conflict) => {
                let earlier = self.earlier(index, &mut self.rng(index, 1));
                earlier.map_or((What::Sale, index), |of| (what, of))
            }
            what => (what, index),
        }
    }

    /// Number of different orders among the first `count` messages.
    #[must_use]
    pub fn distinct(&self, count: u64) -> u64 {
        let orders = (1..=count).filter(|index| {
            let (what, _) = self.what(*index);
            matches!(what, What::Sale | What::Return)
        });
        u64::try_from(orders.count()).unwrap_or(u64::MAX)
    }

    /// Names of the products that are ordered; the first may be hot.
    pub fn products(&self) -> impl Iterator<Item = &str> + Clone {
        self.products.iter().map(|(name, _)| name.as_str())
    }

    /// The order id of message number `index`, if it has its own order.
    #[must_use]
    pub fn order_id(&self, index: u64) -> String {
        format!("ORD-{}-{index}", self.seed)
    }

    fn rng(&self, index: u64, purpose: u64) -> Rng {
        let mut rng = Rng::with_seed(self.seed);
        let seed = rng.u64(..) ^ index.wrapping_mul(4).wrapping_add(purpose);
        Rng::with_seed(seed)
    }

    /// The random kind; for a duplicate or conflict there must be an earlier order.
    fn rolled(&self, index: u64) -> What {
        let mut rng = self.rng(index, 0);
        let roll = rng.u32(..ALL);
        let shares = [self.mix.broken, self.mix.duplicates, self.mix.conflicts];
        let mut under = 0;
        let mut hit = shares.iter().map(|share| {
            under += share;
            roll < under
        });
        match hit.position(|hit| hit) {
            Some(0) => What::Broken(rng.choice(Fault::ALL).expect("there are faults")),
            Some(1) => What::Duplicate,
            Some(_) => What::Conflict,
            None if rng.u32(..ALL) < self.mix.returns => What::Return,
            None => What::Sale,
        }
    }

    /// An order before `index` that is itself neither a duplicate nor a conflict.
    fn earlier(&self, index: u64, rng: &mut Rng) -> Option<u64> {
        self.earlier_of(&[What::Sale, What::Return], index, rng)
    }

    /// The sale that return number `of` names, if it names one. Uses the random numbers of charges behind theirs,
    /// so that the same seed makes the same orders with and without.
    fn returned(&self, of: u64) -> Option<u64> {
        let mut rng = self.rng(of, 3);
        let _charges = rng.u32(..ALL);
        let is_named = self.rolled(of) == What::Return && rng.u32(..ALL) < self.mix.named_returns;
        is_named.then(|| self.earlier_of(&[What::Sale], of, &mut rng)).flatten()
    }

    fn earlier_of(&self, kinds: &[What], index: u64, rng: &mut Rng) -> Option<u64> {
        let last = index.checked_sub(1).filter(|last| *last > 0)?;
        let oldest = last.saturating_sub(BACK_MAX).max(1);
        let from = rng.u64(oldest..=last);
        let fresh = |index: &u64| kinds.contains(&self.rolled(*index));
        (oldest..=from).rev().chain(from..=last).find(fresh)
    }

    /// Writes order number `of`; a conflict is a different order with the same id. A return that names its sale
    /// has the partner and the lines of the sale.
    fn write(&self, of: u64, what: What, buffer: &mut BytesMut) {
        let sale = self.returned(of);
        let mut rng = self.rng(sale.unwrap_or(of), 2);
        let sign = if self.rolled(of) == What::Return { -1 } else { 1 };
        let count = rng.usize(1..=self.mix.lines.max(1).into());
        let mut lines = Vec::with_capacity(count);
        for number in 0..count {
            let hot = rng.u32(..ALL) < self.mix.hot_product;
            let product = if hot { self.products.first() } else { rng.choice(&self.products) };
            let (product_id, price) = product.expect("there are products");
            let more = i64::from(what == What::Conflict && number == 0);
            let pieces = sign * (rng.i64(1..=PIECES_MAX) + more);
            lines.push(Line { product_id, quantity: Quantity::Pieces(pieces), price });
        }
        let customer = rng.u32(1..=CUSTOMERS);
        let mut name = String::with_capacity(16);
        write!(name, "CUST-{customer:04}").expect("writing to a String does not fail");
        let id = self.order_id(of);
        let sale = sale.map(|sale| self.order_id(sale));
        let partner = rng.choice(&self.partners).expect("there are partners");
        let mut order = Order {
            order_id: Some(&id),
            partner: partner.as_ref().map(PartnerId::as_str),
            // A customer stays a VIP: one in ten is.
            customer: Some(Customer { id: &name, vip: customer.is_multiple_of(10), person: None }),
            region: rng.choice(REGIONS).expect("there are regions"),
            timestamp: &self.at,
            returns: sale.as_deref(),
            ..Order::default()
        };
        // Uses its own random numbers, so that the same seed makes the same orders with and without
        // charges and persons.
        let mut rng = self.rng(of, 3);
        if rng.u32(..ALL) < self.mix.charges {
            order.charges = if sign < 0 { &CHARGES_BACK } else { &CHARGES };
        }
        let person = (rng.u32(..ALL) < self.mix.persons).then(|| Person::of(customer));
        if let Some(customer) = &mut order.customer {
            customer.person = person;
        }
        if let (Some(line), 1) = (lines.first(), lines.len()) {
            order.product_id = Some(line.product_id);
            order.quantity = Some(line.quantity);
            order.price = Some(line.price);
        }
        if let What::Broken(fault) = what {
            damage(&mut order, &mut lines, fault);
        }
        if order.product_id.is_none() {
            order.lines = Some(&lines);
        }
        let writer = (&mut *buffer).writer();
        serde_json::to_writer(writer, &order).expect("its keys are strings");
        if what == What::Broken(Fault::Cut) {
            buffer.truncate(buffer.len() / 2);
        }
    }
}

fn damage<'a>(order: &mut Order<'a>, lines: &mut [Line<'a>], fault: Fault) {
    let (quantity, price) = match fault {
        Fault::Zero => (Some(Quantity::Pieces(0)), None),
        Fault::TextQuantity => (Some(Quantity::Text("2")), None),
        Fault::Comma => (None, Some("12,50")),
        Fault::Cut | Fault::NoId | Fault::UnknownField | Fault::UnknownPartner | Fault::NoZone => {
            (None, None)
        }
    };
    if let Some(line) = lines.first_mut() {
        line.quantity = quantity.unwrap_or(line.quantity);
        line.price = price.unwrap_or(line.price);
    }
    if order.product_id.is_some() {
        order.quantity = quantity.or(order.quantity);
        order.price = price.or(order.price);
    }
    match fault {
        Fault::NoId => order.order_id = None,
        Fault::UnknownField => order.colour = Some("red"),
        Fault::UnknownPartner => order.partner = Some("NOBODY"),
        Fault::NoZone => order.timestamp = "2026-01-02T03:04:05",
        Fault::Cut | Fault::Zero | Fault::TextQuantity | Fault::Comma => {}
    }
}

/// Name and price of a product, counted from 0.
fn product(index: u32) -> (String, String) {
    let known = usize::try_from(index).ok().and_then(|index| CATALOGUE.get(index));
    match known {
        Some((name, price)) => ((*name).to_owned(), (*price).to_owned()),
        None => {
            let cents = 99 + index.wrapping_mul(37) % 9_000;
            (format!("P{:03}", index + 1), format!("{}.{:02}", cents / 100, cents % 100))
        }
    }
}

#[cfg(test)]
mod tests;
