//! One warehouse: its journal replayed against the orders that were placed.

mod verdict;

use super::decisions::{Content, Entry, Outcome, Wanted};
use super::facts::{Placed, changed_digest};
use super::record::History;
use super::report::{Report, Rule};
use super::sales::Sales;
use super::stock::{Item, seed};
use domain::ProductId;
use domain::partner::StockPolicy;
use domain::stock::Movement;
use messaging::subject;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What must have been published.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// By the sequence of the placed order.
    pub(super) orders: BTreeMap<u64, Decided>,
    /// What is returned of sales, by the sequence of the placed return.
    pub(super) sales: BTreeMap<u64, Decided>,
    /// What is shipped of sales, by the sequence of the entry.
    pub(super) shipped: BTreeMap<u64, Decided>,
    /// By subject.
    pub(super) changed: BTreeMap<Box<str>, Moved>,
}

/// The fact of an outcome.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) entry: u64,
    pub(super) subject: Box<str>,
    pub(super) content: u64,
}

/// The fact of a movement.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) entry: u64,
    pub(super) what: String,
    pub(super) content: u64,
}

impl History {
    /// Replays the journal of each warehouse.
    pub(super) fn check_lanes(&self, report: &mut Report) -> Expected {
        let mut expected = Expected::default();
        let entries = self.entries.iter().map(|entry| entry.warehouse.as_str());
        let warehouses: BTreeSet<&str> =
            entries.chain(self.placed.iter().map(Placed::warehouse)).collect();
        for warehouse in warehouses {
            let placed = self.placed.iter().filter(|placed| placed.warehouse() == warehouse);
            let mut lane = Lane {
                placed: placed.map(|placed| (placed.sequence, placed)).collect(),
                stock: HashMap::new(),
                begun: false,
                ids: HashSet::new(),
                standing: HashMap::new(),
                sales: Sales::default(),
                before: None,
                last: 0,
                expected: &mut expected,
                report,
            };
            for entry in &self.entries {
                if entry.warehouse.as_str() == warehouse {
                    lane.entry(entry);
                }
            }
            lane.end(warehouse);
        }
        expected
    }
}

struct Lane<'a, 'r> {
    placed: BTreeMap<u64, &'a Placed>,
    stock: HashMap<ProductId, Item>,
    /// Was there an entry that decides?
    begun: bool,
    ids: HashSet<&'a str>,
    /// Placed orders that are confirmed and not cancelled: the sequences of each order.
    standing: HashMap<&'a str, BTreeSet<u64>>,
    sales: Sales<'a>,
    before: Option<&'a Entry>,
    /// The last sequence with an outcome.
    last: u64,
    expected: &'r mut Expected,
    report: &'r mut Report,
}

impl<'a> Lane<'a, '_> {
    fn entry(&mut self, entry: &'a Entry) {
        self.report.summary.entries += 1;
        let wrong = |report: &mut Report, rule, detail| {
            report.add(rule, &entry.journal, entry.sequence, detail);
        };
        let before = self.before.map_or(0, |before| before.sequence);
        if entry.prev != before {
            let detail = format!("it follows #{}, the entry before it is #{before}", entry.prev);
            wrong(self.report, Rule::ChainBroken, detail);
        }
        if !self.ids.insert(&entry.id) {
            let detail = format!("an earlier entry has the id {}", entry.id);
            wrong(self.report, Rule::ChainBroken, detail);
        }
        if let (false, Some(is_first)) = (self.begun, entry.is_first) {
            self.begun = true;
            if !is_first {
                // Of 0.1.0.
                self.stock = seed();
            }
        }
        let mut set = BTreeMap::new();
        if let Content::Set(available) = &entry.content {
            for (product, available) in available {
                let item = self.stock.entry(product.clone()).or_default();
                (item.available, item.known) = ((*available).into(), true);
            }
            set.clone_from(available);
        }
        let mut moved: BTreeMap<ProductId, i64> = BTreeMap::new();
        if let Content::Change(change) = &entry.content {
            for (product, delta) in change {
                let item = self.stock.entry(product.clone()).or_default();
                item.available += i128::from(*delta);
                item.known = true;
            }
            moved.clone_from(change);
        }
        if let Content::Shipped(shipped, subject, content) = &entry.content {
            let (subject, content) = (subject.clone(), *content);
            let fact = Decided { entry: entry.sequence, subject, content };
            self.expected.shipped.insert(entry.sequence, fact);
            self.shipped(entry, shipped);
        }
        for outcome in entry.content.outcomes() {
            self.outcome(entry, outcome);
            for movement in outcome.verdict.movements() {
                let sum = moved.entry(movement.product.clone()).or_default();
                *sum = sum.saturating_add(movement.delta);
            }
        }
        self.expect_changed(entry, &moved, &set);
        if let Some(detail) = self.position_problem(entry) {
            wrong(self.report, Rule::PositionWrong, detail);
        }
        self.before = Some(entry);
    }

    fn position_problem(&self, entry: &Entry) -> Option<String> {
        if matches!(entry.content, Content::Rebase) {
            return None;
        }
        let before = self.before.and_then(|before| before.decided_to.as_ref());
        let now = entry.decided_to.as_ref();
        let to = |position: Option<&state::journal::Position>| position.map_or(0, |p| p.sequence);
        let input = |position: &state::journal::Position| {
            format!("{} of {} {}", position.filter, position.stream, position.identity)
        };
        if let (Some(before), Some(now)) = (before, now)
            && input(before) != input(now)
        {
            return Some(format!("its input is {}, it was {}", input(now), input(before)));
        }
        let outcomes = entry.content.outcomes();
        // A quiet lane moves over what is not its own.
        let orders = matches!(entry.content, Content::Orders(_));
        if orders && outcomes.is_empty() && to(before) < to(now) {
            let over = self.placed.range(to(before) + 1..=to(now)).next();
            return over.map(|(placed, _)| format!("it passes over #{placed} undecided"));
        }
        let expected = outcomes.last().map_or(to(before), |last| last.placed);
        if to(now) < to(before) {
            return Some(format!("decided to {}, it was {}", to(now), to(before)));
        }
        (to(now) != expected)
            .then(|| format!("decided to {}, its outcomes end at {expected}", to(now)))
    }

    fn outcome(&mut self, entry: &Entry, outcome: &'a Outcome) {
        let Outcome { placed, .. } = outcome;
        let skipped = matches!(entry.content, Content::Skip(_));
        let mut wrong =
            |rule, detail| self.report.add(rule, &entry.journal, entry.sequence, detail);
        if let Some(first) = self.expected.orders.get(placed) {
            let detail = format!("#{placed} was decided by entry #{}", first.entry);
            wrong(Rule::DecidedTwice, detail);
        } else {
            if *placed < self.last {
                let detail = format!("#{placed} is decided after #{}", self.last);
                wrong(Rule::DecidedOutOfOrder, detail);
            }
            let fact = Decided {
                entry: entry.sequence,
                subject: outcome.fact.clone(),
                content: outcome.said,
            };
            let sale = outcome.sale.clone().map(|(subject, content)| Decided {
                entry: entry.sequence,
                subject,
                content,
            });
            self.expected.sales.extend(sale.map(|sale| (*placed, sale)));
            self.expected.orders.insert(*placed, fact);
        }
        self.last = self.last.max(*placed);
        match self.placed.get(placed) {
            None => wrong(Rule::NothingDecided, format!("#{placed} is no order of this warehouse")),
            Some(order) => {
                if let Some(detail) = difference(outcome, order) {
                    wrong(Rule::OrderChanged, detail);
                }
                if order.readable && outcome.wanted.is_none() && !skipped {
                    wrong(Rule::RefusalWrong, format!("#{placed} can be read"));
                }
            }
        }
        self.verdict(entry, outcome);
        let Some(wanted) = outcome.wanted.as_ref().filter(|_| !skipped) else { return };
        if matches!(wanted.policy, StockPolicy::Enforce | StockPolicy::IfKnown) {
            for (product, _) in &wanted.pieces {
                let item = self.stock.entry(product.clone()).or_default();
                item.checked |= item.known;
            }
        }
    }

    /// All lines or none, and never below zero where stock is checked.
    fn moved(&mut self, entry: &Entry, outcome: &Outcome, movements: &[Movement]) {
        let placed = outcome.placed;
        let moves = outcome.wanted.as_ref().map(|wanted| self.moves(wanted));
        let mut wrong =
            |rule, detail| self.report.add(rule, &entry.journal, entry.sequence, detail);
        let mut moved: Vec<(ProductId, i128)> =
            movements.iter().map(|m| (m.product.clone(), -i128::from(m.delta))).collect();
        moved.sort();
        if moves.is_none_or(|moves| moves != moved) {
            let detail = format!("the order #{placed} is not what was moved: {movements:?}");
            wrong(Rule::MovementsWrong, detail);
        }
        for (product, pieces) in moved {
            let item = self.stock.entry(product.clone()).or_default();
            item.available -= pieces;
            let pieces64 = i64::try_from(pieces.abs()).unwrap_or(i64::MAX);
            let sum = match pieces {
                1.. => &mut self.report.summary.reserved,
                _ => &mut self.report.summary.returned,
            };
            *sum = sum.saturating_add(pieces64);
            let Some(wanted) = outcome.wanted.as_ref().filter(|_| pieces > 0) else {
                continue;
            };
            let (checked, floor) = match wanted.policy {
                StockPolicy::Enforce => (true, true),
                StockPolicy::Backorder => (true, false),
                StockPolicy::IfKnown => (item.known, true),
                StockPolicy::Ignore => (false, false),
            };
            let known = item.known || wanted.cancels.is_some();
            let floor = checked && floor || item.checked;
            if checked && !known || floor && item.available < 0 {
                let known = if known { "" } else { ", which was never set" };
                let left = item.available;
                let detail = format!("#{placed} takes {pieces} {product}{known}: {left} are left");
                self.report.add(Rule::StockNegative, &entry.journal, entry.sequence, detail);
            }
        }
    }

    /// What an order moves: an amendment what it wants, less what was sold before.
    fn moves(&self, wanted: &Wanted) -> Vec<(ProductId, i128)> {
        let Some(amends) = &wanted.amends else { return wanted.pieces.clone() };
        let mut moves: BTreeMap<_, _> = wanted.pieces.iter().cloned().collect();
        for (product, sold) in self.sales.pieces(amends.placed) {
            *moves.entry(product.clone()).or_default() -= sold;
        }
        moves.into_iter().filter(|(_, pieces)| *pieces != 0).collect()
    }

    fn expect_changed(
        &mut self,
        entry: &Entry,
        moved: &BTreeMap<ProductId, i64>,
        set: &BTreeMap<ProductId, i64>,
    ) {
        let products = moved.len() + set.len();
        if products == 0 {
            return;
        }
        let subject = subject::inventory_changed(&entry.warehouse, &entry.id);
        let warehouse = entry.warehouse.as_str();
        let content = changed_digest(&entry.id, entry.sequence, warehouse, moved, set);
        let what = format!("{products} products");
        let moved = Moved { entry: entry.sequence, what, content };
        self.expected.changed.insert(subject.into(), moved);
    }

    fn end(self, warehouse: &str) {
        for (sequence, placed) in &self.placed {
            if !self.expected.orders.contains_key(sequence) {
                let (rule, detail) = if *sequence < self.last {
                    (Rule::Skipped, format!("#{} is decided", self.last))
                } else {
                    (Rule::Undecided, format!("the journal ends with #{}", self.last))
                };
                self.report.add(rule, &placed.subject, *sequence, detail);
            }
        }
        let stock = self.stock.into_iter().map(|(product, item)| {
            let available = i64::try_from(item.available).unwrap_or(i64::MAX);
            (product.as_str().to_owned(), available)
        });
        self.report.summary.stock.insert(warehouse.to_owned(), stock.collect());
    }
}

fn difference(outcome: &Outcome, placed: &Placed) -> Option<String> {
    if outcome.key.as_deref().is_some_and(|key| key != placed.key()) {
        let key = outcome.key.as_deref().unwrap_or_default();
        return Some(format!("the outcome of {} (#{}) names {key}", placed.key(), placed.sequence));
    }
    let differs = outcome.data.is_some() && outcome.data != placed.data;
    differs.then(|| format!("the outcome of #{} repeats another order", placed.sequence))
}
