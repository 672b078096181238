//! Lists and sums of invoices: what the fold of `invoices.>` holds.

use crate::App;
use crate::books::{self, Buyers, Customer, Day, DayRate, Items, Of, Page, Status, Wanted};
use axum::extract::State;
use chassis::{After, Answer, Limit, Query};
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::invoice::DocumentKind;
use domain::{CustomerId, OrderId, PartnerId, WarehouseId, nearest};
use messaging::store::Fault;
use messaging::subject;
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::fold::NotRead;
use std::sync::Arc;
use std::time::Duration;

/// Entries of an answer if the request says nothing.
const LIMIT: usize = 50;
/// Most entries of an answer. One takes some 500 bytes.
const LIMIT_MAX: usize = 5_000;
const ITEM_BYTES: usize = 500;
/// How long an answer waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(2);
/// Days of sums if the request says nothing.
const DAYS: u64 = 31;

impl App {
    /// Nothing is said of another store, or of an older copy of it, nor before all is read that is stored now.
    async fn current(&self) -> Result<(), Problem> {
        if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = self.store.check().await {
            tracing::error!(%fault, "nothing is told");
            return Err(Problem::unavailable(fault.to_string()));
        }
        let read = self.books.current(WAIT).await;
        let read = match read {
            Ok(()) => self.sums.current(WAIT).await,
            not_read => not_read,
        };
        read.map_err(|not_read| match not_read {
            NotRead::Reading { read, of } => {
                let text = format!("the invoices are still being read: {read} of {of} messages");
                Problem::unavailable(text)
            }
            NotRead::Silent(reason) => {
                tracing::error!(reason, "no invoices");
                Problem::unavailable("NATS does not answer")
            }
            NotRead::Ended => Problem::internal().detail(NotRead::Ended.to_string()),
        })
    }
}

impl App {
    /// Why nothing may have been found: the configuration has no partner or seller of that name.
    fn hint(&self, partner: Option<&str>, seller: Option<&str>) -> Option<String> {
        let configured = self.configured.get();
        let unknown = |what: &str, name: Option<&str>, known: Vec<&str>| {
            let name = name.filter(|name| !known.contains(name))?;
            let meant = nearest(name, known.iter().copied());
            let meant = meant.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
            Some(format!("partners.yml has no {what} {name:?}{meant}"))
        };
        let partners = unknown("partner", partner, configured.partner_names());
        partners.or_else(|| unknown("seller", seller, configured.seller_names()))
    }
}

/// The partner that may be seen: of a partner's token its own.
fn partner(owner: &Owner, asked: Option<PartnerId>) -> Result<Option<String>, Problem> {
    match (owner.0.as_deref(), asked) {
        (Some(own), Some(asked)) if own != asked.as_str() => {
            let detail = format!(
                "this token is of partner {own}, and sees no invoices of another one; leave `partner` out"
            );
            Err(Problem::new(axum::http::StatusCode::FORBIDDEN).detail(detail))
        }
        (Some(own), _) => Ok(Some(own.to_owned())),
        (None, asked) => Ok(asked.map(|partner| partner.to_string())),
    }
}

/// The day by which is judged what is overdue: in UTC.
pub(crate) fn today() -> NaiveDate {
    now().date_naive()
}

#[expect(clippy::disallowed_methods, reason = "what is overdue; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn token(id: &str) -> String {
    subject::token(id)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only of this customer: the partner's number.
    customer: Option<CustomerId>,
    /// Only of this order: `PARTNER/ORDER`, or with `partner` its number alone.
    order: Option<OrderId>,
    /// Only of this seller, by its name in partners.yml.
    seller: Option<String>,
    /// Only from this stock.
    warehouse: Option<WarehouseId>,
    /// Only invoices, or only credit notes.
    kind: Option<DocumentKind>,
    /// Only those that stand so.
    status: Option<Status>,
    /// Issued on this day or later: 2026-01-31.
    from: Option<NaiveDate>,
    /// Issued on this day or before.
    to: Option<NaiveDate>,
    /// Whose numbers hold this.
    number: Option<String>,
    /// The `next` of the page before.
    cursor: Option<After>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
}

/// `GET /invoices`: many, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(filter): Query<Filter>,
) -> Result<Answer<Page>, Problem> {
    let (of, order) = split(filter.partner, filter.order);
    let query = books::Query {
        partner: partner(&owner, of)?,
        customer: filter.customer.map(|id| token(id.as_str())),
        order: order.map(|id| token(id.as_str())),
        seller: filter.seller,
        warehouse: filter.warehouse.map(|warehouse| warehouse.to_string()),
        kind: filter.kind,
        status: filter.status,
        from: filter.from,
        to: filter.to,
        number: filter.number,
        cursor: filter.cursor.map(After::get).filter(|cursor| 0 < *cursor),
        limit: filter.limit.map_or(LIMIT, Limit::get),
        today: today(),
    };
    app.current().await?;
    Ok(heavy(usize::MAX, || {
        let mut page = app.books.look(|shards| books::page(shards, &query));
        let (partner, seller) = (query.partner.as_deref(), query.seller.as_deref());
        let is_empty = page.invoices.is_empty() && page.not_issued.is_empty();
        page.hint = is_empty.then(|| app.hint(partner, seller)).flatten();
        Answer::ok(0, &page)
    }))
}

/// Partner and number of an order that is asked for as `PARTNER/ORDER`. With a partner, the whole is a number, which may
/// have a slash in it.
fn split(
    partner: Option<PartnerId>,
    order: Option<OrderId>,
) -> (Option<PartnerId>, Option<OrderId>) {
    let both = || {
        let (of, id) = order.as_ref()?.as_str().split_once('/')?;
        Some((PartnerId::parse(of).ok()?, OrderId::parse(id).ok()?))
    };
    match partner.is_none().then(both).flatten() {
        Some((partner, order)) => (Some(partner), Some(order)),
        None => (partner, order),
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only of this customer: the partner's number.
    customer: Option<CustomerId>,
    /// Only of this seller, by its name in partners.yml.
    seller: Option<String>,
    /// Only what was due before today (in UTC).
    #[serde(default)]
    overdue: Option<Flag>,
    /// Only what waits for a correction.
    #[serde(default)]
    held: Option<Flag>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
}

/// `true` or `false`, as the text of a query.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flag {
    /// Yes.
    True,
    /// No.
    False,
}

fn is_set(flag: Option<Flag>) -> bool {
    matches!(flag, Some(Flag::True))
}

/// `GET /open-items`: what has to be paid, refunded or corrected.
pub(crate) async fn open_items(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(which): Query<Which>,
) -> Result<Answer<Items>, Problem> {
    let today = today();
    let wanted = Wanted {
        partner: partner(&owner, which.partner)?,
        customer: which.customer.map(|id| token(id.as_str())),
        seller: which.seller,
        order: None,
        warehouse: None,
        without_invoice: false,
        overdue_on: is_set(which.overdue).then_some(today),
        held: is_set(which.held),
        limit: which.limit.map_or(LIMIT, Limit::get),
    };
    app.current().await?;
    Ok(heavy(usize::MAX, || {
        let mut found = app.books.look(|shards| books::items(shards, &wanted, today));
        let (partner, seller) = (wanted.partner.as_deref(), wanted.seller.as_deref());
        found.hint = found.items.is_empty().then(|| app.hint(partner, seller)).flatten();
        Answer::ok(0, &found)
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only this customer: the partner's number.
    customer: Option<CustomerId>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
}

/// What was invoiced to customers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CustomerTotals")]
pub(crate) struct Totals {
    /// The largest total first. Guests are not in it.
    customers: Vec<Customer>,
    /// Are there more than `limit`?
    more: bool,
    /// Why nothing was found: partners.yml has no such partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// `GET /customers/totals`.
pub(crate) async fn totals(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(whose): Query<Whose>,
) -> Result<Answer<Totals>, Problem> {
    let of = Of {
        partner: partner(&owner, whose.partner)?,
        customer: whose.customer.map(|id| token(id.as_str())),
        limit: whose.limit.map_or(LIMIT, Limit::get),
    };
    app.current().await?;
    Ok(heavy(usize::MAX, || {
        let (customers, more) = app.sums.look(|shards| books::customers(shards, &of));
        let partner = of.partner.as_deref();
        let hint = customers.is_empty().then(|| app.hint(partner, None)).flatten();
        Answer::ok(customers.len() * ITEM_BYTES, &Totals { customers, more, hint })
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// Only of this seller, by its name in partners.yml.
    seller: Option<String>,
    /// From this day on: 30 days before `to` without it.
    from: Option<NaiveDate>,
    /// Up to this day: today (in UTC) without it.
    to: Option<NaiveDate>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenAndWho {
    /// Only of this seller, by its name in partners.yml.
    seller: Option<String>,
    /// From this day on: 31 days before `to` without it.
    from: Option<NaiveDate>,
    /// Up to this day: tomorrow (in UTC) without it, where a seller's day may have begun.
    to: Option<NaiveDate>,
    /// Only sales to consumers, or to businesses.
    buyers: Option<Buyers>,
}

/// What was issued on each day, by rate.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ByDayAndRate {
    /// The newest first; what was not issued is left out.
    days: Vec<DayRate>,
    /// Why nothing was found: partners.yml has no such seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// `GET /days/rates`.
pub(crate) async fn day_rates(
    State(app): State<Arc<App>>,
    Query(WhenAndWho { seller, from, to, buyers }): Query<WhenAndWho>,
) -> Result<Answer<ByDayAndRate>, Problem> {
    let span = span(from, to)?;
    app.current().await?;
    Ok(heavy(usize::MAX, || {
        let whose = (seller.as_deref(), buyers);
        let days = app.sums.look(|shards| books::day_rates(shards, whose, span));
        let hint = days.is_empty().then(|| app.hint(None, seller.as_deref())).flatten();
        Answer::ok(days.len() * ITEM_BYTES, &ByDayAndRate { days, hint })
    }))
}

/// What was issued on each day.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ByDay {
    /// The newest first; a day on which nothing was issued is left out.
    days: Vec<Day>,
    /// Why nothing was found: partners.yml has no such seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// `GET /days`.
pub(crate) async fn days(
    State(app): State<Arc<App>>,
    Query(when): Query<When>,
) -> Result<Answer<ByDay>, Problem> {
    let span = span(when.from, when.to)?;
    app.current().await?;
    Ok(heavy(usize::MAX, || {
        let seller = when.seller.as_deref();
        let days = app.sums.look(|shards| books::days(shards, seller, span));
        let hint = days.is_empty().then(|| app.hint(None, seller)).flatten();
        Answer::ok(days.len() * ITEM_BYTES, &ByDay { days, hint })
    }))
}

/// Days that are asked for, the last ones without more.
fn span(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<(NaiveDate, NaiveDate), Problem> {
    // A seller's day may have begun before that of UTC.
    let to = to.unwrap_or_else(|| today() + Days::new(1));
    let from = from.unwrap_or_else(|| to - Days::new(DAYS));
    match from <= to {
        true => Ok((from, to)),
        false => Err(Problem::bad_request(format!("from: {from} is after to: {to}"))),
    }
}
