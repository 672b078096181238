//! Compares what the function answers with what was counted.

use super::count::{Amounts, Figures, Row, by_window, units};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;

fn amounts(value: &Value) -> Result<Amounts> {
    let object = value.as_object().with_context(|| format!("{value} is no object"))?;
    object.iter().map(|(currency, amount)| Ok((currency.clone(), units(amount)?))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn row(value: &Value) -> Result<Row> {
    let count = |field: &str| value[field].as_i64().with_context(|| format!("{value}: {field}"));
    Ok(Row {
        orders: count("orders")?,
        returns: count("returns")?,
        pieces: count("pieces")?,
        revenue: amounts(&value["revenue"])?,
    })
}

/// Without amounts of 0, which are there where all was cancelled.
fn plain(amounts: &Amounts) -> Amounts {
    let some = amounts.iter().filter(|(_, sum)| **sum != 0);
    some.map(|(currency, sum)| (currency.clone(), *sum)).collect()
}

/// Rows in which something is left.
fn plain_rows(rows: BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    let rows = rows.into_iter().map(|(key, row)| {
        let revenue = plain(&row.revenue);
        (key, Row { revenue, ..row })
    });
    rows.filter(|(_, row)| *row != Row::default()).collect()
}

impl Figures {
    /// Is the answer of `GET /` what was counted?
    ///
    /// # Errors
    /// What is different.
    pub fn check_totals(&self, answer: &Value) -> Result<()> {
        let number = |field: &str| answer[field].as_i64();
        ensure!(number("total_orders") == Some(self.all.orders), "orders: {answer}\n{self:?}");
        ensure!(number("returns") == Some(self.all.returns), "returns: {answer}\n{self:?}");
        ensure!(number("pieces") == Some(self.all.pieces), "pieces: {answer}\n{self:?}");
        let revenue = plain(&amounts(&answer["revenue"])?);
        ensure!(revenue == plain(&self.all.revenue), "revenue: {answer}\n{self:?}");
        let refused: u64 = self.refusals.values().sum();
        ensure!(answer["error_count"].as_u64() == Some(refused), "refused: {answer}\n{self:?}");
        let refusals = serde_json::to_value(&self.refusals)?;
        ensure!(answer["refusals"] == refusals, "refusals: {answer}\n{self:?}");
        let cancelled = answer["cancelled"].as_u64();
        ensure!(cancelled == Some(self.cancelled), "cancelled: {answer}\n{self:?}");
        let mut invoiced = BTreeMap::new();
        for (currency, sum) in answer["invoices"].as_object().context("no invoices")? {
            let count = |field: &str| sum[field].as_u64().unwrap_or_default();
            let counts = (count("invoices"), count("credit_notes"), units(&sum["total"])?);
            invoiced.insert(currency.clone(), counts);
        }
        ensure!(invoiced == self.invoiced, "invoices: {answer}\n{:?}", self.invoiced);
        Ok(())
    }

    /// Is the answer of `GET /by/<dimension>` what was counted?
    ///
    /// # Errors
    /// What is different.
    pub fn check_by(&self, dimension: &str, answer: &Value) -> Result<()> {
        let mut found = BTreeMap::new();
        for value in answer["rows"].as_array().context("no rows")? {
            found.insert(text(&value["key"]), row(value)?);
        }
        let found = plain_rows(found);
        let counted = plain_rows(self.by.get(dimension).cloned().unwrap_or_default());
        ensure!(found == counted, "by {dimension}: {found:#?}\ncounted: {counted:#?}");
        Ok(())
    }

    /// Is the answer of `GET /customers/top` what was counted? It has to list all.
    ///
    /// # Errors
    /// What is different.
    pub fn check_customers(&self, answer: &Value) -> Result<()> {
        let mut found = BTreeMap::new();
        for one in answer["customers"].as_array().context("no customers")? {
            found.insert((text(&one["id"]), text(&one["currency"])), units(&one["total"])?);
        }
        ensure!(found == self.customers, "{found:?}\ncounted: {:?}", self.customers);
        Ok(())
    }

    /// Is the answer of `GET /windows` what was counted? It has to list all; `size` is in seconds.
    ///
    /// # Errors
    /// What is different.
    pub fn check_windows(&self, size: i64, answer: &Value) -> Result<()> {
        let mut found = BTreeMap::new();
        for window in answer["windows"].as_array().context("no windows")? {
            let start: chrono::DateTime<chrono::Utc> = text(&window["start"]).parse()?;
            let mut sums = BTreeMap::new();
            for (currency, sum) in window["totals"].as_object().context("no totals")? {
                let count = |field: &str| sum[field].as_u64().unwrap_or_default();
                let both = count("invoices") + count("credit_notes");
                sums.insert(currency.clone(), (both, units(&sum["total"])?));
            }
            found.insert(start.timestamp(), sums);
        }
        let counted = by_window(&self.seconds, size);
        ensure!(found == counted, "windows: {found:#?}\ncounted: {counted:#?}");
        Ok(())
    }
}
