//! A second book: invoice numbers, last + 1 for each confirmed order. What it shows holds for any book:
//! decided once, no gap, whatever is killed, doubled or sent again.

use crate::{read, start};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;
use messaging::streams::{self, INVOICES, ORDERS};
use messaging::{Nats, header};
use state::journal::input::{Claim, Link};
use state::journal::rebase::{self, Lane};
use state::journal::skip::{self, Request, SkipError};
use state::journal::{
    Answer, Appended, Applied, Book, BoundKey, Decided, DecidedInput, Entry, Journal, Log,
    LogError, Message, NatsLog, Part, Place, Skip, extent, verify,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const FILTER: &str = "orders.confirmed.test.>";

/// The series of one seller.
#[derive(Clone, Debug)]
struct Series(String);

/// The orders of an entry, by their sequences, and the number of each.
type Issued = Vec<(u64, u64)>;

impl Book for Series {
    type Body = Issued;
    /// The last number.
    type State = u64;

    fn initial(&self) -> u64 {
        0
    }

    fn apply(&self, last: &mut u64, body: &Issued) {
        *last = body.iter().map(|(_, number)| *number).max().unwrap_or(*last);
    }

    fn facts(&self, _: u64, entry: &Entry<Issued>) -> Vec<Outgoing> {
        let fact = |(order, number): &(u64, u64)| {
            let subject = format!("invoices.issued.{}.{order}", self.0);
            let part = number.to_string();
            let event = entry.event(&part, "/functions/billing", "issued.v1", &subject, number);
            Outgoing::new(subject, event.to_bytes())
        };
        entry.body.iter().map(fact).collect()
    }

    fn skip_facts(&self, _: u64, entry: &Entry<Box<Skip>>) -> Vec<Outgoing> {
        let order = entry.body.subject.rsplit('.').next().unwrap();
        let subject = format!("invoices.issued.{}.{order}", self.0);
        let reason = &entry.body.reason;
        let event = entry.event("skip", "/functions/billing", "skipped.v1", &subject, reason);
        vec![Outgoing::new(subject, event.to_bytes())]
    }

    fn decides(&self, body: &Issued) -> Vec<DecidedInput> {
        let input = |(order, number): &(u64, u64)| DecidedInput {
            sequence: *order,
            subject: Some(input(*order)),
            once: Some(format!("number {number}")),
            attempt: 1,
        };
        body.iter().map(input).collect()
    }

    fn input_of(&self, fact: &str) -> Option<String> {
        let order = fact.strip_prefix(&format!("invoices.issued.{}.", self.0))?;
        Some(format!("orders.confirmed.test.{order}"))
    }

    fn fact_filters(&self) -> Vec<String> {
        vec![format!("invoices.issued.{}.>", self.0)]
    }
}

/// Orders stand alone in their stream here: each is on a subject of its sequence.
fn input(order: u64) -> String {
    format!("orders.confirmed.test.{order}")
}

async fn confirm(nats: &Nats, orders: std::ops::RangeInclusive<u64>) {
    for order in orders {
        let stored = nats.js.publish(input(order), "{}".into()).await.unwrap().await.unwrap();
        assert_eq!(stored.sequence, order);
    }
}

fn links(orders: std::ops::RangeInclusive<u64>) -> Vec<Link> {
    orders.map(|sequence| Link { sequence, previous: sequence - 1 }).collect()
}

async fn claim(nats: &Nats) -> Claim {
    extent(nats, ORDERS, FILTER).await.unwrap().claim
}

fn subject(series: &str) -> String {
    format!("journal.invoices.{series}")
}

fn log(nats: &Nats, series: &str) -> NatsLog {
    NatsLog::new(nats.clone(), subject(series))
}

fn journal<L: Log>(series: &str, log: L) -> Journal<Series, L> {
    Journal::new(subject(series), Series(series.to_owned()), log)
}

/// Gives the next numbers, at most `at_once` in one entry.
async fn issue<L: Log>(
    journal: &Journal<Series, L>,
    claim: &Claim,
    links: &[Link],
    at_once: usize,
) -> Answer {
    let decide = |part: Part<'_, u64>| {
        let orders = links[part.from..].iter().take(at_once).map(|link| link.sequence);
        let body: Issued = orders.zip(part.state + 1..).collect();
        let to = body.last().unwrap().0;
        Ok::<_, Infallible>(Decided { body, to })
    };
    let Ok(answer) = journal.batch(claim, links, decide).await.unwrap();
    answer
}

/// Every order has the number of its place, one fact says so, and the journal is whole.
async fn check(nats: &Nats, series: &str, orders: u64) {
    let facts = read(nats, INVOICES, &format!("invoices.issued.{series}.>")).await;
    let mut numbers: Vec<(u64, u64)> = facts
        .iter()
        .map(|(subject, payload)| {
            let event: messaging::Event<u64> = serde_json::from_str(payload).unwrap();
            (subject.rsplit('.').next().unwrap().parse().unwrap(), event.data.unwrap())
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=orders).map(|n| (n, n)).collect::<Vec<_>>(), "{series}");
    let book = Series(series.to_owned());
    let found = verify(nats, &subject(series), &book, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems, found.state), (vec![], orders), "{series}");
}

/// A log whose process is killed at one of its steps, before or after what it does there.
#[derive(Clone)]
struct Killed {
    log: Arc<NatsLog>,
    /// Steps that are still done.
    left: Arc<AtomicUsize>,
    after: bool,
    dead: Arc<Notify>,
}

impl Killed {
    async fn step<T>(&self, what: impl Future<Output = T>) -> T {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
            Ok(_) => what.await,
            Err(_) => {
                if self.after {
                    what.await;
                }
                self.dead.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl Log for Killed {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        self.step(self.log.append(expected, entry)).await
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        Box::pin(self.step(self.log.read(again, from, each))).await
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        self.step(self.log.publish(facts)).await
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        self.log.keeps(subject).await
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.step(self.log.load()).await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        self.log.save(sequence, snapshot).await
    }

    fn message_bytes_max(&self) -> usize {
        self.log.message_bytes_max()
    }

    fn new_id(&self) -> String {
        self.log.new_id()
    }

    fn now(&self) -> DateTime<Utc> {
        self.log.now()
    }
}

#[tokio::test]
async fn no_number_is_missing_or_doubled_whichever_step_a_process_is_killed_at() {
    let (_server, nats) = start().await;
    confirm(&nats, 1..=3).await;
    let (claim, links) = (claim(&nats).await, links(1..=3));
    let mut steps = 0;
    for at in 0.. {
        let mut survived = false;
        for after in [false, true] {
            let series = format!("killed-{at}-{after}");
            let (left, dead) = (Arc::new(AtomicUsize::new(at)), Arc::new(Notify::new()));
            let log = Arc::new(log(&nats, &series));
            let killed = journal(&series, Killed { log, left, after, dead: Arc::clone(&dead) });
            // Two entries: what the second needs of the first is tried as well.
            survived = tokio::select! {
                answer = issue(&killed, &claim, &links, 2) => answer == Answer::To(3),
                () = dead.notified() => false,
            };
            drop(killed);
            // The connector sends the same again, to the next process.
            let next = journal(&series, self::log(&nats, &series));
            assert_eq!(issue(&next, &claim, &links, 2).await, Answer::To(3), "{series}");
            check(&nats, &series, 3).await;
        }
        if survived {
            steps = at;
            break;
        }
    }
    assert_eq!(steps, 6, "load, read, and twice append and publish");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_at_once_issue_each_number_once() {
    const ORDERS: u64 = 60;
    let (_server, nats) = start().await;
    confirm(&nats, 1..=ORDERS).await;
    let (claim, links) = (claim(&nats).await, links(1..=ORDERS));
    let replicas: Vec<_> = [1, 2, 3]
        .into_iter()
        .map(|at_once| {
            let (nats, claim, links) = (nats.clone(), claim.clone(), links.clone());
            tokio::spawn(async move {
                let replica = journal("race", log(&nats, "race"));
                issue(&replica, &claim, &links, at_once).await
            })
        })
        .collect();
    for replica in replicas {
        assert_eq!(replica.await.unwrap(), Answer::To(ORDERS));
    }
    check(&nats, "race", ORDERS).await;
}

#[tokio::test]
async fn what_is_sent_again_has_its_number_and_nothing_is_left_out() {
    let (_server, nats) = start().await;
    confirm(&nats, 1..=5).await;
    let claim = claim(&nats).await;
    let journal = journal("again", log(&nats, "again"));
    assert_eq!(issue(&journal, &claim, &links(1..=3), 9).await, Answer::To(3));
    let written = journal.status().sequence;
    assert_eq!(issue(&journal, &claim, &links(1..=3), 9).await, Answer::To(3));
    assert_eq!(issue(&journal, &claim, &links(2..=2), 9).await, Answer::To(3));
    let ahead = Claim { after: 4, ..claim.clone() };
    assert_eq!(issue(&journal, &ahead, &links(5..=5), 9).await, Answer::Behind(3));
    let other = Claim { filter: "orders.refused.test.>".into(), ..claim.clone() };
    assert_eq!(issue(&journal, &other, &links(4..=4), 9).await, Answer::Foreign(3));
    assert_eq!(journal.status().sequence, written, "nothing was written for these");
    assert_eq!(issue(&journal, &claim, &links(2..=5), 9).await, Answer::To(5));
    check(&nats, "again", 5).await;

    // Nothing comes for a while, and other messages do.
    let quiet = Claim { after: 5, quiet_to: Some(8), ..claim.clone() };
    assert_eq!(issue(&journal, &quiet, &[], 9).await, Answer::To(8));
    check(&nats, "again", 5).await;
}

#[tokio::test]
async fn a_message_that_is_skipped_takes_no_number_and_its_fact_is_stored() {
    let (_server, nats) = start().await;
    confirm(&nats, 1..=3).await;
    let claim = claim(&nats).await;
    let journal = journal("skip", log(&nats, "skip"));
    assert_eq!(issue(&journal, &claim, &links(1..=1), 9).await, Answer::To(1));
    let request = |sequence| Request { stream: ORDERS, filter: FILTER, sequence, reason: "broken" };
    let (key, nats_) = (BoundKey::new("k", &2), &nats);
    let book = &Series("skip".into());
    let skip = async |key: &BoundKey, at| skip::skip(nats_, &journal, book, key, request(at)).await;
    assert!(matches!(skip(&key, 3).await, Err(SkipError::NotNext { next: 2, .. })));
    assert_eq!(skip(&key, 2).await.unwrap(), Applied::Now);
    assert_eq!(skip(&key, 2).await.unwrap(), Applied::Before);
    assert!(matches!(skip(&BoundKey::new("k", &3), 3).await, Err(SkipError::KeyUsed)));
    let error = skip(&BoundKey::new("other", &2), 2).await.unwrap_err();
    assert_eq!(error.to_string(), "2 is decided: everything up to 2 is");
    assert_eq!(issue(&journal, &claim, &links(2..=3), 9).await, Answer::To(3));
    let facts = read(&nats, INVOICES, "invoices.issued.skip.>").await;
    let said = |order: &str| {
        let end = format!(".{order}");
        let (_, payload) = facts.iter().find(|(subject, _)| subject.ends_with(&end)).unwrap();
        let event: messaging::Event<serde_json::Value> = serde_json::from_str(payload).unwrap();
        (event.kind, event.data.unwrap())
    };
    assert_eq!(said("2"), ("skipped.v1".into(), "broken".into()));
    assert_eq!(said("3"), ("issued.v1".into(), 2.into()));
    let book = Series("skip".into());
    let found = verify(&nats, &subject("skip"), &book, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems, found.state, found.facts), (vec![], 2, 3));
}

#[tokio::test]
async fn a_lane_goes_on_elsewhere_and_no_order_has_two_numbers() {
    let (_server, nats) = start().await;
    confirm(&nats, 1..=3).await;
    let journal = journal("move", log(&nats, "move"));
    assert_eq!(issue(&journal, &claim(&nats).await, &links(1..=2), 9).await, Answer::To(2));
    // The stream is made again, with what was decided and what was not in another order.
    nats.js.delete_stream(ORDERS).await.unwrap();
    streams::setup(&nats, streams::Settings::default()).await;
    for order in [4, 1, 3] {
        nats.js.publish(input(order), "{}".into()).await.unwrap().await.unwrap();
    }
    let (book, subject) = (Series("move".into()), subject("move"));
    let lane = Lane { journal: &subject, book: &book, stream: ORDERS, filter: FILTER };
    let survey = rebase::survey(&nats, &journal, &lane).await.unwrap();
    assert!(survey.fault().unwrap().contains("another stream"), "{survey:?}");
    assert_eq!((survey.decided, &survey.undecided[..]), (1, &[1, 3][..]));
    let going = survey.go_on(Some(Place::After(2))).unwrap();
    assert_eq!((&going.passed_over[..], going.left), (&[1][..], 1));
    let applied = rebase::apply(&nats, &journal, &lane, &going, "made again", |_| {}).await;
    assert_eq!(applied.unwrap(), Applied::Now);
    let claim = Claim { after: 2, ..claim(&nats).await };
    let link = [Link { sequence: 3, previous: 2 }];
    assert_eq!(issue(&journal, &claim, &link, 9).await, Answer::To(3));
    let facts = read(&nats, INVOICES, "invoices.issued.move.>").await;
    assert_eq!(facts.len(), 4, "two before, the one that is passed over, and the last: {facts:?}");
}

#[tokio::test]
async fn a_fact_carries_the_entry_that_it_follows_from() {
    let (_server, nats) = start().await;
    confirm(&nats, 1..=1).await;
    let journal = journal("fact", log(&nats, "fact"));
    issue(&journal, &claim(&nats).await, &links(1..=1), 9).await;
    let fact = messaging::stored::last(&nats, INVOICES, "invoices.issued.fact.1").await;
    let fact = fact.unwrap().unwrap();
    assert_eq!(fact.decision_sequence(), Some(journal.status().sequence));
    assert!(fact.header(header::DECISION).is_some_and(|id| !id.is_empty()));
}
