//! Which orders of a batch have an attempt that is confirmed, and what of the sales that returns name, where a
//! decision depends on it.

use domain::OrderId;
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
    /// The sale that it says it returns.
    pub(crate) sale: Option<OrderId>,
}

impl Asked {
    /// What is looked up for it.
    fn questions(self) -> impl Iterator<Item = Question> {
        let Self { sequence, order, attempt, sale } = self;
        let sale = sale
            .map(|order_id| Question::Sale(sequence, OrderSubject { order_id, ..order.clone() }));
        std::iter::once(Question::Own { sequence, order, attempt }).chain(sale)
    }
}

/// One order that is looked up for a message.
#[derive(Clone, Debug)]
enum Question {
    /// The message's own.
    Own { sequence: u64, order: OrderSubject, attempt: Option<u32> },
    /// The sale that it names.
    Sale(u64, OrderSubject),
}

impl Question {
    fn key(&self) -> Key {
        match self {
            Self::Own { sequence, .. } => (*sequence, Of::Itself),
            Self::Sale(sequence, _) => (*sequence, Of::Sale),
        }
    }
}

/// Which order of a message an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Itself,
    Sale,
}

type Key = (u64, Of);

/// What was looked up, by the sequences of messages. It holds behind the entry of the journal behind which it was looked
/// up: the next one may confirm, cancel or ship the same orders.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    behind: u64,
    found: BTreeMap<Key, Lookup>,
}

impl Looked {
    /// What is known about the order of a message, and about the sale that it names, when `behind` is the last entry.
    pub(crate) fn of(&self, behind: u64, sequence: u64) -> (Lookup, Lookup) {
        let of = |of| {
            let found = self.found.get(&(sequence, of)).filter(|_| behind == self.behind);
            found.cloned().unwrap_or_default()
        };
        (of(Of::Itself), of(Of::Sale))
    }

    /// Looks these messages' orders up, when `behind` is the last entry and its facts are stored.
    ///
    /// Where nothing is found it is looked for again: a leader that was replaced may answer for a moment,
    /// and what is decided without it is decided for ever.
    pub(crate) async fn look(
        &mut self,
        nats: &Nats,
        behind: u64,
        asked: Vec<Asked>,
    ) -> Result<(), Problem> {
        if behind != self.behind {
            *self = Self { behind, found: BTreeMap::new() };
        }
        let mut asked: Vec<_> = asked.into_iter().flat_map(Asked::questions).collect();
        for look in 0..2 {
            if look > 0 && !asked.is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
            let found = all(nats, &asked).await.map_err(|error| {
                tracing::warn!(%error, "a message cannot be compared with what is confirmed of its order");
                Problem::unavailable("NATS does not answer; nothing is decided")
            })?;
            self.found.extend(found);
            asked.retain(|asked| !self.found.contains_key(&asked.key()));
        }
        self.found.extend(asked.into_iter().map(|asked| (asked.key(), Lookup::Nothing)));
        Ok(())
    }
}

/// What is known for sure.
async fn all(nats: &Nats, asked: &[Question]) -> Result<Vec<(Key, Lookup)>, LookupError> {
    let (mut looking, mut found) = (JoinSet::new(), Vec::new());
    let mut next = asked.iter();
    loop {
        while looking.len() < AT_ONCE
            && let Some(asked) = next.next().cloned()
        {
            let nats = nats.clone();
            looking.spawn(async move { (asked.key(), one(&nats, &asked).await) });
        }
        // Nothing in it panics; a message that is missed is looked up again.
        let Some(Ok((key, answer))) = looking.join_next().await else { return Ok(found) };
        found.extend(answer?.map(|lookup| (key, lookup)));
    }
}

/// What is known for sure of one order. Nothing if nothing is found, by a leader that may not know.
async fn one(nats: &Nats, asked: &Question) -> Result<Option<Lookup>, LookupError> {
    match asked {
        Question::Own { sequence, order, attempt } => own(nats, *sequence, order, *attempt).await,
        Question::Sale(_, OrderSubject { warehouse, partner, order_id, .. }) => {
            let sale = inventory::confirmed(nats, warehouse, partner, order_id).await?;
            Ok(sale.map(Lookup::Found))
        }
    }
}

/// Is an attempt of the order confirmed? Nothing if none is found, by a leader that may not know.
async fn own(
    nats: &Nats,
    sequence: u64,
    order: &OrderSubject,
    attempt: Option<u32>,
) -> Result<Option<Lookup>, LookupError> {
    let OrderSubject { warehouse, partner, order_id, .. } = order;
    let placed = subject::order(Stage::Placed, warehouse, partner, order_id);
    let first = stored::first(nats, streams::ORDERS, &placed, 1).await?;
    if first.is_some_and(|first| first.sequence == sequence) {
        // Nothing was placed before it.
        return Ok(Some(Lookup::Nothing));
    }
    Ok(match inventory::last(nats, warehouse, partner, order_id).await? {
        Last::Confirmed(confirmed) => Some(Lookup::Found(confirmed)),
        // The leader knows of the attempt before.
        Last::Ended(ended) if attempt == ended.checked_add(1) => Some(Lookup::Nothing),
        Last::Ended(_) | Last::Nothing => None,
    })
}
