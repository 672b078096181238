//! Messages that hold what somebody sent: dead letters and conflicts, and the orders as they came.

use domain::PartnerId;
use messaging::{Nats, streams, subject, tail};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

/// Whom messages are about.
pub(super) struct Known<'a> {
    pub(super) partner: &'a PartnerId,
    /// The id in events, and the partner's own number if that is another one.
    pub(super) names: Vec<String>,
}

/// What became of messages.
pub(super) struct Found {
    /// Dead letters and conflicts that are gone.
    pub(super) letters: usize,
    /// Orders as they came that are gone.
    pub(super) orders: usize,
    pub(super) stays: Vec<Stays>,
}

/// What stays in one place.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Stays {
    /// The stream, bucket or folder.
    place: &'static str,
    what: &'static str,
    why: String,
    /// How long at most, if that is known: `90 days after the order came`.
    until: String,
}

type Failure = Box<dyn Error + Send + Sync>;

/// The consumer of order-ingest: what is below its floor is done with.
const READER: &str = "order-ingest__orders";

/// Removes messages about the customer where their stream allows it, and says what stays.
pub(super) async fn erase(nats: &Nats, known: &Known<'_>) -> Result<Found, Failure> {
    let mut found = Found { letters: 0, orders: 0, stays: Vec::new() };
    let filters = ["errors.dead.>".to_owned(), format!("errors.conflict.{}.>", known.partner)];
    let what = "dead letters and conflicts";
    found.letters = clean(nats, (streams::ERRORS, what), &filters, known, &mut found.stays).await?;
    let filters = [subject::ORDERS.to_owned()];
    let what = "orders as they came";
    found.orders = clean(nats, (streams::INTAKE, what), &filters, known, &mut found.stays).await?;
    let age = streams::age_max(nats, streams::ORDERS).await?;
    found.stays.push(Stays {
        place: streams::ORDERS,
        what: "orders as they came, if an earlier version kept them on the subject orders",
        why: "no single message of this stream can be deleted: orders are decided from it".into(),
        until: days(age, "the order came"),
    });
    found.stays.push(Stays {
        place: "the partner's folder",
        what: "files as the partner sent them, and what was made of them",
        why: "the folder is the partner's".into(),
        until: "the partner deletes them".into(),
    });
    Ok(found)
}

/// Deletes messages of one stream; how many.
async fn clean(
    nats: &Nats,
    (place, what): (&'static str, &'static str),
    filters: &[String],
    known: &Known<'_>,
    stays: &mut Vec<Stays>,
) -> Result<usize, Failure> {
    let mut about = Vec::new();
    for filter in filters {
        tail::read(nats, place, filter, 1, false, |message| {
            if let (true, Ok(info)) = (known.is_in(&message.payload), message.info()) {
                about.push(info.stream_sequence);
            }
        })
        .await?;
    }
    let stream = nats.js.get_stream(place).await?;
    let config = &stream.cached_info().config;
    let age = Some(config.max_age);
    // An order that is not done with would be lost.
    let floor = match place {
        streams::INTAKE => {
            let reader = stream.consumer_info(READER).await;
            reader.map_or(0, |reader| reader.ack_floor.stream_sequence)
        }
        _ => u64::MAX,
    };
    let (done, open): (Vec<u64>, Vec<u64>) =
        about.into_iter().partition(|sequence| !config.deny_delete && *sequence <= floor);
    if !open.is_empty() {
        let count = open.len();
        let why = match config.deny_delete {
            true => format!(
                "this stream was made so that no single message can be deleted; {count} are about the customer"
            ),
            false => format!("{count} are not done with; ask again when they are"),
        };
        stays.push(Stays { place, what, why, until: days(age, "it was stored") });
    }
    for sequence in &done {
        // One that is gone already is as good.
        if stream.delete_message(*sequence).await.is_err()
            && messaging::stored::at(nats, place, *sequence).await?.is_some()
        {
            return Err(format!("message {sequence} of {place} is not deleted").into());
        }
    }
    Ok(done.len())
}

fn days(age: Option<Duration>, since: &str) -> String {
    match age.filter(|age| !age.is_zero()) {
        Some(age) => format!("{} days after {since}", age.as_secs() / 86_400),
        None => "this stream keeps messages for ever".into(),
    }
}

impl Known<'_> {
    /// Does a message name the customer, and no other partner?
    fn is_in(&self, payload: &[u8]) -> bool {
        serde_json::from_slice::<Value>(payload).is_ok_and(|json| {
            let partner = find(&json, "partner", 4).and_then(Value::as_str);
            partner.unwrap_or("DIRECT") == self.partner.as_str() && self.is_customer(&json)
        })
    }

    fn is_customer(&self, json: &Value) -> bool {
        let Some(customer) = find(json, "customer", 4) else { return false };
        let id = match customer {
            Value::Object(customer) => customer.get("id"),
            other => Some(other),
        };
        let text = match id {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return false,
        };
        self.names.contains(&text)
    }
}

/// The member of this name that stands least deep, up to `depth` objects down.
fn find<'a>(json: &'a Value, name: &str, depth: usize) -> Option<&'a Value> {
    let members = json.as_object().filter(|_| 0 < depth)?;
    let own = members.get(name).filter(|value| !value.is_null());
    own.or_else(|| members.values().find_map(|value| find(value, name, depth - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_about_the_customer_is_found_however_it_is_wrapped() {
        let partner = PartnerId::parse("US1").unwrap();
        let names = vec!["p-1".to_owned(), "ana@example.org".to_owned()];
        let known = Known { partner: &partner, names };
        let is_in = |json: Value| known.is_in(json.to_string().as_bytes());
        assert!(is_in(json!({"partner": "US1", "customer": "ana@example.org"})));
        assert!(is_in(json!({"partner": "US1", "data": {"customer": {"id": "p-1"}}})));
        assert!(is_in(json!({"data": {"order": {"customer": {"id": "p-1"}}, "partner": "US1"}})));
        for other in [
            json!({"partner": "US2", "customer": "p-1"}),
            json!({"customer": "p-1"}),
            json!({"partner": "US1", "customer": {"id": "p-2"}}),
            json!({"partner": "US1", "customer": {"name": "p-1"}}),
            json!("p-1"),
        ] {
            assert!(!is_in(other.clone()), "{other}");
        }
    }
}
