//! The journal on NATS: entries, facts, races and a server that is killed.

use crate::{connect, read, start};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, header, stored, streams};
use state::journal::{Appended, Book, Decide, Entry, Journal, Log as _, NatsLog, verify};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Each entry names facts; the state is how often each was named.
#[derive(Debug)]
pub(crate) struct Names;

impl Book for Names {
    type Body = Vec<String>;
    type State = BTreeMap<String, u32>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn apply(&self, state: &mut Self::State, body: &Vec<String>) {
        body.iter().for_each(|name| *state.entry(name.clone()).or_default() += 1);
    }

    fn fact_filters(&self) -> Vec<String> {
        vec!["inventory.changed.test.>".into()]
    }

    fn facts(&self, _: u64, entry: &Entry<Vec<String>>) -> Vec<Outgoing> {
        let fact = |name: &String| Outgoing::new(subject(name), entry.id.clone().into());
        entry.body.iter().map(fact).collect()
    }
}

pub(crate) fn subject(name: &str) -> String {
    format!("inventory.changed.test.{name}")
}

pub(crate) const SUBJECT: &str = "journal.inventory.test";

pub(crate) fn journal(nats: &Nats) -> Journal<Names, NatsLog> {
    Journal::new(SUBJECT, Names, NatsLog::new(nats.clone(), SUBJECT.into()))
}

/// Appends an entry with this name unless the state has it.
pub(crate) async fn once(journal: &Journal<Names, NatsLog>, name: &str) {
    let commit = journal.commit(|view| match view.state.get(name) {
        Some(_) => Decide::Answer(()),
        None => Decide::Append { body: vec![name.to_owned()], decided_to: None },
    });
    commit.await.unwrap();
}

/// Appends an entry with this name whatever the state says.
pub(crate) async fn again(journal: &Journal<Names, NatsLog>, name: &str) {
    let mut before = None;
    let commit = journal.commit(|view| {
        let count = view.state.get(name).copied().unwrap_or(0);
        if *before.get_or_insert(count) < count {
            return Decide::Answer(());
        }
        Decide::Append { body: vec![name.to_owned()], decided_to: None }
    });
    commit.await.unwrap();
}

pub(crate) async fn entries(nats: &Nats) -> Vec<(u64, Entry<Vec<String>>)> {
    let mut entries = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let sequence = message.info().unwrap().stream_sequence;
        // What is none, a test has put there.
        entries
            .extend(serde_json::from_slice(&message.payload).ok().map(|entry| (sequence, entry)));
    };
    messaging::tail::read(nats, streams::JOURNAL, SUBJECT, 1, false, each).await.unwrap();
    entries
}

pub(crate) async fn facts(nats: &Nats) -> Vec<(String, String)> {
    read(nats, streams::INVENTORY, "inventory.changed.test.>").await
}

/// Every one of `names` was decided once and has one fact, of the decision that says so.
async fn check(nats: &Nats, names: &BTreeSet<String>) {
    let entries = entries(nats).await;
    let mut before = 0;
    let mut expected = Vec::new();
    for (sequence, entry) in &entries {
        assert_eq!(entry.prev, before);
        before = *sequence;
        expected.extend(entry.body.iter().map(|name| (subject(name), entry.id.clone())));
    }
    let decided: BTreeSet<_> = entries.iter().flat_map(|(_, e)| e.body.clone()).collect();
    assert_eq!((&decided, expected.len()), (names, names.len()));
    let mut facts = facts(nats).await;
    facts.sort();
    expected.sort();
    assert_eq!(facts, expected);
}

#[tokio::test]
async fn a_decision_is_an_entry_and_its_facts_stand_before_the_answer() {
    let (_server, nats) = start().await;
    let one = journal(&nats);
    once(&one, "a").await;
    once(&one, "b").await;
    once(&one, "a").await;
    // Somebody who knows nothing reads it all.
    once(&journal(&nats), "b").await;
    check(&nats, &["a", "b"].map(Into::into).into()).await;
}

#[tokio::test]
async fn a_fact_gives_way_to_that_of_a_later_decision_only() {
    let (_server, nats) = start().await;
    let one = journal(&nats);
    again(&one, "a").await;
    again(&one, "a").await;
    let ids = entries(&nats).await.into_iter().map(|(_, entry)| entry.id).collect::<Vec<_>>();
    let standing: Vec<_> = facts(&nats).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(standing, ids);
}

#[tokio::test]
async fn a_forged_fact_is_replaced_by_the_true_one_whatever_it_claims() {
    let (_server, nats) = start().await;
    let one = journal(&nats);
    once(&one, "a").await;
    let (entry, id) =
        entries(&nats).await.into_iter().map(|(n, entry)| (n, entry.id)).next().unwrap();
    let claims = |sequence: u64, id: &str| vec![(sequence.to_string(), id.to_owned())];
    let forged = [
        vec![],
        claims(99, "forged"),
        claims(u64::MAX, "forged"),
        // The sequence of an entry with another id, and of one that comes next.
        claims(entry, "forged"),
        claims(entry, &id),
        claims(entry + 2, &id),
        vec![("many".to_owned(), String::new())],
    ];
    for (number, claims) in forged.into_iter().enumerate() {
        let name = format!("b{number}");
        let mut fact = Outgoing::new(subject(&name), "forged".into());
        for (sequence, id) in claims {
            fact = fact.header(header::DECISION_SEQUENCE, &sequence).header(header::DECISION, &id);
        }
        assert!(matches!(publish::one(&nats, &fact, Some(0)).await, Ok(Published::Stored(_))));
        once(&one, &name).await;
        let last = stored::last(&nats, streams::INVENTORY, &subject(&name)).await.unwrap().unwrap();
        let (sequence, entry) = entries(&nats).await.pop().unwrap();
        assert_eq!((last.decision_sequence(), last.payload), (Some(sequence), entry.id.into()));
    }
}

#[tokio::test]
async fn a_fact_yields_to_that_of_a_later_entry() {
    let (_server, nats) = start().await;
    let one = journal(&nats);
    once(&one, "a").await;
    let (first, entry) = entries(&nats).await.pop().unwrap();
    again(&journal(&nats), "a").await;
    let later = facts(&nats).await;
    // The writer of the first entry is slow.
    let log = NatsLog::new(nats.clone(), SUBJECT.into());
    log.read(None, 1, &mut |_| {}).await.unwrap();
    let fact = Outgoing::new(subject("a"), entry.id.clone().into())
        .header(header::DECISION, &entry.id)
        .header(header::DECISION_SEQUENCE, &first.to_string());
    log.publish(vec![fact]).await.unwrap();
    assert_eq!(facts(&nats).await, later);
}

#[tokio::test]
async fn what_strangers_publish_in_the_journal_neither_stops_nor_changes_it() {
    let (_server, nats) = start().await;
    let running = journal(&nats);
    let stranger = async |payload: Vec<u8>| {
        let message = Outgoing::new(SUBJECT.into(), payload.into());
        assert!(matches!(publish::one(&nats, &message, None).await, Ok(Published::Stored(_))));
    };
    stranger(b"hello".to_vec()).await;
    once(&running, "a").await;
    // Many, so that they are read through a consumer, and huge ones.
    for number in 0..40 {
        stranger(vec![b'x'; if number % 10 == 0 { 1_000_000 } else { 10 }]).await;
    }
    once(&running, "b").await;
    once(&journal(&nats), "c").await;
    stranger(b"{}".to_vec()).await;
    once(&running, "d").await;
    once(&journal(&nats), "a").await;
    stranger(Vec::new()).await;
    assert_eq!(facts(&nats).await.len(), 4);
    // At a start it meets those behind the snapshot, later each once.
    assert!(running.status().foreign >= 41, "{:?}", running.status());
    let found = verify(&nats, SUBJECT, &Names, chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.entries, found.foreign, found.problems_total), (4, 43, 43), "{found:?}");
    let problem = "it is no entry and is passed over: it has no header Orderflow-Journal and cannot \
                   be read as an entry";
    assert!(found.problems.iter().all(|found| found.text == problem), "{found:?}");
}

#[tokio::test]
async fn verify_finds_facts_that_claim_a_later_entry() {
    let (_server, nats) = start().await;
    once(&journal(&nats), "a").await;
    let forged = Outgoing::new(subject("z"), "x".into())
        .header(header::DECISION, "forged")
        .header(header::DECISION_SEQUENCE, "99");
    publish::one(&nats, &forged, Some(0)).await.unwrap();
    let found = verify(&nats, SUBJECT, &Names, chrono::DateTime::UNIX_EPOCH).await.unwrap();
    let [problem] = &found.problems[..] else { panic!("{found:?}") };
    assert_eq!(problem.text, "inventory.changed.test.z follows from no entry");
}

#[tokio::test]
async fn who_takes_over_publishes_the_facts_that_are_missing() {
    let (_server, nats) = start().await;
    // Appended by a process that is gone before it published anything.
    let entry = Entry {
        id: "gone".into(),
        prev: 0,
        at: std::time::SystemTime::now().into(),
        decided_to: None,
        key: None,
        body: vec!["a".to_owned()],
    };
    let entry = Outgoing::new(SUBJECT.into(), serde_json::to_vec(&entry).unwrap().into());
    publish::one(&nats, &entry, Some(0)).await.unwrap();
    assert_eq!(facts(&nats).await, []);
    once(&journal(&nats), "b").await;
    check(&nats, &["a", "b"].map(Into::into).into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_who_race_keep_every_decision_and_every_fact_once() {
    let (server, nats) = start().await;
    let writers = ["one", "two"].map(|writer| {
        let url = server.url();
        tokio::spawn(async move {
            let nats = Nats::connect(&url, writer, false).await.unwrap();
            let journal = journal(&nats);
            for n in 0..50 {
                once(&journal, &format!("{writer}-{n}")).await;
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let names = |writer| (0..50).map(move |n| format!("{writer}-{n}"));
    check(&nats, &names("one").chain(names("two")).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_costs_no_decision_and_doubles_none() {
    let (server, nats) = start().await;
    let writers = ["one", "two"].map(|writer| {
        let nats = nats.clone();
        tokio::spawn(async move {
            let journal = journal(&nats);
            for n in 0..50 {
                once(&journal, &format!("{writer}-{n}")).await;
            }
        })
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    for kill in 1..4 {
        let other = connect(&server).await;
        while entries(&other).await.len() < kill * 20 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.kill();
        server.restart();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let names = |writer| (0..50).map(move |n| format!("{writer}-{n}"));
    let nats = connect(&server).await;
    check(&nats, &names("one").chain(names("two")).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_store_takes_neither_entry_nor_fact() {
    let (server, nats) = start().await;
    let log = NatsLog::new(nats.clone(), SUBJECT.into());
    assert_eq!(log.read(None, 1, &mut |_| {}).await.unwrap(), 0);
    let store = server.dir().join("store/jetstream");
    server.kill();
    std::fs::rename(&store, store.with_extension("true")).unwrap();
    server.restart();
    let other = connect(&server).await;
    for step in streams::setup(&other, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    // This connection is made anew as well: until then nothing is answered.
    let deadline = Instant::now() + Duration::from_secs(30);
    while nats.client.flush().await.is_err()
        || nats.client.server_info().server_id != other.client.server_info().server_id
    {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let appended = log.append(0, "{}".into()).await;
    assert!(matches!(&appended, Appended::Unclear(why) if why.contains("anew")), "{appended:?}");
    assert_eq!(entries(&other).await.len(), 0);
    let fact = Outgoing::new(subject("a"), "x".into());
    let error = log.publish(vec![fact]).await.unwrap_err();
    assert!(error.to_string().contains("anew"), "{error}");
    log.read(None, 1, &mut |_| {}).await.unwrap();
    assert!(matches!(log.append(0, "{}".into()).await, Appended::Stored(_)), "it was read");
}

#[tokio::test]
async fn facts_that_their_stream_would_not_keep_any_more_are_not_published_at_a_start() {
    let (_server, nats) = start().await;
    let append = async |days: i64, name: &str, prev: u64| {
        let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let at = at - chrono::Duration::days(days);
        let (id, body) = (name.to_owned(), vec![name.to_owned()]);
        let entry = Entry { id, prev, at, decided_to: None, key: None, body };
        let entry = Outgoing::new(SUBJECT.into(), serde_json::to_vec(&entry).unwrap().into());
        publish::one(&nats, &entry, Some(prev)).await.unwrap();
    };
    // INVENTORY keeps seven days.
    append(8, "old", 0).await;
    once(&journal(&nats), "old").await;
    assert_eq!(read(&nats, "INVENTORY", "inventory.changed.>").await, []);
    append(6, "young", 1).await;
    once(&journal(&nats), "young").await;
    let facts = read(&nats, "INVENTORY", "inventory.changed.>").await;
    assert_eq!(facts, [(subject("young"), "young".to_owned())]);
}
