//! Facts of orders as rows: one for each line and each charge, so that sums need no look at the order as a whole.

use crate::fact::{self, Counted, What};
use crate::sums;
use crate::table::{Cell, Head, Rows, Type};
use chrono::DateTime;
use domain::Kind;
use messaging::{header, subject};
use state::fold::{Event, Unread};

/// The columns. `amount`, `quantity`, `orders` and `returns` have the sign with which the row counts: sums over all rows
/// are what is in force.
pub(crate) const HEADS: &[Head] = &[
    ("sequence", Type::Number),
    ("stored_at", Type::Time),
    ("fact", Type::Text),
    ("reason", Type::Text),
    ("warehouse", Type::Text),
    ("partner", Type::Text),
    ("order_id", Type::Text),
    ("attempt", Type::Number),
    ("kind", Type::Text),
    ("customer", Type::Text),
    ("vip", Type::Flag),
    ("region", Type::Text),
    ("ordered_at", Type::Time),
    ("currency", Type::Text),
    ("orders", Type::Number),
    ("returns", Type::Number),
    ("item", Type::Text),
    ("product", Type::Text),
    ("category", Type::Text),
    ("quantity", Type::Number),
    ("unit_price", Type::Amount),
    ("discount", Type::Amount),
    ("amount", Type::Amount),
];

/// What a message says, for rows and sums.
#[derive(Debug)]
pub(crate) enum Said {
    /// A decision of an order of this partner.
    Decided(String, What),
    /// What came back of a sale so far: `all`, `part` or `none`.
    Returned(String),
    /// It is a fact, and cannot be read: why.
    Unreadable(String),
}

/// Reads a message; nothing if it is no fact that is kept.
pub(crate) fn read(event: &Event<'_>) -> Option<Said> {
    if event.subject.starts_with("orders.returned.") && header::is_fact(event.headers) {
        let how = event.header(header::RETURNED).unwrap_or_default();
        return Some(Said::Returned(how.to_owned()));
    }
    let partner = fact::partner(event)?;
    match fact::read(event) {
        Ok(None) => None,
        Ok(Some(what)) => {
            let partner = subject::text(partner).unwrap_or_else(|| partner.to_owned());
            Some(Said::Decided(partner, what))
        }
        Err(Unread::Wrong(reason)) => Some(Said::Unreadable(reason)),
        Err(Unread::NeedsPayload) => Some(Said::Unreadable("it has no payload".to_owned())),
    }
}

/// What all rows of a message begin with.
struct Place<'e> {
    sequence: u64,
    time_ms: i64,
    warehouse: Option<String>,
    partner: Option<String>,
    order: Option<String>,
    event: &'e Event<'e>,
}

impl<'e> Place<'e> {
    fn new(event: &'e Event<'e>) -> Self {
        let mut tokens = event.subject.split('.').skip(2);
        let mut next =
            || tokens.next().map(|it| subject::text(it).unwrap_or_else(|| it.to_owned()));
        let (warehouse, partner, order) = (next(), next(), next());
        let (sequence, time_ms) = (event.sequence, event.time_ms);
        Self { sequence, time_ms, warehouse, partner, order, event }
    }

    fn row(&self, fact: &str, reason: Option<String>, of: [Cell; 16]) -> [Cell; 23] {
        let sequence = i64::try_from(self.sequence).unwrap_or(i64::MAX);
        let text = |text: &Option<String>| Cell::of(text.clone(), Cell::Text);
        let [attempt, kind, customer, vip, region, ordered, currency, rest @ ..] = of;
        let [orders, returns, item, product, category, quantity, price, discount, amount] = rest;
        [
            Cell::Number(sequence),
            Cell::of(DateTime::from_timestamp_millis(self.time_ms), Cell::Time),
            Cell::text(fact),
            Cell::of(reason, Cell::Text),
            text(&self.warehouse),
            text(&self.partner),
            text(&self.order),
            attempt,
            kind,
            customer,
            vip,
            region,
            ordered,
            currency,
            orders,
            returns,
            item,
            product,
            category,
            quantity,
            price,
            discount,
            amount,
        ]
    }

    /// A row that counts nothing.
    fn alone(&self, fact: &str, reason: Option<String>) -> [Cell; 23] {
        let mut of = [const { Cell::None }; 16];
        if let Some(attempt) = self.event.header(header::ATTEMPT).and_then(|it| it.parse().ok()) {
            of[0] = Cell::Number(attempt);
        }
        self.row(fact, reason, of)
    }

    /// A row for each line and charge of an order that is added, or taken away.
    fn order(&self, rows: &mut Rows, fact: &str, order: &Counted, sign: i64) {
        let Some(whole) = sums::whole(order, sign) else { return };
        let kind = match order.kind {
            Kind::Sale => "sale",
            Kind::Return => "return",
        };
        let optional = |text: Option<&str>| Cell::of(text, Cell::text);
        let mut is_first = true;
        let mut push = |item: &str, product: [Cell; 5], units: i128| {
            let [product, category, quantity, price, discount] = product;
            // The order itself counts in its first row.
            let (orders, returns) = match std::mem::take(&mut is_first) {
                true => (whole.orders, whole.returns),
                false => (0, 0),
            };
            let of = [
                Cell::of(order.attempt, |attempt| Cell::Number(i64::from(attempt))),
                Cell::text(kind),
                optional(order.customer()),
                Cell::Flag(order.is_vip()),
                optional(order.region.as_deref()),
                Cell::Time(order.ordered_at),
                Cell::text(&*order.currency),
                Cell::Number(orders),
                Cell::Number(returns),
                Cell::text(item),
                product,
                category,
                quantity,
                price,
                discount,
                Cell::Amount(units * i128::from(sign)),
            ];
            rows.push(self.row(fact, None, of));
        };
        let amount = |money: domain::Money| i128::from(money.units());
        for line in &order.lines {
            let product = [
                Cell::text(line.product_id.as_str()),
                optional(line.category.as_deref()),
                Cell::Number(line.quantity.saturating_mul(sign)),
                Cell::Amount(amount(line.unit_price)),
                Cell::of(line.discount, |discount| Cell::Amount(amount(discount))),
            ];
            push("line", product, line.total().map_or(0, amount));
        }
        for charge in &order.charges {
            push(charge.kind.as_str(), [const { Cell::None }; 5], amount(charge.amount));
        }
    }
}

/// Adds the rows of a message.
pub(crate) fn rows(rows: &mut Rows, event: &Event<'_>, said: &Said) {
    let place = Place::new(event);
    match said {
        Said::Decided(_, What::Confirmed(order)) => {
            if let Some(before) = order.before() {
                place.order(rows, "replaced", before, -1);
                place.order(rows, "amended", order, 1);
            } else {
                place.order(rows, "confirmed", order, 1);
            }
        }
        Said::Decided(_, What::Cancelled(order)) => place.order(rows, "cancelled", order, -1),
        Said::Decided(_, What::Refused(reason)) => {
            rows.push(place.alone("refused", Some(reason.clone())));
        }
        Said::Returned(how) => rows.push(place.alone("returned", Some(how.clone()))),
        Said::Unreadable(reason) => rows.push(place.alone("unreadable", Some(reason.clone()))),
    }
}
