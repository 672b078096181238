//! Where the last attempt of an order stands, and what may follow it. No IO.

use crate::check::SOURCE;
use crate::outcome::Outcome;
use chrono::{DateTime, Utc};
use domain::Order;
use domain::order::Cancels;
use messaging::inventory::Decided;
use messaging::publish::Outgoing;
use messaging::stored::Standing;
use messaging::summary::Summary;
use messaging::views::{Messages, Status};
use messaging::{Event, events, header, streams};

/// Longest header that a next attempt takes over.
const HEADER_BYTES_MAX: usize = 1_024;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Retry,
    Cancel,
}

impl Verb {
    /// As what it is counted once it is placed.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Retry => Outcome::Retried,
            Self::Cancel => Outcome::Cancelling,
        }
    }

    /// The state of an order for which this was placed.
    pub(super) fn pending(self) -> OrderState {
        match self {
            Self::Retry => OrderState::Pending,
            Self::Cancel => OrderState::Cancelling,
        }
    }
}

/// Where the last attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OrderState {
    Pending,
    Cancelling,
    Confirmed,
    Refused(String),
    Cancelled,
    /// The messages do not fit together: one was written between two looks.
    Changing,
}

impl OrderState {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Pending | Self::Changing => "pending",
            Self::Cancelling => "cancelling",
            Self::Confirmed => "confirmed",
            Self::Refused(_) => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a command comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// This is placed next.
    Place(Box<Order>),
    /// An earlier call did it.
    Done,
    /// It cannot be.
    No(&'static str),
    LookAgain,
}

/// The last attempt of an order.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    placed: &'a Standing,
    /// The last message where it was placed, behind which the next attempt is.
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    /// Nothing if it cannot be read.
    event: Option<Event<Order>>,
    /// Id of the decision about it.
    decision: String,
    pub(super) state: OrderState,
}

impl<'a> Attempt<'a> {
    pub(super) fn last(messages: &'a Messages) -> Option<Self> {
        let placed = messages.placed.as_ref()?;
        let sequence = messages.placed_last;
        let event: Option<Event<Order>> = serde_json::from_slice(&placed.payload).ok();
        let order = event.as_ref().and_then(|event| event.data.as_ref());
        let fact = messages.last().filter(|fact| fact.sequence > sequence);
        let state = match (fact, messages.status()) {
            (None, _) => match order.is_some_and(|order| order.cancels.is_some()) {
                true => OrderState::Cancelling,
                false => OrderState::Pending,
            },
            (Some(fact), _) if !is_about(fact, sequence) => OrderState::Changing,
            (Some(_), Some(Status::Confirmed)) => OrderState::Confirmed,
            (Some(fact), _) => match fact.header(header::REASON).unwrap_or_default() {
                "cancelled" => OrderState::Cancelled,
                reason => OrderState::Refused(reason.to_owned()),
            },
        };
        let decision = fact.and_then(|fact| fact.header(header::DECISION)).unwrap_or_default();
        Some(Self {
            placed,
            sequence,
            attempt: order.map_or(1, |order| order.attempt),
            decision: decision.to_owned(),
            event,
            state,
        })
    }

    /// What `verb` comes to for the attempt `named`.
    pub(super) fn step(&self, verb: Verb, named: Option<u32>) -> Step {
        if self.state == OrderState::Changing {
            return Step::LookAgain;
        }
        let Some(order) = self.event.as_ref().and_then(|event| event.data.as_ref()) else {
            return Step::No("its message cannot be read as an order");
        };
        let is_cancellation = order.cancels.is_some();
        // The last attempt is what an earlier call of the same kind has placed.
        let is_ours = match verb {
            Verb::Retry => self.attempt > 1 && !is_cancellation,
            Verb::Cancel => is_cancellation,
        };
        match named {
            Some(n) if is_ours && n.checked_add(1) == Some(self.attempt) => return Step::Done,
            Some(n) if n != self.attempt => return Step::No("that is not its last attempt"),
            _ => {}
        }
        match (verb, &self.state) {
            // The attempt before it may still hold its stock.
            (Verb::Retry, OrderState::Refused(_)) if is_cancellation => {
                Step::No("what was refused is its cancellation")
            }
            (Verb::Retry, OrderState::Refused(_) | OrderState::Cancelled) => {
                Step::Place(Box::new(order.again()))
            }
            (Verb::Cancel, OrderState::Confirmed) => {
                let first = || Cancels {
                    attempt: self.attempt,
                    placed: self.placed.sequence,
                    decision: self.decision.clone(),
                };
                // One that stays confirmed after a cancellation is still the attempt before that.
                let cancels = order.cancels.clone().unwrap_or_else(first);
                Step::Place(Box::new(order.cancelling(cancels)))
            }
            (Verb::Retry, OrderState::Pending | OrderState::Confirmed)
                if is_ours && named.is_none() =>
            {
                Step::Done
            }
            (Verb::Cancel, OrderState::Cancelling | OrderState::Cancelled) if named.is_none() => {
                Step::Done
            }
            (Verb::Retry, _) => Step::No("only what is refused can be tried again"),
            (Verb::Cancel, _) => Step::No("only what is confirmed can be cancelled"),
        }
    }

    /// The message that places `order`, the next attempt.
    pub(super) fn message(
        &self,
        subject: String,
        verb: Verb,
        order: &Order,
        traceparent: Option<&str>,
        at: DateTime<Utc>,
    ) -> Outgoing {
        let (kind, name) = match verb {
            Verb::Retry => (events::ORDER_PLACED, "retry"),
            Verb::Cancel => (events::ORDER_CANCELLING, "cancel"),
        };
        let id = format!("{}:{}:{name}", streams::ORDERS, self.sequence);
        let mut event = Event::new(id, SOURCE, kind, &subject, order);
        event.time = Some(at);
        event.partner = Some(order.partner.clone());
        event.file = self.event.as_ref().and_then(|event| event.file.clone());
        event.traceparent = traceparent.map(ToOwned::to_owned);
        let message = Outgoing::new(subject, event.to_bytes());
        // The content and the event that brought it stay, so that the same order is known again.
        let kept = [header::CONTENT, header::EVENT, header::KIND, header::TOTAL, header::FILE];
        let of_customer = [header::CUSTOMER, header::PERSON, header::ORDERED];
        kept.iter()
            .chain(&of_customer)
            .filter_map(|name| Some((name, self.placed.header(name)?)))
            // One that an earlier release placed may have a longer one.
            .filter(|(_, value)| value.len() <= HEADER_BYTES_MAX)
            .fold(message, |message, (name, value)| message.header(name, value))
            .header(header::ATTEMPT, &order.attempt.to_string())
            .header(header::SUMMARY, &Summary::of(order).to_string())
    }
}

/// Is `fact` about the message `sequence`?
fn is_about(fact: &Standing, sequence: u64) -> bool {
    let event: Option<Event<Decided>> = serde_json::from_slice(&fact.payload).ok();
    event.and_then(|event| event.data).is_some_and(|data| data.placed == sequence)
}
