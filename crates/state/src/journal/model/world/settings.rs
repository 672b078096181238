//! What is explored, and what may be wrong in it.

use crate::journal::model::rules::Rule;

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Orders of the input.
    pub(crate) orders: u64,
    /// Processes that decide them.
    pub(crate) replicas: usize,
    /// Pieces that another process adds on command; 0: there is none.
    pub(crate) add: i64,
    /// Appends that may be on their way at once, each to land at any time or never.
    pub(crate) ghosts: usize,
    /// Facts that may be on their way in the same manner.
    pub(crate) late: usize,
    /// Messages that strangers may write into the journal, at any time.
    pub(crate) strangers: usize,
    /// Are there snapshots, and is the journal trimmed?
    pub(crate) snapshots: bool,
    /// May a read end before the end, and an old snapshot be loaded?
    pub(crate) stale: bool,
    /// Do processes crash, and is anything lost?
    pub(crate) faults: bool,
    /// Batches of which other inputs come?
    pub(crate) foreign: &'static [Input],
    /// Does an answer count that is not true, or before the facts are stored? Otherwise only what
    /// comes of it in the end.
    pub(crate) answers: bool,
    /// Rules that the replicas do not keep.
    pub(crate) broken: &'static [Rule],
    /// Rules that the other writer does not keep.
    pub(crate) broken_writer: &'static [Rule],
    /// What the others do wrong.
    pub(crate) flaw: Option<Flaw>,
}

/// Wrong outside of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
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

/// An input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Ours,
    /// Of which the last order is the first.
    OtherFilter,
    /// The stream is another, its sequences are the same.
    MadeAnew,
}
