//! Records on a real nats-server: killed between any two steps, and many writers at once.

use crate::{Person, author, key, people, person};
use messaging::{Nats, streams};
use state::record::{Conflict, Record as _, Unique, When, WriteError};
use state::wire::{Message, Wire as _};
use std::time::{Duration, Instant};
use testkit::ends::Ends;
use testkit::nats::Server;

pub(crate) async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    (server, nats)
}

/// Ids of the events of a record, in their order.
pub(crate) async fn told(nats: &Nats, record: &str) -> Vec<String> {
    let subject = format!("{}.{record}", Person::SUBJECT);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut told = Vec::new();
        let mut each = |message: Message| {
            let event: messaging::Event = serde_json::from_slice(&message.payload).unwrap();
            told.push(event.id);
        };
        // Servers may be choosing a leader.
        match nats.read(Person::STREAM, &subject, 1, true, &mut each).await {
            Ok(_) => return told,
            Err(error) => assert!(Instant::now() < deadline, "not within 60 s: {error}"),
        }
    }
}

#[tokio::test]
async fn a_rename_that_is_killed_anywhere_leaves_nothing_that_blocks() {
    let (_server, nats) = start().await;
    let all = people(&nats);
    let mut sweep = all.sweep();
    for steps in 0.. {
        let (name, from, to) =
            (format!("r{steps}"), format!("{steps}-from"), format!("{steps}-to"));
        let (from, to) = (from.as_str(), to.as_str());
        let first = all.create(&key(&name), person("1", from, "-"), &author("a")).await.unwrap();
        let ends = Ends::after(&nats, steps);
        let (records, value, when) = (people(ends.wire()), person("2", to, "-"), When::Is(first));
        let renamed = records.replace(&key(&name), value, when, &author("b")).await;
        let done = !ends.is_over();
        // Others want both names. The first look ends what was begun, so that one of them is free.
        let y = all.create(&key(&format!("y{steps}")), person("y", to, "-"), &author("c")).await;
        let x = all.create(&key(&format!("x{steps}")), person("x", from, "-"), &author("c")).await;
        let now = all.get(&key(&name)).await.unwrap().unwrap();
        let (free, taken) = if now.value.name == "2" { (x, y) } else { (y, x) };
        let free = free.unwrap();
        assert!(matches!(taken, Err(WriteError::Conflict(Conflict::Taken { .. }))), "{taken:?}");
        if let Ok(revision) = renamed {
            assert_eq!((now.revision, &*now.value.name), (revision, "2"));
        }
        for _ in 0..2 {
            sweep.step().await.unwrap();
        }
        assert_eq!(sweep.step().await.unwrap(), 0);
        let mut expected = vec![format!("FILES_LEDGER:{first}")];
        expected.extend((now.revision != first).then(|| format!("FILES_LEDGER:{}", now.revision)));
        assert_eq!(told(&nats, &name).await, expected, "after {steps} steps");
        assert!(first < free);
        if done {
            assert!(8 < steps, "it takes more steps than {steps}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_second_key_one_gets_it() {
    let (_server, nats) = start().await;
    for round in 0..20 {
        let creating: Vec<_> = (0..6)
            .map(|n| {
                let people = people(&nats);
                let (email, phone) = (format!("e{round}"), format!("p{round}"));
                tokio::spawn(async move {
                    let person = person("x", &email, &phone);
                    people.create(&key(&format!("{round}-{n}")), person, &author("a")).await
                })
            })
            .collect();
        let mut made = Vec::new();
        for (n, creating) in creating.into_iter().enumerate() {
            match creating.await.unwrap() {
                Ok(_) => made.push(key(&format!("{round}-{n}"))),
                Err(WriteError::Conflict(Conflict::Taken { name, .. })) => {
                    assert_eq!(name, "email")
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(made.len(), 1, "{made:?}");
        let unique = Unique::new("phone", [format!("p{round}")]).unwrap();
        let (found, _) = people(&nats).find(&unique).await.unwrap().unwrap();
        assert_eq!(found, made[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_and_each_is_told_once() {
    const WRITERS: usize = 4;
    const EACH: usize = 10;
    let (_server, nats) = start().await;
    let made = people(&nats).create(&key("a"), person("0", "x", "-"), &author("a")).await.unwrap();
    let adding: Vec<_> = (0..WRITERS)
        .map(|_| {
            let people = people(&nats);
            tokio::spawn(async move {
                let mut stale = 0;
                for _ in 0..EACH {
                    loop {
                        let found = people.get(&key("a")).await.unwrap().unwrap();
                        let next = found.value.name.parse::<usize>().unwrap() + 1;
                        // A new second key each time.
                        let person = person(&next.to_string(), &format!("e{next}"), "-");
                        let when = When::Is(found.revision);
                        match people.replace(&key("a"), person, when, &author("b")).await {
                            Ok(_) => break,
                            Err(WriteError::Stale(_)) => stale += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                stale
            })
        })
        .collect();
    let mut stale = 0;
    for adding in adding {
        stale += adding.await.unwrap();
    }
    assert!(0 < stale, "they never met");
    let found = people(&nats).get(&key("a")).await.unwrap().unwrap();
    assert_eq!(found.value.name, (WRITERS * EACH).to_string());
    let told = told(&nats, "a").await;
    assert_eq!(told.len(), 1 + WRITERS * EACH);
    assert_eq!(told.first(), Some(&format!("FILES_LEDGER:{made}")));
    assert!(told.is_sorted_by_key(|id| id.rsplit(':').next().unwrap().parse::<u64>().unwrap()));
    // Nothing of the e-mail addresses that it had before stays.
    let stream = nats.js.get_stream("KV_FILES_LEDGER").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 2, "the record and its claim");
}

#[tokio::test]
async fn an_event_that_cannot_be_published_is_owed() {
    let (_server, nats) = start().await;
    let people = people(&nats);
    nats.js.delete_stream(Person::STREAM).await.unwrap();
    let first = people.create(&key("a"), person("1", "x", "-"), &author("a")).await.unwrap();
    // The next change waits for it, and says so.
    let next = people.delete(&key("a"), When::Is(first), &author("a")).await.unwrap_err();
    assert!(next.to_string().contains("analytics.people.a"), "{next}");
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    let deleted = people.delete(&key("a"), When::Is(first), &author("a")).await.unwrap();
    let ids = [first, deleted].map(|revision| format!("FILES_LEDGER:{revision}"));
    assert_eq!(told(&nats, "a").await, ids);
    assert_eq!(people.get(&key("a")).await.unwrap(), None);
}
