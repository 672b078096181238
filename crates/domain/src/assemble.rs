//! From the lines of a file to orders: lines of one order belong together wherever they stand.
//!
//! Every line is added first; then each order has a verdict, and its lines can be given out again.

mod fault;
mod said;
mod whole;

pub use fault::OrderFault;
pub use said::Firsts;

use crate::Money;
use crate::charge::{Charge, ChargeKind};
use crate::extra::Extra;
use crate::order::{Kind, LINES_MAX, ORDER_BYTES_MAX};
use crate::partner::{OnBadLine, Rules};
use indexmap::IndexMap;
use std::collections::{BTreeMap, HashSet};
use whole::{Whole, add};

/// About what one line adds to an order's JSON beside its texts: names, quotes, numbers.
const LINE_BYTES: usize = 160;
/// The same for what stands once in an order.
const ORDER_BYTES: u32 = 1_024;

/// Most orders of a file.
pub const ORDERS_MAX: usize = 1_000_000;
/// Memory that an order takes until its file is done, with ids of about ten characters.
const HELD_BYTES: usize = 160;
/// The same for the id of an order with a rejected line.
const HARMED_BYTES: usize = 64;

/// More orders than one file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has more than {max} orders")]
pub struct TooManyOrders {
    /// Orders allowed.
    pub max: usize,
}

/// What counts of one line.
#[derive(Clone, Copy, Debug)]
pub struct LineFacts<'a> {
    /// The partner's number of the order.
    pub order_id: &'a str,
    /// Who buys, or empty.
    pub customer_id: &'a str,
    /// Milliseconds since 1970.
    pub ordered_at: i64,
    /// Pieces, not zero.
    pub quantity: i64,
    /// Price of one piece.
    pub unit_price: Money,
    /// Bytes of its texts.
    pub text_bytes: usize,
    /// What else it says.
    pub extra: Option<&'a Extra>,
}

/// What is known of one order.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// Sale or return.
    pub kind: Kind,
    /// Number of its accepted rows: lines, and charges that are rows.
    pub rows: u32,
    /// The earliest time of its rows, milliseconds since 1970.
    pub ordered_at: i64,
    /// How many of its rows are lines.
    lines: u32,
    /// What its lines come to.
    lines_total: Money,
    customer_id: Box<str>,
    bytes: u32,
    fault: Option<OrderFault>,
    /// Of the few orders that have it.
    whole: Option<Box<Whole>>,
}

impl Assembled {
    fn begin(line: &LineFacts<'_>) -> Self {
        Self {
            kind: Kind::Sale,
            rows: 0,
            ordered_at: line.ordered_at,
            lines: 0,
            lines_total: Money::ZERO,
            customer_id: line.customer_id.into(),
            bytes: ORDER_BYTES,
            fault: None,
            whole: None,
        }
    }

    /// Adds a row; what it says first of person and returned sale.
    fn add(&mut self, line: &LineFacts<'_>) -> Firsts {
        self.rows += 1;
        self.ordered_at = self.ordered_at.min(line.ordered_at);
        self.weigh(line.text_bytes + LINE_BYTES);
        let within = |total: &Money| total.is_within_limit();
        let amount = line.unit_price.times(line.quantity).filter(within);
        let is_line = line.extra.is_none_or(|extra| extra.charge.is_none());
        let fault = match is_line {
            true => self.add_line(line, amount),
            // Rows of charges may leave the customer out.
            false if line.customer_id.is_empty() => None,
            false => self.check_customer(line.customer_id),
        };
        let of_order = line.extra.filter(|extra| extra.is_of_order());
        let (firsts, bytes) = of_order.map_or_else(Default::default, |extra| {
            self.whole.get_or_insert_default().add(extra, amount)
        });
        self.weigh(bytes);
        let more = |number: u32, max: usize| usize::try_from(number).is_ok_and(|it| max < it);
        let too_large = more(self.lines, LINES_MAX) || more(self.bytes, ORDER_BYTES_MAX);
        let fault = fault.or(too_large.then_some(OrderFault::TooLarge));
        self.fault = self.fault.or(fault);
        firsts
    }

    /// Adds bytes of its JSON.
    fn weigh(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// About what it takes of memory beyond [`HELD_BYTES`].
    fn held(&self) -> usize {
        self.whole.as_ref().map_or(0, |whole| whole.held())
    }

    fn add_line(&mut self, line: &LineFacts<'_>, amount: Option<Money>) -> Option<OrderFault> {
        let kind = if line.quantity < 0 { Kind::Return } else { Kind::Sale };
        if self.lines == 0 {
            self.kind = kind;
        }
        self.lines += 1;
        let off = line.extra.and_then(|extra| extra.line_discount).unwrap_or_default();
        let off = if kind == Kind::Return { off } else { off.negated() };
        let sum = amount.and_then(|amount| self.lines_total.plus(amount)?.plus(off));
        let Some(sum) = sum.filter(|sum| sum.is_within_limit()) else {
            return Some(OrderFault::TotalTooLarge);
        };
        self.lines_total = sum;
        let customer = self.check_customer(line.customer_id);
        customer.or((self.kind != kind).then_some(OrderFault::MixedSigns))
    }

    fn check_customer(&mut self, customer_id: &str) -> Option<OrderFault> {
        if self.customer_id.is_empty() && self.lines <= 1 && self.rows > self.lines {
            self.customer_id = customer_id.into();
        }
        (*self.customer_id != *customer_id).then_some(OrderFault::CustomersDiffer)
    }

    /// The total of lines and charges.
    #[must_use]
    pub fn total(&self) -> Money {
        self.sum().unwrap_or(self.lines_total)
    }

    fn sum(&self) -> Option<Money> {
        let Some(whole) = &self.whole else { return Some(self.lines_total) };
        let mut charges = whole.charges(self.kind).into_values();
        charges.try_fold(self.lines_total, Money::plus).filter(|sum| sum.is_within_limit())
    }

    /// Charges from columns, not from rows of their own.
    pub fn charges_of_columns(&self) -> impl Iterator<Item = Charge> {
        self.whole.iter().flat_map(|whole| whole.of_columns(self.kind))
    }

    /// The tax that the partner has calculated, if it says so: no part of the total.
    #[must_use]
    pub fn tax_given(&self) -> Option<Money> {
        self.whole.as_ref()?.tax()
    }

    fn fault(&self, order_id: &str) -> Option<OrderFault> {
        let lines = || (self.lines == 0).then_some(OrderFault::NoLines);
        let whole = || self.whole.as_ref()?.fault(order_id, self.kind, self.sum());
        self.fault.or_else(lines).or_else(whole)
    }
}

/// The orders of one file.
#[derive(Debug)]
pub struct Orders {
    on_bad_line: OnBadLine,
    return_prefix: Option<String>,
    orders_max: usize,
    /// Not a `HashMap`: half of its room is empty, and it holds two tables while it grows.
    by_id: IndexMap<Box<str>, Assembled>,
    /// Memory of charges, discounts and hashes.
    held: usize,
    /// Orders with a rejected line; where that harms none, only those that had no other line by then.
    harmed: HashSet<Box<str>>,
}

/// Figures of a file's orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Orders that are sales.
    pub sales: u64,
    /// What they add up to.
    pub sales_total: Money,
    /// Orders that are returns.
    pub returns: u64,
    /// What they add up to, below zero.
    pub returns_total: Money,
    /// Orders that are rejected, and those of which no line was accepted.
    pub rejected: u64,
    /// What charges of sales and returns come to, by kind.
    pub charges: BTreeMap<ChargeKind, Money>,
}

impl Orders {
    /// No lines yet, and at most `orders_max` orders to come.
    #[must_use]
    pub fn new(rules: &Rules, orders_max: usize) -> Self {
        Self {
            orders_max,
            on_bad_line: rules.on_bad_line,
            return_prefix: rules.return_prefix.clone(),
            by_id: IndexMap::new(),
            held: 0,
            harmed: HashSet::new(),
        }
    }

    /// Adds an accepted line. Returns which columns of the person and of the returned sale it is the first of its
    /// order to fill: their texts are needed again, those of later lines are not.
    ///
    /// # Errors
    /// It begins one order too many.
    pub fn add(&mut self, line: LineFacts<'_>) -> Result<Firsts, TooManyOrders> {
        if let Some(order) = self.by_id.get_mut(line.order_id) {
            let before = order.held();
            let firsts = order.add(&line);
            self.held += order.held() - before;
            return Ok(firsts);
        }
        self.check_room(self.by_id.len())?;
        let mut order = Assembled::begin(&line);
        let firsts = order.add(&line);
        self.held += order.held();
        self.by_id.insert(line.order_id.into(), order);
        Ok(firsts)
    }

    /// Says that a line of the order was rejected.
    ///
    /// # Errors
    /// There are too many such orders.
    pub fn add_bad_line(&mut self, order_id: &str) -> Result<(), TooManyOrders> {
        let counts =
            self.on_bad_line == OnBadLine::RejectOrder || !self.by_id.contains_key(order_id);
        if counts && !self.harmed.contains(order_id) {
            self.check_room(self.harmed.len())?;
            self.harmed.insert(order_id.into());
        }
        Ok(())
    }

    fn check_room(&self, orders: usize) -> Result<(), TooManyOrders> {
        let max = self.orders_max;
        if orders < max { Ok(()) } else { Err(TooManyOrders { max }) }
    }

    /// How many have lines.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// About what they take of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.by_id.len() * HELD_BYTES + self.harmed.len() * HARMED_BYTES + self.held
    }

    /// What became of an order, once every line was added. Nothing for an order without lines.
    #[must_use]
    pub fn verdict(&self, order_id: &str) -> Option<Result<&Assembled, OrderFault>> {
        let order = self.by_id.get(order_id)?;
        let all_or_nothing = self.on_bad_line == OnBadLine::RejectOrder;
        let harmed =
            || (all_or_nothing && self.harmed.contains(order_id)).then_some(OrderFault::BadLine);
        let wrong_sign = || {
            let named = order_id.starts_with(self.return_prefix.as_ref()?.as_str());
            (named != (order.kind == Kind::Return)).then_some(OrderFault::WrongSign)
        };
        let fault = order.fault(order_id).or_else(wrong_sign).or_else(harmed);
        Some(fault.map_or(Ok(order), Err))
    }

    /// Figures of all orders.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let without_line = self.harmed.iter().filter(|id| !self.by_id.contains_key(*id)).count();
        let mut totals = Totals { rejected: without_line as u64, ..Totals::default() };
        for id in self.by_id.keys() {
            let Some(Ok(order)) = self.verdict(id) else {
                totals.rejected += 1;
                continue;
            };
            let (orders, sum) = match order.kind {
                Kind::Return => (&mut totals.returns, &mut totals.returns_total),
                Kind::Sale => (&mut totals.sales, &mut totals.sales_total),
            };
            *orders += 1;
            *sum = add(*sum, order.total());
            for (kind, amount) in order.whole.iter().flat_map(|it| it.charges(order.kind)) {
                let sum = totals.charges.entry(kind).or_default();
                *sum = add(*sum, amount);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests;
