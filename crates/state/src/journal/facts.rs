//! The facts of an entry as they are published. No IO.

use super::{Book, DecidedInput, Entry, Record};
use messaging::header;
use messaging::publish::Outgoing;

/// The facts of entry `sequence`, with the headers by which a fact is known: set here, so that no
/// book can forget them.
#[must_use]
pub fn of<B: Book>(book: &B, sequence: u64, record: &Record<B::Body>) -> Vec<Outgoing> {
    let number = sequence.to_string();
    let named = |fact: Outgoing| {
        let fact = fact.header(header::DECISION, record.id());
        fact.header(header::DECISION_SEQUENCE, &number)
    };
    let facts = match record {
        Record::Decision(entry) => book.facts(sequence, entry),
        Record::Skip(entry) => book.skip_facts(sequence, entry),
        Record::Quiet(_) | Record::Rebase(_) => Vec::new(),
    };
    facts.into_iter().map(named).collect()
}

/// The messages of the input that an entry decides.
pub(super) fn inputs<B: Book>(book: &B, record: &Record<B::Body>) -> Vec<DecidedInput> {
    match record {
        Record::Decision(entry) => book.decides(&entry.body),
        Record::Skip(Entry { body: skip, .. }) => vec![DecidedInput {
            sequence: skip.sequence,
            subject: Some(skip.subject.clone()),
            once: None,
            attempt: skip.attempt(),
        }],
        Record::Quiet(_) | Record::Rebase(_) => Vec::new(),
    }
}

/// Which entry a fact follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The entry's sequence.
    pub(super) sequence: u64,
    /// The entry's id.
    pub(super) decision: String,
}

impl Origin {
    /// What headers say; nothing if they do not name an entry.
    pub(super) fn of(headers: &async_nats::HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).map(async_nats::HeaderValue::as_str);
        let sequence = text(header::DECISION_SEQUENCE)?.parse().ok()?;
        Some(Self { sequence, decision: text(header::DECISION)?.to_owned() })
    }
}

/// What is to be done about a message that stands where a fact belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the fact.
    Ours,
    /// It claims to be of a later entry: then ours was stored before it, if there is such an entry.
    Later,
    /// It is of an earlier entry, or of none: ours takes its place.
    Replaced,
}

/// Compares what stands with the fact that belongs there.
pub(super) fn compare(ours: &Origin, standing: Option<&Origin>) -> Standing {
    match standing {
        Some(standing) if standing == ours => Standing::Ours,
        Some(standing) if ours.sequence < standing.sequence => Standing::Later,
        Some(_) | None => Standing::Replaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_yields_only_to_itself_and_to_later_ones() {
        let origin = |sequence, decision: &str| Origin { sequence, decision: decision.into() };
        let ours = origin(5, "a");
        for (standing, expected) in [
            (None, Standing::Replaced),
            (Some(origin(4, "z")), Standing::Replaced),
            (Some(origin(5, "z")), Standing::Replaced),
            (Some(origin(5, "a")), Standing::Ours),
            (Some(origin(u64::MAX, "z")), Standing::Later),
        ] {
            assert_eq!(compare(&ours, standing.as_ref()), expected, "{standing:?}");
        }
    }
}
