//! What can happen next.

use super::{Client, Flaw, Input, Settings, Step, World, node};
use crate::journal::machine::{Stop, Want};
use crate::journal::model::book::Deed;
use crate::journal::model::mutant;
use crate::journal::model::rules::Rule;
use crate::journal::snapshot::{Head, Saved, Snapshot};
use crate::journal::{Appended, Entry, Keys, Message, Record};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use std::rc::Rc;

impl World {
    /// Every step that can happen next, and whether it is no fault.
    pub(in super::super) fn successors(
        &self,
        settings: &Settings,
        next: &mut Vec<(Step, bool, Self)>,
    ) {
        for at in 0..self.nodes.len() {
            // The other writer does something only while its client waits.
            if at < settings.replicas || self.client == Client::Open {
                self.work(settings, at, next);
            }
            self.snapshots(settings, at, next);
            if settings.faults {
                let mut world = self.clone();
                world.nodes[at] = Rc::new(node(settings, at));
                next.push((("crash", at, 0), false, world));
            }
        }
        for (index, (expected, entry)) in self.ghosts.iter().enumerate() {
            let mut gone = self.clone();
            gone.ghosts.remove(index);
            if *expected == self.last() || settings.flaw == Some(Flaw::NoCompareAndSet) {
                let mut lands = gone.clone();
                lands.append(entry.clone());
                next.push((("ghost lands", 0, *expected), true, lands));
            }
            next.push((("ghost is gone", 0, *expected), true, gone));
        }
        for (index, (subject, payload)) in self.late.iter().enumerate() {
            let mut gone = self.clone();
            gone.late.remove(index);
            let mut lands = gone.clone();
            lands.store(settings, subject, payload);
            next.push((("late fact lands", 0, 0), true, lands));
            next.push((("late fact is gone", 0, 0), true, gone));
        }
        if self.strangers < settings.strangers {
            self.strangers(next);
        }
        if settings.add != 0 && self.client == Client::Open {
            let mut world = self.clone();
            world.client = Client::GaveUp;
            next.push((("client gives up", 0, 0), false, world));
        }
        if let Some(head) = &self.head {
            let below = mutant::trim_below(settings.broken, head);
            if below > self.first {
                let mut world = self.clone();
                world.first = below;
                next.push((("trim", 0, below), false, world));
            }
        }
    }

    /// Somebody writes into the journal who must not: garbage; what looks like the next entry; a copy
    /// of the first entry, with its header.
    fn strangers(&self, next: &mut Vec<(Step, bool, Self)>) {
        let mut lands = |step, ours, bytes| {
            let mut world = self.clone();
            world.stranger(ours, bytes);
            next.push(((step, 0, self.last() + 1), false, world));
        };
        lands("garbage lands", false, Bytes::from_static(b"hello"));
        // Before the first entry it would count as one of 0.1.0, which knew no header.
        if self.entry > 0 {
            let (id, prev, at) = ("forged".to_owned(), self.entry, DateTime::UNIX_EPOCH);
            let body = Deed::Add(7);
            let forged = Entry { id, prev, at, decided_to: None, key: None, body };
            lands("forged entry lands", false, Record::Decision(forged).to_bytes());
        }
        let first = self.entries.iter().find(|(ours, _)| *ours);
        if let Some((_, first)) = first.filter(|_| self.entry > 0) {
            lands("copy of an entry lands", true, first.clone());
        }
    }

    fn snapshots(&self, settings: &Settings, at: usize, next: &mut Vec<(Step, bool, Self)>) {
        let node = &self.nodes[at];
        if !settings.snapshots {
            return;
        }
        let advance = |saved: &Saved| {
            let before = self.head.as_ref().map(|head| Head::clone(head));
            mutant::advance(settings.broken, before, saved.clone())
        };
        if let Some((saved, seen)) = node.saving.as_deref() {
            let mut world = self.clone();
            world.node(at).saving = None;
            if self.head == *seen {
                world.head = advance(saved).map(Rc::new).or(world.head);
            }
            next.push((("snapshot lands", at, saved.sequence), false, world));
            return;
        }
        // Taken between calls; one that holds what is on its way would be taken at any time.
        let committed = !settings.broken.contains(&Rule::SnapshotIsCommitted);
        if node.machine.as_it_is().waiting().is_some() && committed {
            return;
        }
        let Some(mut snapshot) = node.machine.snapshot() else { return };
        if settings.flaw == Some(Flaw::KeyNotInSnapshot) {
            snapshot.keys = Some(Keys::default());
        }
        let text = String::from_utf8(snapshot.to_bytes()).unwrap();
        // The model keeps the whole content where the digest would be.
        let saved =
            Saved { sequence: snapshot.sequence, id: String::new(), chunks: 0, sha256: text };
        if advance(&saved).is_some() {
            let mut world = self.clone();
            world.node(at).saving = Some(Rc::new((saved, self.head.clone())));
            next.push((("snapshot", at, snapshot.sequence), false, world));
        }
    }

    /// The steps of a process at work.
    fn work(&self, settings: &Settings, at: usize, next: &mut Vec<(Step, bool, Self)>) {
        if settings.faults {
            let mut world = self.clone();
            world.end(at, None);
            next.push((("caller goes away", at, 0), false, world));
        }
        match self.nodes[at].machine.want() {
            Want::Load => self.load(settings, at, next),
            Want::Read { again, from } => self.read(settings, at, (again, from), next),
            Want::Publish(facts) => self.publish(settings, at, &facts, next),
            Want::Append { expected, entry } => self.appends(settings, at, expected, &entry, next),
            Want::Decide if at < settings.replicas => {
                for batch in self.batches(settings) {
                    let mut world = self.clone();
                    let ours = batch.input == Input::Ours;
                    match world.decide(settings, at, &batch) {
                        Some(step) => next.push((step, ours, world)),
                        None => self.settle(settings, at, next),
                    }
                }
            }
            Want::Decide => {
                let mut world = self.clone();
                match world.command(settings, at) {
                    Some(step) => next.push((step, true, world)),
                    None => self.settle(settings, at, next),
                }
            }
        }
    }

    /// Where facts need not be stored before an append, they are before an answer.
    fn settle(&self, settings: &Settings, at: usize, next: &mut Vec<(Step, bool, Self)>) {
        let facts = self.nodes[at].machine.as_it_is().owed().unwrap();
        self.publish(settings, at, &facts, next);
    }

    /// The call ends.
    pub(super) fn end(&mut self, at: usize, client: Option<Client>) {
        let node = self.node(at);
        node.asked = false;
        node.machine.begin();
        self.client = client.unwrap_or(self.client);
    }

    /// A process goes on with what a step came to: as it is, or again, or not at all.
    fn go_on(
        mut self,
        settings: &Settings,
        (step, faultless): (Step, bool),
        result: Result<(), Stop>,
        next: &mut Vec<(Step, bool, Self)>,
    ) {
        let at = step.1;
        match result {
            Ok(()) => next.push((step, faultless, self)),
            Err(Stop::Unavailable(_)) => {
                let mut gives_up = self.clone();
                let told = (at >= settings.replicas
                    && settings.flaw == Some(Flaw::UnclearIsFailure))
                .then_some(Client::ToldFailed);
                gives_up.end(at, told);
                next.push((step, false, gives_up));
                self.node(at).machine.begin();
                next.push((step, faultless, self));
            }
            Err(_) => {
                self.end(at, None);
                next.push((step, faultless, self));
            }
        }
    }

    fn load(&self, settings: &Settings, at: usize, next: &mut Vec<(Step, bool, Self)>) {
        let head = self.head.as_ref();
        let newest = head.map(|head| &head.current);
        let older = head.and_then(|head| head.previous.as_ref());
        let mut found = vec![newest];
        if settings.stale && newest.is_some() {
            found.push(older);
            if older.is_some() {
                found.push(None);
            }
        }
        for (age, saved) in found.into_iter().enumerate() {
            let mut world = self.clone();
            let snapshot = saved.map(|saved| Snapshot::parse(saved.sha256.as_bytes()).unwrap());
            let result = world.node(at).machine.loaded(snapshot);
            let step = ("load", at, saved.map_or(0, |saved| saved.sequence));
            world.go_on(settings, (step, age == 0), result, next);
        }
    }

    fn read(
        &self,
        settings: &Settings,
        at: usize,
        (again, from): (Option<u64>, u64),
        next: &mut Vec<(Step, bool, Self)>,
    ) {
        let last = self.last();
        let first = again.unwrap_or(from);
        let begin = if settings.stale { first.saturating_sub(1).min(last) } else { last };
        for end in begin..=last {
            if end < last && end < self.first {
                continue;
            }
            let mut world = self.clone();
            let machine = &mut world.node(at).machine;
            let known = machine.as_it_is().sequence();
            for sequence in again.into_iter().chain(from..=end) {
                if !(self.first..=end).contains(&sequence) {
                    continue;
                }
                let (marked, payload) = &self.entries[usize::try_from(sequence - 1).unwrap()];
                // Strangers come late, when entries of 0.1.0 do not count any more.
                let stored = DateTime::UNIX_EPOCH + TimeDelta::hours(2);
                let message = Message { sequence, marked: *marked, stored, payload };
                machine.message(message);
            }
            let result = machine.read_to(known, end);
            world.go_on(settings, (("read to", at, end), end == last), result, next);
        }
    }

    fn publish(
        &self,
        settings: &Settings,
        at: usize,
        facts: &[messaging::publish::Outgoing],
        next: &mut Vec<(Step, bool, Self)>,
    ) {
        let mut publish = |step, stored: usize, late: Option<usize>, acknowledged: bool| {
            let mut world = self.clone();
            for fact in facts.iter().take(stored) {
                world.store(settings, &fact.subject, &fact.payload);
            }
            if let Some(fact) = late.map(|late| &facts[late]) {
                world.late.push((fact.subject.clone(), fact.payload.clone()));
                world.late.sort();
            }
            let result = acknowledged.then_some(()).ok_or_else(String::new);
            let result = world.node(at).machine.published(result);
            let step = (step, at, stored as u64);
            world.go_on(settings, (step, acknowledged), result, next);
        };
        publish("facts", facts.len(), None, true);
        if settings.faults && !facts.is_empty() {
            publish("facts, no answer", facts.len(), None, false);
            publish("facts lost", 0, None, false);
        }
        if settings.faults && facts.len() > 1 {
            publish("some facts", 1, None, false);
        }
        if self.late.len() < settings.late {
            for late in 0..facts.len() {
                publish("facts late", 0, Some(late), false);
            }
        }
    }

    fn appends(
        &self,
        settings: &Settings,
        at: usize,
        expected: u64,
        entry: &Bytes,
        next: &mut Vec<(Step, bool, Self)>,
    ) {
        let last = self.last();
        let fits = expected == last || settings.flaw == Some(Flaw::NoCompareAndSet);
        let mut append = |step, stored: bool, ghost: bool, acknowledged: bool| {
            let mut world = self.clone();
            if stored {
                world.append(entry.clone());
            }
            if ghost {
                world.ghosts.push((expected, entry.clone()));
                world.ghosts.sort();
            }
            let early = settings.broken.contains(&Rule::FactsAfterAppend);
            if !acknowledged && early {
                for fact in self.nodes[at].machine.as_it_is().waiting().unwrap_or_default() {
                    world.store(settings, &fact.subject, &fact.payload);
                }
            }
            let appended = if acknowledged {
                Appended::Stored(last + 1)
            } else {
                Appended::Unclear(String::new())
            };
            let result = world.node(at).machine.appended(appended);
            let faultless = acknowledged || !fits;
            world.go_on(settings, ((step, at, last), faultless), result, next);
        };
        if fits {
            append("append", true, false, true);
        }
        if fits && settings.faults {
            append("append, no answer", true, false, false);
        }
        if !fits || settings.faults {
            append("append not stored", false, false, false);
        }
        if self.ghosts.len() < settings.ghosts && expected == last {
            append("append late", false, true, false);
        }
    }
}
