//! Messages that stand where placed orders do, and are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most messages whose subjects are kept because they are no orders.
pub const FOREIGN_MAX: usize = 1_000;

/// The newest [`FOREIGN_MAX`] of them.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    by_sequence: BTreeMap<u64, Arc<str>>,
    /// The same: each new order asks for its subject.
    by_subject: BTreeSet<(Arc<str>, u64)>,
}

impl Foreign {
    pub(super) fn add(&mut self, sequence: u64, subject: &str) {
        let subject: Arc<str> = subject.into();
        self.by_sequence.insert(sequence, Arc::clone(&subject));
        self.by_subject.insert((subject, sequence));
        while FOREIGN_MAX < self.by_sequence.len() {
            let Some((sequence, subject)) = self.by_sequence.pop_first() else { return };
            self.by_subject.remove(&(subject, sequence));
        }
    }

    /// What is on the subject was decided like an order. It is asked for only where there is any.
    pub(super) fn decided(&mut self, subject: impl FnOnce() -> String) {
        if self.by_sequence.is_empty() {
            return;
        }
        let subject: Arc<str> = subject().into();
        let of_subject = (Arc::clone(&subject), 0)..=(subject, u64::MAX);
        let decided: Vec<_> = self.by_subject.range(of_subject).cloned().collect();
        for message in decided {
            self.by_sequence.remove(&message.1);
            self.by_subject.remove(&message);
        }
    }

    /// Sequences and subjects, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        self.by_sequence.iter().map(|(sequence, subject)| (*sequence, &**subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_all_of_a_decided_subject_leave() {
        let mut foreign = Foreign::default();
        foreign.decided(|| panic!("there is none"));
        let last = FOREIGN_MAX as u64 + 10;
        for sequence in 1..=last {
            foreign.add(sequence, if sequence % 2 == 0 { "even" } else { "odd" });
        }
        assert_eq!(foreign.iter().next(), Some((11, "odd")));
        assert_eq!(foreign.iter().count(), FOREIGN_MAX);
        foreign.decided(|| "eve".into());
        assert_eq!(foreign.iter().count(), FOREIGN_MAX);
        foreign.decided(|| "even".into());
        assert_eq!(foreign.iter().count(), FOREIGN_MAX / 2);
        assert!(foreign.iter().all(|(_, subject)| subject == "odd"));
        foreign.decided(|| "odd".into());
        assert!(foreign.by_sequence.is_empty() && foreign.by_subject.is_empty(), "{foreign:?}");
    }
}
