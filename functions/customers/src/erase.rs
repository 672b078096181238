//! `POST /customers/{partner}/{id}/erase`: takes away what is known of a person.
//!
//! It can be asked again at any time, and does what is left. Messages go first, while it is known how the partner writes
//! the customer's number; then what orders said, and the card afterwards: after the mover has changed a card it checks
//! that the order's entry still exists.

mod about;
mod messages;

use crate::http::{App, Which, reach};
use about::Known;
use axum::extract::{Path, State};
use chassis::Answer;
use chrono::{DateTime, Utc};
use messages::Stays;
use messaging::persons::{self, Entry, ReadError};
use messaging::streams;
use runtime::{Actor, Owner, Problem};
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
    actor: Actor,
    Path(Which { partner, id }): Path<Which>,
) -> Result<Answer<Erased>, Problem> {
    reach(&owner, &partner)?;
    app.check().await?;
    let key = Key::new([partner.as_str(), id.as_str()]);
    let key = key.map_err(|bad| Problem::bad_request(bad.to_string()))?;
    let card = app.cards.records().get(&key).await.map_err(|error| unavailable(&error))?;
    let entries = persons::entries(&app.nats, &partner, &id).await;
    let entries = entries.map_err(|error| unavailable(&error))?;
    let mut numbers: Vec<String> = card.into_iter().filter_map(|card| card.value.number).collect();
    for (subject, _) in &entries {
        match persons::read(&app.nats, subject).await {
            Ok(Entry::Said(_, said)) => numbers.extend(said.number),
            // What cannot be read has no number, and is erased as well.
            Ok(Entry::Nothing | Entry::Erased(_)) | Err(ReadError::Unreadable(_)) => {}
            Err(ReadError::Unclear(error)) => return Err(unavailable(&error)),
        }
    }
    let names = numbers.iter().map(String::as_str).chain([id.as_str()]);
    let known = Known::new(&partner, names);
    let found = messages::erase(&app.nats, &known).await.map_err(|error| unavailable(&*error))?;
    for (subject, sequence) in &entries {
        persons::erase(&app.nats, subject, *sequence).await.map_err(|error| unavailable(&error))?;
    }
    let author = Author { by: actor.name().to_owned(), at: now(), key: None };
    let deleted = app.cards.records().delete(&key, When::Present, &author).await;
    let cards = match deleted {
        Ok(_) => 1,
        Err(WriteError::Missing) => 0,
        Err(error) => return Err(unavailable(&error)),
    };
    let gone = |place, what, count| Gone { place, what, count };
    let erased = vec![
        gone(streams::CUSTOMER_CARDS, "card", cards),
        gone(streams::PERSONS, "what orders said of the person", entries.len()),
        gone(streams::ERRORS, "dead letters and conflicts", found.letters),
        gone(streams::INTAKE, "orders as they came", found.orders),
        gone(streams::OUTBOX, "e-mails and text messages", found.notifications),
    ];
    Ok(Answer::ok(0, &Erased { partner, id, erased, stays: found.stays }))
}

#[expect(clippy::disallowed_methods, reason = "when a customer was erased; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
