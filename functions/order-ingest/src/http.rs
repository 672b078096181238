//! `POST /`: a batch from the connector, or one order.

use crate::check::{self, Checked, Received};
use crate::place::Placed;
use crate::{App, now};
use crate::{envelope, media};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::order::ORDER_BYTES_MAX;
use domain::raw;
use messaging::Event;
use messaging::envelope::binary;
use runtime::events::{self, Answer, Batch};
use runtime::{Door, Entrance, Problem, heavy};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// When an order comes again for which the server's answer did not come.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// When an order of a file comes again whose partner is not known. Ten attempts take longer than a
/// cluster takes to hand a new configuration to every pod.
const KNOWN_AFTER: Duration = Duration::from_secs(30);

/// A batch needs the connector's token, an order that of a shop, or none at all with `open`.
pub(crate) fn entrance(open: bool) -> Entrance {
    let order = if open { Door::Open } else { Door::Orders };
    let by = move |headers: &HeaderMap| match Batch::is_announced(headers) {
        true => Door::Connector,
        false => order,
    };
    Entrance::by(by).bodies_up_to(ORDER_BYTES_MAX as u64)
}

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if Batch::is_announced(&headers) {
        return match heavy(body.len(), || Batch::parse(&headers, &body)) {
            Ok(batch) => {
                // The events have what they need of it.
                drop(body);
                events(&app, &batch).await.into_response()
            }
            Err(problem) => problem.into_response(),
        };
    }
    match one(&app, &headers, &body).await {
        Ok(response) | Err(response) => response,
    }
}

/// A batch of what came on the subject `orders`.
async fn events(app: &App, batch: &Batch) -> Answer {
    let (orders, sources, mut answer) = {
        let _turn = app.reading.acquire().await;
        heavy(batch.bytes(), || read(app, batch))
    };
    let came = |index: usize| {
        let bytes = sources.get(index).map(|(_, event)| check::bytes(event));
        bytes.and_then(Result::ok).unwrap_or_default()
    };
    let placed = app.place(&orders, came).await;
    for ((given, _), placed) in sources.iter().zip(placed) {
        match placed {
            Placed::Now(_) | Placed::Before(_) | Placed::Duplicate(_) | Placed::Conflict => {}
            // Not the order's fault, however long it lasts.
            Placed::Unclear(reason) | Placed::NotNow(reason) => {
                answer.wait(given, reason, ASK_AGAIN, 0);
            }
            Placed::Impossible(reason) => answer.reject(given, reason),
        }
    }
    answer
}

type Source<'a> = (&'a events::Event, Event<Box<RawValue>>);

/// The orders of a batch, each with what brought it, and what is said of the others.
fn read<'a>(app: &App, batch: &'a Batch) -> (Vec<Checked>, Vec<Source<'a>>, Answer) {
    let mut answer = Answer::done();
    let mut orders = Vec::with_capacity(batch.events.len());
    let mut sources = Vec::with_capacity(batch.events.len());
    let terms = app.terms.get();
    for given in &batch.events {
        match check::event(given, &terms, &app.types, now) {
            Ok((order, event)) => {
                orders.push(order);
                sources.push((given, event));
            }
            Err(error) if check::is_early(given, &terms, &app.types) => {
                answer.retry(given, error.to_string(), Some(KNOWN_AFTER));
            }
            Err(error) => {
                app.count("rejected");
                answer.reject(given, error.to_string());
            }
        }
    }
    (orders, sources, answer)
}

/// One order by HTTP.
async fn one(app: &App, headers: &HeaderMap, bytes: &[u8]) -> Result<Response, Response> {
    media::check(headers).map_err(|problem| {
        app.count("rejected");
        problem.into_response()
    })?;
    let checked = {
        let _turn = app.reading.acquire().await;
        heavy(bytes.len(), || order(app, headers, bytes))
    };
    let order = checked.map_err(|error| {
        app.count("rejected");
        refusal(error).into_response()
    })?;
    let placed = app.place(std::slice::from_ref(&order), |_| bytes.into()).await;
    let body = |status: &str, sequence: u64| {
        Json(serde_json::json!({
            "partner": order.partner, "order_id": order.order_id, "status": status,
            "sequence": sequence,
        }))
    };
    match placed.into_iter().next() {
        Some(Placed::Now(n)) => Ok((StatusCode::CREATED, body("placed", n)).into_response()),
        Some(Placed::Before(n) | Placed::Duplicate(n)) => Ok(body("duplicate", n).into_response()),
        Some(Placed::Conflict) => {
            let detail =
                format!("order {} of {} exists with other content", order.order_id, order.partner);
            Err(Problem::conflict(detail).into_response())
        }
        Some(Placed::NotNow(reason)) => {
            let detail = format!("the order is not placed: {reason}; sending it again is safe");
            Err(Problem::unavailable(detail).into_response())
        }
        Some(Placed::Impossible(reason)) => Err(Problem::invalid(reason).into_response()),
        Some(Placed::Unclear(_)) => {
            let detail = "nobody knows whether the order is placed; sending it again is safe";
            Err(Problem::unavailable(detail).into_response())
        }
        None => Err(Problem::internal().into_response()),
    }
}

/// The order of a request: the body, or what an event in binary mode (`ce-*` headers) brings.
fn order(app: &App, headers: &HeaderMap, bytes: &[u8]) -> Result<Checked, raw::Error> {
    let terms = app.terms.get();
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    if headers.keys().any(|name| binary::is_attribute(name.as_str())) {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let texts: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let each = texts.iter().map(|(name, value)| (*name, value.as_str()));
        if let Some(json) = binary::structured(each, bytes) {
            let mut event = envelope::read_json(&json)?;
            event.traceparent = event.traceparent.or_else(|| traceparent.map(ToOwned::to_owned));
            return check::whole(&event, &terms, &app.types, now);
        }
    }
    let call = headers.get("x-call-id").and_then(|id| id.to_str().ok());
    let event = format!("http:{}", call.unwrap_or("unknown"));
    let received = Received {
        event: &event,
        source: "",
        sender: None,
        file: None,
        traceparent,
        at: now(),
        bytes,
    };
    check::check(&received, &terms)
}

/// 413 for too much, 400 for what is no JSON, 422 for what breaks rules; each field is named.
fn refusal(error: raw::Error) -> Problem {
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
    found.fold(problem, |problem, found| problem.field(found.field, found.reason))
}
