//! One order, by the last messages of its subjects.

use super::Status;
use crate::stored::{self, LookupError, Standing};
use crate::subject::{self, Stage};
use crate::{Nats, header, streams};
use domain::{OrderId, PartnerId, WarehouseId};

/// The last messages of one order: placed, confirmed, refused.
#[derive(Clone, Debug)]
pub struct Messages {
    /// As it was placed.
    pub placed: Option<Standing>,
    /// That it was confirmed.
    pub confirmed: Option<Standing>,
    /// That it was refused.
    pub refused: Option<Standing>,
}

impl Messages {
    /// What was said last, and so of the last attempt.
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
    let get = |stage| {
        let subject = subject::order(stage, warehouse, partner, order_id);
        async move { stored::last(nats, streams::ORDERS, &subject).await }
    };
    let (placed, confirmed, refused) =
        tokio::try_join!(get(Stage::Placed), get(Stage::Confirmed), get(Stage::Refused))?;
    Ok(Messages { placed, confirmed, refused })
}
