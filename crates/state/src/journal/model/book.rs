//! A small shop: orders that take one piece each, and a command that adds some.

use crate::journal::{Book, Entry};
use messaging::publish::Outgoing;
use serde::{Deserialize, Serialize};

/// Pieces at the beginning.
pub(super) const PIECES: i64 = 1;

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Deed {
    /// Orders in their order, and whether they got a piece.
    Orders(Vec<(u64, bool)>),
    /// The command.
    Add(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) pieces: i64,
    /// Was the command applied?
    pub(super) added: bool,
}

/// The book; one that does not know the facts of the command if `ignorant`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shop {
    pub(super) ignorant: bool,
}

impl Book for Shop {
    type Body = Deed;
    type State = State;

    fn initial(&self) -> State {
        State { pieces: PIECES, added: false }
    }

    fn apply(&self, state: &mut State, body: &Deed) {
        match body {
            Deed::Orders(orders) => {
                state.pieces -= orders.iter().map(|(_, got)| i64::from(*got)).sum::<i64>();
            }
            Deed::Add(pieces) => {
                state.pieces += pieces;
                state.added = true;
            }
        }
    }

    fn facts(&self, _: u64, entry: &Entry<Deed>) -> Vec<Outgoing> {
        let fact = |subject: String, text: &str| {
            Outgoing::new(subject, format!("{} {text}", entry.id).into())
        };
        match &entry.body {
            Deed::Orders(orders) => orders
                .iter()
                .map(|(order, got)| fact(order.to_string(), if *got { "yes" } else { "no" }))
                .collect(),
            Deed::Add(_) if self.ignorant => Vec::new(),
            Deed::Add(_) => vec![fact("add".into(), "done")],
        }
    }

    fn fact_filters(&self) -> Vec<String> {
        vec![">".into()]
    }
}
