//! The journal on a log that can fail in every way: appends whose answer is lost, late appends,
//! facts that are not acknowledged, a race of writers, crashes. No NATS.

use super::*;
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::Duration;

mod stores;
mod strangers;

/// Adds numbers; one fact per entry.
struct Sum;

impl Book for Sum {
    type Body = i64;
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn apply(&self, state: &mut i64, body: &i64) {
        *state += body;
    }

    fn facts(&self, sequence: u64, entry: &Entry<i64>) -> Vec<Outgoing> {
        vec![Outgoing::new(format!("fact.{sequence}"), entry.body.to_string().into())]
    }

    fn fact_filters(&self) -> Vec<String> {
        vec!["fact.>".into()]
    }
}

/// What goes wrong, once each, in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The append is stored, its acknowledgement is lost.
    AckLost,
    /// The append is not stored, and nobody says so.
    Dropped,
    /// The append is not stored now but lands before the next one.
    Ghost,
    /// The facts are not stored.
    FactsDropped,
    /// The facts are stored, their acknowledgement is lost.
    FactsAckLost,
    /// The facts are not stored, and from now on another store answers.
    OtherStore,
}

#[derive(Default)]
struct Server {
    entries: Vec<(u64, Bytes)>,
    /// Of these, without the header of the journal's writers.
    unmarked: BTreeSet<u64>,
    facts: BTreeMap<String, Bytes>,
    faults: Vec<Fault>,
    ghosts: Vec<(u64, Bytes)>,
    ids: u64,
    snapshot: Option<(u64, Vec<u8>)>,
    /// A store that may answer by mistake.
    other: Option<Box<Self>>,
}

impl Server {
    fn last(&self) -> u64 {
        self.entries.last().map_or(0, |(sequence, _)| *sequence)
    }

    // Sequences have holes, as in a stream with other subjects.
    fn store(&mut self, expected: u64, entry: Bytes) -> Option<u64> {
        if self.last() != expected {
            return None;
        }
        let sequence = self.last() + 3;
        self.entries.push((sequence, entry));
        Some(sequence)
    }

    /// Somebody who does not write the journal publishes there.
    fn stranger(&mut self, payload: impl Into<Bytes>) -> u64 {
        let sequence = self.last() + 3;
        self.unmarked.insert(sequence);
        self.entries.push((sequence, payload.into()));
        sequence
    }

    /// The other store answers, and this one when it happens again.
    fn exchange(&mut self) {
        let other = self.other.take().map_or_else(Self::default, |other| *other);
        let this = std::mem::replace(self, other);
        self.ids = this.ids;
        self.other = Some(Box::new(this));
    }

    fn fault(&mut self, of: &[Fault]) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| of.contains(fault))?;
        (at == 0).then(|| self.faults.remove(0))
    }
}

#[derive(Clone, Default)]
struct FakeLog(Arc<SyncMutex<Server>>);

impl Log for FakeLog {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        let mut server = self.0.lock().unwrap();
        for (expected, ghost) in std::mem::take(&mut server.ghosts) {
            server.store(expected, ghost);
        }
        let unclear = || Appended::Unclear("no answer".into());
        match server.fault(&[Fault::AckLost, Fault::Dropped, Fault::Ghost]) {
            Some(Fault::AckLost) => {
                server.store(expected, entry);
                unclear()
            }
            Some(Fault::Ghost) => {
                server.ghosts.push((expected, entry));
                unclear()
            }
            Some(_) => unclear(),
            None => match server.store(expected, entry) {
                Some(sequence) => Appended::Stored(sequence),
                None => Appended::Unclear("wrong last sequence".into()),
            },
        }
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        let server = self.0.lock().unwrap();
        let stored = DateTime::UNIX_EPOCH + TimeDelta::hours(2);
        let wanted = |sequence| Some(sequence) == again || sequence >= from;
        for (sequence, payload) in server.entries.iter().filter(|(found, _)| wanted(*found)) {
            let (sequence, marked) = (*sequence, !server.unmarked.contains(sequence));
            each(Message { sequence, marked, stored, payload });
        }
        Ok(server.last())
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.0.lock().unwrap().snapshot.clone().map(|(_, bytes)| bytes))
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        let mut server = self.0.lock().unwrap();
        if server.snapshot.as_ref().is_none_or(|(newest, _)| *newest < sequence) {
            server.snapshot = Some((sequence, snapshot));
        }
        Ok(server.snapshot.as_ref().unwrap().0)
    }

    fn message_bytes_max(&self) -> usize {
        1_000
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        let mut server = self.0.lock().unwrap();
        let faults = [Fault::FactsDropped, Fault::FactsAckLost, Fault::OtherStore];
        let fault = server.fault(&faults);
        if fault == Some(Fault::OtherStore) {
            server.exchange();
        } else if fault != Some(Fault::FactsDropped) {
            for fact in facts {
                server.facts.entry(fact.subject).or_insert(fact.payload);
            }
        }
        fault.map_or(Ok(()), |_| Err(LogError("no answer".into())))
    }

    async fn keeps(&self, _: &str) -> Result<Option<std::time::Duration>, LogError> {
        Ok(None)
    }

    fn new_id(&self) -> String {
        let mut server = self.0.lock().unwrap();
        server.ids += 1;
        server.ids.to_string()
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

fn journal(log: &FakeLog) -> Journal<Sum, FakeLog> {
    Journal::new("test", Sum, log.clone())
}

fn position(sequence: u64) -> Position {
    Position { stream: "IN".into(), identity: "now".into(), filter: "in.>".into(), sequence }
}

/// Decides the inputs 1, 2, … up to `to`, each once, by their position.
async fn decide_to(journal: &Journal<Sum, impl Log>, to: u64) -> Result<i64, Error> {
    journal
        .commit(|view| {
            let next = view.decided_to.map_or(0, |position| position.sequence) + 1;
            if next > to {
                return Decide::Answer(*view.state);
            }
            let body = i64::try_from(next).unwrap();
            Decide::Append { body, decided_to: Some(position(next)) }
        })
        .await
}

/// Every entry once, a fact for each, and the chain of `prev` without a hole.
#[track_caller]
fn check(log: &FakeLog, expected: &[i64]) {
    let server = log.0.lock().unwrap();
    let mut before = 0;
    let mut bodies = Vec::new();
    for (sequence, bytes) in &server.entries {
        if server.unmarked.contains(sequence) {
            continue;
        }
        let entry: Entry<i64> = serde_json::from_slice(bytes).unwrap();
        assert_eq!(entry.prev, before);
        before = *sequence;
        bodies.push(entry.body);
        assert_eq!(
            server.facts.get(&format!("fact.{sequence}")),
            Some(&entry.body.to_string().into())
        );
    }
    assert_eq!(bodies, expected);
    assert_eq!(server.facts.len(), expected.len());
}

#[tokio::test(start_paused = true)]
async fn each_input_is_decided_once_whatever_fails() {
    use Fault::{AckLost, Dropped, FactsAckLost, FactsDropped, Ghost};
    let all = [AckLost, Dropped, Ghost, FactsDropped, FactsAckLost];
    for first in all {
        for second in all {
            for third in all {
                let log = FakeLog::default();
                log.0.lock().unwrap().faults = vec![first, second, third];
                let sum = decide_to(&journal(&log), 4).await.unwrap();
                assert_eq!(sum, 10, "{first:?} {second:?} {third:?}");
                check(&log, &[1, 2, 3, 4]);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_next_publishes_the_facts_of_one_that_crashed() {
    let log = FakeLog::default();
    // Appended, acknowledged, and then the process is gone before its fact is stored.
    let (id, at, decided_to) = ("x".into(), log.now(), Some(position(1)));
    let entry = Record::Decision(Entry { id, prev: 0, at, decided_to, key: None, body: 1 });
    log.append(0, entry.to_bytes()).await;
    assert!(log.0.lock().unwrap().facts.is_empty());
    assert_eq!(decide_to(&journal(&log), 2).await, Ok(3));
    check(&log, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_race_settles_for_the_winner() {
    let log = FakeLog::default();
    let (a, b) = (journal(&log), journal(&log));
    assert_eq!(decide_to(&a, 1).await, Ok(1));
    assert_eq!(decide_to(&b, 2).await, Ok(3));
    // `a` still believes that input 2 is undecided; its append is refused and it reads on.
    log.0.lock().unwrap().facts.remove("fact.6");
    assert_eq!(decide_to(&a, 3).await, Ok(6));
    check(&log, &[1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_reads_what_others_wrote_and_settles_it() {
    let log = FakeLog::default();
    let a = journal(&log);
    assert_eq!(decide_to(&a, 1).await, Ok(1));
    assert_eq!(decide_to(&journal(&log), 2).await, Ok(3));
    log.0.lock().unwrap().facts.clear();
    let seen =
        a.commit(|view| if view.fresh { Decide::Answer(*view.state) } else { Decide::Refresh });
    assert_eq!(seen.await, Ok(3));
    assert_eq!(log.0.lock().unwrap().facts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_while_facts_are_not_stored() {
    let log = FakeLog::default();
    log.0.lock().unwrap().faults = vec![Fault::FactsDropped; 1000];
    let error = decide_to(&journal(&log), 1).await.unwrap_err();
    assert_eq!(error, Error::Unavailable { journal: "test".into(), reason: "no answer".into() });
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_damage_and_never_folded_over() {
    let log = FakeLog::default();
    assert_eq!(decide_to(&journal(&log), 3).await, Ok(6));
    log.0.lock().unwrap().entries.remove(1);
    let error = decide_to(&journal(&log), 4).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 9, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_got_shorter_is_damage() {
    let log = FakeLog::default();
    let a = journal(&log);
    assert_eq!(decide_to(&a, 3).await, Ok(6));
    log.0.lock().unwrap().entries.pop();
    let error = decide_to(&a, 4).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 6, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_an_unknown_kind_stops_the_writer() {
    let log = FakeLog::default();
    log.append(0, Bytes::from_static(b"{\"from\":\"a later version\"}")).await;
    let error = decide_to(&journal(&log), 1).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { sequence: 3, .. }), "{error}");
}

/// One fact, three times as long as its entry's body.
#[derive(Debug)]
struct Loud;

impl Book for Loud {
    type Body = String;
    type State = String;

    fn initial(&self) -> String {
        String::new()
    }

    fn apply(&self, state: &mut String, body: &String) {
        state.clone_from(body);
    }

    fn facts(&self, _: u64, entry: &Entry<String>) -> Vec<Outgoing> {
        vec![Outgoing::new("loud".into(), entry.body.repeat(3).into())]
    }

    fn fact_filters(&self) -> Vec<String> {
        vec!["loud".into()]
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_fact_could_never_be_stored_is_not_appended() {
    let log = FakeLog::default();
    let journal = Journal::new("test", Loud, log.clone());
    let say = async |body: String| {
        journal
            .commit(|view| match *view.state == body {
                true => Decide::Answer(()),
                false => Decide::Append { body: body.clone(), decided_to: None },
            })
            .await
    };
    let Err(Error::TooLarge { what, bytes_max: 1_000, .. }) = say("x".repeat(450)).await else {
        panic!("its fact has more than 1,000 bytes");
    };
    assert_eq!(what, "its fact loud");
    let Err(Error::TooLarge { what, .. }) = say("x".repeat(2_000)).await else {
        panic!("it has more than 1,000 bytes");
    };
    assert_eq!(what, "the entry");
    assert!(log.0.lock().unwrap().entries.is_empty());
    assert_eq!(say("short".into()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn facts_that_cannot_be_stored_are_seen_from_outside() {
    let log = FakeLog::default();
    let journal = Arc::new(journal(&log));
    log.0.lock().unwrap().faults = vec![Fault::FactsDropped; 1000];
    decide_to(&journal, 1).await.unwrap_err();
    decide_to(&journal, 1).await.unwrap_err();
    let status = journal.status();
    assert_eq!(status.sequence, 3);
    assert!(status.unsettled.unwrap() > UNSETTLED_TIME_MAX, "{status:?}");
    log.0.lock().unwrap().faults.clear();
    assert_eq!(decide_to(&journal, 1).await, Ok(1));
    assert_eq!(journal.status().unsettled, None);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_appends_leaves_nothing_wrong() {
    let log = FakeLog::default();
    let one = journal(&log);
    assert_eq!(decide_to(&one, 1).await, Ok(1));
    log.0.lock().unwrap().faults = vec![Fault::AckLost, Fault::FactsDropped];
    // It waits after the facts were lost, and its caller goes away.
    let call = tokio::time::timeout(Duration::from_millis(5), decide_to(&one, 2));
    assert!(call.await.is_err());
    assert_eq!(decide_to(&one, 3).await, Ok(6));
    check(&log, &[1, 2, 3]);
}
