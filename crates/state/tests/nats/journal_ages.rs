//! How old a decision is, beside how long its stream keeps what follows from it.

use crate::journal::{Names, SUBJECT, entries, facts, journal, once};
use crate::journal_snapshots::{Counted, log, once_and_snapshot, trimming};
use crate::start;
use chrono::{DateTime, TimeDelta};
use messaging::Nats;
use messaging::publish::{self, Outgoing, Published};
use messaging::streams::{self, Settings};
use state::journal::{
    self, Book, Decide, DecidedInput, Entry, Journal, Position, Record, Verification, verify,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// `setup --limit` with leave to keep less.
async fn limit(nats: &Nats, limit: &str) {
    let settings = Settings { shrink: true, ..Settings::default() };
    for step in streams::setup(nats, settings.with([limit.parse().unwrap()])).await {
        step.outcome.unwrap();
    }
}

/// The journal of a process whose clock goes so much before.
fn ahead<B: Book>(nats: &Nats, book: B, ahead: TimeDelta) -> Journal<B, Counted> {
    counting(nats, book, ahead, Arc::default())
}

/// The same, which counts how often it asks how long facts are kept.
fn counting<B: Book>(
    nats: &Nats,
    book: B,
    ahead: TimeDelta,
    ages: Arc<AtomicU64>,
) -> Journal<B, Counted> {
    Journal::new(SUBJECT, book, Counted { log: log(nats), read: Arc::default(), ages, ahead })
}

async fn purge(nats: &Nats, stream: &str) {
    nats.js.get_stream(stream).await.unwrap().purge().await.unwrap();
}

#[tokio::test]
async fn facts_are_missed_for_as_long_as_their_stream_keeps_them() {
    let (_server, nats) = start().await;
    let writer = journal(&nats);
    once(&writer, "a").await;
    once(&writer, "b").await;
    purge(&nats, streams::INVENTORY).await;
    let at = entries(&nats).await[1].1.at;
    // It is a week where nobody says otherwise.
    for (age, days, expired) in
        [("7d", 6, 0), ("7d", 8, 2), ("30d", 8, 0), ("30d", 31, 2), ("1d", 2, 2)]
    {
        limit(&nats, &format!("INVENTORY:age={age}")).await;
        let now = at + TimeDelta::days(days);
        let found = verify(&nats, SUBJECT, &Names, now).await.unwrap();
        assert_eq!(found.expired, expired, "{age}, {days} days later: {found:?}");
        assert_eq!(found.problems_total, u64::from(expired == 0), "{age}, {days} days later");
    }
}

#[tokio::test]
async fn facts_that_their_stream_would_not_keep_are_not_published_again() {
    let (_server, nats) = start().await;
    once(&journal(&nats), "a").await;
    for (age, days, stored) in [("7d", 6, 1), ("7d", 8, 0), ("30d", 8, 1), ("1d", 2, 0)] {
        limit(&nats, &format!("INVENTORY:age={age}")).await;
        purge(&nats, streams::INVENTORY).await;
        // A process that starts then settles what may be owed.
        let starter = ahead(&nats, Names, TimeDelta::days(days));
        starter.commit(|_| Decide::<_, ()>::Answer(())).await.unwrap();
        assert_eq!(facts(&nats).await.len(), stored, "{age}, {days} days later");
    }
}

/// After an outage: one question for each of thousands of facts would never come to its end.
#[tokio::test]
async fn how_long_facts_are_kept_is_asked_once_for_all_of_a_stream() {
    let (_server, nats) = start().await;
    let mut is_done = false;
    let batch = journal(&nats);
    let batch = batch.commit(|_| match std::mem::replace(&mut is_done, true) {
        true => Decide::Answer(()),
        false => {
            let body = (0..100).map(|n| n.to_string()).collect();
            Decide::Append { body, decided_to: None }
        }
    });
    batch.await.unwrap();
    purge(&nats, streams::INVENTORY).await;
    let ages = Arc::new(AtomicU64::new(0));
    let starter = counting(&nats, Names, TimeDelta::minutes(10), Arc::clone(&ages));
    starter.commit(|_| Decide::<_, ()>::Answer(())).await.unwrap();
    assert_eq!(facts(&nats).await.len(), 100);
    assert_eq!(ages.load(Ordering::Relaxed), 1);
}

/// Decides the one message of the input, on one subject, and moves stock for it.
#[derive(Debug)]
struct Placed;

const PLACED: &str = "orders.placed.test.p.a";

impl Book for Placed {
    type Body = u64;
    type State = ();

    fn initial(&self) {}
    fn apply(&self, (): &mut (), _: &u64) {}

    fn fact_filters(&self) -> Vec<String> {
        vec!["orders.confirmed.test.>".into()]
    }

    fn facts(&self, _: u64, entry: &Entry<u64>) -> Vec<Outgoing> {
        vec![Outgoing::new(format!("orders.confirmed.test.p.{}", entry.body), "".into())]
    }

    fn decides(&self, sequence: &u64) -> Vec<DecidedInput> {
        let once = Some("attempt 1 of a".to_owned());
        let subject = Some(PLACED.into());
        vec![DecidedInput { sequence: *sequence, subject, once, attempt: 1 }]
    }
}

/// Places it, as if nothing of it were there, and decides it with that clock.
async fn place(nats: &Nats, clock: TimeDelta) {
    let stream = nats.js.get_stream(streams::ORDERS).await.unwrap();
    stream.purge().filter(PLACED).await.unwrap();
    let message = Outgoing::new(PLACED.into(), "".into());
    let Published::Stored(sequence) = publish::one(nats, &message, Some(0)).await.unwrap() else {
        panic!("something is there")
    };
    let (identity, filter) = ("one".to_owned(), "orders.placed.test.>".to_owned());
    let to = Position { stream: streams::ORDERS.into(), identity, filter, sequence };
    let mut is_done = false;
    let commit = ahead(nats, Placed, clock);
    let commit = commit.commit(|_| match std::mem::replace(&mut is_done, true) {
        true => Decide::Answer(()),
        false => Decide::Append { body: sequence, decided_to: Some(to.clone()) },
    });
    commit.await.unwrap();
}

#[tokio::test]
async fn an_id_that_is_placed_again_when_its_stream_forgot_it_moves_stock_again() {
    for (age, days, problems) in [("90d", 91, 0), ("90d", 89, 1), ("10d", 11, 0), ("180d", 91, 1)] {
        let (_server, nats) = start().await;
        limit(&nats, &format!("ORDERS:age={age}")).await;
        place(&nats, TimeDelta::zero()).await;
        place(&nats, TimeDelta::days(days)).await;
        let found = verify(&nats, SUBJECT, &Placed, DateTime::UNIX_EPOCH).await.unwrap();
        let texts: Vec<_> = found.problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(texts.len(), problems, "{age}, {days} days later: {texts:?}");
        assert!(
            texts.iter().all(|text| text.contains("attempt 1 of a is carried out again")),
            "{texts:?}"
        );
    }
}

#[tokio::test]
async fn of_a_trimmed_journal_what_is_no_entry_is_told_as_writers_tell_it() {
    let (_server, nats) = start().await;
    // The first entry with the header is old; what is left of the journal is young.
    once_with_clock(&nats, "old", TimeDelta::hours(-2)).await;
    let writer = trimming(&nats, 1);
    for name in ["a", "b", "c"] {
        once_and_snapshot(&writer, name).await;
    }
    let (last, entry) = entries(&nats).await.pop().unwrap();
    let forged = Entry { id: "forged".into(), prev: last, body: vec!["f".to_owned()], ..entry };
    let forged = Outgoing::new(SUBJECT.into(), Record::Decision(forged).to_bytes());
    let Ok(Published::Stored(forged)) = publish::one(&nats, &forged, None).await else {
        panic!("it is not stored")
    };
    once(&writer, "d").await;

    let found: Verification<BTreeMap<String, u32>> =
        verify(&nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.foreign, found.problems_total, found.entries), (1, 1, 3), "{found:?}");
    assert_eq!(found.problems[0].entry, forged, "{found:?}");
    let mut read = Vec::new();
    let each =
        |_, record: Result<Record<Vec<String>>, _>| read.push(record.unwrap().id().to_owned());
    journal::entries(&nats, SUBJECT, last - 1, each).await.unwrap();
    assert!(read.len() == 2 && !read.contains(&"forged".to_owned()), "{read:?}");
}

async fn once_with_clock(nats: &Nats, name: &str, clock: TimeDelta) {
    let commit = ahead(nats, Names, clock);
    let commit = commit.commit(|view| match view.state.get(name) {
        Some(_) => Decide::Answer(()),
        None => Decide::Append { body: vec![name.to_owned()], decided_to: None },
    });
    commit.await.unwrap();
}
