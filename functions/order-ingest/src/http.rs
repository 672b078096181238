//! `POST /`: a batch from the connector, or one order.

use crate::check::{self, Checked, Received};
use crate::place::Placed;
use crate::{App, now};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use messaging::Event;
use runtime::events::{Answer, Batch};
use runtime::{Caller, Door, Problem};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// When an order comes again for which the server's answer did not come.
const ASK_AGAIN: Duration = Duration::from_secs(2);

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if Batch::is_announced(&headers) {
        if let Err(refused) = caller.enter(Door::Connector) {
            return refused.into_response();
        }
        return match Batch::parse(&headers, &body) {
            Ok(batch) => events(&app, &batch).await.into_response(),
            Err(problem) => problem.into_response(),
        };
    }
    if !app.open
        && let Err(refused) = caller.enter(Door::Admin)
    {
        return refused.into_response();
    }
    match std::str::from_utf8(&body) {
        Ok(json) => match one(&app, &headers, json).await {
            Ok(response) | Err(response) => response,
        },
        Err(error) => Problem::invalid(format!("the body is not UTF-8: {error}")).into_response(),
    }
}

/// A batch of what came on the subject `orders`.
async fn events(app: &App, batch: &Batch) -> Answer {
    let mut answer = Answer::done();
    let mut orders = Vec::with_capacity(batch.events.len());
    let mut sources = Vec::with_capacity(batch.events.len());
    for given in &batch.events {
        let event: Event<Box<RawValue>> = match given.parse() {
            Ok(event) => event,
            Err(error) => {
                app.count("rejected");
                answer.reject(given, error.to_string());
                continue;
            }
        };
        match check_event(app, &event) {
            Ok(order) => {
                orders.push(order);
                sources.push((given, event));
            }
            Err(problems) => {
                app.count("rejected");
                answer.reject(given, join(&problems));
            }
        }
    }
    let json = |index: usize| {
        let event = sources.get(index).map(|(_, event)| event);
        event.and_then(|event| event.data.as_deref()).map_or("", RawValue::get)
    };
    let placed = app.place(&orders, json).await;
    for ((given, _), placed) in sources.iter().zip(placed) {
        match placed {
            Placed::Now(_) | Placed::Before(_) | Placed::Duplicate(_) | Placed::Conflict => {}
            // Not the order's fault, however long it lasts.
            Placed::Unclear(reason) => answer.wait(given, reason, ASK_AGAIN, 0),
            Placed::Impossible(reason) => answer.reject(given, reason),
        }
    }
    answer
}

fn check_event(
    app: &App,
    event: &Event<Box<RawValue>>,
) -> Result<Checked, Vec<domain::problem::Problem>> {
    let json = check::event(event)?.get();
    let received = Received {
        event: &event.id,
        sender: event.partner.as_ref(),
        file: event.file.as_deref(),
        traceparent: event.traceparent.as_deref(),
        // The connector sets the time at which the message was stored, so that a second delivery
        // makes the same order.
        at: event.time.unwrap_or_else(now),
        json,
    };
    check::check(&received, &app.terms)
}

fn join(problems: &[domain::problem::Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// One order by HTTP.
async fn one(app: &App, headers: &HeaderMap, json: &str) -> Result<Response, Response> {
    let call = headers.get("x-call-id").and_then(|id| id.to_str().ok()).unwrap_or("unknown");
    let event = format!("http:{call}");
    let received = Received {
        event: &event,
        sender: None,
        file: None,
        traceparent: headers.get("traceparent").and_then(|value| value.to_str().ok()),
        at: now(),
        json,
    };
    let order = check::check(&received, &app.terms).map_err(|problems| {
        app.count("rejected");
        let problem = Problem::invalid("this is not an order that can be placed");
        problems
            .into_iter()
            .fold(problem, |problem, found| problem.field(found.field, found.reason))
            .into_response()
    })?;
    let placed = app.place(std::slice::from_ref(&order), |_| json).await;
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
        Some(Placed::Impossible(reason)) => Err(Problem::invalid(reason).into_response()),
        Some(Placed::Unclear(reason)) => {
            tracing::warn!(%reason, "not placed");
            let detail = "nobody knows whether the order is placed; sending it again is safe";
            Err(Problem::unavailable(detail).into_response())
        }
        None => Err(Problem::internal().into_response()),
    }
}
