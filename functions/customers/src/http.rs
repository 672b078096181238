//! What people may ask beside the cards themselves.

use crate::card::{Card, email_of};
use crate::directory::{Directory, Wanted, digits};
use crate::ordered::{self, Ordered, Row, Sum};
use axum::extract::{Path, State};
use chassis::{Answer, Kept, Limit, Query};
use chrono::{DateTime, SecondsFormat};
use domain::{CustomerId, Money, PartnerId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use messaging::Nats;
use messaging::store::{Fault, Store};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::fold::{Folded, NotRead};
use state::record::{Cache, Key};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Cards, or orders, of an answer if the request says nothing.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1_000;
/// About what one takes in an answer.
const ITEM_BYTES: usize = 600;
/// How long an answer waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(2);
/// Cards that are read at once.
const AT_ONCE: usize = 16;
/// Fewest digits of a telephone number that is looked for.
const DIGITS_MIN: usize = 6;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) nats: Nats,
    pub(crate) store: Arc<Store>,
    pub(crate) cards: Kept<Card>,
    pub(crate) directory: Cache<Card, Directory>,
    pub(crate) orders: Arc<Folded<Ordered>>,
}

/// Which customer.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    pub(crate) partner: PartnerId,
    pub(crate) id: CustomerId,
}

/// 403 if it is another partner's.
pub(crate) fn reach(owner: &Owner, partner: &PartnerId) -> Result<(), Problem> {
    match owner.0.as_deref() {
        Some(own) if own != partner.as_str() => {
            let detail =
                format!("this token is of partner {own}, and reaches nothing of another one");
            Err(Problem::new(axum::http::StatusCode::FORBIDDEN).detail(detail))
        }
        _ => Ok(()),
    }
}

impl App {
    /// Nothing is said of another store, or of an older copy of it.
    pub(crate) async fn check(&self) -> Result<(), Problem> {
        match self.store.check().await {
            Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) => {
                tracing::error!(%fault, "nothing is told");
                Err(Problem::unavailable(fault.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Waits until all orders are read that are stored now.
    pub(crate) async fn read(&self) -> Result<(), Problem> {
        self.orders.current(WAIT).await.map_err(|not_read| match not_read {
            NotRead::Reading { read, of } => {
                let text = format!("the orders are still being read: {read} of {of} messages");
                Problem::unavailable(text)
            }
            NotRead::Silent(reason) => {
                tracing::error!(reason, "no orders");
                Problem::unavailable("NATS does not answer")
            }
            NotRead::Ended => Problem::internal().detail(NotRead::Ended.to_string()),
        })
    }
}

/// What is looked for: all that is named has to fit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// Whose customers.
    partner: Option<PartnerId>,
    /// A part of the name or of the company; capitals do not matter.
    name: Option<String>,
    /// The whole e-mail address; capitals do not matter.
    email: Option<String>,
    /// The telephone number, with or without its country: at least 6 digits.
    phone: Option<String>,
    /// The partner's number of the customer.
    number: Option<String>,
    /// At most so many: 50 without it, at most 1000.
    limit: Option<Limit<LIMIT_MAX>>,
}

/// Some customers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Results {
    customers: Vec<Card>,
    /// Are there more that fit?
    more: bool,
}

fn wanted(search: &Search) -> Result<Wanted, Problem> {
    let phone = search.phone.as_deref().map(digits);
    if phone.as_ref().is_some_and(|phone| phone.len() < DIGITS_MIN) {
        let reason = format!("phone: at least {DIGITS_MIN} digits are needed");
        return Err(Problem::bad_request(reason));
    }
    let name = search.name.as_deref().map(|text| text.trim().to_lowercase());
    let number = search.number.as_deref().map(|text| text.trim().to_owned());
    let wanted = Wanted { name, email: email_of(search.email.as_deref()), phone, number };
    if wanted == Wanted::default() {
        let reason = "say what to look for: name, email, phone or number";
        return Err(Problem::bad_request(reason));
    }
    Ok(wanted)
}

/// `GET /search`.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(search): Query<Search>,
) -> Result<Answer<Results>, Problem> {
    let wanted = wanted(&search)?;
    let own = owner.0.as_deref().map(PartnerId::stored).transpose();
    let own = own.map_err(|_| Problem::internal())?;
    if let Some(partner) = &search.partner {
        reach(&owner, partner)?;
    }
    let partner = search.partner.or(own);
    let prefix = partner.map(|partner| Key::new([partner.as_str()])).transpose();
    let prefix = prefix.map_err(|bad| Problem::bad_request(bad.to_string()))?;
    app.check().await?;
    app.directory.fresh(WAIT).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    let limit = search.limit.map_or(LIMIT, Limit::get);
    let find = |directory: &Directory| directory.find(&wanted, prefix.as_ref(), limit + 1);
    let keys = heavy(usize::MAX, || app.directory.look(find));
    let keys = keys.map(|found| found.value).unwrap_or_default();
    // Owned keys: the compiler cannot tell that a closure would take one of any lifetime.
    let cards = keys.into_iter().map(|key| {
        let records = app.cards.records().clone();
        async move { records.get(&key).await }
    });
    let cards = stream::iter(cards);
    let cards: Vec<_> = cards.buffered(AT_ONCE).try_collect().await.map_err(|error| {
        tracing::error!(%error, "no cards");
        Problem::unavailable("NATS does not answer")
    })?;
    // They may have changed since.
    let cards = cards.into_iter().flatten().map(|found| found.value);
    let mut customers: Vec<Card> = cards.filter(|card| wanted.fits(card)).collect();
    let more = limit < customers.len();
    customers.truncate(limit);
    Ok(Answer::ok(customers.len() * ITEM_BYTES, &Results { customers, more }))
}

/// What a customer ordered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct History {
    partner: PartnerId,
    id: CustomerId,
    /// What is confirmed and not cancelled, by currency.
    totals: BTreeMap<String, Total>,
    /// When the first order was decided that these totals may hold: RFC 3339.
    counted_since: Option<String>,
    /// The newest first; no older ones than the store keeps.
    orders: Vec<PastOrder>,
    /// Are there more than `limit`?
    more: bool,
}

/// What orders in one currency come to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Total {
    /// Sales.
    orders: i64,
    returns: i64,
    /// Sales less returns, as decimal text.
    amount: String,
}

/// An order.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PastOrder {
    order_id: String,
    /// RFC 3339.
    placed_at: String,
    /// What became of it: a path of status-checker.
    link: String,
}

/// How many orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Many {
    /// At most so many: 50 without it, at most 1000.
    limit: Option<Limit<LIMIT_MAX>>,
}

fn rfc3339(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn one(partner: &PartnerId, row: &Row) -> PastOrder {
    let path = utf8_percent_encode(&row.order, NON_ALPHANUMERIC);
    PastOrder {
        order_id: row.order.to_string(),
        placed_at: rfc3339(row.placed_ms),
        link: format!("/function/status-checker/orders/{partner}/{path}"),
    }
}

/// `GET /customers/{partner}/{id}/orders`.
pub(crate) async fn orders(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Which { partner, id }): Path<Which>,
    Query(many): Query<Many>,
) -> Result<Answer<History>, Problem> {
    reach(&owner, &partner)?;
    app.check().await?;
    app.read().await?;
    let limit = many.limit.map_or(LIMIT, Limit::get);
    let customer = ordered::key(&partner, &id);
    Ok(heavy(usize::MAX, || {
        app.orders.look(|shards| {
            let mut orders: Vec<&Row> = shards
                .iter()
                .map(|shard| shard.orders(&customer).take(limit + 1).collect::<Vec<_>>())
                .find(|orders| !orders.is_empty())
                .unwrap_or_default();
            let more = limit < orders.len();
            orders.truncate(limit);
            let orders: Vec<PastOrder> = orders.into_iter().map(|row| one(&partner, row)).collect();
            let sums = shards.iter().find_map(|shard| shard.totals(&customer));
            let total = |sum: &Sum| Total {
                orders: sum.orders,
                returns: sum.returns,
                amount: Money::from_units(sum.units).to_string(),
            };
            let totals = sums.into_iter().flatten();
            let totals = totals.map(|(currency, sum)| ((*currency).into(), total(sum))).collect();
            let since = shards.iter().filter_map(|shard| shard.since_ms).min();
            let counted_since = since.map(rfc3339);
            let bytes = orders.len() * ITEM_BYTES;
            Answer::ok(bytes, &History { partner, id, totals, counted_since, orders, more })
        })
    }))
}
