//! `GET /by/{dimension}` and `/customers/top`.

use super::app::{App, current};
use super::query::{Format, currency, is_csv, known, partner};
use crate::amount::Code;
use crate::csv::Csv;
use crate::invoiced::{self, Top};
use crate::sales::{self, Dimension, Listed, Order};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use chassis::{Answer, Either, Limit, Query};
use domain::PartnerId;
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Rows of an answer if the request says nothing.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 5_000;

/// By what.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct By {
    /// `partner`, `region`, `category`, `product`, `vip`, `hour` or `day`.
    dimension: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// What is first: `orders` without it.
    order: Option<Order>,
    /// The currency by whose revenue rows are ordered; needed for that.
    currency: Option<String>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
    /// `json` or `csv`; without it by the header `Accept`.
    format: Option<Format>,
}

/// `GET /by/{dimension}`.
pub(crate) async fn by(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(By { dimension }): Path<By>,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Either<Answer<Listed>, Csv>, Problem> {
    let by = Dimension::ALL.into_iter().find(|known| known.as_str() == dimension);
    let by = by.ok_or_else(|| {
        let known = Dimension::ALL.map(Dimension::as_str).join(", ");
        Problem::not_found(format!("there are no orders by {dimension:?}, but by {known}"))
    })?;
    let partner = partner(&owner, which.partner)?;
    let currency = currency(which.currency.as_deref())?;
    let order = which.order.unwrap_or_default();
    if order == Order::Revenue && currency.is_none() {
        let text = "order: amounts of different currencies are not compared; add `currency`";
        return Err(Problem::bad_request(text));
    }
    let limit = which.limit.map_or(LIMIT, Limit::get);
    app.check().await?;
    current(&app.sales).await?;
    heavy(usize::MAX, || {
        let partner = partner.as_deref();
        let by_order = (by, order);
        known(currency, &app.sales.look(|shards| sales::currencies(shards, partner)))?;
        let listed =
            app.sales.look(|shards| sales::listed(shards, partner, by_order, currency, limit));
        Ok(match is_csv(which.format, &headers) {
            true => Either::Right(csv(&listed, by)),
            false => Either::Left(Answer::ok(0, &listed)),
        })
    })
}

fn csv(listed: &Listed, by: Dimension) -> Csv {
    let mut csv = Csv::new(&[by.as_str(), "orders", "returns", "pieces", "currency", "revenue"]);
    for row in listed.rows.iter().chain(&listed.others) {
        let mut counts = [row.orders, row.returns, row.pieces].map(|count| count.to_string());
        for (currency, revenue) in &row.revenue {
            // They are of all currencies: a column of them adds up if each is there once.
            let [orders, returns, pieces] = std::mem::take(&mut counts);
            let revenue = revenue.shown(currency);
            csv.line(&[&row.key, &orders, &returns, &pieces, currency, &revenue]);
        }
    }
    csv
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only totals in this currency.
    currency: Option<String>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
    /// `json` or `csv`; without it by the header `Accept`.
    format: Option<Format>,
}

/// `GET /customers/top`.
pub(crate) async fn customers(
    State(app): State<Arc<App>>,
    owner: Owner,
    headers: HeaderMap,
    Query(whose): Query<Whose>,
) -> Result<Either<Answer<Top>, Csv>, Problem> {
    let partner = partner(&owner, whose.partner)?;
    let currency: Option<Code> = currency(whose.currency.as_deref())?;
    let limit = whose.limit.map_or(LIMIT, Limit::get);
    app.check().await?;
    current(&app.invoiced).await?;
    heavy(usize::MAX, || {
        let partner = partner.as_deref();
        known(currency, &app.invoiced.look(|shards| invoiced::currencies(shards, partner)))?;
        let top = app.invoiced.look(|shards| invoiced::top(shards, partner, currency, limit));
        if !is_csv(whose.format, &headers) {
            return Ok(Either::Left(Answer::ok(0, &top)));
        }
        let mut csv =
            Csv::new(&["partner", "customer", "currency", "invoices", "credit_notes", "total"]);
        for one in &top.customers {
            let counts = [one.invoices, one.credit_notes].map(|count| count.to_string());
            let [invoices, credit_notes] = &counts;
            let total = one.total.shown(&one.currency);
            csv.line(&[&one.partner, &one.customer, &one.currency, invoices, credit_notes, &total]);
        }
        Ok(Either::Right(csv))
    })
}
