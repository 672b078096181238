//! `POST /amend`: gives an order another content.
//!
//! Of a confirmed order one decision gives the stock back and takes that of the new content, or changes nothing: so the
//! next attempt says which one it replaces. A refused one is tried again with the new content.

use super::attempt::{Attempt, OF_SENDER, OrderState, UNREADABLE};
use super::{AttemptAnswer, AttemptCommand, LOOKS_MAX, unavailable};
use super::{DONE_BEFORE, PLACED, WOULD_BE_PLACED};
use crate::app::{App, now};
use crate::check::{self, Checked, Read, Received};
use crate::http::{self, refusal};
use crate::outcome::Outcome;
use crate::place::is_content;
use crate::placed::Placed;
use crate::priced::Priced;
use crate::prices::Stopped;
use axum::extract::State;
use chassis::{Answer, Body, Trace};
use domain::order::{Amends, Cancels, ORDER_BYTES_MAX};
use domain::person::Person;
use domain::raw::Error;
use domain::{Order, OrderId, PartnerId};
use messaging::earlier::{EARLIER_MAX, Earlier};
use messaging::inventory::{self, HowMuch, Moved};
use messaging::publish::{self, Published};
use messaging::views::{self, Messages};
use messaging::{header, streams};
use runtime::{Problem, heavy};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Most bytes of a body: an order, and which one it replaces.
pub(crate) const BYTES_MAX: u64 = ORDER_BYTES_MAX as u64 + 4_096;
/// Where the order stands in a body.
const PLACE: &str = "order.";

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendCommand {
    #[serde(default = "PartnerId::direct")]
    partner: PartnerId,
    order_id: OrderId,
    /// The attempt whose place the new content takes; the last one if nothing is said. A command that names it
    /// never changes what somebody else has changed meanwhile.
    attempt: Option<u32>,
    /// The whole order as it is to be, with the same number and customer. Without a time it keeps the one it has, and
    /// what was said of the person stays if nothing is said now.
    #[schemars(with = "http::Order")]
    order: Box<RawValue>,
    /// `true`: nothing is placed, and the answer says what would be, or why nothing would. Stock is not looked at.
    #[serde(default)]
    dry_run: bool,
}

/// What a command comes to.
enum Step {
    /// This is placed next.
    Place(Box<Checked>),
    /// The order has this content.
    Done,
    LookAgain,
}

pub(crate) async fn amend(
    State(app): State<Arc<App>>,
    Trace(traceparent): Trace,
    Body(command): Body<AmendCommand>,
) -> Result<Answer<AttemptAnswer>, Problem> {
    let AmendCommand { partner, order_id, attempt, order, dry_run } = command;
    let order_id = OrderId::parse(order_id.as_str()).unwrap_or(order_id);
    let command = AttemptCommand { partner, order_id, attempt, dry_run };
    let AttemptCommand { partner, order_id, .. } = &command;
    let none = || Problem::not_found(format!("there is no order {order_id} of {partner}"));
    let warehouse = app.terms.get().get(partner).ok_or_else(none)?.warehouse.clone();
    app.store
        .check()
        .await
        .map_err(|fault| unavailable(&fault, "nothing is done; the same call again is safe"))?;
    for _ in 0..LOOKS_MAX {
        let messages = views::lookup(&app.nats, &warehouse, partner, order_id).await;
        let messages = messages.map_err(|error| {
            unavailable(&error, "NATS does not answer; the same call again is safe")
        })?;
        let standing = Attempt::last(&messages).ok_or_else(none)?;
        let call = Call { app: &app, command: &command, traceparent: traceparent.as_deref() };
        let next = match call.step(&messages, &standing, order.get().as_bytes()).await? {
            Step::Place(next) => next,
            Step::Done => {
                let Attempt { sequence, attempt, state, .. } = &standing;
                return Ok(Answer::ok(0, &command.done(DONE_BEFORE, *sequence, *attempt, state)));
            }
            Step::LookAgain => continue,
        };
        let state = standing.state.amending();
        let attempt = standing.attempt.saturating_add(1);
        if dry_run {
            let would = command.done(WOULD_BE_PLACED, standing.sequence, attempt, &state);
            return Ok(Answer::ok(0, &would));
        }
        app.keep_person(&next).await?;
        match publish::one(&app.nats, &next.message, Some(standing.sequence)).await {
            Ok(Published::Stored(sequence)) => {
                app.received.add(Outcome::Amending);
                return Ok(Answer::created(&command.done(PLACED, sequence, attempt, &state)));
            }
            // What is kept of the person stays: another call may place the same just now. Of an order that is not
            // placed it expires.
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

impl OrderState {
    /// The state of an order that is amended in this state.
    fn amending(&self) -> Self {
        match self {
            Self::Confirmed => Self::Amending,
            _ => Self::Pending,
        }
    }
}

impl App {
    async fn keep_person(&self, next: &Checked) -> Result<(), Problem> {
        let kept = self.keep_persons(std::slice::from_ref(next)).await;
        match kept.not_yet.into_values().next() {
            None => Ok(()),
            Some(Placed::Impossible(reason)) => Err(Problem::invalid(reason)),
            Some(why) => {
                tracing::warn!(?why, "what an amendment says of a person is not kept");
                Err(Problem::unavailable("the order is not amended; the same call again is safe"))
            }
        }
    }
}

/// One look at one order.
struct Call<'a> {
    app: &'a App,
    command: &'a AttemptCommand,
    traceparent: Option<&'a str>,
}

impl Call<'_> {
    async fn step(
        &self,
        messages: &Messages,
        standing: &Attempt<'_>,
        bytes: &[u8],
    ) -> Result<Step, Problem> {
        let refuse = |reason: &str| Err(self.command.refusal(standing, reason));
        if standing.state == OrderState::Changing {
            return Ok(Step::LookAgain);
        }
        let Some(before) = &standing.order else { return refuse(UNREADABLE) };
        let next = self.checked(standing, before, bytes).await?;
        let is_same = self.is_same(standing, &next, bytes).await?;
        let named = self.command.attempt;
        let is_ours = is_same && standing.is_amended();
        match named {
            Some(n) if is_ours && n.checked_add(1) == Some(standing.attempt) => {
                return Ok(Step::Done);
            }
            Some(n) if n != standing.attempt => return refuse("that is not its last attempt"),
            _ => {}
        }
        match &standing.state {
            OrderState::Refused(_) if before.cancels.is_some() || before.amends.is_some() => {
                refuse("what was refused is its cancellation or amendment")
            }
            OrderState::Refused(_) | OrderState::Cancelled if is_same => {
                refuse("it has this content; orderflow orders retry tries it again")
            }
            OrderState::Confirmed | OrderState::Pending | OrderState::Amending if is_same => {
                Ok(Step::Done)
            }
            OrderState::Pending | OrderState::Amending | OrderState::Cancelling => {
                refuse("it is not decided yet; amend it when it is, as orderflow orders get shows")
            }
            OrderState::Confirmed => match inventory::moved(messages) {
                Moved { shipped: HowMuch::Nothing, back: HowMuch::Nothing } => {
                    self.compared(next).await
                }
                Moved { shipped: HowMuch::Nothing, .. } => refuse(
                    "something of it was returned, so that it is not amended; what is left can be returned",
                ),
                Moved { .. } => refuse(
                    "something of it was shipped, so that it is not amended; what comes back is returned",
                ),
            },
            OrderState::Refused(_) | OrderState::Cancelled => self.compared(next).await,
            OrderState::Changing => Ok(Step::LookAgain),
        }
    }

    /// The message that gives the order this content.
    async fn checked(
        &self,
        standing: &Attempt<'_>,
        before: &Order,
        bytes: &[u8],
    ) -> Result<Checked, Problem> {
        let app = self.app;
        let id = format!("{}:{}:amend", streams::ORDERS, standing.sequence);
        let terms = app.terms.get();
        let received = Received {
            event: &id,
            source: check::SOURCE,
            sender: Some(&self.command.partner),
            file: standing.file.as_deref(),
            traceparent: self.traceparent,
            at: before.ordered_at,
            bytes,
        };
        let read = {
            let _turn = app.reading.acquire().await;
            heavy(bytes.len(), || check::read(&received, &terms, &app.keyed))
        };
        let Read { order, content, named, terms } =
            read.map_err(|error| self.rejected(refusal(error, PLACE)))?;
        if order.order_id != before.order_id {
            let reason = format!("is {}, but {} is amended", order.order_id, before.order_id);
            return Err(self.wrong("order.order_id", reason));
        }
        if let Some((field, reason)) = order.amend_problem(before) {
            return Err(self.wrong(field, reason));
        }
        let order = replacing(standing, before, order);
        // A customer's number may be personal, and say nothing else.
        let says_nothing = named.as_ref().is_none_or(|(_, person)| *person == Person::default());
        let keeps = says_nothing && standing.placed.header(header::PERSON).is_some();
        let said = named.filter(|_| !keeps);
        let country = match &said {
            Some((_, person)) => check::country(person),
            None => before.region.clone(),
        };
        let person = said.map(|named| app.keyed.taken(&order, named));
        let order = Order { region: order.region.clone().or(country), ..order };
        // The event is of now, whenever it was ordered.
        let received = Received { at: now(), ..received };
        let message = check::message(&received, &order, &content, person.as_ref())
            .map_err(|error| self.rejected(refusal(error, PLACE)))?;
        let earlier = Earlier::list(standing.placed).ok_or_else(|| {
            let reason = format!(
                "it was amended {EARLIER_MAX} times, the limit; cancel it and send another order"
            );
            self.command.refusal(standing, &reason)
        })?;
        let message = message
            .header(header::AMENDS, &standing.attempt.to_string())
            .header(header::EARLIER, &earlier);
        let message = standing.keeping(message, &OF_SENDER);
        // Without the time: a card is moved only by what is said now.
        let message = match keeps {
            true => standing.keeping(message, &[header::PERSON]),
            false => message,
        };
        let priced = Priced::of(terms, &order).map(|priced| priced.amending(&before.lines));
        Ok(Checked {
            event: id.clone(),
            source: check::SOURCE.to_owned(),
            file: standing.file.clone(),
            partner: order.partner,
            order_id: order.order_id,
            warehouse: order.warehouse,
            content,
            person,
            priced,
            message,
        })
    }

    /// Does the order have this content, and say this of the person?
    async fn is_same(
        &self,
        standing: &Attempt<'_>,
        next: &Checked,
        bytes: &[u8],
    ) -> Result<bool, Problem> {
        let placed = standing.placed;
        let own = Earlier::own(placed);
        if is_content(next, bytes, own.content) != Some(true) {
            return Ok(false);
        }
        // What it keeps of the person is the same.
        let Some(taken) = &next.person else { return Ok(true) };
        if own.person == Some(&taken.digest) {
            return Ok(true);
        }
        self.app.is_same_person(next, placed, own.person).await.map_err(|why| {
            tracing::warn!(?why, "an amendment is not compared with the order");
            Problem::unavailable("NATS does not answer; the same call again is safe")
        })
    }

    /// Compares the new prices with the catalogue, for partners that want it.
    async fn compared(&self, next: Checked) -> Result<Step, Problem> {
        let catalogue = &self.app.catalogue;
        let known = match next.priced {
            Some(_) => catalogue.known().await,
            None => Ok(()),
        };
        match catalogue.compare(&next, &known).await {
            Ok(()) => Ok(Step::Place(Box::new(next))),
            Err(Stopped::Waits(reason)) => Err(Problem::unavailable(format!(
                "the order is not amended: {reason}; the same call again is safe"
            ))),
            Err(Stopped::Refused(problems)) => {
                Err(self.rejected(refusal(Error::Invalid(problems), PLACE)))
            }
        }
    }

    fn wrong(&self, field: &str, reason: String) -> Problem {
        let detail = "the order cannot be amended so; nothing is changed";
        self.rejected(Problem::invalid(detail).field(field, reason))
    }

    fn rejected(&self, problem: Problem) -> Problem {
        self.app.received.add(Outcome::Rejected);
        problem
    }
}

/// `order` as the attempt that takes the place of `before`, which is confirmed; of one that is not, as the next one.
fn replacing(standing: &Attempt<'_>, before: &Order, order: Order) -> Order {
    let attempt = standing.attempt.saturating_add(1);
    if matches!(standing.state, OrderState::Refused(_) | OrderState::Cancelled) {
        return Order { attempt, ..order };
    }
    let Cancels { attempt: of, placed, decision } = standing.confirmed(before);
    let content = Order { cancels: None, amends: None, ..before.clone() };
    let (total, content) = (before.total, Some(Box::new(content)));
    order.amending(attempt, Amends { attempt: of, placed, decision, total, order: content })
}
