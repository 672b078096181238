//! The journal's machine, `plan`, commands and the head of the snapshots, run against each other.
//!
//! What runs is the code that runs in production; only server and network are a model. A rule is taken
//! away by changing what goes into that code or comes out of it (`mutant`), so production has no switch. Two replicas
//! are fed by an adversary: any batch, stale, doubled, too far ahead or with a hole, reaches any of
//! them at any time, any answer is lost, any caller goes away. Another process applies a command
//! whose client asks again or gives up. Processes crash between any two steps. A read may end
//! before the end, an old snapshot may be loaded, an append may be stored with its answer lost, be
//! lost, or land later; so may facts. Strangers write into the journal: garbage, what looks like the next
//! entry, and copies of entries. Snapshots are written while all goes on, and the journal is
//! trimmed.
//!
//! Never: an order decided twice or skipped, a command applied twice or applied after it was told
//! that it failed, stock below zero, a fact stored twice or one that contradicts the journal, an
//! answer before the facts are stored. And from every state, if no further fault happens, a state
//! can be reached in which all orders are decided and every fact of every entry is stored.
//!
//! The first table is explored whole; each line of the second, in `mutants`, takes one rule away
//! and must find what the rule is there for.
//!
//! | explored whole | states |
//! |---|---|
//! | 2 orders, 2 replicas, a late append, stale reads | 28,867 |
//! | the same with a late fact | 80,161 |
//! | 2 orders, 2 replicas, snapshots and trimming, stale reads | 51,949 |
//! | 3 orders, 1 replica, snapshots, a late append, a late fact | 38,393 |
//! | 2 orders, 1 replica, a command, a late append, stale reads | 124,263 |
//! | 1 order, 1 replica, a command, snapshots, a late append, stale reads | 175,228 |
//! | 2 orders, 1 replica, a command that can be refused, a late append | 40,718 |
//! | 1 order, 2 replicas, a command | 91,686 |
//! | 2 orders, 1 replica, 2 messages of strangers, a late append, stale reads | 19,266 |
//! | 2 orders, 2 replicas, a message of a stranger, stale reads | 54,315 |
//! | 2 orders, 1 replica, a message of a stranger, snapshots, a late append, stale reads | 12,540 |
//! | 2 orders, 2 replicas, batches of other inputs, a late append, stale reads | 34,595 |
//!
//! Not in the model: loss of what was acknowledged, another store (`journal/tests.rs` has that, with
//! and without its rules), the connector's code, more than one command.

mod book;
mod explore;
mod mutant;
mod mutants;
pub(super) mod rules;
mod world;

use explore::explore;
use rules::Rule;
use world::{Input, Settings};

/// States after which an exploration is too large for a test.
const STATES_MAX: usize = 400_000;

const TWO: Settings = Settings {
    orders: 2,
    replicas: 2,
    add: 0,
    ghosts: 1,
    late: 0,
    strangers: 0,
    snapshots: false,
    stale: true,
    faults: true,
    foreign: &[],
    answers: true,
    broken: &[],
    broken_writer: &[],
    flaw: None,
};

#[track_caller]
fn holds(settings: Settings) {
    let found = explore(&settings, STATES_MAX);
    println!("{} states", found.states);
    if let Some((what, way)) = found.broken {
        panic!("{what}:\n{}", way.iter().map(|step| format!("{step:?}\n")).collect::<String>());
    }
}

#[test]
fn two_replicas_decide_each_order_once() {
    holds(TWO);
}

#[test]
fn facts_that_land_late_are_stored_once() {
    holds(Settings { late: 1, ..TWO });
}

#[test]
fn snapshots_and_trimming_lose_nothing() {
    holds(Settings { snapshots: true, ghosts: 0, ..TWO });
    holds(Settings { snapshots: true, orders: 3, replicas: 1, late: 1, ..TWO });
}

#[test]
fn a_command_is_applied_once_beside_the_orders() {
    holds(Settings { replicas: 1, add: 1, ..TWO });
}

#[test]
fn a_command_survives_snapshots() {
    holds(Settings { replicas: 1, orders: 1, add: 1, snapshots: true, ..TWO });
}

#[test]
fn a_command_that_is_refused_is_never_applied() {
    holds(Settings { replicas: 1, add: -1, stale: false, ..TWO });
}

#[test]
fn three_processes_settle_for_each_other() {
    holds(Settings { orders: 1, add: 1, ghosts: 0, stale: false, ..TWO });
}

#[test]
fn another_input_is_never_taken_for_this_one() {
    holds(Settings { foreign: &[Input::OtherFilter, Input::MadeAnew], ..TWO });
}

#[test]
fn what_strangers_write_into_the_journal_changes_nothing() {
    holds(Settings { strangers: 2, replicas: 1, ..TWO });
    holds(Settings { strangers: 1, ghosts: 0, ..TWO });
    holds(Settings { strangers: 1, replicas: 1, snapshots: true, ..TWO });
}

#[test]
fn of_two_rules_on_snapshots_either_is_enough() {
    let settings = Settings { snapshots: true, ghosts: 0, stale: false, ..TWO };
    holds(Settings { broken: &[Rule::SnapshotIsRead], ..settings });
    holds(Settings { broken: &[Rule::SnapshotIsSettled], ..settings });
}
