//! The rules of the journal, each of which the model can do without and must then notice.

/// A rule. Each is shown to be necessary in `mutants.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::journal) enum Rule {
    /// The facts of the last entry are stored before another is appended.
    SettleBeforeAppend,
    /// The facts of entries that others wrote are settled as well.
    SettleForOthers,
    /// And not only at a start.
    SettleAfterReading,
    /// Facts are stored when that was acknowledged, not when they were sent.
    FactsAreRepeated,
    /// Facts are published when the append is known to be stored.
    FactsAfterAppend,
    /// An unclear append is not taken as done.
    UnclearIsNotDone,
    /// The entry that a snapshot ends with is read and settled.
    SnapshotIsRead,
    /// A snapshot holds only what is settled.
    SnapshotIsSettled,
    /// A snapshot holds the position of what is stored, not of what is on its way.
    SnapshotIsCommitted,
    /// A snapshot names the last entry that is in it.
    SnapshotIsNamed,
    /// Snapshots only ever get newer.
    SnapshotsGoForward,
    /// A message that has not the header of the journal's writers is no entry.
    MarksAreChecked,
    /// A message that follows an earlier entry than the last one is passed over.
    LateIsPassedOver,
    /// An append expects the subject's last message, also when that is no entry.
    TheTailIsExpected,
    /// Entries are folded only onto the one that they follow.
    PrevIsChecked,
    /// What the snapshots need is not trimmed, least of all the last entry.
    TailIsKept,
    /// A batch that begins after what is decided is refused.
    AfterIsChecked,
    /// And one with a hole inside.
    ChainIsChecked,
    /// And one of another stream or filter.
    InputIsChecked,
    /// An idle call reads what others wrote.
    IdleReads,
}
