//! Where the last attempt of an order stands, and what may follow it. No IO.

use crate::check::SOURCE;
use crate::outcome::Outcome;
use chrono::{DateTime, Utc};
use domain::Order;
use domain::order::Cancels;
use messaging::inventory::{self, Decided};
use messaging::publish::Outgoing;
use messaging::stored::Standing;
use messaging::views::{Messages, Status};
use messaging::{Event, events, header, streams};

/// Longest header that a next attempt takes over.
const HEADER_BYTES_MAX: usize = 4_096;

/// Headers that say what brought the order.
pub(super) const OF_SENDER: [&str; 2] = [header::EVENT, header::FILE];
/// Headers that say where is kept what it says of a person.
const OF_PERSON: [&str; 2] = [header::PERSON, header::ORDERED];
/// Why nothing may follow an attempt.
pub(super) const UNREADABLE: &str = "its message cannot be read as an order";

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
    Amending,
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
            Self::Amending => "amending",
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
    pub(super) placed: &'a Standing,
    /// The last message where it was placed, behind which the next attempt is.
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    /// SHA-256 of the file that it came in.
    pub(super) file: Option<String>,
    /// Nothing if it cannot be read.
    pub(super) order: Option<Order>,
    /// Id of the decision about it.
    decision: String,
    pub(super) state: OrderState,
}

impl<'a> Attempt<'a> {
    pub(super) fn last(messages: &'a Messages) -> Option<Self> {
        let placed = messages.placed.as_ref()?;
        let sequence = messages.placed_last;
        let event: Option<Event> = serde_json::from_slice(&placed.payload).ok();
        let order = inventory::placed_order(&placed.payload);
        let fact = messages.last().filter(|fact| fact.sequence > sequence);
        let state = match (fact, messages.status()) {
            (None, _) => match &order {
                Some(Order { cancels: Some(_), .. }) => OrderState::Cancelling,
                Some(Order { amends: Some(_), .. }) => OrderState::Amending,
                _ => OrderState::Pending,
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
            attempt: order.as_ref().map_or(1, |order| order.attempt),
            decision: decision.to_owned(),
            file: event.and_then(|event| event.file),
            order,
            state,
        })
    }

    /// What `verb` comes to for the attempt `named`.
    pub(super) fn step(&self, verb: Verb, named: Option<u32>) -> Step {
        if self.state == OrderState::Changing {
            return Step::LookAgain;
        }
        let Some(order) = &self.order else { return Step::No(UNREADABLE) };
        let is_cancellation = order.cancels.is_some();
        // The last attempt is what an earlier call of the same kind has placed.
        let is_ours = match verb {
            Verb::Retry => self.attempt > 1 && !is_cancellation && !self.is_amended(),
            Verb::Cancel => is_cancellation,
        };
        match named {
            Some(n) if is_ours && n.checked_add(1) == Some(self.attempt) => return Step::Done,
            Some(n) if n != self.attempt => return Step::No("that is not its last attempt"),
            _ => {}
        }
        match (verb, &self.state) {
            // The attempt before it may still hold its stock.
            (Verb::Retry, OrderState::Refused(_)) if is_cancellation || order.amends.is_some() => {
                Step::No("what was refused is its cancellation or amendment")
            }
            (Verb::Retry, OrderState::Refused(_) | OrderState::Cancelled) => {
                Step::Place(Box::new(order.again()))
            }
            (Verb::Cancel, OrderState::Confirmed) => {
                Step::Place(Box::new(order.cancelling(self.confirmed(order))))
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

    /// The attempt that is confirmed, `order`: one that stays so after a cancellation is still the attempt before that.
    pub(super) fn confirmed(&self, order: &Order) -> Cancels {
        let this = || Cancels {
            attempt: self.attempt,
            placed: self.placed.sequence,
            decision: self.decision.clone(),
        };
        order.cancels.clone().unwrap_or_else(this)
    }

    /// Has it another content than the attempt before it?
    pub(super) fn is_amended(&self) -> bool {
        self.placed.header(header::AMENDS).is_some()
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
        event.file.clone_from(&self.file);
        event.traceparent = traceparent.map(ToOwned::to_owned);
        let message = Outgoing::new(subject, event.to_bytes());
        // The content and the event that brought it stay, so that the same order is known again.
        let of_order =
            [header::CONTENT, header::EARLIER, header::KIND, header::TOTAL, header::CUSTOMER];
        let message = self.keeping(message, &of_order);
        let message = self.keeping(message, &OF_SENDER);
        let message = self.keeping(message, &OF_PERSON);
        message.header(header::ATTEMPT, &order.attempt.to_string())
    }

    /// `message` with these headers of this attempt.
    pub(super) fn keeping(&self, message: Outgoing, names: &[&'static str]) -> Outgoing {
        let headers = names.iter().filter_map(|name| Some((name, self.placed.header(name)?)));
        headers
            // One that an earlier release placed may have a longer one.
            .filter(|(_, value)| value.len() <= HEADER_BYTES_MAX)
            .fold(message, |message, (name, value)| message.header(name, value))
    }
}

/// Is `fact` about the message `sequence`?
fn is_about(fact: &Standing, sequence: u64) -> bool {
    let event: Option<Event<Decided>> = serde_json::from_slice(&fact.payload).ok();
    event.and_then(|event| event.data).is_some_and(|data| data.placed == sequence)
}
