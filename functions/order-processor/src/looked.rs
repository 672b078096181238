//! Which orders of a batch have an attempt that is confirmed, where a decision depends on it.

use domain::inventory::Lookup;
use messaging::inventory::{self, Last};
use messaging::stored::{self, LookupError};
use messaging::subject::{self, OrderSubject, Stage};
use messaging::{Nats, streams};
use runtime::Problem;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// When what was not found is looked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// Messages that are looked up at once.
const AT_ONCE: usize = 64;

/// A message whose order is looked up.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) sequence: u64,
    pub(crate) order: OrderSubject,
    /// The attempt of the order that it is, as far as it can be read.
    pub(crate) attempt: Option<u32>,
}

/// What was looked up, by the sequences of messages. It holds behind the position at which it was looked up:
/// what is decided there may confirm or cancel the same orders.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    behind: u64,
    found: BTreeMap<u64, Lookup>,
}

impl Looked {
    /// What is known about the order of a message when all up to `behind` is decided.
    pub(crate) fn of(&self, behind: u64, sequence: u64) -> Lookup {
        let found = self.found.get(&sequence).filter(|_| behind == self.behind);
        found.cloned().unwrap_or_default()
    }

    /// Looks these messages' orders up, when all up to `behind` is decided and its facts are stored.
    ///
    /// Where nothing is found it is looked for again: a leader that was replaced may answer for a moment,
    /// and what is decided without it is decided for ever.
    pub(crate) async fn look(
        &mut self,
        nats: &Nats,
        behind: u64,
        mut asked: Vec<Asked>,
    ) -> Result<(), Problem> {
        if behind != self.behind {
            *self = Self { behind, found: BTreeMap::new() };
        }
        for look in 0..2 {
            if look > 0 && !asked.is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
            let found = all(nats, &asked).await.map_err(|error| {
                tracing::warn!(%error, "a message cannot be compared with what is confirmed of its order");
                Problem::unavailable("NATS does not answer; nothing is decided")
            })?;
            self.found.extend(found);
            asked.retain(|asked| !self.found.contains_key(&asked.sequence));
        }
        self.found.extend(asked.into_iter().map(|asked| (asked.sequence, Lookup::Nothing)));
        Ok(())
    }
}

/// What is known for sure, by the sequences of messages.
async fn all(nats: &Nats, asked: &[Asked]) -> Result<Vec<(u64, Lookup)>, LookupError> {
    let (mut looking, mut found) = (JoinSet::new(), Vec::new());
    let mut next = asked.iter();
    loop {
        while looking.len() < AT_ONCE
            && let Some(asked) = next.next().cloned()
        {
            let nats = nats.clone();
            looking.spawn(async move { (asked.sequence, one(&nats, &asked).await) });
        }
        // Nothing in it panics; a message that is missed is looked up again.
        let Some(Ok((sequence, answer))) = looking.join_next().await else { return Ok(found) };
        found.extend(answer?.map(|lookup| (sequence, lookup)));
    }
}

/// Is an attempt of the order confirmed? Nothing if none is found, by a leader that may not know.
async fn one(nats: &Nats, asked: &Asked) -> Result<Option<Lookup>, LookupError> {
    let OrderSubject { warehouse, partner, order_id, .. } = &asked.order;
    let placed = subject::order(Stage::Placed, warehouse, partner, order_id);
    let first = stored::first(nats, streams::ORDERS, &placed, 1).await?;
    if first.is_some_and(|first| first.sequence == asked.sequence) {
        // Nothing was placed before it.
        return Ok(Some(Lookup::Nothing));
    }
    Ok(match inventory::last(nats, warehouse, partner, order_id).await? {
        Last::Confirmed(confirmed) => Some(Lookup::Found(confirmed)),
        // The leader knows of the attempt before.
        Last::Ended(attempt) if asked.attempt == attempt.checked_add(1) => Some(Lookup::Nothing),
        Last::Ended(_) | Last::Nothing => None,
    })
}
