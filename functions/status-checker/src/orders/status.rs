//! Where an order stands, in words of people.

use messaging::inventory::{HowMuch, Moved};
use messaging::subject::Stage;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

/// Where an order stands: its last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Placed, not decided.
    Pending,
    /// Stock is reserved.
    Confirmed,
    /// Refused, because less is in stock than was ordered.
    OutOfStock,
    /// Refused for another reason.
    Refused,
    /// Confirmed, and then cancelled.
    Cancelled,
}

impl Status {
    pub(crate) const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::OutOfStock, Self::Refused, Self::Cancelled];

    /// As it stands in JSON and in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::OutOfStock => "out_of_stock",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the last message about an order says, and the code of its reason.
    #[must_use]
    pub fn of(stage: Stage, reason: Option<&str>) -> Self {
        match (stage, reason) {
            (Stage::Placed, _) => Self::Pending,
            // What came back or was shipped of a sale says that it is confirmed.
            (Stage::Confirmed | Stage::Returned | Stage::Shipped, _) => Self::Confirmed,
            (Stage::Refused, Some("insufficient_stock")) => Self::OutOfStock,
            (Stage::Refused, Some("cancelled")) => Self::Cancelled,
            (Stage::Refused, _) => Self::Refused,
        }
    }

    /// In words of people: as it is, without `_`. A return that is confirmed is `returned`, and so is a sale of
    /// which nothing is left; one of which something is left is `partly returned`. A sale of which nothing came back is
    /// `shipped` or `partly shipped` if it was.
    #[must_use]
    pub const fn words(self, is_return: bool, moved: Moved) -> &'static str {
        match (self, moved.back, moved.shipped) {
            (Self::Confirmed, ..) if is_return => RETURNED,
            (Self::Confirmed, HowMuch::All, _) => RETURNED,
            (Self::Confirmed, HowMuch::Part, _) => "partly returned",
            (Self::Confirmed, HowMuch::Nothing, HowMuch::All) => SHIPPED,
            (Self::Confirmed, HowMuch::Nothing, HowMuch::Part) => "partly shipped",
            (Self::OutOfStock, ..) => "out of stock",
            (other, ..) => other.as_str(),
        }
    }

    /// What that means, for people.
    #[must_use]
    pub fn explanation(self, is_return: bool, moved: Moved, reason: Option<&str>) -> &'static str {
        let Moved { back, shipped } = moved;
        match (self, reason.unwrap_or_default()) {
            (Self::Confirmed, _) if back == HowMuch::All => "all of it was returned",
            (Self::Confirmed, "") if back == HowMuch::Part => {
                "confirmed, and something of it was returned"
            }
            (Self::Confirmed, "") if shipped == HowMuch::All => "all of it was shipped",
            (Self::Confirmed, "") if shipped == HowMuch::Part => {
                "confirmed, and something of it was shipped; the rest is reserved"
            }
            (Self::Confirmed, "shipped") => {
                "still confirmed: it could not be cancelled, because something of it was shipped; what \
                 comes back is returned"
            }
            (Self::Confirmed, "exceeds_sale") => {
                "still confirmed: it could not be cancelled as a whole, because something of it was \
                 returned; what is left can be returned"
            }
            (Self::Confirmed, "") if is_return => "returned, its stock was given back",
            (Self::Pending, _) => "placed, not decided yet",
            (Self::Confirmed, "") => "confirmed, its stock is reserved",
            (Self::Confirmed, _) => {
                "still confirmed: it could not be cancelled, because what it would give back is \
                 not in stock any more"
            }
            (Self::OutOfStock, _) => "refused, because less is in stock than was ordered",
            (Self::Cancelled, _) => "cancelled, its stock was moved back",
            (Self::Refused, "unknown_product") => {
                "refused, because no stock was ever set for one of its products"
            }
            (Self::Refused, "quantity_overflow") => {
                "refused, because its quantities or the stock cannot be counted"
            }
            (Self::Refused, "unreadable") => "refused, because it cannot be read as an order",
            (Self::Refused, "exceeds_sale") => {
                "refused, because more would come back than is left of the sale that it names"
            }
            (Self::Refused, "skipped") => "refused by an operator, undecided",
            (Self::Refused, _) => "refused",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.replace([' ', '-'], "_");
        Self::ALL.into_iter().find(|status| status.as_str() == wanted).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no status; there are {all}")
        })
    }
}

/// Which orders a list is asked for: those of a status, or of the confirmed ones what came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) status: Status,
    pub(crate) goods: Option<Goods>,
}

/// What became of the goods, as lists are asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goods {
    /// Returns, and sales of which nothing is left.
    Returned,
    /// Sales of which something is left.
    PartlyReturned,
    /// Sales of which all was shipped, also where something came back since.
    Shipped,
    /// Sales of which something was shipped.
    PartlyShipped,
}

/// What came back, in words of people.
const RETURNED: &str = "returned";
/// What was shipped.
const SHIPPED: &str = "shipped";

impl Goods {
    const ALL: [Self; 4] =
        [Self::Returned, Self::PartlyReturned, Self::Shipped, Self::PartlyShipped];

    /// The value in queries.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => RETURNED,
            Self::PartlyReturned => "partly_returned",
            Self::Shipped => SHIPPED,
            Self::PartlyShipped => "partly_shipped",
        }
    }
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.replace([' ', '-'], "_");
        let goods = Goods::ALL.into_iter().find(|goods| goods.as_str() == wanted);
        if goods.is_some() {
            return Ok(Self { status: Status::Confirmed, goods });
        }
        let status = text.parse::<Status>();
        let status = status
            .map_err(|error| format!("{error}, {}", Goods::ALL.map(Goods::as_str).join(", ")))?;
        Ok(Self { status, goods })
    }
}

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Wish {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WishedStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known =
            Status::ALL.map(Status::as_str).into_iter().chain(Goods::ALL.map(Goods::as_str));
        json_schema!({"type": "string", "enum": known.collect::<Vec<_>>()})
    }
}

impl JsonSchema for Status {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

impl Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Numbers of orders: one for each status, and of all of them the returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts([u32; 5], u32);

impl Counts {
    pub(crate) fn of(&self, status: Status) -> u64 {
        self.0.get(status.index()).copied().unwrap_or_default().into()
    }

    pub(crate) fn placed(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    pub(crate) fn returns(&self) -> u64 {
        self.1.into()
    }

    /// One more, or one less.
    pub(crate) fn step(&mut self, status: Status, is_return: bool, step: i32) {
        self.restate(status, step);
        self.1 = self.1.saturating_add_signed(if is_return { step } else { 0 });
    }

    /// One that is counted already has another status.
    pub(crate) fn restate(&mut self, status: Status, step: i32) {
        if let Some(count) = self.0.get_mut(status.index()) {
            *count = count.saturating_add_signed(step);
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (count, other) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(other);
        }
        self.1 = self.1.saturating_add(other.1);
    }
}

/// As people and programs read them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Numbers {
    /// All, whatever became of them.
    placed: u64,
    pending: u64,
    confirmed: u64,
    out_of_stock: u64,
    refused: u64,
    cancelled: u64,
    /// Of the placed ones.
    returns: u64,
    sales: u64,
}

impl From<Counts> for Numbers {
    fn from(counts: Counts) -> Self {
        let (placed, returns) = (counts.placed(), counts.returns());
        Self {
            placed,
            pending: counts.of(Status::Pending),
            confirmed: counts.of(Status::Confirmed),
            out_of_stock: counts.of(Status::OutOfStock),
            refused: counts.of(Status::Refused),
            cancelled: counts.of(Status::Cancelled),
            returns,
            sales: placed.saturating_sub(returns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_a_status_that_people_know() {
        let check = |stage, reason, expected: &str| {
            assert_eq!(Status::of(stage, reason).as_str(), expected, "{reason:?}");
        };
        check(Stage::Placed, None, "pending");
        check(Stage::Confirmed, None, "confirmed");
        check(Stage::Confirmed, Some("insufficient_stock"), "confirmed");
        check(Stage::Refused, Some("insufficient_stock"), "out_of_stock");
        check(Stage::Refused, Some("cancelled"), "cancelled");
        for code in
            ["unknown_product", "quantity_overflow", "unreadable", "skipped", "exceeds_sale"]
        {
            check(Stage::Refused, Some(code), "refused");
            let explanation = Status::Refused.explanation(false, Moved::default(), Some(code));
            assert_ne!(explanation, "refused", "{code}");
        }
    }

    #[test]
    fn people_may_write_a_status_as_they_say_it() {
        for text in ["out of stock", "out-of-stock", "out_of_stock"] {
            assert_eq!(text.parse(), Ok(Status::OutOfStock));
        }
        for (text, goods) in [
            ("returned", Goods::Returned),
            ("partly returned", Goods::PartlyReturned),
            ("shipped", Goods::Shipped),
            ("partly-shipped", Goods::PartlyShipped),
        ] {
            let wish = Wish { status: Status::Confirmed, goods: Some(goods) };
            assert_eq!(text.parse(), Ok(wish));
        }
        let error = "lost".parse::<Wish>().unwrap_err();
        let goods = "returned, partly_returned, shipped, partly_shipped";
        assert!(error.ends_with(&format!("cancelled, {goods}")), "{error}");
        let moved = |back, shipped| Moved { back, shipped };
        let (nothing, part, all) = (HowMuch::Nothing, HowMuch::Part, HowMuch::All);
        let words = |moved| Status::Confirmed.words(false, moved);
        assert_eq!(Status::Confirmed.words(true, Moved::default()), "returned");
        assert_eq!(words(moved(all, all)), "returned");
        assert_eq!(words(moved(part, all)), "partly returned");
        assert_eq!(words(moved(nothing, all)), "shipped");
        assert_eq!(words(moved(nothing, part)), "partly shipped");
        assert_eq!(words(Moved::default()), "confirmed");
        assert_eq!(Status::Cancelled.words(false, moved(part, nothing)), "cancelled");
        assert_eq!(Status::OutOfStock.words(true, Moved::default()), "out of stock");
        let kept = Status::Confirmed.explanation(false, moved(nothing, part), Some("shipped"));
        assert!(kept.starts_with("still confirmed: it could not be cancelled"), "{kept}");
        let error = "lost".parse::<Status>().unwrap_err();
        assert!(error.contains("pending, confirmed, out_of_stock, refused, cancelled"), "{error}");
    }
}
