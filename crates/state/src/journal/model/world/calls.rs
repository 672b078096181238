//! What callers ask of a process, and what it answers.

use super::{Client, Flaw, Input, Settings, Step, World};
use crate::journal::input::{Claim, Link, Turn};
use crate::journal::model::book::Deed;
use crate::journal::{BoundKey, Command, Decide, Draft, What, operations};
use chrono::DateTime;
use messaging::streams::identity::Identity;
use std::sync::LazyLock;

/// The key of the one command.
static KEY: LazyLock<BoundKey> = LazyLock::new(|| BoundKey::new("k", &()));

/// A call of a connector: the adversary may make any of them at any time.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) input: Input,
    after: u64,
    orders: Vec<u64>,
    /// Decided at most so many by one append.
    at_once: usize,
}

fn claim(input: Input, after: u64) -> Claim {
    let (name, filter) = match input {
        Input::Ours => ("1", "in.>"),
        Input::OtherFilter => ("1", "in.b"),
        Input::MadeAnew => ("2", "in.>"),
    };
    let identity = Identity { name: name.into(), also: Vec::new() };
    let filter = filter.into();
    Claim { after, stream: "IN".into(), identity, filter, quiet_to: None }
}

impl World {
    /// What a connector may send. What it sends matters only when the function decides, so it is
    /// chosen then, and chosen anew after every look at the journal.
    pub(super) fn batches(&self, settings: &Settings) -> Vec<Batch> {
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

    /// The function decides; nothing if it would answer though facts are not stored.
    pub(super) fn decide(&mut self, settings: &Settings, at: usize, batch: &Batch) -> Option<Step> {
        let Batch { input, after, ref orders, at_once } = *batch;
        let now = DateTime::UNIX_EPOCH;
        let machine = &mut self.node(at).machine;
        let known = machine.as_it_is();
        let (owed, sequence) = (known.owed().is_some(), known.sequence());
        let mut pieces = machine.view().state.pieces;
        let claim = claim(input, after);
        let previous = |order| if input == Input::OtherFilter { 0 } else { order - 1 };
        let links: Vec<Link> = orders
            .iter()
            .map(|&order| Link { sequence: order, previous: previous(order) })
            .collect();
        match machine.turn(&claim, &links) {
            Turn::Refresh => machine.refresh(),
            Turn::Decide(index) => {
                let take = |order: &u64| {
                    let got = pieces > 0;
                    pieces -= i64::from(got);
                    (*order, got)
                };
                let decided: Vec<_> = orders[index..].iter().take(at_once).map(take).collect();
                let (last, _) = *decided.last()?;
                let id = format!("{at}/{sequence}/{decided:?}");
                let what = What::Decision(Deed::Orders(decided));
                let draft = Draft { what, decided_to: Some(claim.decided_to(last)), key: None };
                machine.write(id, now, draft).unwrap();
                return Some(("decides to", at, last));
            }
            Turn::Behind(_) | Turn::Foreign(_) => self.end(at, None),
            Turn::Done(_) if owed => return None,
            // No connector of the model says that nothing was placed.
            Turn::Done(to) | Turn::Move(to) => {
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

    pub(super) fn command(&mut self, settings: &Settings, at: usize) -> Option<Step> {
        let (asked, has_key) = (self.nodes[at].asked, settings.flaw != Some(Flaw::NoKey));
        let machine = &mut self.node(at).machine;
        let known = machine.as_it_is();
        let (owed, sequence) = (known.owed().is_some(), known.sequence());
        let view = machine.view();
        let turn = match !has_key && asked && view.state.added {
            // It knows of this call only that it has appended.
            true => Decide::Answer(Ok(())),
            false => operations::turn(view, &KEY, |view| match view.state.pieces + settings.add {
                0.. => Ok(Command::decision(Deed::Add(settings.add))),
                _ => Err(()),
            }),
        };
        match turn {
            Decide::Write(mut draft) => {
                let id = format!("{at}/{sequence}/add");
                draft.key = draft.key.filter(|_| has_key);
                machine.write(id, DateTime::UNIX_EPOCH, draft).unwrap();
                self.node(at).asked = true;
                return Some(("commands", at, 0));
            }
            Decide::Refresh | Decide::Append { .. } => machine.refresh(),
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
