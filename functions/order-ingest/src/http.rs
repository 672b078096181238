//! `POST /`: events from the connector, or one order from anybody else.

use crate::app::{App, now};
use crate::check::{self, Checked};
use crate::outcome::Outcome;
use crate::placed::{Differs, Placed};
use crate::prices::Stopped;
use crate::{envelope, media};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chassis::{Answer, Either, Raw};
use domain::charge::ChargeKind;
use domain::order::{Metadata, ORDER_BYTES_MAX};
use domain::person::Person;
use domain::raw;
use domain::{CustomerId, OrderId, PartnerId, ProductId};
use messaging::Event;
use runtime::events::{self, Batch};
use runtime::{Caller, Door, Entrance, Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// When an order comes again for which the server's answer did not come.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// When an order of a file comes again whose partner is not known. Ten attempts take longer than a
/// cluster takes to hand a new configuration to every pod.
const KNOWN_AFTER: Duration = Duration::from_secs(30);

/// The connector sends events; of everybody else one order is taken, through the door `order`. A list of events
/// needs the connector's token.
pub(crate) fn entrance(order: Door) -> Entrance {
    let by = move |caller: Caller, headers: &HeaderMap| match caller {
        Caller::Connector => Door::Connector,
        _ if Batch::is_list(headers) => Door::Connector,
        _ => order,
    };
    Entrance::by(by).bodies_up_to(ORDER_BYTES_MAX as u64)
}

/// An order as most people send it; docs/EVENTS.md has every form that is read.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read for its description only")]
pub(crate) struct Order {
    /// The sender's number of the order.
    order_id: OrderId,
    /// Whose order it is; `DIRECT` if nothing is said.
    partner: Option<PartnerId>,
    /// The sender's number of the customer, or what is known of them.
    customer: Option<Buyer>,
    /// ISO 4217; that of the partner if nothing is said.
    currency: Option<String>,
    /// RFC 3339; when it came, if nothing is said.
    timestamp: Option<String>,
    region: Option<String>,
    /// 1 to 1,000. One line may stand at the top instead, as `product_id`, `quantity` and `price`.
    lines: Vec<Line>,
    /// What is added to the lines or taken off: at most 100.
    charges: Option<Vec<Charge>>,
    /// The tax that the sender has calculated; no part of the total.
    tax_given: Option<f64>,
    /// Passed on with the order: at most 20 pairs of 4 KiB together.
    metadata: Option<Metadata>,
    /// Of a return: the sale of the same partner that it gives back. Then no more than is left of it.
    returns: Option<OrderId>,
    /// What lines and charges add up to, if it is said.
    total: Option<f64>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read for its description only")]
enum Buyer {
    Number(String),
    Customer(Box<Customer>),
}

/// Without an `id` a guest.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read for its description only")]
struct Customer {
    id: Option<CustomerId>,
    vip: Option<bool>,
    #[serde(flatten)]
    person: Person,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "read for its description only")]
struct Charge {
    kind: ChargeKind,
    description: Option<String>,
    /// Below zero, what it takes off.
    amount: f64,
    tax_category: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "read for its description only")]
struct Line {
    product_id: ProductId,
    /// Not 0; below zero in a return.
    quantity: i64,
    /// At most four decimal places.
    unit_price: f64,
    description: Option<String>,
    category: Option<String>,
    /// What is taken off all its pieces.
    discount: Option<f64>,
    tax_category: Option<String>,
}

/// What became of one order.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Receipt {
    partner: PartnerId,
    order_id: OrderId,
    /// `placed`, or `duplicate`: the same order came before.
    status: &'static str,
    /// Its stream sequence.
    sequence: u64,
}

type Received = Either<Result<Answer<Receipt>, Problem>, Result<events::Answer, Problem>>;

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    caller: Caller,
    owner: Owner,
    raw: Raw<Order>,
) -> Received {
    let Raw { headers, bytes, .. } = raw;
    if caller != Caller::Connector {
        return Either::Left(one(&app, &owner, &headers, &bytes).await);
    }
    match heavy(bytes.len(), || Batch::parse(&headers, &bytes)) {
        Ok(batch) => {
            // The events have what they need of it.
            drop(bytes);
            Either::Right(Ok(events(&app, &batch).await))
        }
        Err(problem) => Either::Right(Err(problem)),
    }
}

/// A batch of what came on the subject `orders`.
async fn events(app: &App, batch: &Batch) -> events::Answer {
    let (orders, sources, mut answer) = {
        let _turn = app.reading.acquire().await;
        heavy(batch.bytes(), || read(app, batch))
    };
    let (orders, sources) = compared(app, orders, sources, &mut answer).await;
    let came = |index: usize| {
        let bytes = sources.get(index).map(|(_, event)| check::bytes(event));
        bytes.and_then(Result::ok).unwrap_or_default()
    };
    let placed = app.place(&orders, came).await;
    for ((given, _), placed) in sources.iter().zip(placed) {
        match placed {
            Placed::Now(_) | Placed::Before(_) | Placed::Duplicate(_) | Placed::Conflict(_) => {}
            // Not the order's fault, however long it lasts.
            Placed::Unclear(reason) | Placed::NotNow(reason) => {
                answer.wait(given, reason, ASK_AGAIN, 0);
            }
            Placed::Impossible(reason) => answer.reject(given, reason),
        }
    }
    answer
}

/// Those whose prices are no reason against them.
async fn compared<'a>(
    app: &App,
    orders: Vec<Checked>,
    sources: Vec<Source<'a>>,
    answer: &mut events::Answer,
) -> (Vec<Checked>, Vec<Source<'a>>) {
    if orders.iter().all(|order| order.priced.is_none()) {
        return (orders, sources);
    }
    let known = app.catalogue.known().await;
    let (mut good, mut of_good) = (Vec::new(), Vec::new());
    for (order, source) in orders.into_iter().zip(sources) {
        match app.catalogue.compare(&order, &known).await {
            Ok(()) => {
                good.push(order);
                of_good.push(source);
            }
            Err(Stopped::Waits(reason)) => answer.wait(source.0, reason, ASK_AGAIN, 0),
            Err(Stopped::Refused(problems)) => {
                app.received.add(Outcome::Rejected);
                answer.reject(source.0, raw::Error::Invalid(problems).to_string());
            }
        }
    }
    (good, of_good)
}

type Source<'a> = (&'a events::Event, Event<Box<RawValue>>);

/// The orders of a batch, each with what brought it, and what is said of the others.
fn read<'a>(app: &App, batch: &'a Batch) -> (Vec<Checked>, Vec<Source<'a>>, events::Answer) {
    let mut answer = events::Answer::done();
    let mut orders = Vec::with_capacity(batch.events.len());
    let mut sources = Vec::with_capacity(batch.events.len());
    let terms = app.terms.get();
    for given in &batch.events {
        match check::event(given, &terms, &app.types, &app.keyed, now) {
            Ok((order, event)) => {
                orders.push(order);
                sources.push((given, event));
            }
            Err(error) if check::is_early(given, &terms, &app.types) => {
                answer.retry(given, error.to_string(), Some(KNOWN_AFTER));
            }
            Err(error) => {
                app.received.add(Outcome::Rejected);
                answer.reject(given, error.to_string());
            }
        }
    }
    (orders, sources, answer)
}

/// One order by HTTP.
async fn one(
    app: &App,
    owner: &Owner,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Answer<Receipt>, Problem> {
    media::check(headers).inspect_err(|_| app.received.add(Outcome::Rejected))?;
    let checked = {
        let _turn = app.reading.acquire().await;
        heavy(bytes.len(), || order(app, headers, bytes))
    };
    let (order, event) = checked.map_err(|error| {
        app.received.add(Outcome::Rejected);
        refusal(error, "")
    })?;
    if let Some(own) = owner.0.as_deref().filter(|own| *own != order.partner.as_str()) {
        let partner = &order.partner;
        let detail =
            format!("this token places orders of partner {own}, and this one is of {partner}");
        app.received.add(Outcome::Rejected);
        return Err(Problem::new(StatusCode::FORBIDDEN).detail(detail));
    }
    let known = match order.priced {
        Some(_) => app.catalogue.known().await,
        None => Ok(()),
    };
    app.catalogue.compare(&order, &known).await.map_err(|stopped| match stopped {
        Stopped::Waits(reason) => Problem::unavailable(format!(
            "the order is not placed: {reason}; sending it again is safe"
        )),
        Stopped::Refused(problems) => {
            app.received.add(Outcome::Rejected);
            refusal(raw::Error::Invalid(problems), "")
        }
    })?;
    let came = |_| match &event {
        Some(event) => check::bytes(event).unwrap_or_default(),
        None => bytes.into(),
    };
    let placed = app.place(std::slice::from_ref(&order), came).await;
    let receipt = |status, sequence| {
        let (partner, order_id) = (order.partner.clone(), order.order_id.clone());
        Receipt { partner, order_id, status, sequence }
    };
    match placed.into_iter().next() {
        Some(Placed::Now(n)) => Ok(Answer::created(&receipt("placed", n))),
        Some(Placed::Before(n) | Placed::Duplicate(n)) => {
            Ok(Answer::ok(0, &receipt("duplicate", n)))
        }
        Some(Placed::Conflict(differs)) => {
            let (order_id, partner) = (&order.order_id, &order.partner);
            let differs = match differs {
                Differs::Content => "other content",
                Differs::Person => "another person",
            };
            let detail = format!("order {order_id} of {partner} exists with {differs}");
            Err(Problem::conflict(detail))
        }
        Some(Placed::NotNow(reason)) => {
            let detail = format!("the order is not placed: {reason}; sending it again is safe");
            Err(Problem::unavailable(detail))
        }
        Some(Placed::Impossible(reason)) => Err(Problem::invalid(reason)),
        Some(Placed::Unclear(_)) => {
            let detail = "nobody knows whether the order is placed; sending it again is safe";
            Err(Problem::unavailable(detail))
        }
        None => Err(Problem::internal()),
    }
}

/// An order, and the event that brought it, if one did.
type Brought = (Checked, Option<Event<Box<RawValue>>>);

/// The order of a request.
fn order(app: &App, headers: &HeaderMap, bytes: &[u8]) -> Result<Brought, raw::Error> {
    let terms = app.terms.get();
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    if let Some(json) = envelope::of_request(headers, bytes) {
        let mut event = envelope::read_json(&json)?;
        event.traceparent = event.traceparent.or_else(|| traceparent.map(ToOwned::to_owned));
        let order = check::whole(&event, &terms, &app.types, &app.keyed, now)?;
        return Ok((order, Some(event)));
    }
    let call = headers.get("x-call-id").and_then(|id| id.to_str().ok());
    let event = format!("http:{}", call.unwrap_or("unknown"));
    let received = check::Received {
        event: &event,
        source: "",
        sender: None,
        file: None,
        traceparent,
        at: now(),
        bytes,
    };
    Ok((check::check(&received, &terms, &app.keyed)?, None))
}

/// 413 for too much, 400 for what is no JSON, 422 for what breaks rules; each field is named, and stands in the body
/// below `place`.
pub(crate) fn refusal(error: raw::Error, place: &str) -> Problem {
    let no_order = "this is not an order that can be placed";
    let (status, detail) = match error {
        raw::Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, no_order),
        raw::Error::Unreadable(_) => (
            StatusCode::BAD_REQUEST,
            "the body is not JSON that can be read; an order is a JSON object",
        ),
        raw::Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, no_order),
    };
    let problem = Problem::new(status).detail(detail);
    let found = error.into_problems().into_iter();
    found.fold(problem, |problem, found| {
        problem.field(format!("{place}{}", found.field), found.reason)
    })
}
