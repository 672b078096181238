//! Lists and caches.

use crate::nats::start;
use crate::{Person, author, people, person};
use messaging::Nats;
use state::record::{Cursor, Key, NotFresh, Record, Records, When};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

async fn put_stray(nats: &Nats, key: &str, value: &'static str) {
    let subject = format!("$KV.FILES_LEDGER.record.{key}");
    let published = nats.js.publish(subject, value.into()).await.unwrap();
    published.await.unwrap();
}

fn of(partner: &str, name: &str) -> Key {
    Key::new([partner, name]).unwrap()
}

#[tokio::test]
async fn a_record_that_is_there_all_the_time_is_on_one_page() {
    let (_server, nats) = start().await;
    let people = people(&nats);
    for n in 0..25 {
        let name = format!("{n:02} é.*>");
        people.create(&of("US1", &name), person(&name, "-", "-"), &author("a")).await.unwrap();
        people.create(&of("US10", &name), person(&name, "-", "-"), &author("a")).await.unwrap();
    }
    people.delete(&of("US1", "03 é.*>"), When::Present, &author("a")).await.unwrap();
    put_stray(&nats, "US1.05x", "{}").await;
    put_stray(&nats, "US1.06=zz", "{}").await;
    let mut seen = BTreeMap::new();
    let mut unreadable = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let us1 = Key::new(["US1"]).unwrap();
    let mut pages = 0;
    loop {
        let page = people.list(Some(&us1), cursor.as_ref(), 4).await.unwrap();
        pages += 1;
        assert!(page.records.len() <= 4);
        for (key, found) in page.records {
            assert_eq!(key.parts(), ["US1", &found.value.name.replace(" again", "")]);
            *seen.entry(key).or_insert(0) += 1;
        }
        unreadable.extend(page.unreadable.into_iter().map(|stray| stray.key));
        // What was listed and what is to come is written again: that moves it in the bucket.
        for n in [0, 1, 20, 24] {
            let name = format!("{n:02} é.*>");
            let value = person(&format!("{name} again"), "-", "-");
            people.replace(&of("US1", &name), value, When::Present, &author("a")).await.unwrap();
        }
        let Some(next) = page.next else { break };
        cursor = Some(Cursor::read(&next.to_string()));
    }
    assert_eq!(seen.len(), 24);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(unreadable, ["US1.05x", "US1.06=zz"]);
    assert!((6..=7).contains(&pages), "{pages} pages");
    let all = people.list(None, None, 1_000).await.unwrap();
    assert_eq!((all.records.len(), all.next), (49, None));
}

const LONG: Duration = Duration::from_secs(30);

/// A record whose shape is read by a program with a fault.
#[derive(Clone, Debug, serde::Serialize)]
struct Faulty;

impl<'de> serde::Deserialize<'de> for Faulty {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("on purpose")
    }
}

impl Record for Faulty {
    const BUCKET: &'static str = Person::BUCKET;
    const EVENT: &'static str = Person::EVENT;
    const SUBJECT: &'static str = Person::SUBJECT;
    const STREAM: &'static str = Person::STREAM;
    const SOURCE: &'static str = Person::SOURCE;
}

#[tokio::test]
async fn a_cache_that_nothing_reads_any_more_says_so() {
    let (_server, nats) = start().await;
    people(&nats).create(&of("US1", "a"), person("1", "x", "-"), &author("a")).await.unwrap();
    let cache = Records::<Faulty, Nats>::new(nats).cache();
    assert_eq!(cache.fresh(LONG).await, Err(NotFresh::Ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_cache_is_the_page_of_the_bucket() {
    let (_server, nats) = start().await;
    let people = people(&nats);
    let cache = people.cache();
    for (partner, id) in
        [("US", "a"), ("US1", "a"), ("US1", "b"), ("US1", "b c"), ("US1", "d"), ("US2", "a")]
    {
        people.create(&of(partner, id), person(id, "-", "-"), &author("a")).await.unwrap();
    }
    people.delete(&of("US1", "d"), When::Present, &author("a")).await.unwrap();
    put_stray(&nats, "US1.c", "{}").await;
    cache.fresh(LONG).await.unwrap();
    for prefix in [None, Some(Key::new(["US1"]).unwrap()), Some(Key::new(["US3"]).unwrap())] {
        for limit in 1..8 {
            let mut after = None;
            loop {
                let stored = people.list(prefix.as_ref(), after.as_ref(), limit).await.unwrap();
                let page = cache.page(prefix.as_ref(), after.as_ref(), limit, |_| true).unwrap();
                assert_eq!(page.value.records, stored.records, "{prefix:?} {limit} {after:?}");
                after = page.value.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    let us1 = Key::new(["US1"]).unwrap();
    let page = cache.page(Some(&us1), None, 10, |_| true).unwrap().value;
    assert_eq!((page.records.len(), page.unreadable.len()), (3, 1));
    let page = cache.page(None, None, 2, |person| person.name != "a").unwrap().value;
    let keys: Vec<String> = page.records.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, ["US1/b", "US1/b c"]);
    assert!(page.next.is_none() && page.unreadable.len() == 1);
    assert_eq!(cache.count(None, None, |_| true), Some((0, 5)));
    let first = cache.page(Some(&us1), None, 2, |_| true).unwrap().value;
    assert_eq!(cache.count(Some(&us1), first.next.as_ref(), |_| true), Some((2, 3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_cache_waits_for_one_look() {
    let (_server, nats) = start().await;
    let people = people(&nats);
    let cache = people.cache();
    cache.fresh(LONG).await.unwrap();
    let since = Instant::now();
    for number in 0..20 {
        let key = of("US1", &number.to_string());
        people.create(&key, person("1", "-", "-"), &author("a")).await.unwrap();
        cache.fresh(LONG).await.unwrap();
        assert!(cache.get(&key).unwrap().value.is_some());
    }
    // Looks that nobody waits for are half a second apart: these would take ten.
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_cache_knows_its_age_and_comes_back() {
    let (server, nats) = start().await;
    let people = people(&nats);
    let made = people.create(&of("US1", "a"), person("1", "x", "-"), &author("a")).await.unwrap();
    let cache = people.cache();
    cache.fresh(LONG).await.unwrap();
    let us1 = of("US1", "a");
    assert_eq!(cache.get(&us1).unwrap().value.unwrap().revision, made);
    let second =
        people.replace(&us1, person("2", "y", "-"), When::Is(made), &author("a")).await.unwrap();
    put_stray(&nats, "US1.b", "{}").await;
    cache.fresh(LONG).await.unwrap();
    assert_eq!(cache.get(&us1).unwrap().value.unwrap().revision, second);
    assert_eq!(cache.unreadable().keys().collect::<Vec<_>>(), ["US1.b"]);

    server.kill();
    let wait = Duration::from_millis(1_500);
    assert_eq!(cache.fresh(wait).await, Err(NotFresh::Old { wait }));
    let away = cache.get(&us1).unwrap();
    assert!(Duration::from_millis(1_400) < away.age);
    assert!(away.value.is_some(), "old, and says so");
    server.restart();
    let elsewhere = Nats::connect(&server.url(), "elsewhere", true).await.unwrap();
    let elsewhere = crate::people(&elsewhere);
    let deleted = async || elsewhere.delete(&us1, When::Present, &author("a")).await;
    while deleted().await.is_err() {
        assert!(elsewhere.get(&us1).await.is_err(), "it is there");
    }
    cache.fresh(LONG).await.unwrap();
    assert_eq!(cache.get(&us1).unwrap().value, None);

    // Another bucket of the same name: nothing of the first one stays.
    nats.js.delete_stream("KV_FILES_LEDGER").await.unwrap();
    for step in messaging::streams::setup(&nats, messaging::streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    people.create(&of("US1", "c"), person("1", "x", "-"), &author("a")).await.unwrap();
    cache.fresh(LONG).await.unwrap();
    let all: Vec<(Key, Person)> = cache
        .all(None)
        .unwrap()
        .value
        .into_iter()
        .map(|(key, found)| (key, found.value.clone()))
        .collect();
    assert_eq!(all, [(of("US1", "c"), person("1", "x", "-"))]);
    assert!(cache.unreadable().is_empty());
}
