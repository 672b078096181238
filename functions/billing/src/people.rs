//! What people ask for: credit by hand, payments, and deciding again what is held.

use crate::app::{App, Issued, missing, unavailable};
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use chrono::{Days, NaiveDate};
use domain::invoice::{
    Account, Balance, CreditWhat, Desk, Document, Event, Payment, Refused, Unknown,
};
use domain::{Money, OrderId, PartnerId, ProductId, WarehouseId, text};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use invoices::{Asking, Looked, Reading};
use messaging::subject::{self, Stage};
use messaging::{stored, streams};
use runtime::{Caller, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, BoundKey, Command};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 500;
/// Most characters of a payment's reference.
const REFERENCE_CHARS_MAX: usize = 200;
/// How far from the day of issue a payment may be.
const YEARS: Days = Days::new(10 * 366);
/// How often an order is looked at again that others change meanwhile.
const LOOKS_MAX: usize = 10;

/// An invoice to be credited.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreditCommand {
    /// The number of the invoice.
    number: String,
    /// Why, as the credit note says it; 1 to 500 characters.
    reason: String,
    /// Pieces by product, at the prices of the invoice. Without it, all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pieces: Option<BTreeMap<ProductId, i64>>,
}

/// A payment or a refund to be recorded.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayCommand {
    /// The number of the document that was paid.
    number: String,
    /// What was paid; below zero, what was refunded. Not 0.
    amount: Money,
    /// When.
    paid_on: NaiveDate,
    /// What names the payment; 1 to 200 characters. One document has a reference once.
    reference: String,
}

/// An order of which something is held, or that has no invoice.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryCommand {
    /// Whose order.
    partner: PartnerId,
    /// The sale, or a return that names none.
    order_id: OrderId,
    /// The partner's if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warehouse: Option<WarehouseId>,
}

/// What came of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// Was it this call that did it? Otherwise an earlier one did, or there was nothing to do.
    applied: bool,
    /// Numbers of the documents that this call issued.
    issued: Vec<String>,
    /// The balance of the order after the command.
    balance: Option<Balance>,
}

pub(crate) async fn credit(
    State(app): State<Arc<App>>,
    caller: Caller,
    key: Key,
    Body(command): Body<CreditCommand>,
) -> Result<Json<Changed>, Problem> {
    let mut problem = Problem::invalid("nothing is credited");
    if let Some(reason) = text::problem(&command.reason, REASON_CHARS_MAX) {
        problem = problem.field("reason", reason);
    }
    for (product, count) in command.pieces.iter().flatten().filter(|(_, count)| **count < 1) {
        problem = problem.field(format!("pieces.{product}"), format!("is {count}; at least 1"));
    }
    if command.pieces.as_ref().is_some_and(BTreeMap::is_empty) {
        problem = problem.field("pieces", "is empty; leave it out to credit all that is left");
    }
    if !problem.errors.is_empty() {
        return Err(problem);
    }
    let document = found(&app, &command.number).await?;
    let bound = key.bound_to("credit", &command);
    let CreditCommand { reason, pieces, .. } = command;
    let what = pieces.map_or(CreditWhat::Rest, CreditWhat::Pieces);
    let place = Place::of(&document);
    place
        .change(&app, &bound, &caller, &[], |desk| {
            desk.credit_by_hand(&document, &what, &reason).map(|_| true)
        })
        .await
}

pub(crate) async fn pay(
    State(app): State<Arc<App>>,
    caller: Caller,
    key: Key,
    Body(command): Body<PayCommand>,
) -> Result<Json<Changed>, Problem> {
    let mut problem = Problem::invalid("no payment is recorded");
    if let Some(reason) = text::problem(&command.reference, REFERENCE_CHARS_MAX) {
        problem = problem.field("reference", reason);
    }
    if command.amount == Money::ZERO {
        problem = problem.field("amount", "is 0");
    }
    if !problem.errors.is_empty() {
        return Err(problem);
    }
    let document = found(&app, &command.number).await?;
    let (amount, decimals) = (command.amount, document.decimals);
    if domain::invoice::rounded(amount, decimals) != amount {
        let reason = format!("is {amount}; {} has {decimals} decimals", document.currency);
        return Err(Problem::invalid("no payment is recorded").field("amount", reason));
    }
    let (first, last) = (document.issued_on - YEARS, document.issued_on + YEARS);
    if !(first..=last).contains(&command.paid_on) {
        let reason = format!("is {}; from {first} to {last} is allowed", command.paid_on);
        return Err(Problem::invalid("no payment is recorded").field("paid_on", reason));
    }
    let bound = key.bound_to("pay", &command);
    let PayCommand { number, amount, paid_on, reference } = command;
    let by = Some(caller.secret().to_owned());
    let payment = Payment { document: number, amount, paid_on, reference, by };
    let place = Place::of(&document);
    let account = place.account.clone();
    place.change(&app, &bound, &caller, &[], |desk| desk.pay(&account, payment.clone())).await
}

pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    caller: Caller,
    key: Key,
    Body(command): Body<RetryCommand>,
) -> Result<Json<Changed>, Problem> {
    let bound = key.bound_to("retry", &command);
    let RetryCommand { partner, order_id, warehouse } = command;
    let warehouse = warehouse.unwrap_or_else(|| app.configured.get().warehouse_of(&partner));
    let place = Place { warehouse, account: (partner, order_id) };
    for _ in 0..LOOKS_MAX {
        let balance = place.balance(&app).await?;
        let facts = match &balance {
            Some(balance) if !balance.held.is_empty() => {
                balance.held.iter().map(|held| held.fact).collect()
            }
            Some(balance) if balance.invoice.is_some() => {
                return Ok(Json(Changed {
                    applied: false,
                    issued: Vec::new(),
                    balance: Some(balance.clone()),
                }));
            }
            Some(_) | None => vec![place.confirmed(&app).await?],
        };
        let events = place.events(&app, &facts).await?;
        let is_held = balance.is_some_and(|balance| !balance.held.is_empty());
        let known: Vec<Event> = events.iter().flatten().cloned().collect();
        let bytes_max = app.journals.body_bytes_max();
        let mut moved = false;
        let done = place.change(&app, &bound, &caller, &known, |desk| {
            let now: Vec<u64> = desk.held(&place.account).iter().map(|held| held.fact).collect();
            moved = is_held && now != facts || !is_held && !now.is_empty();
            if moved {
                return Err(Refused(
                    "what is held of the order changes just now; repeat it".into(),
                ));
            }
            match is_held {
                true => drop(desk.retry(&place.account, &events, bytes_max)),
                false => {
                    for event in &known {
                        desk.decide(event, bytes_max);
                    }
                }
            }
            Ok(desk.is_changed())
        });
        let done = done.await;
        if !moved {
            return done;
        }
    }
    Err(Problem::unavailable("others change the order all the time; repeat it"))
}

/// The document with a number.
async fn found(app: &App, number: &str) -> Result<Document, Problem> {
    app.check_clock().await?;
    let found = invoices::document(&app.nats, number).await.map_err(|error| unavailable(&error))?;
    let found = found.map(|(document, _)| document);
    found.ok_or_else(|| Problem::not_found(format!("there is no invoice or credit note {number}")))
}

/// Whose books, and where.
pub(crate) struct Place {
    pub(crate) warehouse: WarehouseId,
    pub(crate) account: Account,
}

impl Place {
    fn of(document: &Document) -> Self {
        Self { warehouse: document.supply.warehouse.clone(), account: document.account() }
    }

    pub(crate) async fn balance(&self, app: &App) -> Result<Option<Balance>, Problem> {
        let found = invoices::balance(&app.nats, &self.warehouse, &self.account).await;
        Ok(found.map_err(|error| unavailable(&error))?.map(|(balance, _)| balance))
    }

    /// Changes the books once. `act` says whether there is anything to append; events that it decides are looked up
    /// before.
    async fn change(
        &self,
        app: &App,
        key: &BoundKey,
        caller: &Caller,
        events: &[Event],
        mut act: impl FnMut(&mut Desk<'_>) -> Result<bool, Refused>,
    ) -> Result<Json<Changed>, Problem> {
        app.check_clock().await?;
        let (configured, mut looked) = (app.configured.get(), Looked::default());
        let mut looks = 0..LOOKS_MAX;
        let (applied, issued) = loop {
            let (mut question, mut issued, mut idle) = (None, Vec::new(), false);
            let done = app.journals.command(&self.warehouse, key, |view| {
                let terms = configured.terms();
                let mut desk = Desk::new(terms, &self.warehouse, view.now, view.state);
                let lacks = |desk: &Desk<'_>| {
                    let own = desk.lacks(&self.account);
                    own.or_else(|| events.iter().find_map(|event| desk.unknown(event)))
                };
                if let Some(unknown) = looked.give(&mut desk, view.state, lacks) {
                    question = Some((view.state.decisions, unknown));
                    return Err(Problem::unavailable("the order has to be looked up"));
                }
                if !act(&mut desk).map_err(|Refused(why)| Problem::conflict(why))? {
                    idle = true;
                    return Err(Problem::unavailable("there is nothing to do"));
                }
                let body = desk.into_body(Some(caller.secret().to_owned()));
                let made = body.documents.iter().map(|made| &made.document);
                issued = made.map(|document| (document.kind, document.number.clone())).collect();
                Ok(Command::decision(body))
            });
            let done = done.await;
            match question {
                Some((at, unknown)) => {
                    self.look(app, &mut looked, (at, unknown), &mut looks).await?
                }
                None if idle => break (false, Vec::new()),
                None => break (done? == Applied::Now, issued),
            }
        };
        let issued = issued.into_iter().filter(|_| applied);
        let issued = issued.map(|(kind, number)| {
            app.issued.add(Issued(kind));
            number
        });
        let issued = issued.collect();
        Ok(Json(Changed { applied, issued, balance: self.balance(app).await? }))
    }

    async fn look(
        &self,
        app: &App,
        looked: &mut Looked,
        (at, unknown): (u64, Unknown),
        looks: &mut impl Iterator,
    ) -> Result<(), Problem> {
        if looks.next().is_none() {
            return Err(Problem::unavailable("others change the order all the time; repeat it"));
        }
        let look = looked.look(&app.nats, &self.warehouse, at, vec![unknown], |_| false);
        look.await.map_err(|error| missing(&error))
    }

    /// The fact that confirmed the order, if it is confirmed now.
    async fn confirmed(&self, app: &App) -> Result<u64, Problem> {
        let (partner, order_id) = &self.account;
        let last = async |stage| {
            let subject = subject::order(stage, &self.warehouse, partner, order_id);
            let last = stored::last(&app.nats, streams::ORDERS, &subject).await;
            last.map_err(|error| unavailable(&error))
        };
        let (confirmed, refused) = (last(Stage::Confirmed).await?, last(Stage::Refused).await?);
        let refused = refused.map_or(0, |refused| refused.sequence);
        let confirmed = confirmed.map(|it| it.sequence).filter(|confirmed| refused < *confirmed);
        confirmed.ok_or_else(|| {
            let detail = format!(
                "order {partner}/{order_id} is not confirmed in warehouse {}",
                self.warehouse
            );
            Problem::not_found(detail)
        })
    }

    /// What facts ask for; nothing for those that are kept no longer.
    async fn events(&self, app: &App, facts: &[u64]) -> Result<Vec<Option<Event>>, Problem> {
        let read = stream::iter(facts.to_vec()).map(|fact| async move {
            let reading = invoices::read(&app.nats, Asking { fact }).await?;
            Ok(match reading {
                Reading::Asks(event) => Some(*event),
                Reading::Nothing | Reading::Gone | Reading::Unreadable(_) => None,
            })
        });
        read.buffered(8).try_collect().await.map_err(|error| unavailable(&error))
    }
}
