//! `POST /retry`, `POST /cancel` and `POST /amend`: the next attempt of an order.
//!
//! It is published on the order's own subject and expects the attempt before it to be the last one.
//! What became of an attempt never changes, so that a command that lands late, or beside another,
//! either follows what it was made for or is refused by the server.

mod amend;
mod attempt;

pub(crate) use amend::{BYTES_MAX as AMEND_BYTES_MAX, amend};

use attempt::{Attempt, OrderState, Step, Verb};

use crate::app::{App, now};
use axum::extract::State;
use chassis::{Answer, Body, Trace};
use domain::{OrderId, PartnerId};
use messaging::publish::{self, Published};
use messaging::subject::{self, Stage};
use messaging::views;
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How often an order is looked at again that another command has just changed.
const LOOKS_MAX: u32 = 5;

/// The body of a retry and a cancellation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttemptCommand {
    #[serde(default = "PartnerId::direct")]
    partner: PartnerId,
    order_id: OrderId,
    /// The attempt that is to be tried again or cancelled; the last one if nothing is said. A
    /// command that names it can be repeated at any time.
    attempt: Option<u32>,
    /// `true`: nothing is placed, and the answer says what would be, or why nothing would.
    #[serde(default)]
    dry_run: bool,
}

/// What is answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AttemptAnswer {
    partner: PartnerId,
    order_id: OrderId,
    /// The attempt that was placed or, in a dry run, would be; or the last one.
    attempt: u32,
    /// What the order is now; in a dry run, what it would be.
    state: String,
    /// The stream sequence of that attempt; in a dry run, of the last one.
    sequence: u64,
    /// `placed`, `done before` or, in a dry run, `would be placed`.
    status: &'static str,
}

pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    trace: Trace,
    Body(command): Body<AttemptCommand>,
) -> Result<Answer<AttemptAnswer>, Problem> {
    run(&app, Verb::Retry, trace, command).await
}

pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    trace: Trace,
    Body(command): Body<AttemptCommand>,
) -> Result<Answer<AttemptAnswer>, Problem> {
    run(&app, Verb::Cancel, trace, command).await
}

async fn run(
    app: &App,
    verb: Verb,
    Trace(traceparent): Trace,
    command: AttemptCommand,
) -> Result<Answer<AttemptAnswer>, Problem> {
    let AttemptCommand { partner, order_id, .. } = &command;
    let none = || Problem::not_found(format!("there is no order {order_id} of {partner}"));
    let terms = app.terms.get();
    let terms = terms.get(partner).ok_or_else(none)?;
    let shown = OrderId::parse(order_id.as_str()).ok();
    let mut order_id = order_id;
    app.store
        .check()
        .await
        .map_err(|fault| unavailable(&fault, "nothing is done; the same call again is safe"))?;
    for _ in 0..LOOKS_MAX {
        let messages =
            views::lookup(&app.nats, &terms.warehouse, partner, order_id).await.map_err(
                |error| unavailable(&error, "NATS does not answer; the same call again is safe"),
            )?;
        let Some(standing) = Attempt::last(&messages) else {
            // The same text may be written in several ways; it is placed under the usual one.
            order_id = shown.as_ref().filter(|shown| *shown != order_id).ok_or_else(none)?;
            continue;
        };
        let (expected, order) = match standing.step(verb, command.attempt) {
            Step::Place(order) => (standing.sequence, order),
            Step::Done => {
                let Attempt { sequence, attempt, state, .. } = &standing;
                return Ok(Answer::ok(0, &command.done(DONE_BEFORE, *sequence, *attempt, state)));
            }
            Step::No(reason) => return Err(command.refusal(&standing, reason)),
            Step::LookAgain => continue,
        };
        if command.dry_run {
            let would = command.done(WOULD_BE_PLACED, expected, order.attempt, &verb.pending());
            return Ok(Answer::ok(0, &would));
        }
        let subject = subject::order(Stage::Placed, &terms.warehouse, partner, order_id);
        let message = standing.message(subject, verb, &order, traceparent.as_deref(), now());
        match publish::one(&app.nats, &message, Some(expected)).await {
            Ok(Published::Stored(sequence)) => {
                app.received.add(verb.outcome());
                let state = verb.pending();
                let done = command.done(PLACED, sequence, order.attempt, &state);
                return Ok(Answer::created(&done));
            }
            Ok(Published::Occupied) => {}
            Err(unclear) if unclear.is_permanent() => {
                return Err(Problem::invalid(unclear.to_string()));
            }
            Err(unclear) => {
                let detail = match unclear.is_certain() {
                    true => format!("it is not done; the same call again is safe: {unclear}"),
                    false => {
                        "nobody knows whether it is done; the same call again is safe".to_owned()
                    }
                };
                return Err(unavailable(&unclear, &detail));
            }
        }
    }
    Err(Problem::unavailable("the order is changing just now; try again"))
}

fn unavailable(error: &(dyn std::error::Error + 'static), detail: &str) -> Problem {
    tracing::warn!(error, "the next attempt is not placed");
    Problem::unavailable(detail)
}

/// What a command came to.
const PLACED: &str = "placed";
const DONE_BEFORE: &str = "done before";
const WOULD_BE_PLACED: &str = "would be placed";

impl AttemptCommand {
    fn done(
        &self,
        status: &'static str,
        sequence: u64,
        attempt: u32,
        state: &OrderState,
    ) -> AttemptAnswer {
        let (partner, order_id) = (self.partner.clone(), self.order_id.clone());
        AttemptAnswer {
            partner,
            order_id,
            attempt,
            state: state.as_str().to_owned(),
            sequence,
            status,
        }
    }

    fn refusal(&self, standing: &Attempt<'_>, reason: &str) -> Problem {
        let (state, attempt) = (standing.state.as_str(), standing.attempt);
        let Self { partner, order_id, .. } = self;
        let detail =
            format!("order {order_id} of {partner} is {state} (attempt {attempt}): {reason}");
        let problem = Problem::conflict(detail).with("state", state).with("attempt", attempt);
        match &standing.state {
            OrderState::Refused(reason) => problem.with("reason", reason.clone()),
            _ => problem,
        }
    }
}
