//! `GET /invoices/{number}` and `GET /balances/{partner}/{order}`: each with one question to the server.

use crate::app::{App, unavailable};
use crate::people::Place;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chassis::Answer;
use domain::invoice::{Balance, Document};
use domain::{OrderId, PartnerId};
use runtime::{Owner, Problem};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Number {
    number: String,
}

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    partner: PartnerId,
    order: OrderId,
}

pub(crate) async fn document(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Number { number }): Path<Number>,
) -> Result<Answer<Document>, Problem> {
    let found = invoices::document(&app.nats, &number).await;
    let found = found.map_err(|error| unavailable(&error))?;
    // To a partner, those of others are not there.
    let own = |document: &Document| is_own(&owner, &document.supply.partner);
    match found.map(|(document, fact)| (document, fact.payload.len())) {
        Some((document, bytes)) if own(&document) => Ok(Answer::ok(bytes, &document)),
        Some(_) | None => {
            Err(Problem::not_found(format!("there is no invoice or credit note {number}")))
        }
    }
}

pub(crate) async fn balance(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Which { partner, order }): Path<Which>,
) -> Result<Answer<Balance>, Problem> {
    if !is_own(&owner, &partner) {
        let own = owner.0.as_deref().unwrap_or_default();
        let detail = format!("this token is of partner {own}, and reaches nothing of another one");
        return Err(Problem::new(StatusCode::FORBIDDEN).detail(detail));
    }
    let warehouse = app.configured.get().warehouse_of(&partner);
    let place = Place { warehouse, account: (partner, order) };
    let balance = place.balance(&app).await?;
    let (partner, order) = &place.account;
    let none = || Problem::not_found(format!("nothing was invoiced for order {partner}/{order}"));
    balance.map(|balance| Answer::ok(0, &balance)).ok_or_else(none)
}

fn is_own(owner: &Owner, partner: &PartnerId) -> bool {
    owner.0.as_deref().is_none_or(|own| own == partner.as_str())
}
