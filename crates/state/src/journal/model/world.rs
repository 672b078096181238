//! Processes, the server and what is on its way between them, and what is promised of them.

mod calls;
mod settings;
mod steps;

pub(super) use settings::{Flaw, Input, Settings};

use super::book::{Deed, PIECES, Shop, State};
use crate::journal::Record;
use crate::journal::model::mutant::Mutant;
use crate::journal::snapshot::{Head, Saved};
use bytes::Bytes;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// Something that happened: what, in which process, and a number that says more.
pub(super) type Step = (&'static str, usize, u64);

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
    machine: Mutant,
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
    /// All messages of the journal's subject, and whether a writer of the journal wrote them.
    entries: Rc<Vec<(bool, Bytes)>>,
    /// Sequence of the last entry.
    entry: u64,
    /// How many messages of strangers landed.
    strangers: usize,
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
        (self.keys, self.strangers, self.first, &self.ghosts, &self.late).hash(hasher);
        (&self.head, self.client, self.broken).hash(hasher);
    }
}

fn machine(settings: &Settings, node: usize) -> Mutant {
    let replica = node < settings.replicas;
    let ignorant = replica && settings.flaw == Some(Flaw::UnknownFacts);
    let broken = if replica { settings.broken } else { settings.broken_writer };
    Mutant::new(Shop { ignorant }, broken)
}

fn node(settings: &Settings, node: usize) -> Node {
    Node { key: Cell::new(0), machine: machine(settings, node), asked: false, saving: None }
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
            states: vec![(State { pieces: PIECES, added: false }, 0, 0)],
            broken: None,
        };
        Self {
            nodes: (0..nodes).map(|n| Rc::new(node(settings, n))).collect(),
            entries: Rc::default(),
            entry: 0,
            strangers: 0,
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
                .map(|node| node.machine.as_it_is())
                .all(|machine| machine.is_ready() && machine.sequence() == self.entry)
    }

    /// The server appends an entry.
    fn append(&mut self, bytes: Bytes) {
        let Ok(Record::Decision(entry)) = Record::<Deed>::parse(&bytes) else {
            panic!("only decisions are appended");
        };
        self.push(true, bytes);
        self.entry = self.last();
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
        let state = State { pieces: told.pieces, added: told.commands > 0 };
        told.states.push((state, told.decided, told.facts.len()));
    }

    fn push(&mut self, ours: bool, bytes: Bytes) {
        self.keys.0 = key(&(self.keys.0, ours, &bytes));
        Rc::make_mut(&mut self.entries).push((ours, bytes));
    }

    /// The server stores what a stranger sent: it changes nothing.
    fn stranger(&mut self, ours: bool, bytes: Bytes) {
        self.push(ours, bytes);
        self.strangers += 1;
        let told = Rc::make_mut(&mut self.told);
        let state = told.states.last().unwrap().clone();
        told.states.push(state);
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
}
