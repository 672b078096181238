//! The journal of a warehouse's invoices.

use crate::facts;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::WarehouseId;
use domain::invoice::{Asked, Body, HeldWhat, State};
use messaging::publish::Outgoing;
use messaging::subject::{self, Stage};
use messaging::{Nats, streams};
use state::journal::rebase::{self, Lane, Move, Survey};
use state::journal::{
    self, Applied, Book, DecidedInput, Entry, Journal, LogError, NatsLog, Verification, VerifyError,
};

/// The book of one warehouse.
#[derive(Clone, Debug)]
pub struct Invoices {
    warehouse: WarehouseId,
}

/// The journal of one warehouse on NATS.
pub type InvoicesJournal = Journal<Invoices, NatsLog>;

/// Which day it is in a time zone of the configuration, which knows all its names.
#[must_use]
pub fn day(zone: &str, at: DateTime<Utc>) -> NaiveDate {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    at.with_timezone(&zone).date_naive()
}

/// Opens the journal of `warehouse`, of which nothing is removed.
#[must_use]
pub fn journal(nats: &Nats, warehouse: &WarehouseId) -> InvoicesJournal {
    let subject = subject::invoices_journal(warehouse);
    let log = NatsLog::new(nats.clone(), subject.clone());
    Journal::new(subject, Invoices::new(warehouse.clone()), log)
}

/// Reads the whole journal of `warehouse` and all its facts.
///
/// # Errors
/// The server does not answer.
pub async fn verify(
    nats: &Nats,
    warehouse: &WarehouseId,
    now: DateTime<Utc>,
) -> Result<Verification<State>, VerifyError> {
    let book = Invoices::new(warehouse.clone());
    journal::verify(nats, &subject::invoices_journal(warehouse), &book, now).await
}

/// Compares the input of a warehouse's lane with its journal, as [`rebase::survey`] says.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn survey(nats: &Nats, warehouse: &WarehouseId) -> Result<Survey, LogError> {
    let names = Names::of(warehouse);
    rebase::survey(nats, &journal(nats, warehouse), &names.lane()).await
}

/// Goes on elsewhere in the input, as [`rebase::apply`] says.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn go_on(
    nats: &Nats,
    warehouse: &WarehouseId,
    going: &Move,
    reason: &str,
    progress: impl FnMut(usize),
) -> Result<Applied, journal::Error> {
    let names = Names::of(warehouse);
    let journal = journal(nats, warehouse);
    rebase::apply(nats, &journal, &names.lane(), going, reason, progress).await
}

/// What the lane of a warehouse is called.
struct Names {
    journal: String,
    book: Invoices,
    filter: String,
}

impl Names {
    fn of(warehouse: &WarehouseId) -> Self {
        Self {
            journal: subject::invoices_journal(warehouse),
            book: Invoices::new(warehouse.clone()),
            filter: subject::of_warehouse(warehouse),
        }
    }

    fn lane(&self) -> Lane<'_, Invoices> {
        let Self { journal, book, filter } = self;
        Lane { journal, book, stream: streams::ORDERS, filter }
    }
}

impl Invoices {
    /// The book of `warehouse`.
    #[must_use]
    pub fn new(warehouse: WarehouseId) -> Self {
        Self { warehouse }
    }
}

impl Book for Invoices {
    type Body = Body;
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, body: &Body) {
        state.apply(body);
    }

    fn facts(&self, _: u64, entry: &Entry<Body>) -> Vec<Outgoing> {
        facts::of(&self.warehouse, entry)
    }

    fn fact_filters(&self) -> Vec<String> {
        let of = |facts: &str| format!("{facts}.{}.>", self.warehouse);
        ["invoices.issued", "invoices.balance", "errors.billing"].map(of).into()
    }

    /// Those that asked for a document; each asks once.
    fn decides(&self, body: &Body) -> Vec<DecidedInput> {
        let decided = |asked: &Asked| {
            let Asked { fact, what, partner, order_id, attempt } = asked;
            let stage = match what {
                HeldWhat::Invoice | HeldWhat::Return => Stage::Confirmed,
                HeldWhat::Cancellation | HeldWhat::ReturnCancelled => Stage::Refused,
            };
            let what = what.as_str();
            DecidedInput {
                sequence: *fact,
                subject: Some(subject::order(stage, &self.warehouse, partner, order_id)),
                once: Some(format!("{what} of attempt {attempt} of order {order_id} of {partner}")),
                attempt: *attempt,
            }
        };
        body.asked.iter().map(decided).collect()
    }
}
