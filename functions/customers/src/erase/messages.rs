//! Messages that hold what somebody sent: dead letters and conflicts, and the orders as they came.

use super::about::{About, Came, Known};
use messaging::{Nats, streams, subject, tail};
use schemars::JsonSchema;
use serde::Serialize;
use std::error::Error;
use std::time::Duration;

/// What became of messages.
pub(super) struct Found {
    /// Dead letters and conflicts that are gone.
    pub(super) letters: usize,
    /// Orders as they came that are gone.
    pub(super) orders: usize,
    /// E-mails and text messages that are gone. Those that were not sent are not sent.
    pub(super) notifications: usize,
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
    let mut found = Found { letters: 0, orders: 0, notifications: 0, stays: Vec::new() };
    let filters = ["errors.dead.>".to_owned(), format!("errors.conflict.{}.>", known.partner)];
    let what = "dead letters and conflicts";
    found.letters = clean(nats, (streams::ERRORS, what), &filters, known, &mut found.stays).await?;
    let filters = [subject::ORDERS.to_owned()];
    let what = "orders as they came";
    found.orders = clean(nats, (streams::INTAKE, what), &filters, known, &mut found.stays).await?;
    // Not those of other functions: what they send to whom is theirs, and names the customer by the id only.
    let filters = ["outbox.notifier.>".to_owned()];
    let place = (streams::OUTBOX, "e-mails and text messages");
    found.notifications = clean(nats, place, &filters, known, &mut found.stays).await?;
    let age = streams::age_max(nats, streams::ORDERS).await?;
    found.stays.push(Stays {
        place: streams::ORDERS,
        what: "orders as they came, if an earlier version kept them on the subject orders",
        why: "no single message of this stream can be deleted: orders are decided from it".into(),
        until: days(age, "the order came"),
    });
    if known.is_personal() {
        found.stays.push(Stays {
            place: "ORDERS and JOURNAL",
            what: "facts and decisions of 0.1.0 that have the address itself as the customer's id",
            why: "no single message of these streams can be deleted: stock is counted from them"
                .into(),
            until: days(age, "the order was decided"),
        });
    }
    found.stays.push(Stays {
        place: "the partner's folder",
        what: "files as the partner sent them, and what was made of them",
        why: "the folder is the partner's".into(),
        until: "the partner deletes them".into(),
    });
    Ok(found)
}

/// What messages of a stream are about.
#[derive(Default)]
struct Sorted {
    /// The customer: their sequences.
    about: Vec<u64>,
    unclear: usize,
    unread: usize,
}

async fn sort(
    nats: &Nats,
    place: &str,
    filters: &[String],
    known: &Known<'_>,
) -> Result<Sorted, Failure> {
    let mut sorted = Sorted::default();
    for filter in filters {
        tail::read(nats, place, filter, 1, false, |message| {
            let headers = message.headers.iter().flat_map(|headers| headers.iter());
            let headers: Vec<(String, String)> = headers
                .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
                .map(|(name, value)| (name.to_string(), value.as_str().to_owned()))
                .collect();
            let (subject, payload) = (message.subject.as_str(), &message.payload[..]);
            match known.look(&Came { subject, headers: &headers, payload }) {
                About::Customer => {
                    sorted.about.extend(message.info().map(|info| info.stream_sequence).ok());
                }
                About::Another => {}
                About::Unclear => sorted.unclear += 1,
                About::Unread => sorted.unread += 1,
            }
        })
        .await?;
    }
    Ok(sorted)
}

/// Deletes messages of one stream; how many.
async fn clean(
    nats: &Nats,
    (place, what): (&'static str, &'static str),
    filters: &[String],
    known: &Known<'_>,
    stays: &mut Vec<Stays>,
) -> Result<usize, Failure> {
    let Sorted { about, unclear, unread } = sort(nats, place, filters, known).await?;
    let stream = nats.js.get_stream(place).await?;
    let config = &stream.cached_info().config;
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
    let count = open.len();
    let why_open = match config.deny_delete {
        true => format!(
            "this stream was made so that no single message can be deleted; {count} are about the customer"
        ),
        false => format!("{count} are not done with; ask again when they are"),
    };
    let why_unclear = format!(
        "{unclear} name this customer's id, and whose customer it is in several ways or not at all; look at them"
    );
    let why_unread =
        format!("{unread} are not JSON in whole or in part, and cannot be searched; look at them");
    let reasons = [(count, why_open), (unclear, why_unclear), (unread, why_unread)];
    for (_, why) in reasons.into_iter().filter(|(count, _)| 0 < *count) {
        let until = days(Some(config.max_age), "it was stored");
        stays.push(Stays { place, what, why, until });
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
