//! What is said of messages that are no entries: one line for each reading, however many there are.

use super::Foreign;

/// The messages of one reading that were passed over.
#[derive(Debug, Default)]
pub(super) struct Passed {
    count: u64,
    /// The first, and why it is no entry.
    first: Option<(u64, Foreign)>,
    last: u64,
}

impl Passed {
    pub(super) fn note(&mut self, sequence: u64, foreign: Foreign) {
        self.count += 1;
        self.first.get_or_insert((sequence, foreign));
        self.last = sequence;
    }

    /// Logs them, if there are any. The result is how many there are.
    pub(super) fn say(self, journal: &str) -> u64 {
        let Self { count, first, last } = self;
        if let Some((first, foreign)) = first {
            tracing::error!(
                alert = "foreign-entries", %journal, count, first, last, reason = %foreign,
                "messages in the journal that none of its writers wrote are passed over: take the \
                 right to publish there from who wrote them; orderflow journal verify lists them"
            );
        }
        count
    }
}
