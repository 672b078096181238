//! What is sent: message `n` is a function of the seed and `n`, so nothing is remembered.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use bytes::{BufMut as _, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::PartnerId;
use fastrand::Rng;

use super::wire::{Customer, Line, Order, Quantity};
use crate::args::Simulate;

/// The seed catalogue's products and prices; further products follow them.
const CATALOGUE: [(&str, &str); 5] =
    [("P001", "19.99"), ("P002", "149.00"), ("P003", "7.50"), ("P004", "3.25"), ("P005", "0.99")];
const REGIONS: [&str; 4] = ["north", "east", "south", "west"];
const CUSTOMERS: u32 = 500;
const PIECES_MAX: i64 = 3;
/// How far back the order may lie that a duplicate or a conflict repeats.
const BACK_MAX: u64 = 1_000;
/// All, in the unit of shares: parts of a million.
pub(super) const ALL: u32 = 1_000_000;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Sale,
    Return,
    /// An earlier order, word for word.
    Duplicate,
    /// Another order under an earlier one's id.
    Conflict,
    Broken(Fault),
}

/// How an order can be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Cut,
    NoId,
    Zero,
    TextQuantity,
    Comma,
    UnknownField,
    UnknownPartner,
    NoZone,
}

impl Fault {
    pub(super) const ALL: [Self; 8] = [
        Self::Cut,
        Self::NoId,
        Self::Zero,
        Self::TextQuantity,
        Self::Comma,
        Self::UnknownField,
        Self::UnknownPartner,
        Self::NoZone,
    ];

    pub(super) const fn as_str(self) -> &'static str {
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
pub(super) struct Message {
    pub(super) what: What,
    /// Unique among the messages of a seed.
    pub(super) id: String,
    pub(super) body: Bytes,
}

/// The plan of a run.
#[derive(Debug)]
pub(super) struct Plan {
    seed: u64,
    duplicates: u32,
    conflicts: u32,
    broken: u32,
    returns: u32,
    hot: u32,
    lines_max: usize,
    /// Names and prices.
    products: Vec<(String, String)>,
    /// `None` is the built-in partner.
    partners: Vec<Option<PartnerId>>,
    at: String,
}

impl Plan {
    pub(super) fn new(
        args: &Simulate,
        seed: u64,
        partners: Vec<Option<PartnerId>>,
        at: DateTime<Utc>,
    ) -> Result<Self> {
        let bad = u64::from(args.duplicates) + u64::from(args.conflicts) + u64::from(args.broken);
        if bad > u64::from(ALL) {
            bail!("duplicates, conflicts and broken messages are more than 100 % together");
        }
        Ok(Self {
            seed,
            duplicates: args.duplicates,
            conflicts: args.conflicts,
            broken: args.broken,
            returns: args.returns,
            hot: args.hot_product,
            lines_max: args.lines.into(),
            products: (0..args.products).map(product).collect(),
            partners,
            at: at.to_rfc3339_opts(SecondsFormat::Secs, true),
        })
    }

    /// Message number `index`, from 1; its body is cut from `buffer`.
    pub(super) fn message(&self, index: u64, buffer: &mut BytesMut) -> Message {
        let mut rng = self.rng(index, 1);
        let (what, of, other) = match self.rolled(index) {
            What::Duplicate => match self.earlier(index, &mut rng) {
                Some(of) => (What::Duplicate, of, false),
                None => (What::Sale, index, false),
            },
            What::Conflict => match self.earlier(index, &mut rng) {
                Some(of) => (What::Conflict, of, true),
                None => (What::Sale, index, false),
            },
            what => (what, index, false),
        };
        self.write(of, other, what, buffer);
        Message { what, id: self.id(index), body: buffer.split().freeze() }
    }

    fn rng(&self, index: u64, purpose: u64) -> Rng {
        let mut rng = Rng::with_seed(self.seed);
        let seed = rng.u64(..) ^ index.wrapping_mul(4).wrapping_add(purpose);
        Rng::with_seed(seed)
    }

    fn id(&self, index: u64) -> String {
        format!("ORD-{}-{index}", self.seed)
    }

    /// What the dice say; a duplicate or conflict still needs something earlier.
    fn rolled(&self, index: u64) -> What {
        let mut rng = self.rng(index, 0);
        let roll = rng.u32(..ALL);
        let shares = [self.broken, self.duplicates, self.conflicts];
        let mut under = 0;
        let mut hit = shares.iter().map(|share| {
            under += share;
            roll < under
        });
        match hit.position(|hit| hit) {
            Some(0) => What::Broken(rng.choice(Fault::ALL).expect("there are faults")),
            Some(1) => What::Duplicate,
            Some(_) => What::Conflict,
            None if rng.u32(..ALL) < self.returns => What::Return,
            None => What::Sale,
        }
    }

    /// An order before `index` that is not one of these itself.
    fn earlier(&self, index: u64, rng: &mut Rng) -> Option<u64> {
        let last = index.checked_sub(1).filter(|last| *last > 0)?;
        let oldest = last.saturating_sub(BACK_MAX).max(1);
        let from = rng.u64(oldest..=last);
        let fresh = |index: &u64| matches!(self.rolled(*index), What::Sale | What::Return);
        (oldest..=from).rev().chain(from..=last).find(fresh)
    }

    /// Writes order number `of`; `other` makes it another order under the same id.
    fn write(&self, of: u64, other: bool, what: What, buffer: &mut BytesMut) {
        let mut rng = self.rng(of, 2);
        let sign = if self.rolled(of) == What::Return { -1 } else { 1 };
        let count = rng.usize(1..=self.lines_max);
        let mut lines = Vec::with_capacity(count);
        for number in 0..count {
            let hot = rng.u32(..ALL) < self.hot;
            let product = if hot { self.products.first() } else { rng.choice(&self.products) };
            let (product_id, price) = product.expect("there are products");
            let more = i64::from(other && number == 0);
            let pieces = sign * (rng.i64(1..=PIECES_MAX) + more);
            lines.push(Line { product_id, quantity: Quantity::Pieces(pieces), price });
        }
        let customer = rng.u32(1..=CUSTOMERS);
        let mut name = String::with_capacity(16);
        write!(name, "CUST-{customer:04}").expect("writing to a String does not fail");
        let id = self.id(of);
        let partner = rng.choice(&self.partners).expect("there are partners");
        let mut order = Order {
            order_id: Some(&id),
            partner: partner.as_ref().map(PartnerId::as_str),
            // A customer stays a VIP: one in ten is.
            customer: Some(Customer { id: &name, vip: customer.is_multiple_of(10) }),
            region: rng.choice(REGIONS).expect("there are regions"),
            timestamp: &self.at,
            ..Order::default()
        };
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
mod tests {
    use super::*;
    use domain::order::Terms;
    use domain::raw;
    use std::collections::{BTreeMap, HashMap};

    fn args() -> Simulate {
        Simulate {
            orders: 1,
            rate: 1,
            seed: None,
            duplicates: 0,
            conflicts: 0,
            broken: 0,
            returns: 0,
            hot_product: 0,
            products: 5,
            lines: 1,
            lanes: 1,
            http: false,
            yes: crate::confirm::Yes::default(),
        }
    }

    fn messages(args: &Simulate, seed: u64, count: u64) -> Vec<Message> {
        let partners = vec![None, Some(PartnerId::parse("US1").unwrap())];
        let plan = Plan::new(args, seed, partners, DateTime::UNIX_EPOCH).unwrap();
        let mut buffer = BytesMut::new();
        (1..=count).map(|index| plan.message(index, &mut buffer)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_orders_and_all_are_valid() {
        let bodies = |seed| {
            let messages = messages(&args(), seed, 200);
            messages.into_iter().map(|message| message.body).collect::<Vec<_>>()
        };
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
        for body in bodies(7) {
            let draft = raw::parse(&body, None).unwrap();
            assert!((1..=PIECES_MAX).contains(&draft.lines[0].quantity));
            draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
        }
    }

    #[test]
    fn every_message_is_what_it_says() {
        let share = ALL / 10;
        let args = Simulate {
            duplicates: share,
            conflicts: share,
            broken: 2 * share,
            returns: share,
            lines: 4,
            products: 50,
            ..args()
        };
        let mut contents = HashMap::new();
        let mut counts = BTreeMap::new();
        for message in messages(&args, 1, 5_000) {
            *counts.entry(message.what).or_insert(0) += 1;
            let draft = raw::parse(&message.body, None);
            if let What::Broken(fault) = message.what {
                // Who the partners are is known elsewhere.
                assert_eq!(draft.is_ok(), fault == Fault::UnknownPartner, "{fault:?}");
                continue;
            }
            let draft = draft.unwrap();
            let key = (draft.partner.clone(), draft.order_id.clone());
            let before = contents.get(&key);
            match message.what {
                What::Duplicate => assert_eq!(before, Some(&draft.content_hash())),
                What::Conflict => assert!(before.is_some_and(|hash| *hash != draft.content_hash())),
                _ => assert_eq!(before, None),
            }
            assert_eq!(
                message.what == What::Return,
                draft.kind == domain::Kind::Return && before.is_none()
            );
            contents.entry(key).or_insert_with(|| draft.content_hash());
        }
        let broken: i32 = Fault::ALL.iter().map(|fault| counts[&What::Broken(*fault)]).sum();
        for (what, expected) in [
            (broken, 1_000),
            (counts[&What::Duplicate], 500),
            (counts[&What::Conflict], 500),
            (counts[&What::Return], 300),
        ] {
            assert!((expected - 100..=expected + 100).contains(&what), "{counts:?}");
        }
    }

    #[test]
    fn a_hot_product_is_in_most_lines() {
        let args = Simulate { hot_product: ALL / 10 * 9, lines: 3, products: 1_000, ..args() };
        let (mut hot, mut all) = (0, 0);
        for message in messages(&args, 1, 1_000) {
            for line in raw::parse(&message.body, None).unwrap().lines {
                all += 1;
                hot += u32::from(line.product_id.as_str() == "P001");
            }
        }
        assert!((all * 85..all * 95).contains(&(hot * 100)), "{hot} of {all}");
    }

    #[test]
    fn shares_that_do_not_fit_together_are_refused() {
        let args = Simulate { duplicates: ALL, broken: 1, ..args() };
        let plan = Plan::new(&args, 1, vec![None], DateTime::UNIX_EPOCH);
        assert!(plan.unwrap_err().to_string().contains("more than 100 %"));
        // Nothing earlier can be repeated: they are orders of their own.
        let args = Simulate { duplicates: ALL, ..self::args() };
        assert!(messages(&args, 1, 50).iter().all(|message| message.what == What::Sale));
    }
}
