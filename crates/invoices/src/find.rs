//! Documents and balances, each with one question.

use domain::WarehouseId;
use domain::invoice::{Account, Balance, Document};
use messaging::stored::{self, LookupError, Standing};
use messaging::subject::{self, token};
use messaging::{Event, Nats, streams};
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

/// What is no fact, because somebody without rights put it there, is not there.
async fn read<T: DeserializeOwned>(
    nats: &Nats,
    subject: &str,
) -> Result<Option<(T, Standing)>, LookupError> {
    let Some(fact) = stored::last(nats, streams::INVOICES, subject).await? else {
        return Ok(None);
    };
    if fact.decision_sequence().is_none() {
        return Ok(None);
    }
    let event: Event<T> = serde_json::from_slice(&fact.payload).map_err(|error| {
        LookupError::new(format!("the fact on {}", fact.subject), error.to_string())
    })?;
    Ok(event.data.map(|data| (data, fact)))
}
