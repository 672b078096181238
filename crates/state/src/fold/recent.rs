//! Facts that were applied lately.
//!
//! A fact is published until the server has confirmed it, and only where nothing stands on its subject. Three servers
//! before 2.9.21 may take it twice all the same while their leader changes
//! ([nats-server#4320](https://github.com/nats-io/nats-server/issues/4320)): the second one of the same decision says
//! nothing new.

use super::event::Event;
use messaging::header;
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};

/// The newest `MAX` facts, by their subjects and decisions: more than one decision of a full batch makes, which is published
/// again as a whole. Takes some 40 bytes for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VecDeque<u64>", into = "VecDeque<u64>")]
pub struct Recent<const MAX: usize> {
    in_order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl<const MAX: usize> From<VecDeque<u64>> for Recent<MAX> {
    fn from(in_order: VecDeque<u64>) -> Self {
        Self { known: in_order.iter().copied().collect(), in_order }
    }
}

impl<const MAX: usize> From<Recent<MAX>> for VecDeque<u64> {
    fn from(recent: Recent<MAX>) -> Self {
        recent.in_order
    }
}

impl<const MAX: usize> Recent<MAX> {
    /// Notes an event. Is it the same fact again? What follows from no decision is none.
    pub fn is_again(&mut self, event: &Event<'_>) -> bool {
        let Some(decision) = event.header(header::DECISION) else { return false };
        // One message may belong to several sources.
        let source = event.source.to_le_bytes();
        let text = event.subject.bytes().chain([0]).chain(decision.bytes());
        let key = super::shard::hash(source.into_iter().chain(text));
        if !self.known.insert(key) {
            return true;
        }
        self.in_order.push_back(key);
        if MAX < self.in_order.len()
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::HeaderMap;

    const MAX: usize = 100;

    fn is_again(recent: &mut Recent<MAX>, subject: &str, decision: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(decision) = decision {
            headers.insert(header::DECISION, decision);
        }
        recent.is_again(&Event {
            source: 0,
            sequence: 1,
            time_ms: 1,
            subject,
            headers: Some(&headers),
            payload: None,
            kept_from: 0,
        })
    }

    #[test]
    fn a_fact_is_known_by_its_subject_and_its_decision() {
        let mut recent = Recent::<MAX>::default();
        assert!(!is_again(&mut recent, "orders.confirmed.a", Some("1")));
        assert!(!is_again(&mut recent, "orders.confirmed.a", Some("2")));
        assert!(!is_again(&mut recent, "orders.confirmed.b", Some("1")));
        assert!(is_again(&mut recent, "orders.confirmed.a", Some("1")));
        for _ in 0..2 {
            assert!(!is_again(&mut recent, "orders.placed.a", None), "it is no fact");
        }
    }

    #[test]
    fn as_many_are_known_as_fit_also_after_a_checkpoint() {
        let mut recent = Recent::<MAX>::default();
        for decision in 0..=MAX {
            assert!(!is_again(&mut recent, "a", Some(&decision.to_string())));
        }
        let text = serde_json::to_string(&recent).unwrap();
        let mut read: Recent<MAX> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, recent);
        assert!(is_again(&mut read, "a", Some(&MAX.to_string())));
        assert!(is_again(&mut read, "a", Some("1")));
        assert!(!is_again(&mut read, "a", Some("0")), "it was forgotten");
        assert_eq!((read.in_order.len(), read.known.len()), (MAX, MAX));
    }
}
