//! Which messages of a warehouse's orders ask for a document, and what is read for it.

use chrono::DateTime;
use domain::Order;
use domain::invoice::{Event, HeldWhat};
use domain::order::Kind;
use domain::person::Person;
use messaging::inventory::{self, Decided};
use messaging::persons::{self, Entry, ReadError};
use messaging::stored::{self, LookupError, Standing};
use messaging::subject::{self, Stage};
use messaging::{Event as CloudEvent, Nats, events, header, streams};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// When what was not found is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// What a message asks for, as far as its event says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Its stream sequence.
    pub fact: u64,
}

/// What came of reading a message.
#[derive(Debug)]
pub enum Reading {
    /// It asks for this.
    Asks(Box<Event>),
    /// It asks for nothing, or is no fact.
    Nothing,
    /// The stream does not keep it any longer.
    Gone,
    /// It asks for a document, and does not say of which order, or of another one than that of its subject.
    Unreadable(String),
}

/// Where an event is, and its type.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

impl Asking {
    /// Does a message ask for something? By its type: what was kept asks for nothing, and its subject is that of what
    /// was confirmed.
    #[must_use]
    pub fn of(fact: u64, event: &RawValue) -> Option<Self> {
        let Head { kind } = serde_json::from_str(event.get()).ok()?;
        let asks = matches!(&*kind, events::ORDER_CONFIRMED | events::ORDER_REFUSED);
        asks.then_some(Self { fact })
    }
}

/// Why an order was refused: what counts of it here.
#[derive(Deserialize)]
struct Reason {
    reason: String,
    #[serde(default)]
    attempt: Option<u32>,
}

/// Data of a refusal, where it only counts whether something that was confirmed ends.
#[derive(Deserialize)]
struct Ended {
    #[serde(default)]
    refusal: Option<Reason>,
}

/// Reads a message by its sequence, with all that its document needs. The message is the one that the stream has, with its
/// headers: without [`header::DECISION_SEQUENCE`] it is no fact.
///
/// # Errors
/// The server does not answer.
pub async fn read(nats: &Nats, asking: Asking) -> Result<Reading, LookupError> {
    let Some(fact) = kept(nats, asking.fact).await? else { return Ok(Reading::Gone) };
    if fact.decision_sequence().is_none() {
        return Ok(Reading::Nothing);
    }
    let Ok(event) = serde_json::from_slice::<CloudEvent<Decided>>(&fact.payload) else {
        return Ok(Reading::Unreadable(format!("the fact on {} cannot be read", fact.subject)));
    };
    let (kind, at) = (event.kind.clone(), event.time);
    let Some(data) = event.data else {
        return Ok(Reading::Unreadable(format!("the fact on {} has no data", fact.subject)));
    };
    let ended = ended(&kind, &fact);
    let what = match (kind.as_str(), data.kind, ended) {
        (events::ORDER_CONFIRMED, Kind::Sale, _) => HeldWhat::Invoice,
        (events::ORDER_CONFIRMED, Kind::Return, _) => HeldWhat::Return,
        (events::ORDER_REFUSED, Kind::Sale, Some(_)) => HeldWhat::Cancellation,
        (events::ORDER_REFUSED, Kind::Return, Some(_)) => HeldWhat::ReturnCancelled,
        _ => return Ok(Reading::Nothing),
    };
    let placed = kept(nats, data.placed).await?;
    let order = data.order.as_ref().and_then(|order| serde_json::from_str(order.get()).ok());
    let order: Option<Order> = order.or_else(|| inventory::placed_order(&placed.as_ref()?.payload));
    let Some(order) = order else {
        return Ok(Reading::Unreadable(format!(
            "the order of {} stands neither in its fact nor at {}",
            fact.subject, data.placed
        )));
    };
    if let Some(why) = misplaced(&fact, &data, &order, placed.as_ref()) {
        return Ok(Reading::Unreadable(why));
    }
    let said = match what {
        HeldWhat::Invoice | HeldWhat::Return => person(nats, &order, placed.as_ref()).await,
        HeldWhat::Cancellation | HeldWhat::ReturnCancelled => Ok(Person::default()),
    };
    let (person, unreadable) = match said {
        Ok(person) => (person, None),
        Err(error @ ReadError::Unreadable(_)) => {
            (Person::default(), Some(format!("{error}; invoice the order by hand")))
        }
        Err(ReadError::Unclear(error)) => return Err(error),
    };
    let attempt = ended.unwrap_or(data.attempt);
    let stored = DateTime::from_timestamp_millis(fact.time_ms).unwrap_or_default();
    Ok(Reading::Asks(Box::new(Event {
        fact: asking.fact,
        at: at.unwrap_or(stored),
        what,
        placed: data.placed,
        attempt,
        order: Box::new(order),
        person,
        unreadable,
    })))
}

/// Why a fact is not about the order of its subject, if that is so. Who may publish on a subject answers for that subject
/// alone: what a body says of another order counts for nothing.
fn misplaced(
    fact: &Standing,
    data: &Decided,
    order: &Order,
    placed: Option<&Standing>,
) -> Option<String> {
    let Order { warehouse, partner, order_id, .. } = order;
    let subject = |stage| subject::order(stage, warehouse, partner, order_id);
    let is_there = [Stage::Confirmed, Stage::Refused].map(subject).contains(&fact.subject);
    let is_same = (&data.partner, &data.order_id) == (partner, order_id);
    if !is_there || !is_same {
        return Some(format!(
            "the fact on {} is about order {partner}/{order_id} of warehouse {warehouse}; nothing is issued for it. Find out \
             who publishes on that subject",
            fact.subject
        ));
    }
    let placed = placed.filter(|placed| placed.subject != subject(Stage::Placed))?;
    Some(format!(
        "the fact on {} names message {} as its order, which is on {}; nothing is issued for it. Find out who publishes on \
         that subject",
        fact.subject, placed.sequence, placed.subject
    ))
}

/// A message of the stream of orders; nothing only if the stream begins behind it. A leader that was replaced may not
/// have it for a moment.
async fn kept(nats: &Nats, sequence: u64) -> Result<Option<Standing>, LookupError> {
    let look = || stored::at(nats, streams::ORDERS, sequence);
    if let Some(message) = look().await? {
        return Ok(Some(message));
    }
    tokio::time::sleep(AGAIN).await;
    if let Some(message) = look().await? {
        return Ok(Some(message));
    }
    let what = || format!("message {sequence} of {}", streams::ORDERS);
    let first = streams::first_sequence(nats, streams::ORDERS).await;
    let first = first.map_err(|error| LookupError::new(what(), error.to_string()))?;
    match sequence < first {
        true => Ok(None),
        false => {
            Err(LookupError::new(what(), format!("it is gone, and the stream begins at {first}")))
        }
    }
}

/// The confirmed attempt that a refusal ends, because it was cancelled. One that is amended ends with the fact that
/// confirms what replaces it.
fn ended(kind: &str, fact: &Standing) -> Option<u32> {
    if kind != events::ORDER_REFUSED {
        return None;
    }
    let event: CloudEvent<Ended> = serde_json::from_slice(&fact.payload).ok()?;
    let Reason { reason, attempt } = event.data?.refusal?;
    attempt.filter(|_| reason == "cancelled")
}

/// What an order said of the person; nothing if it said nothing, or that was erased.
async fn person(
    nats: &Nats,
    order: &Order,
    placed: Option<&Standing>,
) -> Result<Person, ReadError> {
    let digest = placed.and_then(|placed| placed.header(header::PERSON));
    let Some(digest) = digest else { return Ok(Person::default()) };
    let customer = order.customer.as_ref().map(|customer| &customer.id);
    let subject = persons::subject(&order.partner, customer, &order.order_id, digest);
    let mut found = persons::read(nats, &subject).await?;
    if found == Entry::Nothing {
        tokio::time::sleep(AGAIN).await;
        found = persons::read(nats, &subject).await?;
    }
    Ok(match found {
        Entry::Said(_, said) => said.person,
        Entry::Nothing | Entry::Erased(_) => Person::default(),
    })
}
