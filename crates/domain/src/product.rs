//! Products of the catalogue: what is sold, and at which price.

use crate::order::{METADATA_BYTES_MAX, METADATA_PAIRS_MAX, Metadata};
use crate::{Currency, Money, ProductId, TaxCategory, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most characters of a product's name.
pub const NAME_CHARS_MAX: usize = 200;
/// Most characters of a product's category.
pub const CATEGORY_CHARS_MAX: usize = 100;
/// Largest threshold for low stock, in pieces.
pub const LOW_STOCK_MAX: u64 = 1_000_000_000_000;

/// A product of the catalogue. Its stock is not here, but in the journals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// As orders and stock name it.
    pub id: ProductId,
    /// 1 to 200 characters.
    pub name: String,
    /// Of one piece, not below zero; exact, with at most four decimal places.
    pub price: Money,
    /// ISO 4217.
    pub currency: Currency,
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// By which rate it is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<TaxCategory>,
    /// Is it sold? Orders do not depend on it.
    #[serde(default = "yes")]
    pub active: bool,
    /// There is little of it when fewer pieces are in stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_stock: Option<u64>,
    /// Anything else: at most 20 pairs of 4 KiB together.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

const fn yes() -> bool {
    true
}

impl Product {
    /// What breaks a rule: field by field, with the limit. Types say the rest.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut add = |field, problem: Option<String>| {
            problems.extend(problem.map(|problem| (field, problem)));
        };
        add("id", self.id_problem());
        add("name", text::problem(&self.name, NAME_CHARS_MAX));
        let is_negative = self.price < Money::ZERO;
        add("price", is_negative.then(|| format!("is {}; it may not be below zero", self.price)));
        let category = self.category.as_deref();
        add("category", category.and_then(|category| text::problem(category, CATEGORY_CHARS_MAX)));
        let threshold = self.low_stock.filter(|threshold| LOW_STOCK_MAX < *threshold);
        add("low_stock", threshold.map(|it| format!("is {it}, the limit is {LOW_STOCK_MAX}")));
        add("metadata", self.metadata_problem());
        problems
    }

    /// What is wrong with a price of one piece in an order, if it differs from this one by more than
    /// `tolerance` percent of it, or is in another currency.
    #[must_use]
    pub fn price_problem(&self, given: Money, currency: &str, tolerance: f64) -> Option<String> {
        let (price, own) = (self.price, self.currency);
        let difference = given.units().saturating_sub(price.units()).unsigned_abs();
        #[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
        let is_within = difference as f64 <= price.units() as f64 * tolerance / 100.0;
        let is_equal = currency == own.as_str() && is_within;
        (!is_equal).then(|| format!("is {given} {currency}; the catalogue says {price} {own}"))
    }

    /// Orders name it by an id in this form, or they would not find it.
    fn id_problem(&self) -> Option<String> {
        match ProductId::parse(self.id.as_str()) {
            Err(error) => Some(error.to_string()),
            Ok(id) if id != self.id => Some(format!(
                "has characters that cannot be seen, or another form of ones that can; write it as {id}"
            )),
            Ok(_) => None,
        }
    }

    fn metadata_problem(&self) -> Option<String> {
        let pairs = self.metadata.len();
        if METADATA_PAIRS_MAX < pairs {
            return Some(format!("has {pairs} pairs, the limit is {METADATA_PAIRS_MAX}"));
        }
        if self.metadata.keys().any(|name| name.trim().is_empty()) {
            return Some("has an empty name".to_owned());
        }
        let bytes: usize = self.metadata.iter().map(|(name, text)| name.len() + text.len()).sum();
        let reason =
            || format!("has {bytes} bytes of names and texts, the limit is {METADATA_BYTES_MAX}");
        (METADATA_BYTES_MAX < bytes).then(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: Value) -> Result<Product, String> {
        let mut json = json!({"id": "P1", "name": "Tea", "price": "2.50", "currency": "EUR"});
        for (name, value) in change.as_object().unwrap() {
            json[name] = value.clone();
        }
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(change: Value, expected: &[&str]) {
        let problems = read(change).unwrap().problems();
        let shown: Vec<_> = problems.iter().map(|(field, why)| format!("{field}: {why}")).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn json_has_what_was_said_and_exact_prices() {
        let product = read(json!({"price": 2.5})).unwrap();
        let expected =
            json!({"id": "P1", "name": "Tea", "price": "2.50", "currency": "EUR", "active": true});
        assert_eq!(serde_json::to_value(&product).unwrap(), expected);
    }

    #[test]
    fn a_product_keeps_to_the_rules() {
        check(json!({}), &[]);
        check(json!({"name": "شاي أخضر", "category": "تو", "low_stock": 0, "price": 0}), &[]);
        check(json!({"price": "-0.01"}), &["price: is -0.01; it may not be below zero"]);
        check(
            json!({"name": "x".repeat(300), "category": " "}),
            &[
                "name: has 300 characters; 1 to 200 are allowed, not only blanks",
                "category: has 1 characters; 1 to 100 are allowed, not only blanks",
            ],
        );
        check(json!({"name": "a\u{0}"}), &["name: contains the control character '\\0'"]);
        check(
            json!({"low_stock": 1_000_000_000_001_u64}),
            &["low_stock: is 1000000000001, the limit is 1000000000000"],
        );
    }

    #[test]
    fn an_id_is_as_orders_have_it() {
        for id in ["Cafe\u{301}", "A\u{200b}1"] {
            let problems = read(json!({"id": id})).map(|product| product.problems());
            assert!(problems.is_ok_and(|it| it.len() == 1 && it[0].0 == "id"), "{id:?}");
        }
        check(json!({"id": "85099B / b"}), &[]);
    }

    #[test]
    fn a_price_may_differ_by_so_many_percent() {
        let product = read(json!({"price": "10.00"})).unwrap();
        let other = |price: &str, currency, percent| {
            product.price_problem(Money::parse(price).unwrap(), currency, percent)
        };
        for (price, percent) in
            [("10", 0.0), ("9", 10.0), ("11", 10.0), ("9.995", 0.05), ("0", 100.0)]
        {
            assert_eq!(other(price, "EUR", percent), None, "{price} {percent}");
        }
        for (price, percent) in
            [("9.9999", 0.0), ("8.9999", 10.0), ("11.0001", 10.0), ("20.01", 100.0)]
        {
            assert!(other(price, "EUR", percent).is_some(), "{price} {percent}");
        }
        let expected = "is 9.00 EUR; the catalogue says 10.00 EUR";
        assert_eq!(other("9", "EUR", 5.0).as_deref(), Some(expected));
        let expected = "is 10.00 USD; the catalogue says 10.00 EUR";
        assert_eq!(other("10", "USD", 100.0).as_deref(), Some(expected));
    }

    #[test]
    fn metadata_has_limits() {
        let many: Metadata = (0..21).map(|n| (n.to_string(), String::new())).collect();
        check(json!({"metadata": many}), &["metadata: has 21 pairs, the limit is 20"]);
        check(json!({"metadata": {" ": "x"}}), &["metadata: has an empty name"]);
        check(
            json!({"metadata": {"a": "x".repeat(4096)}}),
            &["metadata: has 4097 bytes of names and texts, the limit is 4096"],
        );
    }

    #[test]
    fn types_refuse_the_rest() {
        for (change, expected) in [
            (json!({"currency": "XYZ"}), "is \"XYZ\", no code of ISO 4217"),
            (json!({"price": "1,50"}), "is not a decimal number"),
            (json!({"price": 1.23456}), "more than 4 decimal places"),
            (json!({"colour": "red"}), "unknown field `colour`"),
            (json!({"low_stock": -1}), "invalid value"),
            (json!({"id": ""}), "is empty"),
        ] {
            let error = read(change).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
