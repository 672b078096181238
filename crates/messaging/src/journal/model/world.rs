//! Processes, the server and what is on its way between them, and every step that can happen next.

use super::book::{Deed, PIECES, Shop, State};
use crate::journal::input::{Claim, Link, Turn, turn_under};
use crate::journal::machine::{Machine, Stop, Want};
use crate::journal::rules::{Rule, Rules};
use crate::journal::snapshot::{Head, Saved, Snapshot};
use crate::journal::{Appended, Command, Decide, Record, operations};
use bytes::Bytes;
use chrono::DateTime;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Orders of the input.
    pub(super) orders: u64,
    /// Processes that decide them.
    pub(super) replicas: usize,
    /// Pieces that another process adds on command; 0: there is none.
    pub(super) add: i64,
    /// Appends that may be on their way at once, each to land at any time or never.
    pub(super) ghosts: usize,
    /// Facts that may be on their way in the same manner.
    pub(super) late: usize,
    /// Are there snapshots, and is the journal trimmed?
    pub(super) snapshots: bool,
    /// May a read end before the end, and an old snapshot be loaded?
    pub(super) stale: bool,
    /// Do processes crash, and is anything lost?
    pub(super) faults: bool,
    /// Batches of which other inputs come?
    pub(super) foreign: &'static [Input],
    /// Does an answer count that is not true, or before the facts are stored? Otherwise only what
    /// comes of it in the end.
    pub(super) answers: bool,
    /// Rules that the replicas do not keep.
    pub(super) broken: &'static [Rule],
    /// Rules that the other writer does not keep.
    pub(super) broken_writer: &'static [Rule],
    /// What the others do wrong.
    pub(super) flaw: Option<Flaw>,
}

/// Wrong outside of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The server appends whatever is expected.
    NoCompareAndSet,
    /// The server stores a fact though one is there.
    FactsByMessageId,
    /// Replicas do not know the facts of the command.
    UnknownFacts,
    /// The command has no key.
    NoKey,
    /// Snapshots leave the key out.
    KeyNotInSnapshot,
    /// The client is told that an unclear command has failed.
    UnclearIsFailure,
}

/// Something that happened: what, in which process, and a number that says more.
pub(super) type Step = (&'static str, usize, u64);

/// An input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Input {
    Ours,
    /// Of which the last order is the first.
    OtherFilter,
    /// The stream is another, its sequences are the same.
    MadeAnew,
}

/// A call of a connector: the adversary may make any of them at any time.
#[derive(Clone, Debug)]
struct Batch {
    input: Input,
    after: u64,
    orders: Vec<u64>,
    /// Decided at most so many by one append.
    at_once: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    /// It asks, and asks again.
    Open,
    Done,
    Refused,
    ToldFailed,
    GaveUp,
}

#[derive(Clone)]
struct Node {
    /// Its hash, 0 until it is computed: most steps leave most processes as they are.
    key: Cell<u64>,
    machine: Machine<Shop>,
    /// Has it appended the command in this call?
    asked: bool,
    /// A snapshot that is being written, and the head that its writer saw before.
    saving: Option<Rc<(Saved, Option<Rc<Head>>)>>,
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        if self.key.get() == 0 {
            self.key.set(key(&(&self.machine, self.asked, &self.saving)));
        }
        self.key.get().hash(hasher);
    }
}

fn key(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What the entries come to. A function of them, so not a part of the state.
#[derive(Clone)]
struct Told {
    decided: u64,
    pieces: i64,
    commands: u32,
    facts: BTreeMap<String, Bytes>,
    /// Order, stock and facts up to each entry.
    states: Vec<(State, u64, usize)>,
    broken: Option<&'static str>,
}

/// All of it.
#[derive(Clone)]
pub(super) struct World {
    nodes: Vec<Rc<Node>>,
    entries: Rc<Vec<Bytes>>,
    /// Hashes of entries and facts.
    keys: (u64, u64),
    told: Rc<Told>,
    /// The first entry that is kept.
    first: u64,
    facts: Rc<BTreeMap<String, Vec<Bytes>>>,
    ghosts: Vec<(u64, Bytes)>,
    late: Vec<(String, Bytes)>,
    head: Option<Rc<Head>>,
    client: Client,
    broken: Option<&'static str>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.nodes.hash(hasher);
        (self.keys, self.first, &self.ghosts, &self.late).hash(hasher);
        (&self.head, self.client, self.broken).hash(hasher);
    }
}

fn machine(settings: &Settings, node: usize) -> Machine<Shop> {
    let replica = node < settings.replicas;
    let ignorant = replica && settings.flaw == Some(Flaw::UnknownFacts);
    let broken = if replica { settings.broken } else { settings.broken_writer };
    Machine::breaking(Shop { ignorant }, broken)
}

fn node(settings: &Settings, node: usize) -> Node {
    Node { key: Cell::new(0), machine: machine(settings, node), asked: false, saving: None }
}

fn claim(input: Input, after: u64) -> Claim {
    let (created, filter) = match input {
        Input::Ours => ("1", "in.>"),
        Input::OtherFilter => ("1", "in.b"),
        Input::MadeAnew => ("2", "in.>"),
    };
    Claim { after, stream: "IN".into(), created: created.into(), filter: filter.into() }
}

impl World {
    /// Nothing has happened.
    pub(super) fn new(settings: &Settings) -> Self {
        let nodes = settings.replicas + usize::from(settings.add != 0);
        let told = Told {
            decided: 0,
            pieces: PIECES,
            commands: 0,
            facts: BTreeMap::new(),
            states: vec![(State { pieces: PIECES, key: false }, 0, 0)],
            broken: None,
        };
        Self {
            nodes: (0..nodes).map(|n| Rc::new(node(settings, n))).collect(),
            entries: Rc::default(),
            keys: (0, 0),
            told: Rc::new(told),
            first: 1,
            facts: Rc::default(),
            ghosts: Vec::new(),
            late: Vec::new(),
            head: None,
            client: Client::Open,
            broken: None,
        }
    }

    fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    fn node(&mut self, at: usize) -> &mut Node {
        let node = Rc::make_mut(&mut self.nodes[at]);
        node.key.set(0);
        node
    }

    /// A promise that is broken in this state.
    pub(super) fn broken(&self, settings: &Settings) -> Option<&'static str> {
        let failed = matches!(self.client, Client::ToldFailed)
            || matches!(self.client, Client::Refused) && !settings.stale;
        if failed && self.told.commands > 0 {
            return Some("the client was told that it failed, and it was applied");
        }
        if let Some(broken) = self.told.broken.or(self.broken) {
            return Some(broken);
        }
        for (subject, stored) in self.facts.iter() {
            if stored.len() > 1 {
                return Some("a fact is stored twice");
            }
            if self.told.facts.get(subject).is_some_and(|fact| *fact != stored[0]) {
                return Some("a fact contradicts the journal");
            }
        }
        None
    }

    /// Everything is decided and stored, and every replica knows it and could go on.
    pub(super) fn is_good_end(&self, settings: &Settings) -> bool {
        self.ghosts.is_empty()
            && self.late.is_empty()
            && self.told.decided == settings.orders
            && (settings.add == 0 || self.client != Client::Open)
            && self.told.facts.keys().all(|fact| self.facts.contains_key(fact))
            && self.facts.len() == self.told.facts.len()
            && self
                .nodes
                .iter()
                .take(settings.replicas)
                .all(|node| node.machine.is_ready() && node.machine.sequence() == self.last())
    }

    /// The server appends an entry.
    fn append(&mut self, bytes: Bytes) {
        let Ok(Record::Decision(entry)) = Record::<Deed>::parse(&bytes) else {
            panic!("only decisions are appended");
        };
        self.keys.0 = key(&(self.keys.0, &bytes));
        Rc::make_mut(&mut self.entries).push(bytes);
        let told = Rc::make_mut(&mut self.told);
        match &entry.body {
            Deed::Orders(orders) => {
                for (order, got) in orders {
                    if *order <= told.decided {
                        told.broken = Some("an order is decided twice");
                    } else if *order != told.decided + 1 {
                        told.broken = Some("an order is skipped");
                    }
                    told.decided = *order;
                    told.pieces -= i64::from(*got);
                }
            }
            Deed::Add(pieces) => {
                told.pieces += pieces;
                told.commands += 1;
                if told.commands > 1 {
                    told.broken = Some("the command is applied twice");
                }
            }
        }
        if told.pieces < 0 {
            told.broken = Some("the stock is negative");
        }
        for fact in crate::journal::Book::facts(&Shop::default(), 0, &entry) {
            told.facts.insert(fact.subject, fact.payload);
        }
        let state = State { pieces: told.pieces, key: told.commands > 0 };
        told.states.push((state, told.decided, told.facts.len()));
    }

    /// The server stores a fact if none is there.
    fn store(&mut self, settings: &Settings, subject: &str, payload: &Bytes) {
        let stored = Rc::make_mut(&mut self.facts).entry(subject.to_owned()).or_default();
        if stored.is_empty() || settings.flaw == Some(Flaw::FactsByMessageId) {
            stored.push(payload.clone());
            // In any order.
            self.keys.1 ^= key(&(subject, stored.len(), payload));
        }
    }

    /// Every step that can happen next, and whether it is no fault.
    pub(super) fn successors(&self, settings: &Settings, next: &mut Vec<(Step, bool, Self)>) {
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
        if settings.add != 0 && self.client == Client::Open {
            let mut world = self.clone();
            world.client = Client::GaveUp;
            next.push((("client gives up", 0, 0), false, world));
        }
        if let Some(head) = &self.head {
            let below = head.trim_below(Rules { broken: settings.broken });
            if below > self.first {
                let mut world = self.clone();
                world.first = below;
                next.push((("trim", 0, below), false, world));
            }
        }
    }

    /// What a connector may send. What it sends matters only when the function decides, so it is
    /// chosen then, and chosen anew after every look at the journal.
    fn batches(&self, settings: &Settings) -> Vec<Batch> {
        let all = settings.orders;
        let mut batches = Vec::new();
        let mut batch = |input, after, orders: Vec<u64>, at_once| {
            batches.push(Batch { input, after, orders, at_once });
        };
        for after in 0..=all {
            batch(Input::Ours, after, Vec::new(), 1);
            for last in after + 1..=all {
                batch(Input::Ours, after, (after + 1..=last).collect(), 9);
            }
        }
        // One by one within a call, and with a hole inside.
        batch(Input::Ours, 0, (1..=all).collect(), 1);
        if all > 2 {
            batch(Input::Ours, 0, vec![1, 3], 9);
        }
        // The first batch of all says which input it is.
        for input in settings.foreign.iter().filter(|_| !self.entries.is_empty()) {
            batch(*input, 0, vec![if *input == Input::OtherFilter { all } else { 1 }], 9);
        }
        batches
    }

    fn snapshots(&self, settings: &Settings, at: usize, next: &mut Vec<(Step, bool, Self)>) {
        let node = &self.nodes[at];
        if !settings.snapshots {
            return;
        }
        let rules = Rules { broken: settings.broken };
        let advance = |saved: &Saved| {
            let before = self.head.as_ref().map(|head| Head::clone(head));
            Head::advance(before, saved.clone(), rules)
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
        if node.machine.waiting().is_some() && rules.hold(Rule::SnapshotIsCommitted) {
            return;
        }
        let Some(mut snapshot) = node.machine.snapshot() else { return };
        if settings.flaw == Some(Flaw::KeyNotInSnapshot) {
            snapshot.state.key = false;
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
            Want::Read { from } => self.read(settings, at, from, next),
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
        let facts = self.nodes[at].machine.owed().unwrap();
        self.publish(settings, at, &facts, next);
    }

    /// The call ends.
    fn end(&mut self, at: usize, client: Option<Client>) {
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

    fn read(&self, settings: &Settings, at: usize, from: u64, next: &mut Vec<(Step, bool, Self)>) {
        let last = self.last();
        let begin = if settings.stale { from.saturating_sub(1).min(last) } else { last };
        for end in begin..=last {
            if end < last && end < self.first {
                continue;
            }
            let mut world = self.clone();
            let machine = &mut world.node(at).machine;
            for sequence in from.max(self.first)..=end {
                let entry = &self.entries[usize::try_from(sequence - 1).unwrap()];
                machine.entry(sequence, entry);
            }
            let result = machine.read_to(end);
            world.go_on(settings, (("read to", at, end), end == last), result, next);
        }
    }

    fn publish(
        &self,
        settings: &Settings,
        at: usize,
        facts: &[crate::publish::Outgoing],
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
            let early = !Rules { broken: settings.broken }.hold(Rule::FactsAfterAppend);
            if !acknowledged && early {
                for fact in self.nodes[at].machine.waiting().unwrap_or_default() {
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

    /// The function decides; nothing if it would answer though facts are not stored.
    fn decide(&mut self, settings: &Settings, at: usize, batch: &Batch) -> Option<Step> {
        let Batch { input, after, ref orders, at_once } = *batch;
        let now = DateTime::UNIX_EPOCH;
        let machine = &mut self.node(at).machine;
        let (owed, sequence) = (machine.owed().is_some(), machine.sequence());
        let view = machine.view();
        let claim = claim(input, after);
        let previous = |order| if input == Input::OtherFilter { 0 } else { order - 1 };
        let links: Vec<Link> = orders
            .iter()
            .map(|&order| Link { sequence: order, previous: previous(order) })
            .collect();
        match turn_under(Rules { broken: settings.broken }, &view, &claim, &links) {
            Turn::Refresh => machine.refresh(),
            Turn::Decide(index) => {
                let mut pieces = view.state.pieces;
                let take = |order: &u64| {
                    let got = pieces > 0;
                    pieces -= i64::from(got);
                    (*order, got)
                };
                let decided: Vec<_> = orders[index..].iter().take(at_once).map(take).collect();
                let (last, _) = *decided.last()?;
                let id = format!("{at}/{sequence}/{decided:?}");
                let body = (Some(claim.decided_to(last)), Deed::Orders(decided));
                machine.decision(id, now, body, usize::MAX).unwrap();
                return Some(("decides to", at, last));
            }
            Turn::Behind(_) | Turn::Foreign(_) => self.end(at, None),
            Turn::Done(_) if owed => return None,
            Turn::Done(to) => {
                self.answered(settings, at, sequence);
                if to > self.told.decided {
                    self.broken = Some("it is answered that an order is decided, and it is not");
                }
                if input == Input::MadeAnew {
                    self.broken = Some("an order of another stream is taken for one of this");
                }
                self.end(at, None);
                return Some(("answers", at, to));
            }
        }
        Some(("looks again", at, 0))
    }

    fn command(&mut self, settings: &Settings, at: usize) -> Option<Step> {
        let known = self.nodes[at].asked || settings.flaw != Some(Flaw::NoKey);
        let machine = &mut self.node(at).machine;
        let (owed, sequence) = (machine.owed().is_some(), machine.sequence());
        let turn = operations::turn(
            machine.view(),
            |state| state.key && known,
            |view| match view.state.pieces + settings.add {
                0.. => Ok(Command { body: Deed::Add(settings.add), decided_to: None }),
                _ => Err(()),
            },
        );
        match turn {
            Decide::Append { body, decided_to } => {
                let id = format!("{at}/{sequence}/add");
                machine.decision(id, DateTime::UNIX_EPOCH, (decided_to, body), usize::MAX).unwrap();
                self.node(at).asked = true;
                return Some(("commands", at, 0));
            }
            Decide::Refresh | Decide::Rebase { .. } => machine.refresh(),
            Decide::Answer(_) if owed => return None,
            Decide::Answer(answer) => {
                self.answered(settings, at, sequence);
                if answer.is_ok() && self.told.commands == 0 {
                    self.broken = Some("it is answered that the command is applied, and it is not");
                }
                self.end(at, Some(if answer.is_ok() { Client::Done } else { Client::Refused }));
                return Some(("answers", at, sequence));
            }
        }
        Some(("looks again", at, 0))
    }

    /// An answer by a process that knows the entries up to `sequence`.
    fn answered(&mut self, settings: &Settings, at: usize, sequence: u64) {
        let known = usize::try_from(sequence).unwrap();
        let Some((state, decided, facts)) = self.told.states.get(known) else { return };
        let view = self.nodes[at].machine.view();
        let same = view.state == state && view.decided_to.map_or(0, |to| to.sequence) == *decided;
        if settings.answers && !same {
            self.broken = Some("it is answered what the journal does not say");
        }
        let orders = (1..=*decided).map(|order| order.to_string());
        let add = (*facts as u64 > *decided).then(|| "add".to_owned());
        let stored = orders.chain(add).all(|fact| self.facts.contains_key(&fact));
        if settings.answers && !stored {
            self.broken = Some("it is answered before the facts are stored");
        }
    }
}
