//! The count.

use anyhow::{Context as _, Result, ensure};
use messaging::{Nats, header, subject, tail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An amount in units of 10⁻⁴, by currency.
pub type Amounts = BTreeMap<String, i128>;

/// Documents by currency: how many, and what they come to.
pub type Documents = BTreeMap<String, (u64, i128)>;

/// The windows of `size` seconds to which seconds belong.
pub(super) fn by_window(seconds: &BTreeMap<i64, Documents>, size: i64) -> BTreeMap<i64, Documents> {
    let mut windows = BTreeMap::<i64, Documents>::new();
    for (second, sums) in seconds {
        let window = windows.entry(second - second.rem_euclid(size)).or_default();
        for (currency, (count, sum)) in sums {
            let of = window.entry(currency.clone()).or_default();
            (of.0, of.1) = (of.0 + count, of.1 + sum);
        }
    }
    windows
}

/// Orders with something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Sales.
    pub orders: i64,
    /// Returns.
    pub returns: i64,
    /// Pieces sold, less those returned.
    pub pieces: i64,
    /// Sales less returns.
    pub revenue: Amounts,
}

/// What the streams come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All orders.
    pub all: Row,
    /// By dimension and key.
    pub by: BTreeMap<String, BTreeMap<String, Row>>,
    /// Refused attempts by reason.
    pub refusals: BTreeMap<String, u64>,
    /// Attempts that were confirmed, and those that were cancelled.
    pub confirmed: u64,
    /// See there.
    pub cancelled: u64,
    /// Documents by currency: invoices, credit notes, and the first less the second.
    pub invoiced: BTreeMap<String, (u64, u64, i128)>,
    /// By `PARTNER/CUSTOMER` and currency: invoices less credit notes.
    pub customers: BTreeMap<(String, String), i128>,
    /// By second since 1970 at which they were stored, and by currency: documents, and what they come to.
    pub seconds: BTreeMap<i64, Documents>,
}

/// The attempts of one order.
#[derive(Default)]
struct Attempts {
    confirmed: BTreeMap<u64, Value>,
}

/// Reads `12.5` as 125000.
pub(super) fn units(value: &Value) -> Result<i128> {
    let text = value.as_str().with_context(|| format!("{value} is no text"))?;
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches('-');
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    ensure!(part.len() <= 4, "{text} has more than four decimals");
    let whole: i128 = whole.parse().with_context(|| text.to_owned())?;
    let part: i128 = format!("{part:0<4}").parse().with_context(|| text.to_owned())?;
    let units = whole * 10_000 + part;
    Ok(if negative { -units } else { units })
}

impl Figures {
    /// Counts what is stored now.
    ///
    /// # Errors
    /// The server does not answer, or a fact cannot be read.
    pub async fn count(nats: &Nats) -> Result<Self> {
        let mut figures = Self::default();
        figures.orders(nats).await?;
        figures.documents(nats).await?;
        Ok(figures)
    }

    async fn orders(&mut self, nats: &Nats) -> Result<()> {
        let (mut all, mut wrong) = (BTreeMap::<String, Attempts>::new(), None);
        let mut facts = BTreeSet::new();
        let each = |message: &async_nats::jetstream::Message| {
            let headers = message.headers.as_ref();
            let decision = headers.and_then(|headers| headers.get(header::DECISION));
            // Three servers before 2.9.21 may store one fact twice.
            let is_new = decision.is_none_or(|decision| {
                facts.insert((message.subject.to_string(), decision.to_string()))
            });
            if is_new {
                let read = self.fact(&mut all, message);
                wrong = wrong.take().or(read.err());
            }
        };
        tail::read(nats, "ORDERS", "orders.>", 1, false, each).await?;
        if let Some(error) = wrong {
            return Err(error);
        }
        for attempts in all.values() {
            for data in attempts.confirmed.values() {
                self.add(data)?;
            }
        }
        Ok(())
    }

    fn fact(
        &mut self,
        all: &mut BTreeMap<String, Attempts>,
        message: &async_nats::jetstream::Message,
    ) -> Result<()> {
        if !header::is_fact(message.headers.as_ref()) {
            return Ok(());
        }
        let event: Value = serde_json::from_slice(&message.payload)?;
        let (data, kind) = (&event["data"], event["type"].as_str().unwrap_or_default());
        let attempt = data["attempt"].as_u64().unwrap_or_default();
        let order = format!("{}/{}", data["partner"], data["order_id"]);
        let reason = || {
            let code = data["refusal"]["code"].as_str();
            code.or(data["refusal"]["reason"].as_str()).unwrap_or_default().to_owned()
        };
        match kind {
            "orderflow.order.confirmed.v1" => {
                self.confirmed += 1;
                let attempts = all.entry(order.clone()).or_default();
                if let Some(of) = data["order"]["amends"]["attempt"].as_u64() {
                    let taken = attempts.confirmed.remove(&of);
                    ensure!(
                        taken.is_some(),
                        "attempt {of} of {order} was amended and not confirmed"
                    );
                }
                let before = attempts.confirmed.insert(attempt, data.clone());
                ensure!(before.is_none(), "attempt {attempt} of {order} is confirmed twice");
            }
            "orderflow.order.refused.v1" if reason() == "cancelled" => {
                self.cancelled += 1;
                let of = data["refusal"]["attempt"].as_u64().unwrap_or_default();
                let taken = all.entry(order.clone()).or_default().confirmed.remove(&of);
                ensure!(taken.is_some(), "attempt {of} of {order} was cancelled and not confirmed");
            }
            "orderflow.order.refused.v1" => *self.refusals.entry(reason()).or_default() += 1,
            _ => {}
        }
        Ok(())
    }

    /// Adds an order that is confirmed in the end.
    fn add(&mut self, data: &Value) -> Result<()> {
        let order = &data["order"];
        let is_sale = order["kind"] == "sale";
        let counts = if is_sale { (1, 0) } else { (0, 1) };
        let currency = order["currency"].as_str().unwrap_or_default().to_owned();
        let lines = order["lines"].as_array().cloned().unwrap_or_default();
        let pieces = |line: &Value| line["quantity"].as_i64().unwrap_or_default();
        let total = (currency.clone(), units(&order["total"])?);
        let whole = (counts, lines.iter().map(pieces).sum::<i64>(), total);
        let add = |row: &mut Row, (counts, pieces, (currency, units)): &Whole| {
            row.orders += counts.0;
            row.returns += counts.1;
            row.pieces += pieces;
            *row.revenue.entry(currency.clone()).or_default() += units;
        };
        add(&mut self.all, &whole);
        let text = |value: &Value, none: &str| value.as_str().unwrap_or(none).to_owned();
        let vip = order["customer"]["vip"] == true;
        let ordered: chrono::DateTime<chrono::Utc> = text(&order["ordered_at"], "").parse()?;
        for (dimension, key) in [
            ("partner", text(&data["partner"], "")),
            ("region", text(&order["region"], "unknown")),
            ("vip", if vip { "vip" } else { "other" }.to_owned()),
            ("hour", ordered.format("%H").to_string()),
            ("day", ordered.date_naive().to_string()),
        ] {
            add(self.row(dimension, key), &whole);
        }
        for (dimension, field) in [("product", "product_id"), ("category", "category")] {
            let mut of_key = BTreeMap::<String, (i64, i128)>::new();
            for line in &lines {
                let price = units(&line["unit_price"])? * i128::from(pieces(line));
                let discount = match &line["discount"] {
                    Value::Null => 0,
                    discount => units(discount)?,
                };
                let sum = of_key.entry(text(&line[field], "unknown")).or_default();
                sum.0 += pieces(line);
                sum.1 += if is_sale { price - discount } else { price + discount };
            }
            for (key, (pieces, units)) in of_key {
                add(self.row(dimension, key), &(counts, pieces, (currency.clone(), units)));
            }
        }
        Ok(())
    }

    fn row(&mut self, dimension: &str, key: String) -> &mut Row {
        self.by.entry(dimension.to_owned()).or_default().entry(key).or_default()
    }

    async fn documents(&mut self, nats: &Nats) -> Result<()> {
        let mut wrong = None;
        let each = |message: &async_nats::jetstream::Message| {
            let read = self.document(message);
            wrong = wrong.take().or(read.err());
        };
        tail::read(nats, "INVOICES", "invoices.issued.>", 1, false, each).await?;
        wrong.map_or(Ok(()), Err)
    }

    fn document(&mut self, message: &async_nats::jetstream::Message) -> Result<()> {
        if !header::is_fact(message.headers.as_ref()) {
            return Ok(());
        }
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        let event: Value = serde_json::from_slice(&message.payload)?;
        let data = &event["data"];
        let currency = data["currency"].as_str().unwrap_or_default().to_owned();
        let payable = units(&data["totals"]["payable"])?;
        let is_credit = data["kind"] == "credit_note";
        let signed = if is_credit { -payable } else { payable };
        let sum = self.invoiced.entry(currency.clone()).or_default();
        if is_credit {
            sum.1 += 1;
        } else {
            sum.0 += 1;
        }
        sum.2 += signed;
        let second = info.published.unix_timestamp();
        let sum = self.seconds.entry(second).or_default().entry(currency.clone()).or_default();
        sum.0 += 1;
        sum.1 += signed;
        let of = |name: &str| message.headers.as_ref()?.get(name).map(|value| value.as_str());
        if let Some(customer) = of(header::CUSTOMER).and_then(subject::text) {
            let partner = of(header::PARTNER).unwrap_or_default();
            let key = (format!("{partner}/{customer}"), currency);
            *self.customers.entry(key).or_default() += signed;
        }
        Ok(())
    }
}

/// What an order adds to a row: sales and returns, pieces, and an amount.
type Whole = ((i64, i64), i64, (String, i128));
