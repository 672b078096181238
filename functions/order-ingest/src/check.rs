//! From an event to an order that may be placed. No IO.

use chrono::{DateTime, Utc};
use domain::order::{ORDER_BYTES_MAX, Terms};
use domain::problem::Problem;
use domain::raw;
use domain::{Order, OrderId, PartnerId, WarehouseId};
use messaging::envelope::Event;
use messaging::inventory::kind_name;
use messaging::publish::Outgoing;
use messaging::subject::{self, Stage};
use messaging::{events, header};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

pub(crate) const SOURCE: &str = "/functions/order-ingest";

/// An order that was checked, as the message that places it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Id of the event that brought it.
    pub(crate) event: String,
    pub(crate) partner: PartnerId,
    pub(crate) order_id: OrderId,
    pub(crate) warehouse: WarehouseId,
    pub(crate) content: String,
    pub(crate) message: Outgoing,
}

/// What came: the envelope's part that counts.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) event: &'a str,
    pub(crate) sender: Option<&'a PartnerId>,
    pub(crate) file: Option<&'a str>,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) json: &'a str,
}

fn whole(reason: impl ToString) -> Vec<Problem> {
    vec![Problem { field: String::new(), reason: reason.to_string() }]
}

/// Reads the event that the connector sends.
pub(crate) fn event(event: &Event<Box<RawValue>>) -> Result<&RawValue, Vec<Problem>> {
    event.data.as_deref().ok_or_else(|| whole("the message is not JSON"))
}

/// Checks what came against the rules and the partner's terms.
pub(crate) fn check(
    received: &Received<'_>,
    terms: &HashMap<PartnerId, Terms>,
) -> Result<Checked, Vec<Problem>> {
    if received.json.len() > ORDER_BYTES_MAX {
        let len = received.json.len();
        return Err(whole(format!("the order has {len} bytes, the limit is {ORDER_BYTES_MAX}")));
    }
    let json: Value = serde_json::from_str(received.json).map_err(whole)?;
    let draft = raw::read(&json, received.sender)?;
    let partner = draft.partner.clone().unwrap_or_else(PartnerId::direct);
    let terms = terms.get(&partner).ok_or_else(|| {
        let reason = format!("{partner} is not a configured partner");
        vec![Problem { field: "partner".into(), reason }]
    })?;
    let content = draft.content_hash();
    let order = draft.place(terms, received.at).map_err(|problem| vec![problem])?;
    let message = message(received, &order, &content);
    if message.payload.len() > ORDER_BYTES_MAX {
        let len = message.payload.len();
        return Err(whole(format!("the order has {len} bytes, the limit is {ORDER_BYTES_MAX}")));
    }
    let Order { order_id, warehouse, .. } = order;
    let event = received.event.to_owned();
    Ok(Checked { event, partner, order_id, warehouse, content, message })
}

fn message(received: &Received<'_>, order: &Order, content: &str) -> Outgoing {
    let subject = subject::order(Stage::Placed, &order.warehouse, &order.partner, &order.order_id);
    let mut event =
        Event::new(received.event.to_owned(), SOURCE, events::ORDER_PLACED, &subject, order);
    event.time = Some(received.at);
    event.partner = Some(order.partner.clone());
    event.file = received.file.map(ToOwned::to_owned);
    event.traceparent = received.traceparent.map(ToOwned::to_owned);
    let message = Outgoing::new(subject, event.to_bytes())
        .header(header::CONTENT, content)
        .header(header::EVENT, &subject::token(received.event))
        .header(header::KIND, kind_name(order.kind))
        .header(header::TOTAL, &order.total.to_string())
        .header(header::ATTEMPT, &order.attempt.to_string());
    match received.file {
        Some(file) => message.header(header::FILE, &subject::token(file)),
        None => message,
    }
}

/// The message that keeps an order whose id was used before for another one.
pub(crate) fn conflict(checked: &Checked, json: &str, standing: &str) -> Outgoing {
    let subject = subject::conflict(&checked.partner, &checked.order_id);
    let data = serde_json::json!({
        "partner": checked.partner,
        "order_id": checked.order_id,
        "placed_content": standing,
        "content": checked.content,
        "order": serde_json::from_str::<Value>(json).unwrap_or_default(),
    });
    let mut event =
        Event::new(checked.event.clone(), SOURCE, events::ORDER_CONFLICT, &subject, data);
    event.partner = Some(checked.partner.clone());
    Outgoing::new(subject, event.to_bytes())
        .header("Nats-Msg-Id", &format!("conflict:{}", subject::token(&checked.event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn run(json: &str, sender: Option<&str>, expected: &str) {
        let sender = sender.map(|name| PartnerId::parse(name).unwrap());
        let terms = HashMap::from([(PartnerId::direct(), Terms::direct())]);
        let received = Received {
            event: "ORDERS:1",
            sender: sender.as_ref(),
            file: None,
            traceparent: None,
            at: DateTime::UNIX_EPOCH,
            json,
        };
        let got = match check(&received, &terms) {
            Ok(checked) => checked.message.subject,
            Err(problems) => {
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn an_order_is_placed_on_a_subject_of_its_own() {
        let order = r#"{"order_id":"a.1 *","product":"P001","quantity":1,"price":1}"#;
        run(order, None, "orders.placed.main.DIRECT.a=2E1=20=2A");
    }

    #[test]
    fn what_is_no_order_is_refused_with_its_reason() {
        run("{", None, "EOF while parsing an object at line 1 column 1");
        run("7", None, "is not a JSON object");
        let order = r#"{"order_id":"1","product":"P001","quantity":0,"price":"x"}"#;
        run(order, None, "quantity: is 0; price: is not a decimal number");
        let order = r#"{"order_id":"1","product":"P001","quantity":1,"price":1}"#;
        run(order, Some("NEW"), "partner: NEW is not a configured partner");
        let deep = "[".repeat(10_000);
        run(&deep, None, "recursion limit exceeded at line 1 column 128");
        let large = " ".repeat(300_000);
        run(&large, None, "the order has 300000 bytes, the limit is 262144");
    }
}
