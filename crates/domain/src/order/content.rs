//! What a sender said of an order, as a hash that says how it was made.
//!
//! What is stored is compared in its own version, so that a rule of hashing can change without making
//! conflicts of orders that come again.

use super::Draft;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

impl Draft {
    /// SHA-256 over what the sender said, in the newest version: `2:` and 64 digits. Two messages with the
    /// same order id and the same content are the same order sent twice; with another they are a conflict.
    /// Settings of the partner, the time of arrival, and the order of lines and charges do not count.
    #[must_use]
    pub fn content(&self) -> String {
        format!("2:{}", digest(&self.sorted()))
    }

    /// Is it what was stored as this? Nothing, if that is of a version which only a later release knows.
    ///
    /// Version 1, of 0.1.0, is the digest alone. There lines count in their order.
    #[must_use]
    pub fn has_content(&self, stored: &str) -> Option<bool> {
        match stored.split_once(':') {
            None => Some(digest(self) == stored),
            Some(("2", stored)) => Some(digest(&self.sorted()) == stored),
            Some(_) => None,
        }
    }

    fn sorted(&self) -> Cow<'_, Self> {
        if self.lines.is_sorted() && self.charges.is_sorted() {
            return Cow::Borrowed(self);
        }
        let mut sorted = self.clone();
        sorted.lines.sort();
        sorted.charges.sort();
        Cow::Owned(sorted)
    }
}

/// Of its JSON.
fn digest(draft: &Draft) -> String {
    let json = serde_json::to_vec(draft).expect("a draft has only string keys");
    hex::encode(Sha256::digest(&json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;
    use serde_json::{Value, json};

    fn draft(order: &Value) -> Draft {
        raw::read(order, None).unwrap()
    }

    fn two(first: &str, second: &str) -> Draft {
        let line = |product: &str| json!({"product": product, "quantity": 1, "price": 1});
        let charge = |kind: &str| json!({"kind": kind, "amount": 1});
        let kind = |product: &str| if product == "A" { "fee" } else { "other" };
        let (lines, charges) =
            ([line(first), line(second)], [charge(kind(first)), charge(kind(second))]);
        draft(&json!({"order_id": "1", "lines": lines, "charges": charges}))
    }

    #[test]
    fn the_order_of_lines_and_charges_does_not_count_in_version_2() {
        assert_eq!(two("A", "B").content(), two("B", "A").content());
        assert_ne!(two("A", "A").content(), two("A", "B").content());
        assert_eq!(two("A", "B").has_content(&two("B", "A").content()), Some(true));
        assert_eq!(two("A", "B").has_content(&two("A", "A").content()), Some(false));
    }

    #[test]
    fn what_0_1_0_stored_is_compared_as_it_did() {
        // As 0.1.0 hashed it: the digest of these very bytes.
        let json = r#"{"order_id":"A1","kind":"sale","ordered_at":null,"currency":null,"customer":null,"region":null,"lines":[{"product_id":"P001","quantity":2,"unit_price":"2.50"}],"total":"5.00"}"#;
        let stored = hex::encode(Sha256::digest(json));
        let order = |quantity: i64| {
            draft(&json!({"order_id": "A1", "product": "P001", "quantity": quantity, "price": 2.5}))
        };
        assert_eq!(order(2).has_content(&stored), Some(true));
        assert_eq!(order(3).has_content(&stored), Some(false));
        // There the order of lines counts.
        let stored = digest(&two("A", "B"));
        assert_eq!(two("A", "B").has_content(&stored), Some(true));
        assert_eq!(two("B", "A").has_content(&stored), Some(false));
        assert_eq!(order(2).has_content("3:00"), None);
        assert_eq!(order(2).has_content(""), Some(false));
    }
}
