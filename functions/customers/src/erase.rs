//! `POST /customers/{partner}/{id}/erase`: takes away what is known of a person.
//!
//! It can be asked again at any time, and does what is left. What an order said goes first, and the card afterwards:
//! whoever moves a card looks whether what it was moved by is still there.

mod messages;

use crate::http::{App, Which, reach};
use axum::extract::{Path, State};
use chassis::Answer;
use chrono::{DateTime, Utc};
use messages::Stays;
use messaging::{persons, streams};
use runtime::{Caller, Owner, Problem};
use schemars::JsonSchema;
use serde::Serialize;
use state::record::{Author, Key, When, WriteError};
use std::sync::Arc;

/// What became of the data of a customer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Erased {
    partner: domain::PartnerId,
    id: domain::CustomerId,
    /// What is gone now.
    erased: Vec<Gone>,
    /// What stays, and why.
    stays: Vec<Stays>,
}

/// What is gone of one place.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Gone {
    /// The stream or bucket.
    place: &'static str,
    what: &'static str,
    count: usize,
}

fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "a customer is not erased");
    Problem::unavailable(
        "NATS does not answer, and a part may be gone; the same request again is safe",
    )
}

pub(crate) async fn erase(
    State(app): State<Arc<App>>,
    owner: Owner,
    caller: Caller,
    Path(Which { partner, id }): Path<Which>,
) -> Result<Answer<Erased>, Problem> {
    reach(&owner, &partner)?;
    app.check().await?;
    let key = Key::new([partner.as_str(), id.as_str()]);
    let key = key.map_err(|bad| Problem::bad_request(bad.to_string()))?;
    let card = app.cards.records().get(&key).await.map_err(|error| unavailable(&error))?;
    let number = card.as_ref().and_then(|card| card.value.number.clone());
    let mut known = messages::Known { partner: &partner, names: vec![id.as_str().to_owned()] };
    known.names.extend(number);

    // What orders said. The numbers in it are looked for as well: the card may be gone.
    let entries = persons::entries(&app.nats, &partner, &id).await;
    let entries = entries.map_err(|error| unavailable(&error))?;
    for (subject, sequence) in &entries {
        if known.names.len() == 1
            && let Ok(persons::Entry::Said(_, said)) = persons::read(&app.nats, subject).await
        {
            known.names.extend(said.number);
        }
        persons::erase(&app.nats, subject, *sequence).await.map_err(|error| unavailable(&error))?;
    }
    let by = match owner.0.as_deref() {
        Some(partner) => format!("{}{partner}", runtime::door::PARTNER_TOKENS),
        None => caller.secret().to_owned(),
    };
    let author = Author { by, at: now(), key: None };
    let deleted = app.cards.records().delete(&key, When::Present, &author).await;
    let cards = match deleted {
        Ok(_) => 1,
        Err(WriteError::Missing) => 0,
        Err(error) => return Err(unavailable(&error)),
    };
    let found = messages::erase(&app.nats, &known).await.map_err(|error| unavailable(&*error))?;
    let gone = |place, what, count| Gone { place, what, count };
    let erased = vec![
        gone(streams::CUSTOMER_CARDS, "card", cards),
        gone(streams::PERSONS, "what orders said of the person", entries.len()),
        gone(streams::ERRORS, "dead letters and conflicts", found.letters),
        gone(streams::INTAKE, "orders as they came", found.orders),
    ];
    Ok(Answer::ok(0, &Erased { partner, id, erased, stays: found.stays }))
}

#[expect(clippy::disallowed_methods, reason = "when a customer was erased; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
