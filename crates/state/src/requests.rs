//! Requests of people under an idempotency key: which request a key came with, and what came of it.
//!
//! A key is bound to the first request that comes with it, before that does anything, and is kept for a week.
//! The same request again finds the number under which the first one wrote, and what came of it once that is
//! recorded; another one is refused. A process may end before it records that: the number is there, so that
//! what the request wrote is found by it.

use crate::wire::{Unclear, Wire};
use messaging::publish::{Outgoing, Published};
use messaging::streams::REQUESTS;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

/// How often a key is looked at again that another process has just written.
const ROUNDS: usize = 8;

/// The stored value of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry<D> {
    /// Hash of the request.
    request: String,
    /// The number under which it writes.
    write: String,
    /// What came of it.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    done: Option<D>,
}

/// A request that may be carried out, now or again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound<D> {
    /// No other request has it: what is written for this one carries it.
    pub write: String,
    /// What came of it, if that is recorded: it is not to be carried out again.
    pub done: Option<D>,
    subject: String,
    request: String,
    sequence: u64,
}

/// The key came with another request before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsed;

/// The keys of all functions, on one server.
#[derive(Clone, Debug)]
pub struct Requests<W> {
    wire: W,
}

impl<W: Wire> Requests<W> {
    /// Those that `wire` reaches; nothing is asked yet.
    #[must_use]
    pub fn new(wire: W) -> Self {
        Self { wire }
    }

    /// Binds `key` to `request`, whose JSON is hashed. `whose` tells equal keys of different callers, and for
    /// different purposes, apart.
    ///
    /// # Panics
    /// If `request` has no JSON, such as a map whose keys are not texts.
    ///
    /// # Errors
    /// The outer one: the server does not answer, and the same call may be repeated. The inner one: the key
    /// was used for another request.
    pub async fn bind<D: Serialize + DeserializeOwned>(
        &self,
        whose: &[&str],
        key: &str,
        request: &impl Serialize,
    ) -> Result<Result<Bound<D>, KeyUsed>, Unclear> {
        let subject = format!("$KV.{REQUESTS}.{}", digest(&(whose, key)));
        let entry = Entry::<D> { request: digest(request), write: self.wire.unique(), done: None };
        for _ in 0..ROUNDS {
            let found = self.wire.last(&stream(), &subject).await?;
            if let Some(found) = found {
                let read = serde_json::from_slice::<Entry<D>>(&found.payload);
                let read = read.map_err(|error| Unclear::new(&subject, error))?;
                return Ok(match read.request == entry.request {
                    true => Ok(Bound {
                        write: read.write,
                        done: read.done,
                        subject,
                        request: read.request,
                        sequence: found.sequence,
                    }),
                    false => Err(KeyUsed),
                });
            }
            match self.put(&subject, &entry, 0).await? {
                Published::Stored(sequence) => {
                    let Entry { request, write, done } = entry;
                    return Ok(Ok(Bound { write, done, subject, request, sequence }));
                }
                // Somebody was faster; the next look shows who.
                Published::Occupied => {}
            }
        }
        Err(Unclear::new(subject, "others use the same key at the same time; try again"))
    }

    /// Records what came of a request. Where that fails the request is found by its number alone.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn done<D: Serialize>(&self, bound: &Bound<D>, done: D) -> Result<(), Unclear> {
        let (request, write) = (bound.request.clone(), bound.write.clone());
        let entry = Entry { request, write, done: Some(done) };
        // Occupied: another replica, which carried out the same request, has recorded it.
        self.put(&bound.subject, &entry, bound.sequence).await.map(|_| ())
    }

    async fn put<D: Serialize>(
        &self,
        subject: &str,
        entry: &Entry<D>,
        expected: u64,
    ) -> Result<Published, Unclear> {
        let value = serde_json::to_vec(entry).expect("it has only string keys");
        self.wire.put(Outgoing::new(subject.to_owned(), value.into()), expected).await
    }
}

fn stream() -> String {
    format!("KV_{REQUESTS}")
}

/// SHA-256 of the JSON, in hexadecimal.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("requests have only string keys");
    hex::encode(Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::digest;
    use std::collections::BTreeMap;

    #[test]
    fn other_requests_have_other_digests() {
        assert_ne!(digest(&["a", "b"]), digest(&["a", "c"]));
    }

    #[test]
    #[should_panic(expected = "string keys")]
    fn a_request_without_json_is_not_taken_for_another_one() {
        digest(&BTreeMap::from([((1, 2), 3)]));
    }
}
