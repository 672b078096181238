//! What became of each message on `orders`, and where placed orders come from.

use super::message::digest;
use super::record::History;
use super::report::{Report, Rule};
use messaging::subject;
use std::collections::HashSet;

impl History {
    /// Each message on `orders` ends in one way.
    pub(super) fn check_sent(&self, report: &mut Report) {
        // An order that was amended has several contents.
        let mut placed: HashSet<(u64, u64)> = HashSet::with_capacity(self.placed.len());
        for order in &self.placed {
            let key = order.key().split_once('.').map_or("", |(_, key)| key);
            if let Some(content) = order.content {
                placed.insert((digest(&key), content));
            }
        }
        let placed_by: HashSet<u64> = self.placed.iter().filter_map(|order| order.event).collect();
        let dead: HashSet<_> = self.dead.iter().map(|dead| dead.of).collect();
        let mut said = HashSet::with_capacity(placed.len());
        for sent in &self.sent {
            report.summary.sent += 1;
            let is_conflict = self.conflicts.contains(&sent.event);
            let has_content = sent.order.is_some_and(|order| placed.contains(&order));
            // One that differs in the person only has the content of the order that is placed.
            let is_placed = has_content && (!is_conflict || placed_by.contains(&sent.event));
            let is_dead = dead.contains(&(sent.stream, sent.sequence));
            if let Some((key, _)) = sent.order.filter(|_| is_placed) {
                report.summary.duplicates += u64::from(!said.insert(key));
            }
            report.summary.conflicts += u64::from(is_conflict);
            report.summary.dead += u64::from(is_dead);
            let ends: Vec<&str> =
                [(is_placed, "placed"), (is_conflict, "conflict"), (is_dead, "dead letter")]
                    .into_iter()
                    .filter_map(|(is, end)| is.then_some(end))
                    .collect();
            match ends.len() {
                0 => {
                    let detail = "it is neither placed nor in conflict nor a dead letter".into();
                    report.add(Rule::Lost, subject::ORDERS, sent.sequence, detail);
                }
                1 => {}
                _ => {
                    let detail = ends.join(" and ");
                    report.add(Rule::EndsTwice, subject::ORDERS, sent.sequence, detail);
                }
            }
        }
        self.check_origin(report);
    }

    /// A first attempt that names an event on `orders` was sent there.
    fn check_origin(&self, report: &mut Report) {
        let sent: HashSet<u64> = self.sent.iter().map(|sent| sent.event).collect();
        let kept = |placed: &&super::facts::Placed| {
            placed.attempt == 1 && self.sent_from_ms <= placed.stored_ms
        };
        for placed in self.placed.iter().filter(kept) {
            if placed.event.is_some_and(|event| !sent.contains(&event)) {
                let detail = "no message on orders has the event id that it names".into();
                report.add(Rule::NeverSent, &placed.subject, placed.sequence, detail);
            }
        }
    }
}
