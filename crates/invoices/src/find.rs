//! Documents and balances, each with one question.

use domain::WarehouseId;
use domain::invoice::{Account, Balance, Document};
use messaging::stored::{self, LookupError, Standing};
use messaging::subject::{self, token};
use messaging::{Event, Nats, header, streams, tail};
use serde::de::DeserializeOwned;

/// The document with a number, and the fact that holds it, from whichever warehouse.
///
/// # Errors
/// The server does not answer.
pub async fn document(
    nats: &Nats,
    number: &str,
) -> Result<Option<(Document, Standing)>, LookupError> {
    let subject = format!("invoices.issued.*.{}", token(number));
    read(nats, &subject).await
}

/// How an order stands, and the fact that says it.
///
/// # Errors
/// The server does not answer.
pub async fn balance(
    nats: &Nats,
    warehouse: &WarehouseId,
    (partner, order_id): &Account,
) -> Result<Option<(Balance, Standing)>, LookupError> {
    read(nats, &subject::balance(warehouse, partner, order_id)).await
}

/// What is no fact, because somebody else put it there, is passed over: the last fact before it counts.
async fn read<T: DeserializeOwned>(
    nats: &Nats,
    subject: &str,
) -> Result<Option<(T, Standing)>, LookupError> {
    let mut last = stored::last(nats, streams::INVOICES, subject).await?;
    if last.as_ref().is_some_and(|last| last.decision_sequence().is_none()) {
        last = last_fact(nats, subject).await?;
    }
    let Some(fact) = last else { return Ok(None) };
    let event: Event<T> = serde_json::from_slice(&fact.payload).map_err(|error| {
        LookupError::new(format!("the fact on {}", fact.subject), error.to_string())
    })?;
    Ok(event.data.map(|data| (data, fact)))
}

/// The last fact under a subject, whatever stands behind it.
async fn last_fact(nats: &Nats, subject: &str) -> Result<Option<Standing>, LookupError> {
    let mut last = None;
    let read = tail::read(nats, streams::INVOICES, subject, 1, true, |message| {
        let sequence = message.info().map(|info| info.stream_sequence);
        if header::is_fact(message.headers.as_ref()) {
            last = sequence.ok().or(last);
        }
    });
    let wrong = |error: tail::Error| LookupError::new(subject.to_owned(), error.to_string());
    read.await.map_err(wrong)?;
    match last {
        Some(sequence) => stored::at(nats, streams::INVOICES, sequence).await,
        None => Ok(None),
    }
}
