//! Subjects, and how ids become tokens of them.
//!
//! A token keeps `A-Z a-z 0-9 _ -` and writes every other byte of the UTF-8 as `=HH`, so that any
//! order id is one token of a subject and one segment of a KV key.

use domain::{OrderId, PartnerId, ProductId, WarehouseId};
use std::fmt::Write as _;

/// Where anyone may publish an order.
pub const ORDERS: &str = "orders";

/// `text` as one token.
#[must_use]
pub fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            token.push(char::from(byte));
        } else {
            write!(token, "={byte:02X}").expect("writing to a String does not fail");
        }
    }
    token
}

/// The text of a token; nothing if `token` was not made by [`token`].
#[must_use]
pub fn text(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'=' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(u8::try_from(value).ok()?);
            }
            b'_' | b'-' => bytes.push(byte),
            _ if byte.is_ascii_alphanumeric() => bytes.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

/// What became of an order; the second token of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Checked and accepted.
    Placed,
    /// Stock is reserved.
    Confirmed,
    /// Decided against.
    Refused,
    /// Something of it came back.
    Returned,
    /// Something of it was shipped.
    Shipped,
}

impl Stage {
    /// The token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Returned => "returned",
            Self::Shipped => "shipped",
        }
    }
}

/// A subject of an order, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSubject {
    /// What it says of the order.
    pub stage: Stage,
    /// Whose stock.
    pub warehouse: WarehouseId,
    /// Whose order.
    pub partner: PartnerId,
    /// Which order.
    pub order_id: OrderId,
}

impl OrderSubject {
    /// Takes `orders.<stage>.<warehouse>.<partner>.<order>` apart.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.split('.');
        if tokens.next()? != ORDERS {
            return None;
        }
        let stage = match tokens.next()? {
            "placed" => Stage::Placed,
            "confirmed" => Stage::Confirmed,
            "refused" => Stage::Refused,
            "returned" => Stage::Returned,
            "shipped" => Stage::Shipped,
            _ => return None,
        };
        let warehouse = WarehouseId::stored(&text(tokens.next()?)?).ok()?;
        let partner = PartnerId::stored(&text(tokens.next()?)?).ok()?;
        let order_id = OrderId::stored(&text(tokens.next()?)?).ok()?;
        tokens.next().is_none().then_some(Self { stage, warehouse, partner, order_id })
    }
}

/// `orders.<stage>.<warehouse>.<partner>.<order>`.
#[must_use]
pub fn order(
    stage: Stage,
    warehouse: &WarehouseId,
    partner: &PartnerId,
    order_id: &OrderId,
) -> String {
    format!("{ORDERS}.{}.{warehouse}.{partner}.{}", stage.as_str(), token(order_id.as_str()))
}

/// `orders.placed.<warehouse>.>`: the input of the warehouse's journal.
#[must_use]
pub fn placed(warehouse: &WarehouseId) -> String {
    format!("{ORDERS}.placed.{warehouse}.>")
}

/// The warehouse whose lane reads `filter`, if it is such a one as [`placed`] makes.
#[must_use]
pub fn lane(filter: &str) -> Option<WarehouseId> {
    let name = filter.strip_prefix("orders.placed.")?.strip_suffix(".>")?;
    WarehouseId::parse(name).ok()
}

/// The warehouse whose invoices come from what `filter` reads, if it is such a one as [`of_warehouse`] makes.
#[must_use]
pub fn invoice_lane(filter: &str) -> Option<WarehouseId> {
    let name = filter.strip_prefix("orders.*.")?.strip_suffix(".>")?;
    WarehouseId::parse(name).ok()
}

/// The journal in which the lane that reads `filter` is decided, if there is one.
#[must_use]
pub fn journal_of(filter: &str) -> Option<String> {
    let invoices = || invoice_lane(filter).map(|warehouse| invoices_journal(&warehouse));
    lane(filter).map(|warehouse| inventory_journal(&warehouse)).or_else(invoices)
}

/// `files.<stage>.<partner>.<arrival>`; stages are `arrived`, `transformed` and `failed`.
#[must_use]
pub fn file(stage: &str, partner: &PartnerId, arrival: &str) -> String {
    format!("files.{stage}.{partner}.{}", token(arrival))
}

/// `journal.inventory.<warehouse>`.
#[must_use]
pub fn inventory_journal(warehouse: &WarehouseId) -> String {
    format!("journal.inventory.{warehouse}")
}

/// `inventory.changed.<warehouse>.<decision>`.
#[must_use]
pub fn inventory_changed(warehouse: &WarehouseId, decision: &str) -> String {
    format!("inventory.changed.{warehouse}.{}", token(decision))
}

/// `inventory.changed.<warehouse>.>`.
#[must_use]
pub fn changed(warehouse: &WarehouseId) -> String {
    format!("inventory.changed.{warehouse}.>")
}

/// `journal.invoices.<warehouse>`.
#[must_use]
pub fn invoices_journal(warehouse: &WarehouseId) -> String {
    format!("journal.invoices.{warehouse}")
}

/// `orders.*.<warehouse>.>`: the input of the warehouse's journal of invoices.
#[must_use]
pub fn of_warehouse(warehouse: &WarehouseId) -> String {
    format!("{ORDERS}.*.{warehouse}.>")
}

/// `invoices.issued.<warehouse>.<number>`: a document.
#[must_use]
pub fn issued(warehouse: &WarehouseId, number: &str) -> String {
    format!("invoices.issued.{warehouse}.{}", token(number))
}

/// `invoices.balance.<warehouse>.<partner>.<order>`: how an order stands.
#[must_use]
pub fn balance(warehouse: &WarehouseId, partner: &PartnerId, order_id: &OrderId) -> String {
    format!("invoices.balance.{warehouse}.{partner}.{}", token(order_id.as_str()))
}

/// `errors.billing.<warehouse>.<partner>.<order>`: a document of the order is held.
#[must_use]
pub fn held(warehouse: &WarehouseId, partner: &PartnerId, order_id: &OrderId) -> String {
    format!("errors.billing.{warehouse}.{partner}.{}", token(order_id.as_str()))
}

/// `errors.dead.<function>`.
#[must_use]
pub fn dead_letters(function: &str) -> String {
    format!("errors.dead.{}", token(function))
}

/// `errors.conflict.<partner>.<order>`.
#[must_use]
pub fn conflict(partner: &PartnerId, order_id: &OrderId) -> String {
    format!("errors.conflict.{partner}.{}", token(order_id.as_str()))
}

/// `errors.alert.file.<partner>.<date>`.
#[must_use]
pub fn missing_file(partner: &PartnerId, date: &str) -> String {
    format!("errors.alert.file.{partner}.{}", token(date))
}

/// `errors.low_stock.<warehouse>.<product>`.
#[must_use]
pub fn low_stock(warehouse: &WarehouseId, product: &ProductId) -> String {
    format!("errors.low_stock.{warehouse}.{}", token(product.as_str()))
}

/// `errors.alert.<kind>.<about>`: once for what it is about.
#[must_use]
pub fn alert(kind: &str, about: &str) -> String {
    format!("errors.alert.{}.{}", token(kind), token(about))
}

/// Does `subject` match `filter`, with `*` for one token and `>` for one or more at the end?
#[must_use]
pub fn matches(filter: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for part in filter.split('.') {
        match (part, subject.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (part, Some(token)) if part == token => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

/// Does `filter` match every subject that `other` matches?
#[must_use]
pub fn covers(filter: &str, other: &str) -> bool {
    let (mut filter, mut other) = (filter.split('.'), other.split('.'));
    loop {
        match (filter.next(), other.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(_), Some(">")) => return false,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// Is there a subject that matches both filters?
#[must_use]
pub fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_survives_as_a_token(given in any::<String>()) {
            let token = token(&given);
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'=')));
            prop_assert_eq!(text(&token), Some(given));
        }

        #[test]
        fn reading_a_token_never_panics(given in any::<String>()) {
            if let Some(text) = text(&given) {
                prop_assert_eq!(super::text(&token(&text)), Some(text));
            }
        }
    }

    #[test]
    fn an_order_subject_can_be_taken_apart() {
        for id in ["536365", "a.b c", "*", ">", "🛒", "e\u{301}\u{200b}"] {
            let given = OrderSubject {
                stage: Stage::Placed,
                warehouse: WarehouseId::main(),
                partner: PartnerId::direct(),
                // One that an earlier release has stored is found under its own subject.
                order_id: OrderId::stored(id).unwrap(),
            };
            let subject = order(given.stage, &given.warehouse, &given.partner, &given.order_id);
            assert_eq!(subject.split('.').count(), 5);
            assert_eq!(OrderSubject::parse(&subject), Some(given));
        }
        assert_eq!(
            order(
                Stage::Refused,
                &WarehouseId::main(),
                &PartnerId::direct(),
                &OrderId::parse("a.1").unwrap()
            ),
            "orders.refused.main.DIRECT.a=2E1"
        );
        for bad in [
            "orders",
            "orders.placed.main.US1",
            "orders.placed.main.US1.1.2",
            "orders.x.main.US1.1",
            "orders.placed.main.US1.=ZZ",
        ] {
            assert_eq!(OrderSubject::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_lanes_of_warehouses_have_journals() {
        let journal = journal_of("orders.placed.main.>");
        assert_eq!(journal.as_deref(), Some("journal.inventory.main"));
        let journal = journal_of(&of_warehouse(&WarehouseId::main()));
        assert_eq!(journal.as_deref(), Some("journal.invoices.main"));
        for filter in [
            "orders",
            "orders.>",
            "orders.placed.>",
            "orders.placed.*.>",
            "orders.placed.a.b.>",
            "orders.*.*.>",
            "orders.*.>",
        ] {
            assert_eq!(journal_of(filter), None, "{filter}");
        }
    }

    #[test]
    fn filters_overlap_where_a_subject_matches_both() {
        for (one, other) in [
            ("orders.*.main.>", "orders.placed.>"),
            ("orders.>", "orders.*.main.>"),
            ("a.*", "*.b"),
            ("a", "a"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in
            [("orders", "orders.>"), ("a.b", "a.c"), ("a.*", "a.b.c"), ("*.b", "a.c")]
        {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_filter_covers_what_it_matches_and_no_more() {
        for (filter, other) in [
            ("orders.*.>", "orders.*.main.>"),
            ("orders.*.>", "orders.placed.>"),
            ("invoices.>", "invoices.issued.>"),
            ("a.*", "a.b"),
        ] {
            assert!(covers(filter, other) && !covers(other, filter), "{filter} {other}");
        }
        for (filter, other) in [("orders.*.>", "orders"), ("a.*", "a.>"), ("a.b", "a.*")] {
            assert!(!covers(filter, other), "{filter} {other}");
        }
    }

    #[test]
    fn filters_match_as_nats_does() {
        assert!(matches("orders.placed.>", "orders.placed.main.US1.1"));
        assert!(matches("orders.*.main.>", "orders.placed.main.US1.1"));
        assert!(matches("orders", "orders"));
        for (filter, subject) in [
            ("orders", "orders.placed"),
            ("orders.>", "orders"),
            ("orders.*", "orders.a.b"),
            ("a.b", "a"),
        ] {
            assert!(!matches(filter, subject), "{filter} {subject}");
        }
    }
}
