//! Is a file in an inbox complete? Pure decisions on what was seen in two looks.
//!
//! SFTP has no end mark. A partner that can should write under a temporary name and rename, or put
//! a marker beside the file. For the others a file counts as complete when it is old enough by the
//! server's clock and did not change between two looks. An upload that pauses for longer than that
//! looks complete; whoever reads the file asks for its size and time again afterwards.
//!
//! Files of a partner that say what is in another one, a checksum or a manifest, stand beside it and
//! go with it. They have to be at rest as well, and a file waits for those that are required.

mod entry;
mod skip;

pub use entry::{Entry, Kind};
pub use skip::{BadName, NAME_BYTES_MAX, Skip, Skipped, check_name};

use domain::partner::{Inbox, SideFiles};
use std::collections::BTreeMap;
use std::time::Duration;

/// Least time between two looks.
pub const SETTLE: Duration = Duration::from_secs(2);
/// Longest wait for files to become old enough.
pub const WAIT_MAX: Duration = Duration::from_secs(15);
/// Endings under which clients write what is not complete.
pub const TEMPORARY: [&str; 8] =
    [".part", ".tmp", ".filepart", ".crdownload", ".inprogress", ".partial", ".temp", ".uploading"];
/// The same at the beginning of a name.
pub const TEMPORARY_BEGINS: &str = "~";
/// A time of change this far ahead of the server's clock was set by the partner's client, which
/// does so when it has written everything.
const AHEAD_SECONDS_MAX: u64 = 60;

/// What to do with an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Files that are complete, by name.
    pub complete: Vec<Entry>,
    /// Everything else, by name. Markers, checksums and manifests of files are not listed.
    pub skipped: Vec<Skipped>,
}

/// Can this become a file that is taken, or does it stand beside one? What cannot, as a hidden file
/// or a folder, must not take the room of what can in a list with a limit.
#[must_use]
pub fn counts(entry: &Entry, inbox: &Inbox) -> bool {
    // A marker or a checksum may have any ending.
    let mut beside = inbox.done_marker.iter().chain(sides(inbox));
    by_itself(entry, inbox).is_none() || beside.any(|suffix| stem(entry, Some(suffix)).is_some())
}

/// Why nothing of this name is ever taken, whatever it is: a name that cannot be used, or one that says
/// that it is being written.
#[must_use]
pub fn never_by_name(name: &str, inbox: &Inbox) -> Option<Skip> {
    check_name(name).err().map(Skip::Name).or_else(|| temporary(name, inbox))
}

fn temporary(name: &str, inbox: &Inbox) -> Option<Skip> {
    let lower = name.to_lowercase();
    if let Some(ending) = TEMPORARY.into_iter().find(|ending| lower.ends_with(ending)) {
        return Some(Skip::Temporary(format!("ends with {ending}")));
    }
    let begins = |begin: &str| Some(Skip::Temporary(format!("begins with {begin}")));
    if lower.starts_with(TEMPORARY_BEGINS) {
        return begins(TEMPORARY_BEGINS);
    }
    for own in &inbox.temporary {
        match own.strip_suffix('*') {
            Some(begin) if lower.starts_with(&begin.to_lowercase()) => return begins(begin),
            None if lower.ends_with(&own.to_lowercase()) => {
                return Some(Skip::Temporary(format!("ends with {own}")));
            }
            _ => {}
        }
    }
    None
}

/// How long to wait before the second look: nothing when there is nothing to wait for.
#[must_use]
pub fn wait(first: &[Entry], now: u64, inbox: &Inbox) -> Option<Duration> {
    let there = Look::new(first);
    let missing = first
        .iter()
        .filter(|entry| never(entry, &there, inbox).is_none() && !there.is_marker(entry, inbox))
        .map(|entry| match inbox.done_marker {
            Some(_) => 0,
            None => age(entry, now).map_or(0, |age| min_age(inbox).saturating_sub(age)),
        })
        .max()?;
    Some(SETTLE.max(Duration::from_secs(missing)).min(WAIT_MAX))
}

/// Decides about everything of the second look; `now` is the server's time then.
#[must_use]
pub fn decide(first: &[Entry], second: &[Entry], now: u64, inbox: &Inbox) -> Decision {
    let (before, there) = (Look::new(first), Look::new(second));
    let mut decision = Decision::default();
    for entry in second {
        if there.is_beside(entry, inbox) {
            continue;
        }
        let reason = never(entry, &there, inbox)
            .or_else(|| restless(entry, &before, now, inbox))
            .or_else(|| alone(entry, &before, &there, now, inbox));
        match reason {
            None => decision.complete.push(entry.clone()),
            Some(reason) => decision.skipped.push(Skipped { name: entry.name.clone(), reason }),
        }
    }
    decision.complete.sort();
    decision.skipped.sort_by(|a, b| a.name.cmp(&b.name));
    decision
}

/// Why the entry is not taken however long one waits and whatever stands beside it.
fn by_itself(entry: &Entry, inbox: &Inbox) -> Option<Skip> {
    if let Err(bad) = check_name(&entry.name) {
        return Some(Skip::Name(bad));
    }
    if entry.kind != Kind::File {
        return Some(Skip::NotAFile(entry.kind));
    }
    temporary(&entry.name, inbox)
}

/// Why the entry is not taken however long one waits.
fn never(entry: &Entry, there: &Look<'_>, inbox: &Inbox) -> Option<Skip> {
    if let Some(skip) = by_itself(entry, inbox) {
        return Some(skip);
    }
    if !there.is_beside(entry, inbox) {
        if stem(entry, inbox.done_marker.as_ref()).is_some() {
            return Some(Skip::LoneMarker);
        }
        if sides(inbox).any(|suffix| stem(entry, Some(suffix)).is_some()) {
            return Some(Skip::LoneSide);
        }
    }
    (inbox.max_bytes < entry.size).then_some(Skip::TooLarge(inbox.max_bytes))
}

/// Why the entry by itself is not taken yet.
fn restless(entry: &Entry, before: &Look<'_>, now: u64, inbox: &Inbox) -> Option<Skip> {
    match before.0.get(entry.name.as_str()) {
        None => return Some(Skip::JustCame),
        Some(before) if *before != entry => return Some(Skip::Changing),
        Some(_) => {}
    }
    if inbox.done_marker.is_some() {
        return None;
    }
    let age = age(entry, now)?;
    (age < min_age(inbox)).then_some(Skip::TooYoung { age, min: min_age(inbox) })
}

/// What the entry waits for that has to stand beside it.
fn alone(
    entry: &Entry,
    before: &Look<'_>,
    there: &Look<'_>,
    now: u64,
    inbox: &Inbox,
) -> Option<Skip> {
    let marker = inbox.done_marker.iter().map(|suffix| format!("{}{suffix}", entry.name));
    if let Some(marker) = marker.into_iter().find(|name| !there.has_file(name)) {
        return Some(Skip::NoMarker(marker));
    }
    let mut sides = sides(inbox).map(|suffix| format!("{}{suffix}", entry.name));
    let waits = |name: &String| match there.0.get(name.as_str()) {
        Some(side) if side.kind == Kind::File => restless(side, before, now, inbox).is_some(),
        _ => inbox.side_files == SideFiles::Required,
    };
    sides.find(waits).map(Skip::NoMarker)
}

/// A folder, by name.
struct Look<'a>(BTreeMap<&'a str, &'a Entry>);

impl<'a> Look<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        Self(entries.iter().map(|entry| (entry.name.as_str(), entry)).collect())
    }

    fn has_file(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|entry| entry.kind == Kind::File)
    }

    /// Is it the marker of a file?
    fn is_marker(&self, entry: &Entry, inbox: &Inbox) -> bool {
        self.belongs(entry, inbox.done_marker.as_ref())
    }

    /// Is it the marker, checksum or manifest of a file?
    fn is_beside(&self, entry: &Entry, inbox: &Inbox) -> bool {
        self.is_marker(entry, inbox) || sides(inbox).any(|side| self.belongs(entry, Some(side)))
    }

    fn belongs(&self, entry: &Entry, suffix: Option<&String>) -> bool {
        entry.kind == Kind::File && stem(entry, suffix).is_some_and(|name| self.has_file(name))
    }
}

/// Endings of checksums and manifests.
fn sides(inbox: &Inbox) -> impl Iterator<Item = &String> {
    inbox.checksum.iter().chain(&inbox.manifest)
}

/// The name of the file that this entry belongs to, if it ends so.
fn stem<'a>(entry: &'a Entry, suffix: Option<&String>) -> Option<&'a str> {
    entry.name.strip_suffix(suffix?.as_str()).filter(|name| !name.is_empty())
}

fn min_age(inbox: &Inbox) -> u64 {
    u64::from(inbox.min_age_seconds)
}

/// Seconds since the last change; nothing for a time that the partner's client has set ahead.
fn age(entry: &Entry, now: u64) -> Option<u64> {
    let is_ahead = now.saturating_add(AHEAD_SECONDS_MAX) < entry.mtime;
    (!is_ahead).then(|| now.saturating_sub(entry.mtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn file(name: &str, size: u64, age: u64) -> Entry {
        Entry { name: name.into(), size, mtime: NOW - age, kind: Kind::File }
    }

    fn check(first: &[Entry], second: &[Entry], inbox: &Inbox, expected: &str) {
        let decision = decide(first, second, NOW, inbox);
        let complete = decision.complete.iter().map(|entry| format!("{} taken", entry.name));
        let skipped = decision.skipped.iter().map(|s| format!("{} {}", s.name, s.reason));
        assert_eq!(complete.chain(skipped).collect::<Vec<_>>().join("; "), expected);
    }

    fn check_at_rest(entries: &[Entry], inbox: &Inbox, expected: &str) {
        check(entries, entries, inbox, expected);
    }

    #[test]
    fn a_file_is_complete_when_it_is_old_enough_and_at_rest() {
        let inbox = Inbox::default();
        check_at_rest(&[file("a.csv", 10, 5)], &inbox, "a.csv taken");
        check_at_rest(
            &[file("a.csv", 10, 4)],
            &inbox,
            "a.csv changed 4 s ago, complete after 5 s of rest",
        );
        check(&[file("a.csv", 10, 9)], &[file("a.csv", 20, 9)], &inbox, "a.csv is still changing");
        check(&[file("a.csv", 10, 9)], &[file("a.csv", 10, 8)], &inbox, "a.csv is still changing");
        check(&[], &[file("a.csv", 10, 9)], &inbox, "a.csv has just come");
        check(&[file("a.csv", 10, 9)], &[], &inbox, "");
    }

    #[test]
    fn a_time_that_the_client_has_set_does_not_hold_a_file_for_ever() {
        let ahead = Entry { mtime: NOW + 86_400, ..file("a.csv", 1, 0) };
        check_at_rest(std::slice::from_ref(&ahead), &Inbox::default(), "a.csv taken");
        // Clocks that differ a little do.
        let skewed = Entry { mtime: NOW + 3, ..ahead };
        let reason = "a.csv changed 0 s ago, complete after 5 s of rest";
        check_at_rest(&[skewed], &Inbox::default(), reason);
    }

    #[test]
    fn a_marker_decides_where_one_is_configured() {
        let inbox = Inbox { done_marker: Some(".done".into()), ..Inbox::default() };
        let both = [file("a.csv", 10, 0), file("a.csv.done", 0, 0)];
        check_at_rest(&both, &inbox, "a.csv taken");
        check_at_rest(&[file("a.csv", 10, 900)], &inbox, "a.csv waits for a.csv.done");
        let lone = [file("b.csv.done", 0, 900)];
        check_at_rest(&lone, &inbox, "b.csv.done is a marker without its file");
        let folder = Entry { kind: Kind::Directory, ..file("a.csv.done", 0, 9) };
        check_at_rest(
            &[file("a.csv", 1, 900), folder],
            &inbox,
            "a.csv waits for a.csv.done; a.csv.done is a folder",
        );
    }

    #[test]
    fn a_file_waits_for_what_has_to_stand_beside_it() {
        let inbox = Inbox {
            checksum: Some(".sha256".into()),
            manifest: Some(".json".into()),
            ..Inbox::default()
        };
        let [main, sum, manifest] =
            [("a.csv", 9), ("a.csv.sha256", 9), ("a.csv.json", 9)].map(|(n, age)| file(n, 1, age));
        let all = [main.clone(), sum.clone(), manifest.clone()];
        check_at_rest(&all, &inbox, "a.csv taken");
        check_at_rest(&all[..2], &inbox, "a.csv waits for a.csv.json");
        check_at_rest(&all[..1], &inbox, "a.csv waits for a.csv.sha256");
        check_at_rest(
            &all[1..2],
            &inbox,
            "a.csv.sha256 is a checksum or manifest without its file",
        );
        // Half-written, it would refuse the file.
        let young = file("a.csv.sha256", 1, 4);
        let some = [main.clone(), young.clone(), manifest.clone()];
        check_at_rest(&some, &inbox, "a.csv waits for a.csv.sha256");
        check(&some, &all, &inbox, "a.csv waits for a.csv.sha256");
        assert_eq!(wait(&some, NOW, &inbox), Some(SETTLE));
        let younger = [main.clone(), file("a.csv.sha256", 1, 1), manifest];
        assert_eq!(wait(&younger, NOW, &inbox), Some(Duration::from_secs(4)));

        let optional = Inbox { side_files: SideFiles::Optional, ..inbox.clone() };
        check_at_rest(&all[..1], &optional, "a.csv taken");
        check_at_rest(&[main.clone(), young], &optional, "a.csv waits for a.csv.sha256");
        let marked = Inbox { done_marker: Some(".ok".into()), ..inbox };
        check_at_rest(&all, &marked, "a.csv waits for a.csv.ok");
        let with_marker = [&all[..], &[file("a.csv.ok", 0, 0)]].concat();
        check_at_rest(&with_marker, &marked, "a.csv taken");
        check_at_rest(&[main, file("a.csv.ok", 0, 0)], &marked, "a.csv waits for a.csv.sha256");
    }

    #[test]
    fn what_is_never_taken_says_why() {
        let entry = |name: &str| file(name, 1, 900);
        let entries = [
            entry(".hidden"),
            entry("A.PART"),
            entry("b.tmp"),
            entry("c.csv.inprogress"),
            entry("c\n.csv"),
            Entry { kind: Kind::Directory, ..entry("d") },
            Entry { kind: Kind::Symlink, ..entry("e.csv") },
            Entry { kind: Kind::Other, ..entry("f") },
            Entry { size: (2 << 30) + 1, ..entry("g.csv") },
            entry("h.Wip"),
            entry("NEW-i.csv"),
            entry("~j.csv"),
        ];
        let expected = ".hidden the name begins with a dot; \
            A.PART ends with .part: still being written; \
            NEW-i.csv begins with new-: still being written; b.tmp ends with .tmp: still being written; \
            c\n.csv the name contains a control character; \
            c.csv.inprogress ends with .inprogress: still being written; d is a folder; \
            e.csv is a symbolic link; f is not a regular file; \
            g.csv is larger than the limit of 2147483648 bytes; \
            h.Wip ends with .wip: still being written; ~j.csv begins with ~: still being written";
        let temporary = vec![".wip".to_owned(), "new-*".to_owned()];
        let inbox = Inbox { temporary, ..Inbox::default() };
        check_at_rest(&entries, &inbox, expected);
    }

    #[test]
    fn names_have_rules() {
        let check = |name: &str, expected| assert_eq!(check_name(name), expected, "{name:?}");
        check("orders 2024 (1) ünï.csv", Ok(()));
        check("", Err(BadName::Empty));
        check("..", Err(BadName::Dot));
        check("a/b", Err(BadName::Slash));
        check("a\0b", Err(BadName::Control));
        check(&"x".repeat(256), Err(BadName::TooLong(256)));
    }

    proptest::proptest! {
        #[test]
        fn everything_is_either_taken_or_skipped_or_the_marker_of_a_file(
            first in looks(), second in looks(), with_marker in proptest::bool::ANY,
            with_checksum in proptest::bool::ANY,
        ) {
            let done_marker = with_marker.then(|| ".done".to_owned());
            let checksum = with_checksum.then(|| ".sum".to_owned());
            let inbox = Inbox { done_marker, checksum, ..Inbox::default() };
            let decision = decide(&first, &second, NOW, &inbox);
            let complete = decision.complete.iter().map(|entry| entry.name.clone());
            let skipped = decision.skipped.iter().map(|skipped| skipped.name.clone());
            let mut told: Vec<_> = complete.chain(skipped).collect();
            told.sort();
            let there = Look::new(&second);
            let mut all: Vec<_> = second
                .iter()
                .filter(|entry| !there.is_beside(entry, &inbox))
                .map(|entry| entry.name.clone())
                .collect();
            all.sort();
            proptest::prop_assert_eq!(told, all);
            for entry in &decision.complete {
                proptest::prop_assert!(first.contains(entry) && entry.kind == Kind::File);
            }
        }
    }

    /// Folders with few names and values, so that two looks often agree.
    fn looks() -> impl proptest::strategy::Strategy<Value = Vec<Entry>> {
        use proptest::prelude::*;
        let name = proptest::sample::select(vec![
            "a", "a.done", "a.sum", "b.tmp", ".c", "d", "d.done", "d.sum", "e/f",
        ]);
        let kind = proptest::sample::select(vec![Kind::File, Kind::File, Kind::Directory]);
        let entry = (name, 0..2_u64, 0..10_u64, kind)
            .prop_map(|(name, size, age, kind)| Entry { kind, ..file(name, size, age) });
        proptest::collection::vec(entry, 0..6).prop_map(|mut entries| {
            entries.sort();
            entries.dedup_by(|a, b| a.name == b.name);
            entries
        })
    }

    #[test]
    fn the_wait_is_as_long_as_the_youngest_file_needs_and_has_a_limit() {
        let wait_for =
            |entries: &[Entry], inbox: &Inbox| wait(entries, NOW, inbox).map(|d| d.as_secs());
        let inbox = Inbox::default();
        assert_eq!(wait_for(&[], &inbox), None);
        assert_eq!(wait_for(&[file(".x", 1, 0)], &inbox), None);
        assert_eq!(wait_for(&[file("a", 1, 900)], &inbox), Some(2));
        assert_eq!(wait_for(&[file("a", 1, 900), file("b", 1, 1)], &inbox), Some(4));
        let slow = Inbox { min_age_seconds: 3600, ..Inbox::default() };
        assert_eq!(wait_for(&[file("a", 1, 0)], &slow), Some(15));
        let marked = Inbox { done_marker: Some(".ok".into()), ..slow };
        assert_eq!(wait_for(&[file("a", 1, 0), file("a.ok", 0, 0)], &marked), Some(2));
    }
}
