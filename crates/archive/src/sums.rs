//! What an order adds to the sums of its properties. The function's totals and the archive use the same.

use crate::amount::Code;
use crate::fact::Counted;
use domain::Kind;
use domain::order::Line;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is not said of an order.
const UNKNOWN: &str = "unknown";

/// By what orders are added up.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// The partner.
    Partner,
    /// The order's region, or `unknown`.
    Region,
    /// The category of each line's product, or `unknown`.
    Category,
    /// The product of each line.
    Product,
    /// `vip` or `other`.
    Vip,
    /// The hour of the day at which it was ordered, in UTC: `00` to `23`.
    Hour,
    /// The day on which it was ordered, in UTC.
    Day,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Partner,
        Self::Region,
        Self::Category,
        Self::Product,
        Self::Vip,
        Self::Hour,
        Self::Day,
    ];

    /// As in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Region => "region",
            Self::Category => "category",
            Self::Product => "product",
            Self::Vip => "vip",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Is it listed by its key, and not the largest first?
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Hour | Self::Day)
    }
}

/// What an order adds to a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add {
    /// Sales.
    pub orders: i64,
    /// Returns.
    pub returns: i64,
    /// Pieces sold, less those returned.
    pub pieces: i64,
    /// The currency of the amount.
    pub code: Code,
    /// In units of 10⁻⁴.
    pub units: i128,
}

/// What an order adds as a whole, or takes away if `sign` is -1; nothing if its currency is no code, which is found
/// when the fact is read.
#[must_use]
pub fn whole(order: &Counted, sign: i64) -> Option<Add> {
    let code = order.code().ok()?;
    let (orders, returns) = match order.kind {
        Kind::Sale => (sign, 0),
        Kind::Return => (0, sign),
    };
    let pieces = |line: &Line| line.quantity.saturating_mul(sign);
    let units = i128::from(order.total.units()) * i128::from(sign);
    Some(Add { orders, returns, pieces: order.lines.iter().map(pieces).sum(), code, units })
}

/// What an order that adds `whole` adds by its properties: all dimensions but that of the partner.
pub fn by_properties<'o>(
    order: &'o Counted,
    whole: Add,
) -> impl Iterator<Item = (Dimension, Cow<'o, str>, Add)> {
    let region = order.region.as_deref().unwrap_or(UNKNOWN);
    let at = order.ordered_at;
    let vip = if order.is_vip() { "vip" } else { "other" };
    let of_whole = [
        (Dimension::Region, Cow::Borrowed(region)),
        (Dimension::Vip, Cow::Borrowed(vip)),
        (Dimension::Hour, Cow::Owned(at.format("%H").to_string())),
        (Dimension::Day, Cow::Owned(at.format("%Y-%m-%d").to_string())),
    ];
    let of_whole = of_whole.into_iter().map(move |(by, key)| (by, key, whole));
    let category = |line: &'o Line| line.category.as_deref().unwrap_or(UNKNOWN);
    let product = |line: &'o Line| line.product_id.as_str();
    of_whole.chain(of_lines(Dimension::Category, &order.lines, whole, category)).chain(of_lines(
        Dimension::Product,
        &order.lines,
        whole,
        product,
    ))
}

/// An order counts once for each key that its lines have.
fn of_lines<'o>(
    by: Dimension,
    lines: &'o [Line],
    whole: Add,
    key: impl Fn(&'o Line) -> &'o str,
) -> impl Iterator<Item = (Dimension, Cow<'o, str>, Add)> {
    let sign = whole.orders + whole.returns;
    let mut sums = BTreeMap::<&'o str, Add>::new();
    for line in lines {
        let add = sums.entry(key(line)).or_insert(Add { pieces: 0, units: 0, ..whole });
        add.pieces = add.pieces.saturating_add(line.quantity.saturating_mul(sign));
        // A line whose total cannot be held is never placed.
        let units = line.total().map_or(0, domain::Money::units);
        add.units += i128::from(units) * i128::from(sign);
    }
    sums.into_iter().map(move |(key, add)| (by, Cow::Borrowed(key), add))
}
