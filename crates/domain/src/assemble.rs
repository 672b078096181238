//! From the lines of a file to orders: lines of one order belong together wherever they stand.
//!
//! Every line is added first; then each order has a verdict, and its lines can be given out again.

use crate::Money;
use crate::order::{Kind, LINES_MAX, ORDER_BYTES_MAX};
use crate::partner::{OnBadLine, Rules};
use indexmap::IndexMap;
use std::collections::HashSet;

/// About what one line adds to an order's JSON beside its texts: names, quotes, numbers.
const LINE_BYTES: usize = 160;
/// The same for what stands once in an order.
const ORDER_BYTES: usize = 1_024;

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
}

/// Why the lines of an order make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OrderFault {
    /// One of its lines was rejected, and the partner wants all or nothing.
    BadLine,
    /// Its lines name different customers.
    CustomersDiffer,
    /// Quantities above and below zero.
    MixedSigns,
    /// The id says sale or return, the quantities say the other.
    WrongSign,
    /// More lines or bytes than an order may have.
    TooLarge,
    /// The total is beyond the largest amount that can be read again.
    TotalTooLarge,
}

/// What is known of one order.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// Sale or return.
    pub kind: Kind,
    /// Number of its accepted lines.
    pub lines: usize,
    /// The earliest time of its lines, milliseconds since 1970.
    pub ordered_at: i64,
    /// Sum of quantity × unit price.
    pub total: Money,
    customer_id: Box<str>,
    bytes: usize,
    fault: Option<OrderFault>,
}

/// The orders of one file.
#[derive(Debug)]
pub struct Orders {
    on_bad_line: OnBadLine,
    return_prefix: Option<String>,
    orders_max: usize,
    /// Not a `HashMap`: half of its room is empty, and it holds two tables while it grows.
    by_id: IndexMap<Box<str>, Assembled>,
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
            harmed: HashSet::new(),
        }
    }

    /// Adds an accepted line.
    ///
    /// # Errors
    /// It begins one order too many.
    pub fn add(&mut self, line: LineFacts<'_>) -> Result<(), TooManyOrders> {
        let kind = if line.quantity < 0 { Kind::Return } else { Kind::Sale };
        let within = |total: &Money| total.is_within_limit();
        let total = line.unit_price.times(line.quantity).filter(within);
        if let Some(order) = self.by_id.get_mut(line.order_id) {
            order.lines += 1;
            order.ordered_at = order.ordered_at.min(line.ordered_at);
            order.bytes += line.text_bytes + LINE_BYTES;
            let sum = total.and_then(|total| order.total.plus(total)).filter(within);
            let fault = match sum {
                None => Some(OrderFault::TotalTooLarge),
                _ if *order.customer_id != *line.customer_id => Some(OrderFault::CustomersDiffer),
                _ if order.kind != kind => Some(OrderFault::MixedSigns),
                _ if order.lines > LINES_MAX || order.bytes > ORDER_BYTES_MAX => {
                    Some(OrderFault::TooLarge)
                }
                Some(_) => None,
            };
            order.total = sum.unwrap_or(order.total);
            order.fault = order.fault.or(fault);
            return Ok(());
        }
        self.check_room(self.by_id.len())?;
        let named_return =
            self.return_prefix.as_ref().map(|prefix| line.order_id.starts_with(prefix.as_str()));
        let wrong_sign = named_return.is_some_and(|named| named != (kind == Kind::Return));
        let order = Assembled {
            kind,
            lines: 1,
            ordered_at: line.ordered_at,
            total: total.unwrap_or_default(),
            customer_id: line.customer_id.into(),
            bytes: ORDER_BYTES + line.text_bytes + LINE_BYTES,
            fault: match total {
                None => Some(OrderFault::TotalTooLarge),
                Some(_) if wrong_sign => Some(OrderFault::WrongSign),
                Some(_) => None,
            },
        };
        self.by_id.insert(line.order_id.into(), order);
        Ok(())
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
        self.by_id.len() * HELD_BYTES + self.harmed.len() * HARMED_BYTES
    }

    /// What became of an order, once every line was added. Nothing for an order without lines.
    #[must_use]
    pub fn verdict(&self, order_id: &str) -> Option<Result<&Assembled, OrderFault>> {
        let order = self.by_id.get(order_id)?;
        let all_or_nothing = self.on_bad_line == OnBadLine::RejectOrder;
        let harmed =
            || (all_or_nothing && self.harmed.contains(order_id)).then_some(OrderFault::BadLine);
        Some(order.fault.or_else(harmed).map_or(Ok(order), Err))
    }

    /// Figures of all orders.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let without_line = self.harmed.iter().filter(|id| !self.by_id.contains_key(*id)).count();
        let mut totals = Totals { rejected: without_line as u64, ..Totals::default() };
        for id in self.by_id.keys() {
            match self.verdict(id) {
                Some(Ok(order)) if order.kind == Kind::Return => {
                    totals.returns += 1;
                    totals.returns_total = add(totals.returns_total, order.total);
                }
                Some(Ok(order)) => {
                    totals.sales += 1;
                    totals.sales_total = add(totals.sales_total, order.total);
                }
                _ => totals.rejected += 1,
            }
        }
        totals
    }
}

fn add(sum: Money, amount: Money) -> Money {
    Money::from_units(sum.units().saturating_add(amount.units()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(order_id: &'a str, customer_id: &'a str, at: i64, quantity: i64) -> LineFacts<'a> {
        let unit_price = Money::parse("1.5").unwrap();
        LineFacts { order_id, customer_id, ordered_at: at, quantity, unit_price, text_bytes: 10 }
    }

    #[track_caller]
    fn check(rules: &Rules, lines: &[LineFacts<'_>], bad: &[&str], expected: &str) {
        let mut orders = Orders::new(rules, ORDERS_MAX);
        lines.iter().for_each(|line| orders.add(*line).unwrap());
        bad.iter().for_each(|id| orders.add_bad_line(id).unwrap());
        let verdict = match orders.verdict("A") {
            Some(Ok(order)) => {
                format!("{:?} {} {} {}", order.kind, order.lines, order.ordered_at, order.total)
            }
            Some(Err(fault)) => format!("{fault:?}"),
            None => "nothing".into(),
        };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn lines_of_one_order_belong_together_wherever_they_stand() {
        let lines = [line("A", "c", 5, 1), line("B", "d", 1, 1), line("A", "c", 3, 2)];
        check(&Rules::default(), &lines, &[], "Sale 2 3 4.50");
        check(&Rules::default(), &[line("A", "c", 5, -2)], &[], "Return 1 5 -3.00");
        check(&Rules::default(), &[], &["A"], "nothing");
    }

    #[test]
    fn lines_that_contradict_each_other_make_no_order() {
        let rules = Rules::default();
        check(&rules, &[line("A", "c", 1, 1), line("A", "d", 1, 1)], &[], "CustomersDiffer");
        check(&rules, &[line("A", "c", 1, 1), line("A", "c", 1, -1)], &[], "MixedSigns");
        check(&rules, &vec![line("A", "c", 1, 1); LINES_MAX + 1], &[], "TooLarge");
        let large = LineFacts { text_bytes: 1_500, ..line("A", "c", 1, 1) };
        check(&rules, &vec![large; 200], &[], "TooLarge");
        check(&rules, &[line("A", "c", 1, 600_000_000)], &[], "Sale 1 1 900000000.00");
        check(&rules, &[line("A", "c", 1, 700_000_000)], &[], "TotalTooLarge");
        check(&rules, &[line("A", "c", 1, -400_000_000); 2], &[], "TotalTooLarge");
    }

    #[test]
    fn a_bad_line_rejects_its_order_where_the_partner_wants_all_or_nothing() {
        check(&Rules::default(), &[line("A", "c", 1, 1)], &["A"], "BadLine");
        check(&Rules::default(), &[line("A", "c", 1, 1)], &["B"], "Sale 1 1 1.50");
        let rules = Rules { on_bad_line: OnBadLine::DropLine, ..Rules::default() };
        check(&rules, &[line("A", "c", 1, 1)], &["A"], "Sale 1 1 1.50");
    }

    #[test]
    fn the_prefix_and_the_sign_of_a_return_agree() {
        let rules = Rules { return_prefix: Some("A".into()), ..Rules::default() };
        check(&rules, &[line("A", "c", 1, -1)], &[], "Return 1 1 -1.50");
        check(&rules, &[line("A", "c", 1, 1)], &[], "WrongSign");
        let rules = Rules { return_prefix: Some("C".into()), ..Rules::default() };
        check(&rules, &[line("A", "c", 1, -1)], &[], "WrongSign");
    }

    #[test]
    fn totals_count_what_becomes_of_the_orders() {
        let mut orders = Orders::new(&Rules::default(), ORDERS_MAX);
        for line in [line("A", "c", 1, 2), line("B", "c", 1, -1), line("C", "c", 1, 1)] {
            orders.add(line).unwrap();
        }
        orders.add_bad_line("C").unwrap();
        let totals = orders.totals();
        assert_eq!((totals.sales, totals.returns, totals.rejected), (1, 1, 1));
        assert_eq!(totals.sales_total.to_string(), "3.00");
        assert_eq!(totals.returns_total.to_string(), "-1.50");
    }

    #[test]
    fn an_order_of_which_no_line_was_accepted_is_rejected() {
        for on_bad_line in [OnBadLine::RejectOrder, OnBadLine::DropLine] {
            let mut orders = Orders::new(&Rules { on_bad_line, ..Rules::default() }, ORDERS_MAX);
            // Before, and behind, the line that makes "B" an order.
            for id in ["A", "A", "B"] {
                orders.add_bad_line(id).unwrap();
            }
            orders.add(line("B", "c", 1, 1)).unwrap();
            orders.add_bad_line("B").unwrap();
            let totals = orders.totals();
            let expected = match on_bad_line {
                OnBadLine::RejectOrder => (0, 2),
                OnBadLine::DropLine => (1, 1),
            };
            assert_eq!((totals.sales, totals.rejected), expected);
        }
    }

    #[test]
    fn a_file_may_have_as_many_orders_as_the_limit_says() {
        let mut orders = Orders::new(&Rules::default(), 2);
        for id in ["A", "B", "A", "B"] {
            orders.add(line(id, "c", 1, 1)).unwrap();
            orders.add_bad_line(id).unwrap();
        }
        let error = orders.add(line("C", "c", 1, 1)).unwrap_err();
        assert_eq!(error.to_string(), "the file has more than 2 orders");
        assert_eq!(orders.add_bad_line("C"), Err(error));
    }
}
