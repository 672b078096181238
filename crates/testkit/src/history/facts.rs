//! Placed orders, and what was published of the decisions.

use super::lane::Expected;
use super::report::{Report, Rule};
use super::{History, Message, digest};
use domain::inventory::Identity;
use domain::order::Cancels;
use domain::stock::Refusal;
use domain::{Kind, Order, ProductId};
use messaging::inventory::{self, Decided};
use messaging::subject::OrderSubject;
use messaging::{Event, events, header};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// `orders.placed.<warehouse>.<partner>.<order>`.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) sequence: u64,
    pub(super) subject: Box<str>,
    pub(super) attempt: u32,
    pub(super) is_return: bool,
    /// The confirmed attempt that it takes back, by number and sequence.
    pub(super) cancels: Option<(u32, u64)>,
    /// Hash of the order without what tells its attempts apart.
    order: Option<u64>,
    /// Is it an order that can be decided?
    pub(super) readable: bool,
    /// Hash of the event's data, as it stands there.
    pub(super) data: Option<u64>,
    /// Hash of what the sender said, by the header.
    pub(super) content: Option<u64>,
    /// Hash of the id of the event that brought it, if that came on `orders`.
    pub(super) event: Option<u64>,
}

impl Placed {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let event: Option<Event> = serde_json::from_slice(message.payload).ok();
        let data = event.as_ref().and_then(|event| event.data.as_ref());
        let order: Option<Order> = data.and_then(|data| serde_json::from_str(data.get()).ok());
        let readable = order.as_ref().is_some_and(|order| {
            let early = |cancels: &Cancels| order.attempt <= cancels.attempt;
            !order.cancels.as_ref().is_some_and(early)
                && keeps_to_the_rules(order)
                && OrderSubject::parse(message.subject).is_some_and(|subject| {
                    (&subject.warehouse, &subject.partner, &subject.order_id)
                        == (&order.warehouse, &order.partner, &order.order_id)
                })
        });
        let cancels = order.as_ref().and_then(|order| order.cancels.as_ref());
        let cancels = cancels.map(|cancels| (cancels.attempt, cancels.placed));
        let same = order.as_ref().map(|order| Order { attempt: 0, ..order.again() });
        let event = message.header(header::EVENT).filter(|event| !event.starts_with("http=3A"));
        Self {
            sequence: message.sequence,
            subject: message.subject.into(),
            attempt: order.as_ref().map_or(1, |order| order.attempt),
            is_return: order.is_some_and(|order| order.kind == Kind::Return),
            cancels,
            order: same.map(|order| digest(&order)),
            readable,
            data: data.map(|data| digest(&data.get())),
            content: message.header(header::CONTENT).map(|content| digest(&content)),
            event: event.map(|event| digest(&event)),
        }
    }

    /// Are both attempts of the same order, with the same content?
    pub(super) fn is_same_order(&self, other: &Self) -> bool {
        self.order == other.order
    }

    /// The third token.
    pub(super) fn warehouse(&self) -> &str {
        self.subject.split('.').nth(2).unwrap_or_default()
    }

    /// `<warehouse>.<partner>.<order>`.
    pub(super) fn key(&self) -> &str {
        self.subject.strip_prefix("orders.placed.").unwrap_or_default()
    }
}

/// What every order keeps to, whoever placed it.
fn keeps_to_the_rules(order: &Order) -> bool {
    let sign = if order.kind == Kind::Return { -1 } else { 1 };
    let total = order
        .lines
        .iter()
        .try_fold(domain::Money::ZERO, |sum, line| sum.plus(line.unit_price.times(line.quantity)?));
    (1..=1_000).contains(&order.lines.len())
        && order
            .lines
            .iter()
            .all(|line| (1..=1_000_000_000).contains(&(sign * i128::from(line.quantity))))
        && total == Some(order.total)
        && (1..=1_000_000).contains(&order.attempt)
}

/// `orders.confirmed.…`, `orders.refused.…` or `errors.undecidable.…`.
#[derive(Debug)]
pub(super) struct Fact {
    sequence: u64,
    subject: Box<str>,
    placed: Option<u64>,
    content: Option<u64>,
}

impl Fact {
    pub(super) fn of(message: &Message<'_>) -> Self {
        #[derive(Deserialize)]
        struct Undecidable {
            placed: u64,
            refusal: Option<Refusal>,
        }
        let (sequence, subject) = (message.sequence, message.subject.into());
        let event: Option<Event> = serde_json::from_slice(message.payload).ok();
        let Some((event, data)) =
            event.and_then(|event| event.data.clone().map(|data| (event, data)))
        else {
            return Self { sequence, subject, placed: None, content: None };
        };
        let decision = message.header(header::DECISION).unwrap_or_default();
        let number = message.header(header::DECISION_SEQUENCE).and_then(|n| n.parse().ok());
        let said = |placed, id: Option<&Identity>, refusal: Option<&Refusal>, order| {
            let (kind, number) = (event.kind.as_str(), number.unwrap_or(0));
            Saying { kind, decision, number, placed, id, refusal, order }.digest()
        };
        if let Ok(decided) = serde_json::from_str::<Decided>(data.get()) {
            let id = Identity {
                partner: decided.partner,
                order_id: decided.order_id,
                kind: decided.kind,
                attempt: decided.attempt,
                file: event.file.clone(),
            };
            let order = decided.order.as_ref().map(|order| order.get());
            let content = said(decided.placed, Some(&id), decided.refusal.as_ref(), order);
            Self { sequence, subject, placed: Some(decided.placed), content: Some(content) }
        } else if let Ok(other) = serde_json::from_str::<Undecidable>(data.get()) {
            let content = said(other.placed, None, other.refusal.as_ref(), None);
            Self { sequence, subject, placed: Some(other.placed), content: Some(content) }
        } else {
            Self { sequence, subject, placed: None, content: None }
        }
    }
}

/// All that a fact about an order says.
pub(super) struct Saying<'a> {
    pub(super) kind: &'a str,
    pub(super) decision: &'a str,
    pub(super) number: u64,
    pub(super) placed: u64,
    pub(super) id: Option<&'a Identity>,
    pub(super) refusal: Option<&'a Refusal>,
    pub(super) order: Option<&'a str>,
}

impl Saying<'_> {
    pub(super) fn digest(&self) -> u64 {
        let Self { kind, decision, number, placed, id, refusal, order } = self;
        digest(&(kind, decision, number, placed, id, refusal, order))
    }
}

/// `inventory.changed.<warehouse>.<decision>`.
#[derive(Debug)]
pub(super) struct Changed {
    sequence: u64,
    subject: Box<str>,
    content: Option<u64>,
}

impl Changed {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let event: Option<Event<inventory::Changed>> = serde_json::from_slice(message.payload).ok();
        let content = event.and_then(|event| {
            let data = event.data.filter(|_| event.kind == events::INVENTORY_CHANGED)?;
            let decision = message.header(header::DECISION)?;
            let number = message.header(header::DECISION_SEQUENCE)?.parse().ok()?;
            let warehouse = data.warehouse.as_str();
            Some(changed_digest(decision, number, warehouse, &data.moved, &data.set))
        });
        Self { sequence: message.sequence, subject: message.subject.into(), content }
    }
}

pub(super) fn changed_digest(
    decision: &str,
    number: u64,
    warehouse: &str,
    moved: &BTreeMap<ProductId, i64>,
    set: &BTreeMap<ProductId, i64>,
) -> u64 {
    digest(&(decision, number, warehouse, moved, set))
}

impl History {
    /// Exactly one fact of each outcome, and none without.
    pub(super) fn check_facts(&self, expected: &Expected, report: &mut Report) {
        let mut seen: HashMap<u64, u64> = HashMap::with_capacity(self.facts.len());
        for fact in &self.facts {
            let Fact { sequence, subject, placed, content } = fact;
            let mut add = |rule, detail| report.add(rule, subject, *sequence, detail);
            let Some((placed, decided)) = placed.and_then(|n| Some((n, expected.orders.get(&n)?)))
            else {
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
        for (placed, decided) in &expected.orders {
            if !seen.contains_key(placed) {
                let detail = format!("entry #{} decided #{placed}", decided.entry);
                report.add(Rule::FactMissing, &decided.subject, *placed, detail);
            }
        }
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
                None if placed.attempt != 1 || placed.cancels.is_some() => {
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
        for (before, placed) in followed {
            let fact = facts.get(&before.sequence).copied().flatten();
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

impl Placed {
    /// Why this is no attempt that may follow `before`, of which `fact` is told.
    fn problem_after(&self, before: &Self, fact: Option<&Fact>) -> Option<&'static str> {
        let fact = fact.filter(|fact| fact.sequence < self.sequence);
        let is = |stage: &str| fact.is_some_and(|fact| fact.subject.starts_with(stage));
        if Some(self.attempt) != before.attempt.checked_add(1) {
            return Some("it does not count up");
        }
        if (self.content, self.event, self.order) != (before.content, before.event, before.order) {
            return Some("it is another order");
        }
        match self.cancels {
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
