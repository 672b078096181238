//! A process that does not keep some of the rules: the machine of production, with what goes into it or
//! comes out of it changed. Nothing in production knows of this.

use super::book::{Deed, Shop, State};
use super::rules::Rule;
use crate::journal::input::{Claim, Link, Plan, Turn, plan, turn};
use crate::journal::machine::{Machine, Stop, Want};
use crate::journal::snapshot::{Head, Saved, Snapshot};
use crate::journal::{Appended, Draft, Message, Position, Record, View};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::hash::{Hash, Hasher};

/// A machine, and the rules that it does not keep. With none broken it is the machine.
#[derive(Clone)]
pub(super) struct Mutant {
    machine: Machine<Shop>,
    broken: &'static [Rule],
    /// The snapshot that it comes from: its last entry and its position.
    loaded: (u64, Option<Position>),
    /// Is it reading for the first time since it has loaded?
    starts: bool,
}

impl Hash for Mutant {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // `starts` follows from the machine's phase.
        (&self.machine, &self.loaded).hash(hasher);
    }
}

impl Mutant {
    pub(super) fn new(book: Shop, broken: &'static [Rule]) -> Self {
        Self { machine: Machine::new(book), broken, loaded: (0, None), starts: false }
    }

    fn without(&self, rule: Rule) -> bool {
        self.broken.contains(&rule)
    }

    /// The machine as it is: what these say is not changed.
    pub(super) fn as_it_is(&self) -> &Machine<Shop> {
        &self.machine
    }

    pub(super) fn begin(&mut self) {
        self.starts = false;
        self.machine.begin();
    }

    pub(super) fn refresh(&mut self) {
        self.machine.refresh();
    }

    pub(super) fn write(
        &mut self,
        id: String,
        at: DateTime<Utc>,
        draft: Draft<Deed>,
    ) -> Result<(), Stop> {
        self.machine.write(id, at, draft, usize::MAX)
    }

    pub(super) fn want(&self) -> Want {
        match self.machine.want() {
            Want::Publish(_) if self.without(Rule::SettleBeforeAppend) => Want::Decide,
            Want::Append { entry, .. } if self.without(Rule::TheTailIsExpected) => {
                Want::Append { expected: self.machine.sequence(), entry }
            }
            want => want,
        }
    }

    pub(super) fn loaded(&mut self, snapshot: Option<Snapshot<State>>) -> Result<(), Stop> {
        if self.without(Rule::SnapshotIsRead) {
            self.loaded = snapshot
                .as_ref()
                .map_or((0, None), |found| (found.sequence, found.decided_to.clone()));
        }
        self.starts = true;
        self.machine.loaded(snapshot)
    }

    pub(super) fn message(&mut self, message: Message<'_>) {
        if self.broken.is_empty() {
            let _passed = self.machine.message(message);
            return;
        }
        let known = self.machine.sequence();
        let prev = Record::<Deed>::parse(message.payload).map(|record| record.prev());
        let mut payload = message.payload.to_vec();
        match prev {
            Ok(prev)
                if prev < known
                    && known < message.sequence
                    && self.without(Rule::LateIsPassedOver) =>
            {
                payload = with(&payload, "prev", u64::MAX);
            }
            Ok(prev) if known < prev && self.without(Rule::PrevIsChecked) => {
                payload = with(&payload, "prev", known);
            }
            _ => {}
        }
        // The snapshot is believed, whatever its last entry says.
        if self.starts && self.without(Rule::SnapshotIsRead) && message.sequence == self.loaded.0 {
            payload = with(&payload, "decided_to", &self.loaded.1);
        }
        let marked = message.marked || self.without(Rule::MarksAreChecked);
        let _passed = self.machine.message(Message { marked, payload: &payload, ..message });
    }

    /// `known` is the last entry that was known before the reading.
    pub(super) fn read_to(&mut self, known: u64, last: u64) -> Result<(), Stop> {
        let read = self.machine.read_to(last);
        let sequence = self.machine.sequence();
        let by_others = self.starts || known < sequence;
        let of_snapshot = self.starts && sequence == self.loaded.0;
        let forgets = by_others && self.without(Rule::SettleForOthers)
            || by_others && !self.starts && self.without(Rule::SettleAfterReading)
            || of_snapshot && self.without(Rule::SnapshotIsRead);
        if forgets && self.machine.owed().is_some() {
            self.machine.published(Ok(()))?;
        }
        self.starts = false;
        read
    }

    pub(super) fn published(&mut self, result: Result<(), String>) -> Result<(), Stop> {
        match result {
            Err(reason) if self.without(Rule::FactsAreRepeated) => {
                self.machine.published(Ok(()))?;
                Err(Stop::Unavailable(reason))
            }
            result => self.machine.published(result),
        }
    }

    pub(super) fn appended(&mut self, appended: Appended) -> Result<(), Stop> {
        match (appended, self.want()) {
            (Appended::Unclear(_), Want::Append { expected, .. })
                if self.without(Rule::UnclearIsNotDone) =>
            {
                self.machine.appended(Appended::Stored(expected + 1))
            }
            (appended, _) => self.machine.appended(appended),
        }
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot<State>> {
        let mut machine = self.machine.clone();
        if self.without(Rule::SnapshotIsSettled) && machine.owed().is_some() {
            machine.published(Ok(())).ok()?;
        }
        let mut snapshot = machine.snapshot()?;
        if let Want::Append { entry, .. } = machine.want()
            && self.without(Rule::SnapshotIsCommitted)
        {
            let record = Record::<Deed>::parse(&entry).ok()?;
            snapshot.decided_to = record.decided_to().cloned();
        }
        snapshot.sequence += u64::from(self.without(Rule::SnapshotIsNamed));
        Some(snapshot)
    }

    /// What a caller is told of a batch.
    pub(super) fn turn(&self, claim: &Claim, links: &[Link]) -> Turn {
        let view = self.machine.view(chrono::DateTime::UNIX_EPOCH);
        let (mut claim, mut links) = (claim.clone(), links.to_vec());
        let decided_to = view.decided_to.map_or(0, |position| position.sequence);
        if let Some(position) = view.decided_to
            && self.without(Rule::InputIsChecked)
        {
            claim.stream.clone_from(&position.stream);
            claim.filter.clone_from(&position.filter);
            claim.identity.name.clone_from(&position.identity);
        }
        if self.without(Rule::ChainIsChecked) {
            for at in 1..links.len() {
                links[at].previous = links[at - 1].sequence;
            }
        }
        if self.without(Rule::AfterIsChecked) {
            claim.after = claim.after.min(decided_to);
            if let Some(first) = links.first_mut() {
                first.previous = first.previous.min(decided_to);
            }
        }
        let is_done = plan(view.decided_to, &claim, &links) == Plan::Done;
        let fresh = view.fresh || links.is_empty() && is_done && self.without(Rule::IdleReads);
        turn(&View { fresh, ..view }, &claim, &links)
    }

    pub(super) fn view(&self) -> View<'_, State> {
        self.machine.view(chrono::DateTime::UNIX_EPOCH)
    }
}

/// The entry with another value of a field.
fn with(payload: &[u8], field: &str, value: impl serde::Serialize) -> Vec<u8> {
    let mut entry: Value = serde_json::from_slice(payload).unwrap();
    entry[field] = serde_json::to_value(value).unwrap();
    serde_json::to_vec(&entry).unwrap()
}

/// The head of the snapshots after `saved` was written.
pub(super) fn advance(broken: &[Rule], before: Option<Head>, saved: Saved) -> Option<Head> {
    match before {
        Some(Head { current, .. }) if broken.contains(&Rule::SnapshotsGoForward) => {
            Some(Head { current: saved, previous: Some(current) })
        }
        before => Head::advance(before, saved),
    }
}

/// Below which entry the journal is trimmed.
pub(super) fn trim_below(broken: &[Rule], head: &Head) -> u64 {
    match broken.contains(&Rule::TailIsKept) {
        true => head.current.sequence + 1,
        false => head.trim_below(),
    }
}
