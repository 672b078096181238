//! What people may ask beside the cards themselves.

use crate::card::{Card, email_of};
use crate::ordered::{self, Ordered, Row, Sum};
use axum::extract::{Path, State};
use chassis::{Answer, Kept, Limit, Query};
use chrono::{DateTime, SecondsFormat};
use domain::person::without_separators;
use domain::{CustomerId, Money, PartnerId};
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
/// Fewest digits of a telephone number that is looked for.
const DIGITS_MIN: usize = 6;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) nats: Nats,
    pub(crate) store: Arc<Store>,
    pub(crate) cards: Kept<Card>,
    pub(crate) cache: Cache<Card>,
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

/// What a search looks for, in the form in which it is compared.
struct Wanted {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    number: Option<String>,
}

fn digits(text: &str) -> String {
    let plain = without_separators(text);
    let digits: String = plain.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

impl Wanted {
    fn of(search: &Search) -> Result<Self, Problem> {
        let phone = search.phone.as_deref().map(digits);
        if phone.as_ref().is_some_and(|phone| phone.len() < DIGITS_MIN) {
            let reason = format!("phone: at least {DIGITS_MIN} digits are needed");
            return Err(Problem::bad_request(reason));
        }
        let lower = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_lowercase());
        let (name, email) = (lower(&search.name), email_of(search.email.as_deref()));
        let number = search.number.as_deref().map(|text| text.trim().to_owned());
        if name.is_none() && email.is_none() && phone.is_none() && number.is_none() {
            let reason = "say what to look for: name, email, phone or number";
            return Err(Problem::bad_request(reason));
        }
        Ok(Self { name, email, phone, number })
    }

    fn fits(&self, card: &Card) -> bool {
        let is_in = |name: &str| {
            let holds = |text: &Option<String>| {
                text.as_ref().is_some_and(|text| text.to_lowercase().contains(name))
            };
            holds(&card.name) || holds(&card.company)
        };
        let ends = |phone: &str| card.phone.as_ref().is_some_and(|own| own.ends_with(phone));
        let is_number =
            |number: &str| card.id.as_str() == number || card.number.as_deref() == Some(number);
        self.name.as_deref().is_none_or(is_in)
            && (self.email.is_none() || self.email == email_of(card.email.as_deref()))
            && self.phone.as_deref().is_none_or(ends)
            && self.number.as_deref().is_none_or(is_number)
    }
}

/// `GET /search`.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(search): Query<Search>,
) -> Result<Answer<Results>, Problem> {
    let wanted = Wanted::of(&search)?;
    let own = owner.0.as_deref().map(PartnerId::stored).transpose();
    let own = own.map_err(|_| Problem::internal())?;
    if let Some(partner) = &search.partner {
        reach(&owner, partner)?;
    }
    let partner = search.partner.or(own);
    let prefix = partner.map(|partner| Key::new([partner.as_str()])).transpose();
    let prefix = prefix.map_err(|bad| Problem::bad_request(bad.to_string()))?;
    app.check().await?;
    app.cache.fresh(WAIT).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    let limit = search.limit.map_or(LIMIT, Limit::get);
    Ok(heavy(usize::MAX, || {
        let all = app.cache.all(prefix.as_ref()).map(|cached| cached.value).unwrap_or_default();
        let mut found = all.iter().filter(|(_, found)| wanted.fits(&found.value));
        let customers: Vec<Card> =
            found.by_ref().take(limit).map(|(_, found)| found.value.clone()).collect();
        Answer::ok(0, &Results { customers, more: found.next().is_some() })
    }))
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
