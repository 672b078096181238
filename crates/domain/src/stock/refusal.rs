//! Why an order is refused.

use crate::{OrderId, ProductId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// What a refusal adds where the policies of partners differ.
fn others(checked_for_others: &bool) -> &'static str {
    match checked_for_others {
        true => "; another partner of this warehouse has the stock of this product checked",
        false => "",
    }
}

/// Why an order gets no stock.
///
/// A reason that a later release adds is written as one that every release reads, with its own `code`
/// beside it; what is not known all the same is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case", remote = "Self")]
pub enum Refusal {
    /// No stock was ever set for a product.
    #[error("unknown_product: {product}")]
    UnknownProduct {
        /// The first such product of the order.
        product: ProductId,
    },
    /// Less is available than ordered.
    #[error(
        "insufficient_stock: {product}: {requested} ordered, {available} available{}",
        others(.checked_for_others)
    )]
    InsufficientStock {
        /// The first such product of the order.
        product: ProductId,
        /// Pieces ordered, summed over the order's lines.
        requested: i64,
        /// Pieces there are.
        available: i64,
        /// The partner's own policy would have let it go below zero, but the stock of this product
        /// is checked for another partner of the warehouse.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        checked_for_others: bool,
    },
    /// The stock or the order cannot be counted in 64 bits.
    #[error("quantity_overflow: {product}")]
    QuantityOverflow {
        /// The product.
        product: ProductId,
    },
    /// The message cannot be read as a placed order.
    #[error("unreadable: {detail}")]
    Unreadable {
        /// What the parser said.
        detail: String,
    },
    /// It was confirmed, and then cancelled: its stock has moved back.
    #[error("cancelled: attempt {attempt}")]
    Cancelled {
        /// The attempt that was confirmed.
        attempt: u32,
    },
    /// An operator refused the message undecided.
    #[error("skipped: {detail}")]
    Skipped {
        /// The operator's reason.
        detail: String,
    },
    /// More comes back of a sale than is left of it, or what was shipped is to be taken back. 0.1.0 reads it as
    /// unreadable, with the same detail.
    #[error("{}: {}", .0.code(), .0.detail)]
    #[serde(rename = "unreadable", skip_deserializing)]
    ExceedsSale(Exceeded),
    /// A reason that this release does not know.
    #[error("{}", .0.text())]
    #[serde(untagged, skip_deserializing)]
    Other(Other),
}

/// What comes back of a sale, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    code: Code,
    /// What is wrong, in words.
    pub detail: String,
    /// The sale.
    pub sale: OrderId,
    /// The product of which there is too much; nothing if there is no such sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Pieces of it that would come back.
    #[serde(default)]
    pub requested: i64,
    /// Pieces of it that were sold and are not returned yet.
    #[serde(default)]
    pub left: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Code {
    ExceedsSale,
    Shipped,
}

impl Exceeded {
    /// There is no such sale that is confirmed.
    #[must_use]
    pub fn no_sale(sale: OrderId, detail: String) -> Self {
        Self { code: Code::ExceedsSale, detail, sale, product: None, requested: 0, left: 0 }
    }

    /// Why it is too much, as [`Refusal::code`].
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.code {
            Code::ExceedsSale => "exceeds_sale",
            Code::Shipped => "shipped",
        }
    }

    /// It cannot be taken back as a whole, because some of `product` was shipped.
    #[must_use]
    pub fn shipped(sale: OrderId, product: ProductId, pieces: (i64, i64), detail: String) -> Self {
        Self { code: Code::Shipped, ..Self::too_much(sale, product, pieces, detail) }
    }

    /// There is too much of `product`.
    #[must_use]
    pub fn too_much(
        sale: OrderId,
        product: ProductId,
        (requested, left): (i64, i64),
        detail: String,
    ) -> Self {
        let product = Some(product);
        Self { code: Code::ExceedsSale, detail, sale, product, requested, left }
    }
}

/// A reason of a later release, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Other(Map<String, Value>);

impl Other {
    fn text(&self) -> String {
        let text = |name: &str| self.0.get(name).and_then(Value::as_str);
        let reason = text("code").or(text("reason")).unwrap_or(OTHER);
        match text("detail") {
            Some(detail) => format!("{reason}: {detail}"),
            None => reason.to_owned(),
        }
    }
}

/// The code of a reason that this release does not know.
const OTHER: &str = "other";

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?;
        // A code says more than the reason beside it.
        let known = match members.contains_key("code") {
            true => Exceeded::deserialize(&members).map(Self::ExceedsSale),
            false => Self::deserialize(&members),
        };
        Ok(known.unwrap_or(Self::Other(Other(members))))
    }
}

impl Refusal {
    /// Every [`Refusal::code`] that this release gives.
    pub const CODES: [&str; 8] = [
        "unknown_product",
        "insufficient_stock",
        "quantity_overflow",
        "unreadable",
        "cancelled",
        "skipped",
        "exceeds_sale",
        "shipped",
    ];

    /// The same of an amendment, which gives `back` so many pieces first: they are there for it, and it wants
    /// them again.
    pub(super) fn with_given_back(mut self, back: i64) -> Self {
        if let Self::InsufficientStock { requested, available, .. } = &mut self {
            *requested = requested.saturating_add(back);
            *available = available.saturating_add(back);
        }
        self
    }

    /// The code of the reason. Headers have it, and JSON as `code`, or as `reason` where there is no `code`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownProduct { .. } => "unknown_product",
            Self::InsufficientStock { .. } => "insufficient_stock",
            Self::QuantityOverflow { .. } => "quantity_overflow",
            Self::Unreadable { .. } => "unreadable",
            Self::Cancelled { .. } => "cancelled",
            Self::Skipped { .. } => "skipped",
            Self::ExceedsSale(exceeded) => exceeded.code(),
            Self::Other(_) => OTHER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reason_of_a_later_release_is_kept_as_it_came() {
        for later in [
            json!({"reason": "too_heavy", "kilograms": 31, "detail": "31 kg"}),
            json!({"reason": "unknown_product", "shelf": 7}),
            json!({"reason": "unreadable", "detail": "31 kg", "code": "too_heavy"}),
        ] {
            let refusal: Refusal = serde_json::from_value(later.clone()).unwrap();
            assert!(matches!(refusal, Refusal::Other(_)), "{refusal:?}");
            assert_eq!(serde_json::to_value(&refusal).unwrap(), later);
        }
        let later = json!({"reason": "too_heavy", "detail": "31 kg"});
        let refusal: Refusal = serde_json::from_value(later).unwrap();
        assert_eq!((refusal.to_string().as_str(), refusal.code()), ("too_heavy: 31 kg", "other"));
    }

    #[test]
    fn what_exceeds_a_sale_is_unreadable_for_0_1_0_and_the_same_again_for_this_release() {
        let (sale, product) = (OrderId::parse("7").unwrap(), ProductId::parse("A").unwrap());
        let exceeded = Exceeded::too_much(sale, product, (3, 1), "too much".into());
        let refusal = Refusal::ExceedsSale(exceeded);
        let json = serde_json::to_value(&refusal).unwrap();
        let expected = json!({"reason": "unreadable", "code": "exceeds_sale", "detail": "too much",
            "sale": "7", "product": "A", "requested": 3, "left": 1});
        assert_eq!(json, expected);
        let again: Refusal = serde_json::from_value(json).unwrap();
        assert_eq!((again.code(), again), ("exceeds_sale", refusal));
    }
}
