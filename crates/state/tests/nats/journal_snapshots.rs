//! Snapshots, cold starts and trimming.

use crate::journal::{Names, SUBJECT, entries, journal, once, subject};
use crate::start;
use chrono::{DateTime, TimeDelta};
use messaging::publish::{self, Outgoing};
use messaging::{Nats, stored, streams};
use state::journal::{
    Appended, Decide, Error, Interval, Journal, Keep, Log, LogError, Message, NatsLog, verify,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const BUCKET: &str = "KV_JOURNAL_SNAPSHOTS";
const EVERY: fn(u64) -> Interval = |entries| Interval { entries, bytes: u64::MAX };

/// A log that counts what it is asked, and whose clock goes before.
pub(crate) struct Counted {
    pub(crate) log: NatsLog,
    pub(crate) read: Arc<AtomicU64>,
    /// How often it was asked how long facts are kept.
    pub(crate) ages: Arc<AtomicU64>,
    pub(crate) ahead: TimeDelta,
}

impl Log for Counted {
    async fn append(&self, expected: u64, entry: bytes::Bytes) -> Appended {
        self.log.append(expected, entry).await
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        let mut count = |message: Message<'_>| {
            self.read.fetch_add(1, Ordering::Relaxed);
            each(message);
        };
        self.log.read(again, from, &mut count).await
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        self.log.publish(facts).await
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.log.load().await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        self.log.save(sequence, snapshot).await
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        self.ages.fetch_add(1, Ordering::Relaxed);
        self.log.keeps(subject).await
    }

    fn message_bytes_max(&self) -> usize {
        self.log.message_bytes_max()
    }

    fn new_id(&self) -> String {
        self.log.new_id()
    }

    fn now(&self) -> DateTime<chrono::Utc> {
        self.log.now() + self.ahead
    }
}

pub(crate) fn log(nats: &Nats) -> NatsLog {
    NatsLog::new(nats.clone(), SUBJECT.into())
}

pub(crate) fn trimming(nats: &Nats, entries: u64) -> Journal<Names, NatsLog> {
    let log = log(nats).keep(Keep::For(Duration::ZERO));
    Journal::new(SUBJECT, Names, log).snapshots(EVERY(entries))
}

/// Waits until a snapshot of at least `sequence` is written.
async fn written(journal: &Journal<Names, NatsLog>, sequence: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while journal.status().snapshot < sequence {
        assert!(Instant::now() < deadline, "{:?}", journal.status());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Appends an entry and waits for its snapshot.
pub(crate) async fn once_and_snapshot(journal: &Journal<Names, NatsLog>, name: &str) {
    once(journal, name).await;
    written(journal, journal.status().sequence).await;
}

async fn state<L: Log>(journal: &Journal<Names, L>) -> Result<BTreeMap<String, u32>, Error> {
    journal.commit(|view| Decide::Answer(view.state.clone())).await
}

fn names(count: usize) -> BTreeMap<String, u32> {
    (0..count).map(|n| (n.to_string(), 1)).collect()
}

async fn chunks(nats: &Nats) -> Vec<String> {
    let mut subjects = Vec::new();
    let each =
        |message: &async_nats::jetstream::Message| subjects.push(message.subject.to_string());
    let bucket = BUCKET.strip_prefix("KV_").unwrap();
    let filter = format!("$KV.{bucket}.{SUBJECT}.*.*.*");
    messaging::tail::read(nats, BUCKET, &filter, 1, true, each).await.unwrap();
    subjects
}

async fn overwrite(nats: &Nats, subject: &str) {
    publish::one(nats, &Outgoing::new(subject.into(), "not it".into()), None).await.unwrap();
}

#[tokio::test]
async fn a_start_reads_the_last_snapshot_and_what_follows_it() {
    let (_server, nats) = start().await;
    let writer = Journal::new(SUBJECT, Names, log(&nats)).snapshots(EVERY(50));
    for n in 0..120 {
        once(&writer, &n.to_string()).await;
        // So that each is written when it is due: after the first, the 51st and the 101st entry.
        written(&writer, [1, 51, 101][n / 50]).await;
    }
    let read = Arc::new(AtomicU64::new(0));
    let (ages, ahead) = (Arc::default(), TimeDelta::zero());
    let counted = Counted { log: log(&nats), read: read.clone(), ages, ahead };
    let starter = Journal::new(SUBJECT, Names, counted);
    assert_eq!(state(&starter).await, Ok(names(120)));
    // The entry of the snapshot, and the 19 after it.
    assert_eq!(read.load(Ordering::Relaxed), 20);
    assert_eq!((starter.status().snapshot, starter.status().sequence), (101, 120));
    let found = verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems, found.snapshots), (vec![], vec![51, 101]));
}

#[tokio::test]
async fn the_facts_of_a_snapshots_last_entry_are_stored_by_whoever_starts_from_it() {
    let (_server, nats) = start().await;
    once_and_snapshot(&journal(&nats).snapshots(EVERY(1)), "a").await;
    // As if it had crashed before: its fact is gone.
    nats.js.get_stream(streams::INVENTORY).await.unwrap().purge().await.unwrap();
    state(&journal(&nats)).await.unwrap();
    let fact = stored::last(&nats, streams::INVENTORY, &subject("a")).await.unwrap();
    assert!(fact.is_some());
}

#[tokio::test]
async fn a_snapshot_may_be_larger_than_a_message() {
    let (_server, nats) = start().await;
    let big: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(log(&nats).save(7, big.clone()).await, Ok(7));
    assert!(chunks(&nats).await.len() > 40);
    assert_eq!(log(&nats).load().await, Ok(Some(big)));
}

#[tokio::test]
async fn only_newer_snapshots_count_and_old_ones_are_removed() {
    let (_server, nats) = start().await;
    let log = log(&nats);
    assert_eq!(log.load().await, Ok(None));
    for (sequence, newest) in [(5, 5), (9, 9), (7, 9), (9, 9), (12, 12), (20, 20)] {
        assert_eq!(log.save(sequence, sequence.to_string().into()).await, Ok(newest));
        assert_eq!(log.load().await, Ok(Some(newest.to_string().into())));
    }
    // What a writer that did not end left behind goes as well, once it is older than both.
    overwrite(&nats, &format!("$KV.JOURNAL_SNAPSHOTS.{SUBJECT}.15.lost.0")).await;
    assert_eq!(chunks(&nats).await.len(), 3);
    log.save(30, "30".into()).await.unwrap();
    log.save(40, "40".into()).await.unwrap();
    let left = chunks(&nats).await;
    assert!(left.len() == 2 && left.iter().all(|s| s.contains(".30.") || s.contains(".40.")));
}

#[tokio::test]
async fn of_two_writers_at_once_one_snapshot_wins_and_is_whole() {
    let (_server, nats) = start().await;
    for round in 1..20 {
        let save = async |writer: u64| {
            let text = format!("{round} {writer}").repeat(1_000);
            log(&nats).save(round * 2 + writer, text.into()).await
        };
        let (one, two) = tokio::join!(save(0), save(1));
        // Both know the winner, or the loser could not write and the next one will.
        let newest = one.iter().chain(two.iter()).max().unwrap();
        let loaded = String::from_utf8(log(&nats).load().await.unwrap().unwrap()).unwrap();
        assert_eq!(loaded, format!("{round} {}", newest - round * 2).repeat(1_000));
    }
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_is_not_used() {
    let (_server, nats) = start().await;
    let writer = journal(&nats).snapshots(EVERY(1));
    for n in 0..3 {
        once_and_snapshot(&writer, &n.to_string()).await;
    }
    // One is used instead of the other, and the journal itself instead of both.
    let parts = chunks(&nats).await;
    for (part, snapshot) in parts.iter().rev().zip([2, 0]) {
        overwrite(&nats, part).await;
        let starter = journal(&nats);
        assert_eq!(state(&starter).await, Ok(names(3)));
        assert_eq!(starter.status().snapshot, snapshot);
    }
    let found = verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems_total, found.state), (2, names(3)));
}

#[tokio::test]
async fn what_no_start_needs_is_removed_and_the_rest_can_be_verified() {
    let (_server, nats) = start().await;
    let behind = journal(&nats);
    assert_eq!(state(&behind).await, Ok(names(0)));
    let writer = trimming(&nats, 1);
    for n in 0..6 {
        once_and_snapshot(&writer, &n.to_string()).await;
        // The last two snapshots' entries stay, the last one above all.
        let left: Vec<u64> = entries(&nats).await.into_iter().map(|(n, _)| n).collect();
        let last = n as u64 + 1;
        assert_eq!(left, (last.saturating_sub(1).max(1)..=last).collect::<Vec<_>>());
    }
    // One that starts, and one that was behind, know all of it and go on.
    assert_eq!(state(&journal(&nats)).await, Ok(names(6)));
    once(&behind, "6").await;
    assert_eq!(state(&behind).await, Ok(names(7)));
    let found = verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems, found.entries, found.first), (vec![], 3, 5));
    assert_eq!((found.state, found.snapshots), (names(7), vec![5, 6]));
}

#[tokio::test]
async fn young_entries_stay_and_without_trimming_all_do() {
    let (_server, nats) = start().await;
    let young = log(&nats).keep(Keep::For(Duration::from_secs(3_600)));
    let young = Journal::new(SUBJECT, Names, young).snapshots(EVERY(1));
    let all = journal(&nats).snapshots(EVERY(1));
    for n in 0..4 {
        once_and_snapshot(&young, &format!("young-{n}")).await;
        once_and_snapshot(&all, &format!("all-{n}")).await;
    }
    assert_eq!(entries(&nats).await.len(), 8);
}

#[tokio::test]
async fn a_trimmed_journal_without_a_snapshot_is_damage_and_not_a_new_one() {
    let (_server, nats) = start().await;
    let writer = trimming(&nats, 1);
    for n in 0..4 {
        once_and_snapshot(&writer, &n.to_string()).await;
    }
    for part in chunks(&nats).await {
        overwrite(&nats, &part).await;
    }
    let error = state(&journal(&nats)).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 3, .. }), "{error}");
    let found = verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    assert!(found.problems.iter().any(|p| p.text.contains("it follows 2")), "{found:?}");
}

#[tokio::test]
async fn a_journal_that_was_emptied_is_damage_for_a_warm_and_for_a_cold_process() {
    let (_server, nats) = start().await;
    let warm = journal(&nats);
    once_and_snapshot(&warm, "a").await;
    let stream = nats.js.get_stream(streams::JOURNAL).await.unwrap();
    stream.purge().filter(SUBJECT).await.unwrap();
    let refresh = warm.commit(|view| if view.fresh { Decide::Answer(()) } else { Decide::Refresh });
    let error = refresh.await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 0, .. }), "{error}");
    let error = state(&journal(&nats)).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 0, .. }), "{error}");
    let found = verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    let texts: Vec<_> = found.problems.iter().map(|problem| problem.text.as_str()).collect();
    assert_eq!(texts[0], "1 facts are stored, but the journal has no entry");
    assert!(texts[1].contains("its snapshot is there"), "{found:?}");
}

#[tokio::test]
async fn without_the_bucket_a_start_reads_everything_and_commits_go_on() {
    let (_server, nats) = start().await;
    nats.js.delete_stream(BUCKET).await.unwrap();
    let writer = journal(&nats).snapshots(EVERY(1));
    for n in 0..3 {
        once(&writer, &n.to_string()).await;
    }
    assert_eq!(state(&journal(&nats)).await, Ok(names(3)));
}

#[tokio::test]
async fn what_can_never_be_stored_is_not_appended() {
    let (_server, nats) = start().await;
    let writer = journal(&nats);
    once(&writer, "a").await;
    let body = vec!["n".repeat(nats.message_bytes_max())];
    let commit =
        writer.commit(|_| Decide::<_, ()>::Append { body: body.clone(), decided_to: None });
    let error = commit.await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    once(&writer, "b").await;
    assert_eq!(entries(&nats).await.len(), 2);
}
