//! From an event to an order that may be placed. No IO.

use crate::envelope::{self, Types};
use crate::keyed::{Keyed, Named, Taken};
use crate::placed::Differs;
use crate::priced::Priced;
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::order::{ORDER_BYTES_MAX, Terms, amend::Amending};
use domain::person::Person;
use domain::problem::Problem;
use domain::raw::{self, Error};
use domain::{Order, OrderId, PartnerId, WarehouseId};
use messaging::envelope::Event;
use messaging::inventory::kind_name;
use messaging::publish::Outgoing;
use messaging::subject::{self, Stage};
use messaging::{events, header};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;

pub(crate) const SOURCE: &str = "/functions/order-ingest";
/// Longest trace context that goes on with an order; that of W3C has 55 bytes.
const TRACE_BYTES_MAX: usize = 256;

/// An order that was checked, as the message that places it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Id of the event that brought it, and who made that.
    pub(crate) event: String,
    pub(crate) source: String,
    /// SHA-256 of the file that it came in.
    pub(crate) file: Option<String>,
    pub(crate) partner: PartnerId,
    pub(crate) order_id: OrderId,
    pub(crate) warehouse: WarehouseId,
    pub(crate) content: String,
    /// What it says of a person, which is kept before it is placed.
    pub(crate) person: Option<Taken>,
    /// Prices to compare with the catalogue.
    pub(crate) priced: Option<Priced>,
    pub(crate) message: Outgoing,
}

/// What came: the envelope's part that counts.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) event: &'a str,
    pub(crate) source: &'a str,
    pub(crate) sender: Option<&'a PartnerId>,
    pub(crate) file: Option<&'a str>,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) bytes: &'a [u8],
}

/// The message that places the order which an event brings.
///
/// This is what the function does with each event of a batch, without publishing it, and with a key of its own for
/// pseudonyms. `now` stands in for an event's time.
///
/// # Errors
/// Why there is no such order, by field path.
pub fn placement(
    given: &runtime::events::Event,
    terms: &HashMap<PartnerId, Terms>,
    now: DateTime<Utc>,
) -> Result<Outgoing, Error> {
    let keyed = Keyed::new("");
    event(given, terms, &Types::with(""), &keyed, || now).map(|(checked, _)| checked.message)
}

/// Checks the order that an event brings.
pub(crate) fn event(
    given: &runtime::events::Event,
    terms: &HashMap<PartnerId, Terms>,
    types: &Types,
    keyed: &Keyed,
    now: impl FnOnce() -> DateTime<Utc>,
) -> Result<(Checked, Event<Box<RawValue>>), Error> {
    let event = envelope::read(given.raw())?;
    Ok((whole(&event, terms, types, keyed, now)?, event))
}

/// Checks the order that an event brings which was read.
pub(crate) fn whole(
    event: &Event<Box<RawValue>>,
    terms: &HashMap<PartnerId, Terms>,
    types: &Types,
    keyed: &Keyed,
    now: impl FnOnce() -> DateTime<Utc>,
) -> Result<Checked, Error> {
    envelope::check(event, types)?;
    let bytes = bytes(event)?;
    let received = Received {
        event: &event.id,
        source: &event.source,
        sender: event.partner.as_ref(),
        file: event.file.as_deref(),
        traceparent: event.traceparent.as_deref(),
        // The connector sets the time at which the message was stored, so that a second delivery
        // makes the same order.
        at: event.time.unwrap_or_else(now),
        bytes: &bytes,
    };
    check(&received, terms, keyed)
}

/// Does the event bring an order of a file whose partner is not known here? Who read the file knew it: a
/// new partner is not known everywhere at once.
pub(crate) fn is_early(
    given: &runtime::events::Event,
    terms: &HashMap<PartnerId, Terms>,
    types: &Types,
) -> bool {
    let is_unknown = |partner: &PartnerId| !terms.contains_key(partner);
    envelope::read(given.raw()).is_ok_and(|event| {
        event.file.is_some()
            && event.partner.as_ref().is_some_and(is_unknown)
            && envelope::check(&event, types).is_ok()
    })
}

/// What the event brings, as it came: JSON, or what somebody sent instead of it.
///
/// # Errors
/// Its `data_base64` is none.
pub(crate) fn bytes(event: &Event<Box<RawValue>>) -> Result<Cow<'_, [u8]>, Error> {
    match (&event.data, &event.data_base64) {
        (Some(json), _) => Ok(json.get().as_bytes().into()),
        (None, Some(base64)) => match STANDARD.decode(base64) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(invalid("data_base64", format!("is not base64: {error}"))),
        },
        (None, None) => Ok(Cow::Borrowed(&[])),
    }
}

fn invalid(field: &str, reason: String) -> Error {
    Error::Invalid(vec![Problem { field: field.into(), reason }])
}

/// An order that was read and fits the partner's terms.
pub(crate) struct Read<'t> {
    pub(crate) order: Order,
    /// As it came: who has no key compares it as well, and what 0.1.0 placed.
    pub(crate) content: String,
    /// What it says of a person.
    pub(crate) named: Option<Named>,
    pub(crate) terms: &'t Terms,
}

/// Reads what came by the rules and the partner's terms.
pub(crate) fn read<'t>(
    received: &Received<'_>,
    terms: &'t HashMap<PartnerId, Terms>,
    keyed: &Keyed,
) -> Result<Read<'t>, Error> {
    let mut draft = raw::parse(received.bytes, received.sender)?;
    let partner = draft.partner.clone().unwrap_or_else(PartnerId::direct);
    let terms = terms
        .get(&partner)
        .ok_or_else(|| invalid("partner", format!("{partner} is not a configured partner")))?;
    let content = draft.content();
    let named = keyed.take(&partner, &mut draft);
    let order = draft.place(terms, received.at).map_err(|problem| Error::Invalid(vec![problem]))?;
    Ok(Read { order, content, named, terms })
}

/// Checks what came against the rules and the partner's terms.
pub(crate) fn check(
    received: &Received<'_>,
    terms: &HashMap<PartnerId, Terms>,
    keyed: &Keyed,
) -> Result<Checked, Error> {
    let Read { order, content, named, terms } = read(received, terms, keyed)?;
    let country = named.as_ref().and_then(|(_, person)| country(person));
    let person = named.map(|named| keyed.taken(&order, named));
    // What is kept of the person is what was said, without this.
    let order = Order { region: order.region.clone().or(country), ..order };
    let mut message = message(received, &order, &content, person.as_ref())?
        .header(header::EVENT, &subject::token(received.event));
    if let Some(file) = received.file {
        message = message.header(header::FILE, &subject::token(file));
    }
    let priced = Priced::of(terms, &order);
    let Order { partner, order_id, warehouse, .. } = order;
    let (event, source) = (received.event.to_owned(), received.source.to_owned());
    let file = received.file.map(ToOwned::to_owned);
    Ok(Checked {
        event,
        source,
        file,
        partner,
        order_id,
        warehouse,
        content,
        person,
        priced,
        message,
    })
}

/// Where the order goes: what figures by region know of it. No more of an address is in an order.
pub(crate) fn country(person: &Person) -> Option<String> {
    let address = person.delivery.as_ref().or(person.billing.as_ref());
    address.map(|address| address.country.clone())
}

/// The message that places an attempt, with the headers that its content makes.
pub(crate) fn message(
    received: &Received<'_>,
    order: &Order,
    content: &str,
    person: Option<&Taken>,
) -> Result<Outgoing, Error> {
    let subject = subject::order(Stage::Placed, &order.warehouse, &order.partner, &order.order_id);
    let payload = match order.amends {
        None => event_of(received, events::ORDER_PLACED, order, &subject, order),
        Some(_) => {
            let data = Amending { attempt: order.attempt, order };
            event_of(received, events::ORDER_AMENDING, order, &subject, data)
        }
    };
    if payload.len() > ORDER_BYTES_MAX {
        return Err(Error::too_large(payload.len()));
    }
    let message = Outgoing::new(subject, payload)
        .header(header::CONTENT, content)
        .header(header::KIND, kind_name(order.kind))
        .header(header::TOTAL, &order.total.to_string())
        .header(header::ATTEMPT, &order.attempt.to_string());
    let message = match &order.customer {
        Some(customer) => message.header(header::CUSTOMER, &subject::token(customer.id.as_str())),
        None => message,
    };
    Ok(match person {
        Some(taken) => message
            .header(header::PERSON, &taken.digest)
            .header(header::ORDERED, &order.ordered_at.timestamp_millis().to_string()),
        None => message,
    })
}

fn event_of<D: Serialize>(
    received: &Received<'_>,
    kind: &str,
    order: &Order,
    subject: &str,
    data: D,
) -> Bytes {
    let mut event = Event::new(received.event.to_owned(), SOURCE, kind, subject, data);
    event.time = Some(received.at);
    event.partner = Some(order.partner.clone());
    event.file = received.file.map(ToOwned::to_owned);
    // A longer one is none of W3C's.
    let trace = received.traceparent.filter(|trace| trace.len() <= TRACE_BYTES_MAX);
    event.traceparent = trace.map(ToOwned::to_owned);
    event.to_bytes()
}

/// The message that keeps an order whose id was used before for another one. Without `bytes`, what came
/// is left out. `differs` says what is different.
pub(crate) fn conflict(
    checked: &Checked,
    bytes: Option<&[u8]>,
    standing: &str,
    differs: Differs,
) -> Outgoing {
    let subject = subject::conflict(&checked.partner, &checked.order_id);
    let mut data = serde_json::json!({
        "partner": checked.partner,
        "order_id": checked.order_id,
        "placed_content": standing,
        "content": checked.content,
        "differs": differs.as_str(),
    });
    if let (Some(bytes), Some(data)) = (bytes, data.as_object_mut()) {
        let order = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        data.insert("order".to_owned(), order);
    }
    let mut event =
        Event::new(checked.event.clone(), SOURCE, events::ORDER_CONFLICT, &subject, data);
    event.partner = Some(checked.partner.clone());
    event.file.clone_from(&checked.file);
    Outgoing::new(subject, event.to_bytes()).header("Nats-Msg-Id", &conflict_id(checked))
}

/// What came again is the same conflict. Another sender, partner, order or content under the same event
/// id is another one: whoever sends an id says nothing of what others send.
fn conflict_id(checked: &Checked) -> String {
    let Checked { event, source, partner, order_id, content, .. } = checked;
    let mut hash = Sha256::new();
    let person = checked.person.as_ref().map_or("", |taken| &taken.digest);
    let mut parts = vec![event, source, partner.as_str(), order_id.as_str(), content];
    // Without a person it is the id that it was.
    parts.extend(Some(person).filter(|person| !person.is_empty()));
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    format!("conflict:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn run(json: &str, sender: Option<&str>, expected: &str) {
        let sender = sender.map(|name| PartnerId::parse(name).unwrap());
        let required = Terms {
            partner: PartnerId::parse("US1").unwrap(),
            customer_required: true,
            ..Terms::direct()
        };
        let terms = [Terms::direct(), required].map(|terms| (terms.partner.clone(), terms));
        let received = Received {
            event: "ORDERS:1",
            source: "/nats/orders",
            sender: sender.as_ref(),
            file: None,
            traceparent: None,
            at: DateTime::UNIX_EPOCH,
            bytes: json.as_bytes(),
        };
        let got = match check(&received, &terms.into(), &Keyed::new("")) {
            Ok(checked) => checked.message.subject,
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn an_order_is_placed_on_a_subject_of_its_own() {
        let order = r#"{"order_id":"a.1 *","product":"P001","quantity":1,"price":1}"#;
        run(order, None, "orders.placed.main.DIRECT.a=2E1=20=2A");
    }

    #[test]
    fn an_order_follows_the_terms_of_its_partner() {
        let order = r#"{"order_id":"1","product":"P001","quantity":1,"price":1}"#;
        run(order, Some("NEW"), "partner: NEW is not a configured partner");
        run(order, Some("US1"), "customer.id: is required for partner US1");
    }

    #[test]
    fn what_is_no_json_is_looked_at_as_it_came() {
        let event = |member: &str| {
            let json =
                format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t"{member}}}"#);
            let event: Event<Box<RawValue>> = serde_json::from_str(&json).unwrap();
            bytes(&event).map(Cow::into_owned).map_err(|error| error.to_string())
        };
        assert_eq!(event(r#","data":{"a": 1}"#), Ok(br#"{"a": 1}"#.to_vec()));
        assert_eq!(event(r#","data_base64":"e25vdCBqc29u""#), Ok(b"{not json".to_vec()));
        assert_eq!(event(""), Ok(Vec::new()));
        let error = event(r#","data_base64":"?""#).unwrap_err();
        assert!(error.starts_with("data_base64: is not base64: "), "{error}");
    }
}
