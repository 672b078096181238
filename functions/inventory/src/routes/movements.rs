//! `GET /stock/movements`: what moved a product, the newest first.

use crate::app::App;
use crate::ledger::{Book, Movement, Number, OrderAttempt, Page, Why};
use axum::extract::State;
use chassis::{Answer, Limit, Query};
use chrono::{DateTime, Utc};
use domain::inventory::Cause;
use domain::{ProductId, WarehouseId};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::fold::NotRead;
use std::sync::Arc;
use std::time::Duration;

/// Most movements of a page.
const PAGE_MAX: usize = 1_000;
/// Movements of a page if nothing is said.
const PAGE: usize = 100;
/// About what a movement takes in an answer.
const MOVEMENT_BYTES: usize = 250;
/// How long it is waited until all is read that is stored.
const WAIT: Duration = Duration::from_secs(2);
/// How often what is available now is read beside the ledger, until both end at the same entry.
const LOOKS: usize = 3;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `main` if nothing is said.
    warehouse: Option<WarehouseId>,
    /// Which product.
    product: ProductId,
    /// How many; 100 if nothing is said.
    limit: Option<Limit<PAGE_MAX>>,
    /// The `next` of the page before: only older ones.
    after: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StockMovements {
    warehouse: WarehouseId,
    product: ProductId,
    /// The newest first.
    movements: Vec<StockMovement>,
    /// `after` of the next page, if there are older ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Are these, with those of the next pages, all there ever were? Otherwise older ones are no longer held here: at
    /// most 1,000 of a product, and none that the journal no longer keeps.
    complete: bool,
}

/// One movement.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct StockMovement {
    at: DateTime<Utc>,
    /// `reservation`, `return`, `cancellation`, `amendment`, `set`, `restock`, `adjustment`, `count`, `transfer_out` or
    /// `transfer_in`.
    kind: &'static str,
    /// What was added, or taken if below zero; nothing where stock was set and what was there before is not
    /// known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
    /// What was available after it; nothing where that is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
    /// The order that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderAttempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Of a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<WarehouseId>,
    /// Of a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<WarehouseId>,
    /// Of a transfer: its number among those from the one warehouse to the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<u64>,
    /// Whose token asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The entry of the journal.
    entry: u64,
}

pub(crate) async fn movements(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Answer<StockMovements>, Problem> {
    let Filter { warehouse, product, limit, after } = filter;
    let warehouse = warehouse.unwrap_or_else(WarehouseId::main);
    let before = after.map(|after| after.parse::<Number>()).transpose();
    let before = before.map_err(|wrong| Problem::bad_request(format!("after: {wrong}")))?;
    let limit = limit.map_or(PAGE, Limit::get);
    let page = page(&app, &warehouse, &product, before, limit).await?;
    let next = page.movements.last().filter(|_| page.has_more);
    let next = next.map(|movement| movement.number.to_string());
    let complete = page.is_complete;
    let movements: Vec<StockMovement> =
        page.movements.into_iter().map(StockMovement::from).collect();
    let bytes = movements.len().saturating_mul(MOVEMENT_BYTES);
    Ok(Answer::ok(bytes, &StockMovements { warehouse, product, movements, next, complete }))
}

/// A page, with what was available after each movement as far as that can be known.
async fn page(
    app: &App,
    warehouse: &WarehouseId,
    product: &ProductId,
    before: Option<Number>,
    limit: usize,
) -> Result<Page, Problem> {
    let journal = app.journals.known(warehouse).await?;
    let mut look = 0;
    loop {
        let (now, is_known) = app
            .journals
            .look(warehouse, |view| {
                let item = view.state.stock.get(product);
                (item.map_or(0, |item| item.available), item.is_some())
            })
            .await?;
        let entry = journal.status().sequence;
        app.ledger.current(WAIT).await.map_err(not_read)?;
        let found = app.ledger.look(|shards| {
            let book = shards.iter().find_map(|books| books.of(warehouse.as_str()));
            let is_same = book.map_or(0, Book::last) == entry;
            let now = is_same.then_some(now);
            (book.map(|book| book.page(product, before, limit, now)), is_same)
        });
        look += 1;
        match found {
            (_, false) if look < LOOKS => {}
            (Some(page), _) if is_known || !page.movements.is_empty() => return Ok(page),
            (None, _) if is_known => return Ok(Page::default()),
            _ => {
                let detail = format!("warehouse {warehouse} has no product {product}");
                return Err(Problem::not_found(detail));
            }
        }
    }
}

fn not_read(why: NotRead) -> Problem {
    match why {
        NotRead::Reading { read, of } => {
            let percent = (read * 100).checked_div(of).unwrap_or(0);
            let text = format!("the movements are still being read: {read} of {of} messages");
            let progress = serde_json::json!({"read": read, "of": of, "percent": percent});
            Problem::unavailable(text).with("progress", progress)
        }
        NotRead::Silent(reason) => {
            tracing::error!(reason, "no movements");
            Problem::unavailable("NATS does not answer")
        }
        ended @ NotRead::Ended => {
            tracing::error!("{ended}");
            Problem::internal().detail(ended.to_string())
        }
    }
}

impl From<Movement> for StockMovement {
    fn from(movement: Movement) -> Self {
        let Movement { number, at_ms, why, delta, level } = movement;
        let row = Self {
            at: DateTime::from_timestamp_millis(at_ms).unwrap_or_default(),
            kind: why.kind(),
            quantity: delta,
            available: level,
            entry: number.entry,
            ..Self::default()
        };
        match why {
            Why::Sale(order)
            | Why::Return(order)
            | Why::Cancellation(order)
            | Why::Amendment(order) => Self { order: Some(order), ..row },
            Why::Set => row,
            Why::Change { cause, by } => Self { by: by.map(Into::into), ..row.of(*cause) },
        }
    }
}

impl StockMovement {
    fn of(self, cause: Cause) -> Self {
        match cause {
            Cause::Restock { reference } => Self { reference, ..self },
            Cause::Adjustment { reason } => Self { reason: Some(reason), ..self },
            Cause::Count { reason } => Self { reason, ..self },
            Cause::TransferOut { to, number, reference, .. } => {
                Self { to: Some(to), transfer: Some(number), reference, ..self }
            }
            Cause::TransferIn { from, number, reference } => {
                Self { from: Some(from), transfer: Some(number), reference, ..self }
            }
            Cause::TransferDone { to, number } => {
                Self { to: Some(to), transfer: Some(number), ..self }
            }
        }
    }
}
