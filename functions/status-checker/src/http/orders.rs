//! `/orders` and `/counts`.

use super::App;
use super::query::{Since, Wait};
use crate::ledger;
use crate::orders::{self, Counts, Links, Numbers, Page, Status, View, Wish, time};
use axum::extract::{Path, State};
use chassis::{After, Answer, Limit, Query};
use chrono::{DateTime, Utc};
use domain::inventory::Shipment;
use domain::{OrderId, PartnerId, ProductId, WarehouseId};
use messaging::header;
use messaging::inventory;
use messaging::stored::Standing;
use messaging::subject::Stage;
use messaging::views::{self, Messages};
use runtime::{Problem, Stop, heavy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Orders of a page, without and with a word.
const LIMIT: usize = 50;
/// One takes some 1,300 bytes while the page is made; four pages at once are 26 MB.
const LIMIT_MAX: usize = 5_000;
/// How long a list waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(2);
/// How often an order that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_MAX: Duration = Duration::from_millis(400);
/// About what an order takes in an answer.
const ORDER_BYTES: usize = 600;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only those.
    status: Option<Wish>,
    /// Only those that were placed or changed since.
    since: Option<Since>,
    /// The `next` of the page before.
    cursor: Option<After>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
    /// How long the answer may take to hold all that was stored before: 2s without it, at most 60s.
    wait: Option<Wait>,
}

/// `GET /orders`: many, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    stop: Stop,
    Query(filter): Query<Filter>,
) -> Result<Answer<Page>, Problem> {
    let limit = filter.limit.map_or(LIMIT, Limit::get);
    app.check().await?;
    super::current(&app.orders, filter.wait.map_or(WAIT, |wait| wait.0), &stop).await?;
    let query = orders::Query {
        partner: filter.partner.map(|partner| partner.to_string()),
        status: filter.status,
        since_ms: filter.since.map(|since| since.0.timestamp_millis()),
        cursor: filter.cursor.map(After::get).filter(|cursor| 0 < *cursor),
        limit,
    };
    let _place = app.looks.places.acquire().await;
    Ok(heavy(limit.saturating_mul(ORDER_BYTES), || {
        Answer::ok(0, &app.orders.look(|shards| orders::page(shards, &query)))
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Where; without it in the partner's, and where the order was seen.
    warehouse: Option<WarehouseId>,
    /// How long to wait until it is decided; at most 60s.
    wait: Option<Wait>,
}

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Place {
    /// Whose order.
    partner: PartnerId,
    /// The partner's number.
    order: OrderId,
}

/// One order, and what it holds.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct One {
    #[serde(flatten)]
    view: View,
    /// Of a sale: the pieces by product that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<BTreeMap<ProductId, i64>>,
    /// Of a sale: what was shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped: Option<OrderShipped>,
    /// The numbers of a refusal; of a confirmed order, of what was refused since, such as an amendment.
    refusal: Option<Value>,
    /// As it was placed.
    order: Option<Value>,
}

/// What was shipped of a sale.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OrderShipped {
    /// Pieces by product in all shipments.
    products: BTreeMap<ProductId, i64>,
    /// Is nothing left to ship?
    complete: bool,
    /// Each by itself, the first one first.
    shipments: Vec<OrderShipment>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OrderShipment {
    /// Counted from 1.
    number: u32,
    /// Pieces by product.
    products: BTreeMap<ProductId, i64>,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    /// The carrier's number of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    /// When it left.
    shipped_at: DateTime<Utc>,
}

impl OrderShipped {
    /// What `last` and the other shipments of the same sale say.
    ///
    /// # Errors
    /// 503: NATS does not answer.
    async fn read(
        app: &App,
        warehouse: &WarehouseId,
        last: inventory::Shipped,
    ) -> Result<Self, Problem> {
        let all = inventory::shipments(&app.nats, warehouse, &last).await;
        let all = all.map_err(|error| {
            tracing::error!(%error, "no shipments");
            Problem::unavailable("NATS does not answer")
        })?;
        let one = |shipped: inventory::Shipped| {
            let Shipment { number, products, carrier, tracking, shipped_at, .. } = shipped.shipment;
            OrderShipment { number, products, carrier, tracking, shipped_at }
        };
        let shipments = all.into_iter().map(one).collect();
        Ok(Self { products: last.shipped, complete: last.complete, shipments })
    }
}

/// `GET /orders/<partner>/<order>`: by the last messages of its subjects, whatever the fold has read. A function
/// that is asked to end stops waiting and gives the present state.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    stop: Stop,
    Path(Place { partner, order: id }): Path<Place>,
    Query(which): Query<Which>,
) -> Result<Answer<One>, Problem> {
    app.check().await?;
    let until = Instant::now() + which.wait.map_or(Duration::ZERO, |wait| wait.0);
    let mut look = LOOK;
    loop {
        let found = find(&app, &partner, &id, which.warehouse.as_ref()).await?;
        let is_decided = found.as_ref().is_some_and(|(_, found)| {
            found.status().is_some_and(|status| status != views::Status::Pending)
        });
        let now = Instant::now();
        if !is_decided && now < until && !stop.is_draining() {
            tokio::select! {
                () = sleep(look.min(until - now)) => {}
                () = stop.draining() => {}
            }
            look = LOOK_MAX.min(look * 2);
            continue;
        }
        let shipped = match &found {
            Some((warehouse, found)) => match inventory::shipped(found) {
                Some(last) => Some(OrderShipped::read(&app, warehouse, last).await?),
                None => None,
            },
            None => None,
        };
        let one =
            found.and_then(|(warehouse, found)| say(&partner, &id, &warehouse, &found, shipped));
        return one.map(|one| Answer::ok(0, &one)).ok_or_else(|| {
            Problem::not_found(format!(
                "there is no order {partner}/{id}: it was not placed in the time that orders are kept, \
                 or in another warehouse (?warehouse=NAME)"
            ))
        });
    }
}

/// Looks in the warehouse that was said; else in the one that the partner has now, and in the one in which the
/// order was seen.
async fn find(
    app: &App,
    partner: &PartnerId,
    id: &OrderId,
    said: Option<&WarehouseId>,
) -> Result<Option<(WarehouseId, Messages)>, Problem> {
    let configured = || {
        let partners = app.partners.get();
        let found = partners.partners.get(partner).map(|partner| partner.warehouse.clone());
        found.unwrap_or_else(WarehouseId::main)
    };
    let first = said.cloned().unwrap_or_else(configured);
    let seen = app.orders.look(|shards| {
        let name = shards.iter().find_map(|rows| rows.warehouse(partner.as_str(), id.as_str()))?;
        WarehouseId::stored(name).ok()
    });
    let second = seen.filter(|seen| said.is_none() && *seen != first);
    for warehouse in std::iter::once(first).chain(second) {
        let found = views::lookup(&app.nats, &warehouse, partner, id).await;
        let found = found.map_err(|error| {
            tracing::error!(%error, "no order");
            Problem::unavailable("NATS does not answer")
        })?;
        if found.last().is_some() {
            return Ok(Some((warehouse, found)));
        }
    }
    Ok(None)
}

fn say(
    partner: &PartnerId,
    id: &OrderId,
    warehouse: &WarehouseId,
    found: &Messages,
    shipped: Option<OrderShipped>,
) -> Option<One> {
    let last = found.last()?;
    let stage = match found.status()? {
        views::Status::Pending => Stage::Placed,
        views::Status::Confirmed => Stage::Confirmed,
        views::Status::Refused => Stage::Refused,
    };
    let placed = found.placed.as_ref();
    let header = |name| last.header(name).or_else(|| placed?.header(name)).map(str::to_owned);
    let event = |message: &Standing| serde_json::from_slice::<Value>(&message.payload).ok();
    let reason = last.header(header::REASON).map(str::to_owned);
    let status = Status::of(stage, reason.as_deref());
    let file = header(header::FILE);
    let first = placed.unwrap_or(last);
    let is_return = header(header::KIND).as_deref() == Some("return");
    let returned = inventory::returned(found);
    let moved = inventory::moved(found);
    let view = View {
        id: format!("{partner}/{id}"),
        partner: partner.to_string(),
        order_id: id.to_string(),
        warehouse: warehouse.to_string(),
        status,
        words: status.words(is_return, moved),
        explanation: status.explanation(is_return, moved, reason.as_deref()),
        reason,
        attempt: found.attempt().unwrap_or(1),
        is_return,
        total: header(header::TOTAL),
        placed_at: time(first.time_ms),
        changed_at: time(last.time_ms),
        changed_ms: last.time_ms,
        placed: first.sequence,
        links: Links::new(partner.as_str(), id.as_str(), file.as_deref()),
        file,
    };
    let refusal = event(last).and_then(|event| event.pointer("/data/refusal").cloned());
    let order = placed.and_then(event).and_then(|event| {
        let data = event.get("data")?;
        // An amendment has its order one level deeper.
        Some(data.get("order").unwrap_or(data).clone())
    });
    let returned = returned.map(|sale| sale.returned);
    let refusal = refusal.filter(|refusal| !refusal.is_null());
    Some(One { view, returned, shipped, refusal, order })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    /// Only this partner's, with each of its files.
    partner: Option<PartnerId>,
    /// How long the answer may take to hold all that was stored before: 2s without it, at most 60s.
    wait: Option<Wait>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Counted {
    orders: Numbers,
    partners: BTreeMap<String, Numbers>,
    /// Of one partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<OfFile>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OfFile {
    name: String,
    arrival: String,
    file: Option<String>,
    orders: Numbers,
}

/// `GET /counts`: of all orders, of each partner, and with `partner` of each of its files.
pub(crate) async fn counts(
    State(app): State<Arc<App>>,
    stop: Stop,
    Query(whose): Query<Whose>,
) -> Result<Answer<Counted>, Problem> {
    app.check().await?;
    let wait = whose.wait.map_or(WAIT, |wait| wait.0);
    super::current(&app.orders, wait, &stop).await?;
    let partner = whose.partner.as_ref().map(PartnerId::as_str);
    let by_partner = app.orders.look(|shards| orders::counts(shards, partner));
    let mut all = Counts::default();
    by_partner.values().for_each(|counts| all += *counts);
    let files = match &whose.partner {
        Some(partner) => {
            super::current(&app.files, wait, &stop).await?;
            let _place = app.looks.places.acquire().await;
            let of = |record: &intake::ledger::Record| record.partner == *partner;
            let file = |record: intake::ledger::Record| OfFile {
                orders: app.file_counts(&record).into(),
                name: record.name,
                arrival: record.arrival,
                file: record.sha256,
            };
            Some(heavy(super::files::BYTES, || {
                let records = app.files.look(|shards| ledger::all(shards, of));
                records.into_iter().map(file).collect()
            }))
        }
        None => None,
    };
    let partners = by_partner.into_iter().map(|(name, counts)| (name, counts.into())).collect();
    Ok(Answer::ok(0, &Counted { orders: all.into(), partners, files }))
}
