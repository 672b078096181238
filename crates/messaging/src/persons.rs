//! What orders said of persons: the bucket `PERSONS`, the only place beside the cards of customers where the
//! functions keep it.
//!
//! An entry is written before its order is placed, and never changed. Its key ends with a keyed digest of what it
//! holds, which the order carries as a header: two orders that claim one id have two entries, and the one that was
//! placed names its own. An entry that was erased leaves a mark without data, so that a message that comes again
//! does not bring it back.

use crate::publish::{self, Outgoing, Published, Unclear};
use crate::stored::{self, LookupError};
use crate::subject::token;
use crate::{Nats, streams, tail};
use chrono::{DateTime, Utc};
use domain::person::Person;
use domain::{CustomerId, OrderId, PartnerId};
use serde::{Deserialize, Serialize};

/// Name of the secret whose key makes digests and pseudonyms. With another one a customer whose number is an
/// address becomes another customer.
pub const SECRET: &str = "persons-key";
/// Fewest characters of that secret.
pub const SECRET_MIN: usize = 32;

/// Stands for the customer of an order that names none. No token of an id is like this.
const GUEST: &str = "=";
const OPERATION: &str = "KV-Operation";
const ROLLUP: &str = "Nats-Rollup";

/// What one order said of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's number of the order.
    pub order_id: OrderId,
    /// The customer as events name them; nothing for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The partner's own number of the customer, where it is an address and events carry a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Is it a customer with priority?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vip: bool,
    /// Country or sales region of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// The person.
    pub person: Person,
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It was not said, or has expired.
    Nothing,
    /// It was erased; with the sequence of the mark.
    Erased(u64),
    /// The entry, with its sequence.
    Said(u64, Box<Said>),
}

/// Why an entry is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No answer.
    #[error(transparent)]
    Unclear(#[from] LookupError),
    /// It is not what this release writes.
    #[error("what an order said of a person cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Where the bucket keeps what an order said: `order.<partner>.<customer>.<order>.<digest>`.
#[must_use]
pub fn subject(
    partner: &PartnerId,
    customer: Option<&CustomerId>,
    order_id: &OrderId,
    digest: &str,
) -> String {
    let order = token(order_id.as_str());
    format!("{}{order}.{}", of_customer(partner, customer), token(digest))
}

/// What the subjects of all entries of a customer begin with.
fn of_customer(partner: &PartnerId, customer: Option<&CustomerId>) -> String {
    let customer = customer.map_or_else(|| GUEST.to_owned(), |id| token(id.as_str()));
    format!("$KV.{}.order.{partner}.{customer}.", streams::PERSONS)
}

fn stream() -> String {
    format!("KV_{}", streams::PERSONS)
}

/// The message that keeps what an order said.
#[must_use]
pub fn message(said: &Said, digest: &str) -> Outgoing {
    let subject = subject(&said.partner, said.customer.as_ref(), &said.order_id, digest);
    let payload = serde_json::to_vec(said).expect("what was said has only string keys");
    Outgoing::new(subject, payload.into())
}

/// Reads the entry on the subject that [`subject`] gives.
///
/// # Errors
/// No answer, or something of another form.
pub async fn read(nats: &Nats, subject: &str) -> Result<Entry, ReadError> {
    let Some(message) = stored::last(nats, &stream(), subject).await? else {
        return Ok(Entry::Nothing);
    };
    if message.header(OPERATION).is_some() {
        return Ok(Entry::Erased(message.sequence));
    }
    let said = serde_json::from_slice(&message.payload)?;
    Ok(Entry::Said(message.sequence, Box::new(said)))
}

/// Replaces the entry with this sequence by a mark without data. A newer entry on the subject stays.
///
/// # Errors
/// No answer: it may be gone.
pub async fn erase(nats: &Nats, subject: &str, sequence: u64) -> Result<(), Unclear> {
    let mark = Outgoing::new(subject.to_owned(), bytes::Bytes::new());
    let mark = mark.header(OPERATION, "PURGE").header(ROLLUP, "sub");
    match publish::one(nats, &mark, Some(sequence)).await? {
        Published::Stored(_) | Published::Occupied => Ok(()),
    }
}

/// The entries of a customer that are not erased: subject and sequence.
///
/// # Errors
/// No answer.
pub async fn entries(
    nats: &Nats,
    partner: &PartnerId,
    customer: &CustomerId,
) -> Result<Vec<(String, u64)>, tail::Error> {
    let mut found = Vec::new();
    let filter = format!("{}>", of_customer(partner, Some(customer)));
    tail::read(nats, &stream(), &filter, 1, true, |message| {
        let headers = message.headers.as_ref();
        let is_erased = headers.is_some_and(|headers| headers.get(OPERATION).is_some());
        if let (false, Ok(info)) = (is_erased, message.info()) {
            found.push((message.subject.to_string(), info.stream_sequence));
        }
    })
    .await?;
    Ok(found)
}

/// The order whose person stands under a subject of [`entries`].
#[must_use]
pub fn order_of(subject: &str) -> Option<OrderId> {
    // $KV PERSONS order <partner> <customer> <order> <digest>
    OrderId::stored(&crate::subject::text(subject.split('.').nth(5)?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_order_whatever_ids_hold() {
        let partner = PartnerId::direct();
        let order = OrderId::parse("A.1 *").unwrap();
        let customer = CustomerId::parse("=").unwrap();
        let of = subject(&partner, Some(&customer), &order, "k-1");
        assert_eq!(of, "$KV.PERSONS.order.DIRECT.=3D.A=2E1=20=2A.k-1");
        assert_eq!(order_of(&of), Some(order.clone()));
        let guest = subject(&partner, None, &order, "k-1");
        assert_eq!(guest, "$KV.PERSONS.order.DIRECT.=.A=2E1=20=2A.k-1");
    }
}
