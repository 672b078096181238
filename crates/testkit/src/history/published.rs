//! What was published of the decisions, and the attempts that followed them.

use super::facts::{Changed, Fact, Placed};
use super::lane::{Decided, Expected};
use super::record::History;
use super::report::{Report, Rule};
use std::collections::{BTreeMap, HashMap};

impl History {
    /// Exactly one fact of each outcome, and none without.
    pub(super) fn check_facts(&self, expected: &Expected, report: &mut Report) {
        check(&self.facts, &expected.orders, report);
        check(&self.returned, &expected.sales, report);
        check(&self.shipped, &expected.shipped, report);
    }

    /// Exactly one message of each entry that changes stock, and none without.
    pub(super) fn check_changed(&self, expected: &Expected, report: &mut Report) {
        let mut seen: HashMap<&str, u64> = HashMap::with_capacity(self.changed.len());
        for Changed { sequence, subject, content } in &self.changed {
            let mut add = |rule, detail| report.add(rule, subject, *sequence, detail);
            if let Some(first) = seen.insert(subject, *sequence) {
                add(Rule::FactTwice, format!("the first is #{first}"));
            }
            match expected.changed.get(subject) {
                None => add(Rule::FactUnfounded, "no journal has such a movement".into()),
                Some(moved) if Some(moved.content) != *content => {
                    let detail = format!("entry #{} moved {}", moved.entry, moved.what);
                    add(Rule::FactChanged, detail);
                }
                Some(_) => {}
            }
        }
        for (subject, moved) in &expected.changed {
            if !seen.contains_key(&**subject) {
                let detail = format!("entry #{} moved {}", moved.entry, moved.what);
                report.add(Rule::FactMissing, subject, moved.entry, detail);
            }
        }
    }

    /// Attempts of an order count up from 1 and say the same: a new one follows a refusal, or it
    /// cancels what stands confirmed.
    pub(super) fn check_attempts(&self, report: &mut Report) {
        let mut last: HashMap<&str, &Placed> = HashMap::with_capacity(self.placed.len());
        let mut followed = Vec::new();
        for placed in &self.placed {
            report.summary.placed += 1;
            report.summary.further += u64::from(placed.attempt > 1);
            report.summary.returns += u64::from(placed.is_return);
            match last.insert(&placed.subject, placed) {
                Some(before) => followed.push((before, placed)),
                None if placed.attempt != 1 || placed.cancels.is_some() || placed.is_amended => {
                    let detail = format!("attempt {} is the first", placed.attempt);
                    report.add(Rule::AttemptWrong, &placed.subject, placed.sequence, detail);
                }
                None => {}
            }
        }
        let mut facts: HashMap<u64, Option<&Fact>> =
            followed.iter().map(|(before, _)| (before.sequence, None)).collect();
        for fact in &self.facts {
            if let Some(known) = fact.placed.and_then(|placed| facts.get_mut(&placed)) {
                known.get_or_insert(fact);
            }
        }
        let by_sequence: HashMap<u64, &Placed> =
            self.placed.iter().map(|placed| (placed.sequence, placed)).collect();
        for (before, placed) in followed {
            let fact = facts.get(&before.sequence).copied().flatten();
            // What follows an amendment that was refused follows what stayed in force.
            let kept = fact.filter(|_| before.amends.is_some()).and_then(|fact| fact.in_force);
            let before = kept.and_then(|kept| by_sequence.get(&kept).copied()).unwrap_or(before);
            if let Some(problem) = placed.problem_after(before, fact) {
                let (attempt, sequence) = (before.attempt, before.sequence);
                let detail = format!(
                    "attempt {} after attempt {attempt} (#{sequence}): {problem}",
                    placed.attempt
                );
                report.add(Rule::AttemptWrong, &placed.subject, placed.sequence, detail);
            }
        }
    }
}

/// Exactly one fact of each outcome, by the sequence of the message that it is about; of a shipment by that of its
/// entry.
fn check(facts: &[Fact], expected: &BTreeMap<u64, Decided>, report: &mut Report) {
    let mut seen: HashMap<u64, u64> = HashMap::with_capacity(facts.len());
    for fact in facts {
        let Fact { sequence, subject, placed, content, .. } = fact;
        let mut add = |rule, detail| report.add(rule, subject, *sequence, detail);
        let Some((placed, decided)) = placed.and_then(|n| Some((n, expected.get(&n)?))) else {
            let of = placed.map_or("it cannot be read".into(), |n| format!("it is about #{n}"));
            add(Rule::FactUnfounded, format!("no journal has such a decision: {of}"));
            continue;
        };
        if let Some(first) = seen.insert(placed, *sequence) {
            add(Rule::FactTwice, format!("the first fact about #{placed} is #{first}"));
        }
        if *subject != decided.subject || *content != Some(decided.content) {
            let of = &decided.subject;
            add(Rule::FactChanged, format!("entry #{} decided {of}", decided.entry));
        }
    }
    for (placed, decided) in expected {
        if !seen.contains_key(placed) {
            let detail = format!("entry #{} decided #{placed}", decided.entry);
            report.add(Rule::FactMissing, &decided.subject, *placed, detail);
        }
    }
}

impl Placed {
    /// Why this is no attempt that may follow `before`, of which `fact` is told.
    fn problem_after(&self, before: &Self, fact: Option<&Fact>) -> Option<&'static str> {
        let fact = fact.filter(|fact| fact.sequence < self.sequence);
        let is = |stage: &str| fact.is_some_and(|fact| fact.subject.starts_with(stage));
        if Some(self.attempt) != before.attempt.checked_add(1) {
            return Some("it does not count up");
        }
        let same = (self.content, self.order) == (before.content, before.order);
        if self.event != before.event || !same && !self.is_amended {
            return Some("it is another order");
        }
        match self.cancels {
            None if self.amends.is_some() => {
                let confirmed = before.cancels.unwrap_or((before.attempt, before.sequence));
                (!is("orders.confirmed.") || self.amends != Some(confirmed))
                    .then_some("it amends what was not confirmed")
            }
            None if !is("orders.refused.") => Some("that was not refused"),
            Some(_) if !is("orders.confirmed.") => Some("that was not confirmed"),
            // One that was kept is cancelled again by naming the same attempt.
            Some(cancels)
                if cancels != before.cancels.unwrap_or((before.attempt, before.sequence)) =>
            {
                Some("it cancels another attempt")
            }
            _ => None,
        }
    }
}
