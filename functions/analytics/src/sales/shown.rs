//! What is answered of orders.

use super::figures::Figures;
use super::fold::Shard;
use super::table::{Row, SHARD_ROWS_MAX, SHARDS};
use crate::amount::{Amounts, Code, Units, exact};
use crate::invoiced::{self, Shown, Sums};
use archive::sums::Dimension;
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Numbers of orders by a key, the largest first.
#[derive(Debug, Default)]
pub(crate) struct Orders(Vec<(String, i64)>);

impl Serialize for Orders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, orders)| (key, orders)))
    }
}

/// What the orders come to. Cancelled orders and returns are taken away.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsTotals")]
pub(crate) struct Answer {
    /// Confirmed sales that are not cancelled.
    total_orders: i64,
    /// What confirmed orders in `currency` come to, returns taken away; exact.
    #[schemars(with = "f64")]
    total_revenue: Box<RawValue>,
    /// Confirmed sales by region; the largest first.
    #[schemars(with = "BTreeMap<String, i64>")]
    orders_by_region: Orders,
    /// Confirmed sales by product, of the products with the most; the largest first.
    #[schemars(with = "BTreeMap<String, i64>")]
    top_products: Orders,
    /// Attempts of orders that were refused.
    error_count: u64,
    /// When the newest decision was stored, in seconds since 1970; nothing if there is none.
    last_update: Option<f64>,
    /// The currency of `total_revenue`: the one that was asked for, or else the one in which most orders are.
    currency: Option<String>,
    /// By currency: sales less returns. Of a partner with more than 200 currencies, the further ones are under `XXX`.
    revenue: BTreeMap<String, Units>,
    /// By currency: what of the revenue is shipping, discounts and other charges.
    charges: BTreeMap<String, Units>,
    /// By currency: what a sale comes to on average, rounded to four decimals.
    average_basket: BTreeMap<String, Units>,
    /// Confirmed returns that are not cancelled.
    returns: i64,
    /// Pieces sold, less those returned.
    pieces: i64,
    /// Confirmed attempts that were cancelled later.
    cancelled: u64,
    /// Refused attempts by reason.
    refusals: BTreeMap<String, u64>,
    /// Refused attempts of all that were decided: 0 to 1. An order that is tried again is decided again.
    refusal_rate: f64,
    /// By currency: revenue of customers with priority.
    vip_sales: BTreeMap<String, Units>,
    /// By currency: revenue of the others.
    non_vip_sales: BTreeMap<String, Units>,
    /// By category and currency: revenue of lines.
    categories: BTreeMap<String, BTreeMap<String, Units>>,
    /// By currency: what was invoiced, less what was credited.
    invoices: BTreeMap<String, Shown>,
    /// When the first decision was stored that is counted.
    since: Option<String>,
}

/// Which partner's figures are added up; all without one.
fn figures<'s>(shards: &[&'s Shard], partner: Option<&str>) -> Vec<(&'s str, &'s Figures)> {
    let all = shards.iter().flat_map(|shard| shard.partners());
    all.filter(|(name, _)| partner.is_none_or(|partner| partner == *name)).collect()
}

/// The rows of a dimension over partners, and what found no room.
fn rows<'s>(
    figures: &[(&'s str, &'s Figures)],
    dimension: Dimension,
) -> (HashMap<&'s str, Row>, Option<Row>) {
    let (mut rows, mut others) = (HashMap::<&str, Row>::new(), None::<Row>);
    for (partner, figures) in figures {
        if dimension == Dimension::Partner {
            rows.entry(partner).or_default().merge(&figures.all);
        }
        let Some(table) = figures.table(dimension) else { continue };
        for (key, row) in table.rows() {
            rows.entry(key).or_default().merge(row);
        }
        if let Some(row) = table.others() {
            others.get_or_insert_default().merge(row);
        }
    }
    (rows, others)
}

fn orders(rows: HashMap<&str, Row>, limit: usize) -> Orders {
    let mut found: Vec<_> =
        rows.into_iter().map(|(key, row)| (key.to_owned(), row.orders)).collect();
    found.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    found.truncate(limit);
    Orders(found)
}

fn rate(refused: u64, decided: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate, rounded to four decimals")]
    let rate = refused as f64 / decided.max(1) as f64;
    (rate * 10_000.0).round() / 10_000.0
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for 285,000 years")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// When the newest decision was stored, in seconds since 1970.
pub(crate) fn last_update(shards: &[&Shard]) -> Option<f64> {
    let figures = shards.iter().flat_map(|shard| shard.partners());
    figures.filter_map(|(_, figures)| figures.last_ms).max().map(seconds)
}

fn time(ms: i64) -> Option<String> {
    let time = DateTime::<Utc>::from_timestamp_millis(ms)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// In which currencies there are orders, of a partner or of all.
pub(crate) fn currencies(shards: &[&Shard], partner: Option<&str>) -> BTreeSet<Code> {
    let figures = figures(shards, partner);
    figures
        .iter()
        .flat_map(|(_, figures)| figures.all.revenue.iter())
        .map(|(code, _)| code)
        .collect()
}

/// Adds up the figures of a partner, or of all; `invoices` are the sums of its documents.
pub(crate) fn totals(
    shards: &[&Shard],
    invoices: &Sums,
    partner: Option<&str>,
    currency: Option<Code>,
    top: usize,
) -> Answer {
    let figures = figures(shards, partner);
    let mut sum = Figures::default();
    for (_, one) in &figures {
        sum.merge(one);
    }
    let table = |dimension| rows(&figures, dimension).0;
    let most = sum.sold.iter().max_by_key(|(code, sold)| (**sold, Reverse(*code)));
    let currency = currency.or_else(|| most.and_then(|(code, _)| Code::parse(code).ok()));
    let revenue = currency.map(|code| sum.all.revenue.of(code)).unwrap_or_default();
    let average = |(code, sales): (Code, Units)| {
        let sold = sum.sold.get(&code.to_string()).copied().unwrap_or_default();
        sales.divided(sold).map(|average| (code.to_string(), average))
    };
    let vip = table(Dimension::Vip);
    let of_vip = |key: &str| vip.get(key).map(|row| row.revenue.shown()).unwrap_or_default();
    let categories = table(Dimension::Category).into_iter();
    let refused = sum.refused.values().sum();
    Answer {
        total_orders: sum.all.orders,
        total_revenue: exact(revenue),
        orders_by_region: orders(table(Dimension::Region), usize::MAX),
        top_products: orders(table(Dimension::Product), top),
        error_count: refused,
        last_update: sum.last_ms.map(seconds),
        currency: currency.map(String::from),
        revenue: sum.all.revenue.shown(),
        charges: sum.charges.shown(),
        average_basket: sum.sales.iter().filter_map(average).collect(),
        returns: sum.all.returns,
        pieces: sum.all.pieces,
        cancelled: sum.cancelled,
        refusal_rate: rate(refused, refused + sum.confirmed),
        refusals: sum.refused,
        vip_sales: of_vip("vip"),
        non_vip_sales: of_vip("other"),
        categories: categories.map(|(key, row)| (key.to_owned(), row.revenue.shown())).collect(),
        invoices: invoiced::shown(invoices),
        since: sum.first_ms.and_then(time),
    }
}

/// In which order rows are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "AnalyticsOrder")]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// The most orders first; hours and days by their names.
    #[default]
    Orders,
    /// The most revenue first, in the currency that is asked for.
    Revenue,
    /// The most pieces first.
    Pieces,
    /// By their names.
    Key,
}

/// The orders with one key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsRow")]
pub(crate) struct Entry {
    /// The region, the product, the day and so on.
    pub(crate) key: String,
    /// Confirmed sales that are not cancelled.
    pub(crate) orders: i64,
    /// Confirmed returns that are not cancelled.
    pub(crate) returns: i64,
    /// Pieces sold, less those returned.
    pub(crate) pieces: i64,
    /// By currency: sales less returns. Of products and categories: of their lines, without charges.
    pub(crate) revenue: BTreeMap<String, Units>,
}

impl Entry {
    fn new(key: &str, row: &Row) -> Self {
        Self {
            key: key.to_owned(),
            orders: row.orders,
            returns: row.returns,
            pieces: row.pieces,
            revenue: row.revenue.shown(),
        }
    }
}

/// Orders by one of their properties.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsBy")]
pub(crate) struct Listed {
    by: Dimension,
    /// At most `limit`.
    pub(crate) rows: Vec<Entry>,
    /// Are there more than `limit`?
    more: bool,
    /// The orders whose key found no room; without them the rows are exact and complete.
    pub(crate) others: Option<Entry>,
    /// If `others` is there: what that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// The rows of a dimension.
pub(crate) fn listed(
    shards: &[&Shard],
    partner: Option<&str>,
    (by, order): (Dimension, Order),
    currency: Option<Code>,
    limit: usize,
) -> Listed {
    let figures = figures(shards, partner);
    let (found, others) = rows(&figures, by);
    let mut found: Vec<_> = found.into_iter().collect();
    let revenue = |amounts: &Amounts| currency.map(|code| amounts.of(code)).unwrap_or_default();
    match order {
        Order::Orders if !by.is_time() => {
            found.sort_by_key(|(key, row)| (Reverse(row.orders), *key));
        }
        Order::Revenue => found.sort_by_key(|(key, row)| (Reverse(revenue(&row.revenue)), *key)),
        Order::Pieces => found.sort_by_key(|(key, row)| (Reverse(row.pieces), *key)),
        Order::Orders | Order::Key => found.sort_by_key(|(key, _)| *key),
    }
    let more = limit < found.len();
    found.truncate(limit);
    let note = others.as_ref().map(|_| {
        format!(
            "one of the {} shards has {SHARD_ROWS_MAX} rows, which is the limit: further keys, and further \
             currencies of a key, are added up in `others`",
            SHARDS
        )
    });
    Listed {
        by,
        rows: found.iter().map(|(key, row)| Entry::new(key, row)).collect(),
        more,
        others: others.map(|row| Entry::new("others", &row)),
        note,
    }
}
