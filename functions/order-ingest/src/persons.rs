//! Keeping what orders say of persons, before they are placed.

use crate::app::App;
use crate::check::Checked;
use crate::keyed::Taken;
use crate::placed::Placed;
use domain::CustomerId;
use domain::person::Person;
use messaging::persons::{self, Entry, ReadError, Said};
use messaging::publish::{self, Outgoing, Published};
use messaging::stored::{self, Standing};
use messaging::{header, streams};
use std::collections::HashMap;

/// What became of the persons of several orders, by the place of the order.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Orders that cannot be placed yet, and why.
    pub(crate) not_yet: HashMap<usize, Placed>,
    /// Entries that were made now: their sequences.
    made: HashMap<usize, u64>,
}

impl App {
    /// Keeps what the orders say of persons, all at once, before any of them is placed.
    pub(crate) async fn keep_persons(&self, orders: &[Checked]) -> Kept {
        let with = orders.iter().enumerate();
        let with: Vec<(usize, &Checked, &Taken)> = with
            .filter_map(|(index, order)| Some((index, order, order.person.as_ref()?)))
            .collect();
        let mut kept = Kept::default();
        if with.is_empty() {
            return kept;
        }
        let messages: Vec<&Outgoing> = with.iter().map(|(_, _, taken)| &taken.message).collect();
        let results = publish::all(&self.nats, &messages, Some(0)).await;
        for ((index, order, taken), result) in with.into_iter().zip(results) {
            let stored = match result {
                Ok(Published::Stored(sequence)) => Ok(Some(sequence)),
                Ok(Published::Occupied) => self.kept_before(order, taken).await,
                Err(unclear) => Err(unclear.into()),
            };
            match stored {
                Ok(sequence) => kept.made.extend(sequence.map(|sequence| (index, sequence))),
                Err(why) => drop(kept.not_yet.insert(index, why)),
            }
        }
        kept
    }

    /// Something stands where the person belongs: by its digest the same, or the mark that it was erased. What was
    /// erased stays so while its order is there.
    async fn kept_before(&self, order: &Checked, taken: &Taken) -> Result<Option<u64>, Placed> {
        let unclear = |error: &dyn std::error::Error| Placed::Unclear(error.to_string());
        let subject = &taken.message.subject;
        let mark = match persons::read(&self.nats, subject).await {
            Ok(Entry::Said(..)) => return Ok(None),
            Ok(Entry::Erased(mark)) => mark,
            Ok(Entry::Nothing) => 0,
            Err(error) => return Err(unclear(&error)),
        };
        let placed = stored::last(&self.nats, streams::ORDERS, &order.message.subject).await;
        if placed.map_err(|error| unclear(&error))?.is_some() {
            return Ok(None);
        }
        match publish::one(&self.nats, &taken.message, Some(mark)).await? {
            Published::Stored(sequence) => Ok(Some(sequence)),
            Published::Occupied => Err(Placed::Unclear(format!("{subject} is being written"))),
        }
    }

    /// Does the order say the same of the person as the one that was placed, or as one that it amended? `placed` is
    /// the digest of what that said. An amendment that says nothing keeps what was said before it.
    pub(crate) async fn is_same_person(
        &self,
        order: &Checked,
        standing: &Standing,
        placed: Option<&str>,
    ) -> Result<bool, Placed> {
        let is_amended = standing.header(header::EARLIER).is_some();
        let Some(taken) = &order.person else {
            return Ok(is_amended || placed.is_none());
        };
        let said: Said = serde_json::from_slice(&taken.message.payload)
            .map_err(|error| Placed::Unclear(error.to_string()))?;
        let says_nothing = said.person == Person::default();
        // One that version 0.1.0 placed has the customer's number as it came, and no person.
        let Some(placed) = placed.filter(|_| !is_amended || !says_nothing) else {
            return Ok(says_nothing);
        };
        let own = taken.digest.as_str();
        if placed == own || self.keyed.made(placed) {
            return Ok(placed == own);
        }
        // Another key made it: the digests say nothing.
        let known = standing.header(header::CUSTOMER).and_then(messaging::subject::text);
        let customer = known.and_then(|id| CustomerId::stored(&id).ok());
        let subject = persons::subject(&order.partner, customer.as_ref(), &order.order_id, placed);
        match persons::read(&self.nats, &subject).await {
            Ok(Entry::Said(_, before)) => {
                Ok((before.number, before.person) == (said.number, said.person))
            }
            // What is not known any more is no reason to call it another one.
            Ok(Entry::Erased(_) | Entry::Nothing) | Err(ReadError::Unreadable(_)) => Ok(true),
            Err(error @ ReadError::Unclear(_)) => Err(Placed::Unclear(error.to_string())),
        }
    }

    /// Takes away what an order said that is not placed, because another one has its id: it stands in the conflict.
    /// One that cannot be taken away now expires.
    pub(crate) async fn forget_person(
        &self,
        kept: &Kept,
        index: usize,
        order: &Checked,
        standing: &Standing,
    ) {
        let (Some(taken), Some(made)) = (&order.person, kept.made.get(&index)) else { return };
        if standing.header(header::PERSON) == Some(&taken.digest) {
            return;
        }
        if let Err(error) = persons::erase(&self.nats, &taken.message.subject, *made).await {
            tracing::debug!(%error, "what a conflicting order said of a person expires");
        }
    }
}
