//! What people ask for: credit by hand, payments, and deciding again what is held.

use crate::app::{App, unavailable};
use crate::lists::today;
use crate::place::{Changed, Place};
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use chrono::{Datelike as _, Days, NaiveDate};
use domain::invoice::{CreditWhat, Document, Payment};
use domain::{Money, ProductId, text};
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 500;
/// Most characters of a payment's reference.
pub(crate) const REFERENCE_CHARS_MAX: usize = 200;
/// How far ahead a payment may be, as one that is only planned may.
const AHEAD_MAX: Days = Days::new(366);

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

pub(crate) async fn credit(
    State(app): State<Arc<App>>,
    actor: Actor,
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
    let done = place.change(&app, &bound, &actor, &[], |desk| {
        desk.credit_by_hand(&document, &what, &reason).map(|_| true)
    });
    done.await.map(Json)
}

pub(crate) async fn pay(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<PayCommand>,
) -> Result<Json<Changed>, Problem> {
    let mut problem = Problem::invalid("no payment is recorded");
    if let Some(reason) = text::problem(&command.reference, REFERENCE_CHARS_MAX) {
        problem = problem.field("reference", reason);
    }
    if !problem.errors.is_empty() {
        return Err(problem);
    }
    let document = found(&app, &command.number).await?;
    if let Some((field, reason)) = wrong(&document, command.amount, command.paid_on, today()) {
        return Err(problem.field(field, reason));
    }
    let bound = key.bound_to("pay", &command);
    let PayCommand { number, amount, paid_on, reference } = command;
    let by = Some(actor.name().to_owned());
    let payment = Payment { document: number, amount, paid_on, reference, by };
    let place = Place::of(&document);
    let account = place.account.clone();
    let pay = place.change(&app, &bound, &actor, &[], |desk| desk.pay(&account, payment.clone()));
    pay.await.map(Json)
}

/// What is wrong with a payment of a document, if anything is: the field, and why.
pub(crate) fn wrong(
    document: &Document,
    amount: Money,
    paid_on: NaiveDate,
    today: NaiveDate,
) -> Option<(&'static str, String)> {
    if amount == Money::ZERO {
        return Some(("amount", "is 0".to_owned()));
    }
    let Document { currency, decimals, .. } = document;
    if domain::invoice::rounded(amount, *decimals) != amount {
        return Some(("amount", format!("is {amount}; {currency} has {decimals} decimals")));
    }
    // An order is often paid before it is invoiced, and the year may end between the two.
    let first = document.issued_on.min(document.supply.ordered_at.date_naive());
    let first = first.with_ordinal(1).unwrap_or(first);
    let last = today + AHEAD_MAX;
    let is_near = (first..=last).contains(&paid_on);
    (!is_near).then(|| {
        let why = "the year of order and invoice";
        (
            "paid_on",
            format!("is {paid_on}; from {first} ({why}) to {last} (a year from now) is allowed"),
        )
    })
}

/// The document with a number.
async fn found(app: &App, number: &str) -> Result<Document, Problem> {
    app.check_clock().await?;
    let found = invoices::document(&app.nats, number).await.map_err(|error| unavailable(&error))?;
    let found = found.map(|(document, _)| document);
    found.ok_or_else(|| Problem::not_found(format!("there is no invoice or credit note {number}")))
}
