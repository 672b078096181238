//! Each rule taken away once, with the shortest way to what it is there for.
//!
//! | without | states seen | what is found |
//! |---|---|---|
//! | settling before an append | 95 | a fact is missing for ever |
//! | settling for others; only at a start; by the other writer | 108; 105; 3,235 | the same |
//! | knowing the facts of every kind | 3,567 | the same |
//! | repeating facts | 108 | the same; 62: answered before the facts are stored |
//! | reading when idle | 2,830 | a fact is missing while all replicas idle |
//! | waiting for the append with the facts | 621 | a fact contradicts the journal |
//! | doubting an unclear append | 247 | answered that an order is decided, and it is not |
//! | calling an unclear command unknown | 181 | told that it failed, and applied |
//! | reading the last entry of a snapshot of what is not settled | 318 | a fact is missing for ever |
//! | leaving out of a snapshot what is on its way | 4,822 | answered that an order is decided, and it is not |
//! | naming the last entry of a snapshot | 7,623 | an order is decided twice |
//! | snapshots that only get newer | 312,229 | no process can start |
//! | looking at `prev` | 39,477 | an answer that the journal does not say |
//! | keeping the last entry | 304 | no process can start |
//! | looking at `after`; for holes; at the filter | 36; 48; 126 | an order is skipped |
//! | looking at the stream's creation time | 57 | an order of another stream is taken for one of this |
//! | looking at the mark; passing over copies | 301; 470 | answered before the facts are stored; no process can go on |
//! | expecting the last message, whatever it is | 356 | no process can go on |
//! | compare-and-set | 499 | the stock is negative |
//! | an expected sequence for facts | 71 | a fact is stored twice |
//! | a key; the key in snapshots | 1,154; 7,451 | the command is applied twice |
//!
//! Two rules stand for each other: a snapshot of what is settled could be trusted without reading its
//! last entry, and one that is read may be of what is not settled. Both are kept, and only both
//! together are taken away. That the *second-last* snapshot is kept is for one that cannot be read.

use super::explore::{STUCK, explore};
use super::rules::Rule;
use super::world::{Flaw, Input, Settings};
use super::{STATES_MAX, TWO};

/// The exploration must find this.
#[track_caller]
fn finds(what: &str, settings: Settings) {
    let found = explore(&settings, STATES_MAX);
    let (broken, way) = found.broken.unwrap_or_else(|| panic!("{} states: safe", found.states));
    let way: String = way.iter().map(|step| format!("{step:?}\n")).collect();
    println!("{} states: {broken}\n{way}", found.states);
    assert_eq!(broken, what, "{way}");
}

const ONE: Settings = Settings { replicas: 1, ghosts: 0, stale: false, answers: false, ..TWO };
const PAIR: Settings = Settings { replicas: 2, ..ONE };
/// One replica, and the process with the command.
const COMMAND: Settings = Settings { add: 1, orders: 1, ..ONE };
const TWICE: &str = "an order is decided twice";
const SKIPPED: &str = "an order is skipped";

macro_rules! without {
    ($($name:ident: $settings:expr => $what:expr;)*) => {
        $(#[test] fn $name() { finds($what, $settings); })*
    };
}

without! {
    settling_before_an_append:
        Settings { broken: &[Rule::SettleBeforeAppend], ..ONE } => STUCK;
    settling_for_others:
        Settings { broken: &[Rule::SettleForOthers], ..ONE } => STUCK;
    settling_after_more_than_a_start:
        Settings { broken: &[Rule::SettleAfterReading], ..ONE } => STUCK;
    settling_by_the_other_writer:
        Settings { broken_writer: &[Rule::SettleForOthers], ..COMMAND } => STUCK;
    knowing_all_facts:
        Settings { flaw: Some(Flaw::UnknownFacts), ..COMMAND } => STUCK;
    repeating_facts:
        Settings { broken: &[Rule::FactsAreRepeated], ..ONE } => STUCK;
    waiting_for_the_append:
        Settings { broken: &[Rule::FactsAfterAppend], ..PAIR } => "a fact contradicts the journal";
    doubting_an_unclear_append:
        Settings { broken: &[Rule::UnclearIsNotDone], ..PAIR } =>
            "it is answered that an order is decided, and it is not";
    reading_the_entry_of_a_snapshot_that_is_not_settled:
        Settings { broken: &[Rule::SnapshotIsRead, Rule::SnapshotIsSettled], snapshots: true, ..ONE } => STUCK;
    leaving_out_of_a_snapshot_what_is_on_its_way:
        Settings { broken: &[Rule::SnapshotIsCommitted, Rule::SnapshotIsRead], snapshots: true, ..PAIR } =>
            "it is answered that an order is decided, and it is not";
    naming_the_last_entry_of_a_snapshot:
        Settings { broken: &[Rule::SnapshotIsNamed, Rule::SnapshotIsRead], snapshots: true, ..PAIR } => TWICE;
    snapshots_that_only_get_newer:
        Settings { broken: &[Rule::SnapshotsGoForward], snapshots: true, ..PAIR } => STUCK;
    looking_at_prev:
        Settings { broken: &[Rule::PrevIsChecked], snapshots: true, orders: 3, faults: false, answers: true, ..PAIR } =>
            "it is answered what the journal does not say";
    keeping_the_last_entry:
        Settings { broken: &[Rule::TailIsKept], snapshots: true, ..ONE } => STUCK;
    looking_at_after:
        Settings { broken: &[Rule::AfterIsChecked], ..ONE } => SKIPPED;
    looking_for_holes:
        Settings { broken: &[Rule::ChainIsChecked], orders: 3, ..ONE } => SKIPPED;
    looking_at_the_filter:
        Settings { broken: &[Rule::InputIsChecked], foreign: &[Input::OtherFilter], orders: 3, ..ONE } => SKIPPED;
    looking_at_the_stream:
        Settings { broken: &[Rule::InputIsChecked], foreign: &[Input::MadeAnew], ..ONE } =>
            "an order of another stream is taken for one of this";
    answering_when_settled:
        Settings { broken: &[Rule::FactsAreRepeated], answers: true, ..ONE } =>
            "it is answered before the facts are stored";
    looking_at_the_journal_when_idle:
        Settings { broken: &[Rule::IdleReads], ..COMMAND } => STUCK;
    looking_at_the_mark:
        Settings { broken: &[Rule::MarksAreChecked], strangers: 1, answers: true, ..ONE } =>
            "it is answered before the facts are stored";
    passing_over_copies:
        Settings { broken: &[Rule::LateIsPassedOver], strangers: 1, ..ONE } => STUCK;
    expecting_the_last_message:
        Settings { broken: &[Rule::TheTailIsExpected], strangers: 1, ..ONE } => STUCK;
    compare_and_set:
        Settings { flaw: Some(Flaw::NoCompareAndSet), ..PAIR } => "the stock is negative";
    an_expected_sequence_for_facts:
        Settings { flaw: Some(Flaw::FactsByMessageId), ..ONE } => "a fact is stored twice";
    a_key:
        Settings { flaw: Some(Flaw::NoKey), ..COMMAND } => "the command is applied twice";
    the_key_in_snapshots:
        Settings { flaw: Some(Flaw::KeyNotInSnapshot), snapshots: true, ..COMMAND } => "the command is applied twice";
    calling_an_unclear_append_unknown:
        Settings { flaw: Some(Flaw::UnclearIsFailure), ghosts: 1, ..COMMAND } =>
            "the client was told that it failed, and it was applied";
}
