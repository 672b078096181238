//! One order, by the last messages of its subjects.

use super::Status;
use crate::stored::{self, LookupError, Standing};
use crate::subject::{self, Stage};
use crate::{Nats, header, streams, tail};
use domain::{OrderId, PartnerId, WarehouseId};

/// The last messages of one order: placed, confirmed, refused, returned, shipped.
///
/// Of all but the first only those that follow from a decision, as their headers say: anybody may have put
/// something else behind them.
#[derive(Clone, Debug)]
pub struct Messages {
    /// As it was placed. Where something was refused behind a confirmed attempt, that attempt.
    pub placed: Option<Standing>,
    /// Sequence of the last message where its attempts are placed, whatever that is: the next one expects
    /// it. 0 if there is none.
    pub placed_last: u64,
    /// That it was confirmed.
    pub confirmed: Option<Standing>,
    /// That it was refused.
    pub refused: Option<Standing>,
    /// What was returned of it, last; of the attempt that is confirmed, or of an earlier one.
    pub returned: Option<Standing>,
    /// What was shipped of it, last; of the attempt that is confirmed, or of an earlier one.
    pub shipped: Option<Standing>,
}

impl Messages {
    /// What was said last, and so of the last attempt. What came back or was shipped of it changes nothing of that.
    #[must_use]
    pub fn last(&self) -> Option<&Standing> {
        let all = [&self.placed, &self.confirmed, &self.refused].into_iter().flatten();
        all.max_by_key(|message| message.sequence)
    }

    /// The last attempt. Nothing if the order was never placed.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        let attempt = self.last()?.header(header::ATTEMPT).and_then(|text| text.parse().ok());
        Some(attempt.unwrap_or(1))
    }

    /// The message whose decision stays in force, in spite of what was refused behind it.
    #[must_use]
    pub fn in_force(&self) -> Option<u64> {
        let fact = self.confirmed.as_ref().filter(|_| self.status() == Some(Status::Confirmed))?;
        fact.header(header::IN_FORCE)?.parse().ok()
    }

    /// Where the order stands: what was said last. Nothing if it was never placed.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let last = self.last()?.sequence;
        let is_last =
            |message: &Option<Standing>| message.as_ref().is_some_and(|m| m.sequence == last);
        Some(match (is_last(&self.confirmed), is_last(&self.refused)) {
            (true, _) => Status::Confirmed,
            (_, true) => Status::Refused,
            _ => Status::Pending,
        })
    }
}

/// Looks one order up by its subjects, in parallel.
///
/// # Errors
/// The server does not answer.
pub async fn lookup(
    nats: &Nats,
    warehouse: &WarehouseId,
    partner: &PartnerId,
    order_id: &OrderId,
) -> Result<Messages, LookupError> {
    let on = |stage| subject::order(stage, warehouse, partner, order_id);
    let (placed, confirmed, refused) =
        (on(Stage::Placed), on(Stage::Confirmed), on(Stage::Refused));
    let (returned, shipped) = (on(Stage::Returned), on(Stage::Shipped));
    let (placed, confirmed, refused, returned, shipped) = tokio::try_join!(
        stored::last(nats, streams::ORDERS, &placed),
        last_fact(nats, &confirmed),
        last_fact(nats, &refused),
        last_fact(nats, &returned),
        last_fact(nats, &shipped)
    )?;
    let placed_last = placed.as_ref().map_or(0, |placed| placed.sequence);
    let mut messages = Messages { placed, placed_last, confirmed, refused, returned, shipped };
    if let Some(sequence) = messages.in_force()
        && let Some(placed) = stored::at(nats, streams::ORDERS, sequence).await?
    {
        messages.placed = Some(placed);
    }
    Ok(messages)
}

/// The last message of `subject` that is a fact. The others are read only where the last one is none.
async fn last_fact(nats: &Nats, subject: &str) -> Result<Option<Standing>, LookupError> {
    let last = stored::last(nats, streams::ORDERS, subject).await?;
    if last.as_ref().is_none_or(|last| header::is_fact(Some(&last.headers))) {
        return Ok(last);
    }
    let mut fact = None;
    let read = tail::read(nats, streams::ORDERS, subject, 1, true, |message| {
        let info = message.info().ok().filter(|_| header::is_fact(message.headers.as_ref()));
        fact = info.map(|info| info.stream_sequence).or(fact);
    });
    let what = || format!("what was decided on {subject}");
    // Boxed: every lookup would be as large otherwise.
    Box::pin(read).await.map_err(|error| LookupError::new(what(), error.to_string()))?;
    match fact {
        Some(sequence) => stored::at(nats, streams::ORDERS, sequence).await,
        None => Ok(None),
    }
}
