//! Where an order stands, in words of people.

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
            (Stage::Confirmed, _) => Self::Confirmed,
            (Stage::Refused, Some("insufficient_stock")) => Self::OutOfStock,
            (Stage::Refused, Some("cancelled")) => Self::Cancelled,
            (Stage::Refused, _) => Self::Refused,
        }
    }

    /// In words of people: as it is, without `_`, and a return that is confirmed is `returned`.
    #[must_use]
    pub const fn words(self, is_return: bool) -> &'static str {
        match self {
            Self::Confirmed if is_return => RETURNED,
            Self::OutOfStock => "out of stock",
            other => other.as_str(),
        }
    }

    /// What that means, for people.
    #[must_use]
    pub fn explanation(self, is_return: bool, reason: Option<&str>) -> &'static str {
        match (self, reason.unwrap_or_default()) {
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

/// Which orders a list is asked for: those of a status, or returns that are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) status: Status,
    pub(crate) returns_only: bool,
}

/// A confirmed return, in words of people.
const RETURNED: &str = "returned";

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == RETURNED {
            return Ok(Self { status: Status::Confirmed, returns_only: true });
        }
        let status = text.parse::<Status>().map_err(|error| format!("{error}, {RETURNED}"))?;
        Ok(Self { status, returns_only: false })
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
        let known = Status::ALL.map(Status::as_str).into_iter().chain([RETURNED]);
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
        for code in ["unknown_product", "quantity_overflow", "unreadable", "skipped"] {
            check(Stage::Refused, Some(code), "refused");
            assert_ne!(Status::Refused.explanation(false, Some(code)), "refused", "{code}");
        }
    }

    #[test]
    fn people_may_write_a_status_as_they_say_it() {
        for text in ["out of stock", "out-of-stock", "out_of_stock"] {
            assert_eq!(text.parse(), Ok(Status::OutOfStock));
        }
        let wish = "returned".parse::<Wish>().unwrap();
        assert_eq!(wish, Wish { status: Status::Confirmed, returns_only: true });
        let error = "lost".parse::<Wish>().unwrap_err();
        assert!(error.ends_with("refused, cancelled, returned"), "{error}");
        assert_eq!(Status::Confirmed.words(true), "returned");
        assert_eq!(Status::OutOfStock.words(true), "out of stock");
        let error = "lost".parse::<Status>().unwrap_err();
        assert!(error.contains("pending, confirmed, out_of_stock, refused, cancelled"), "{error}");
    }
}
