//! Which facts were counted: servers of a cluster may store one twice when their leader dies.

use messaging::header;
use state::fold::Event;
use std::collections::HashSet;
use xxhash_rust::xxh3::Xxh3;

/// The facts of a day, as hashes of 128 bits of subject and decision.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashSet<u128>);

impl Seen {
    /// Is it counted for the first time? What names no decision is always counted.
    pub(crate) fn is_new(&mut self, event: &Event<'_>) -> bool {
        let decision = event.header(header::DECISION);
        let Some(decision) = decision.or_else(|| event.header(header::DECISION_SEQUENCE)) else {
            return true;
        };
        let mut hash = Xxh3::new();
        hash.update(event.subject.as_bytes());
        hash.update(b"\n");
        hash.update(decision.as_bytes());
        self.0.insert(hash.digest128())
    }
}
