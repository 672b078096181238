//! Values in buckets.

use crate::start;
use async_nats::jetstream::stream::Config;
use messaging::kv::{Bucket, Error};
use messaging::{Nats, streams};
use std::time::{Duration, Instant};

async fn open(nats: &Nats) -> Bucket<u64> {
    Bucket::open(nats, streams::FILES_LEDGER).await.unwrap()
}

#[tokio::test]
async fn a_value_is_written_only_over_the_one_that_was_read() {
    let (_server, nats) = start().await;
    let bucket = open(&nats).await;
    assert_eq!(bucket.get("US1.a").await.unwrap(), None);
    let first = bucket.create("US1.a", &1).await.unwrap().unwrap();
    assert_eq!(bucket.create("US1.a", &2).await.unwrap(), None);
    assert_eq!(bucket.get("US1.a").await.unwrap(), Some((1, first)));
    let second = bucket.update("US1.a", &3, first).await.unwrap().unwrap();
    assert_eq!(bucket.update("US1.a", &4, first).await.unwrap(), None);
    assert_eq!(bucket.get("US1.a").await.unwrap(), Some((3, second)));
}

#[tokio::test]
async fn a_bucket_may_be_made_after_its_reader_began() {
    let server = testkit::nats::Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    let bucket: Bucket<u64> = Bucket::new(&nats, streams::FILES_LEDGER);
    assert!(matches!(bucket.get("US1.a").await, Err(Error::Unclear { .. })));
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    assert_eq!(bucket.get("US1.a").await.unwrap(), None);
}

#[tokio::test]
async fn all_values_are_found_however_many() {
    let (_server, nats) = start().await;
    let bucket = open(&nats).await;
    assert_eq!(bucket.all(&nats).await.unwrap(), []);
    bucket.create("US1.0", &0).await.unwrap().unwrap();
    assert_eq!(bucket.all(&nats).await.unwrap(), [("US1.0".to_owned(), 0)]);
    for n in 1..1_000_u64 {
        bucket.create(&format!("US1.{n}"), &n).await.unwrap().unwrap();
    }
    let (_, revision) = bucket.get("US1.500").await.unwrap().unwrap();
    bucket.update("US1.500", &5_000, revision).await.unwrap().unwrap();
    let all = bucket.all(&nats).await.unwrap();
    assert_eq!(all.len(), 1_000);
    assert!(
        all.iter().all(|(key, n)| *key == format!("US1.{}", if *n == 5_000 { 500 } else { *n }))
    );
}

#[tokio::test]
async fn a_deleted_key_is_not_there_and_can_be_made_anew() {
    let (_server, nats) = start().await;
    let bucket = open(&nats).await;
    bucket.create("a", &1).await.unwrap().unwrap();
    bucket.create("b", &2).await.unwrap().unwrap();
    let store = nats.js.get_key_value(streams::FILES_LEDGER).await.unwrap();
    store.delete("b").await.unwrap();
    assert_eq!(bucket.get("b").await.unwrap(), None);
    assert_eq!(bucket.all(&nats).await.unwrap(), [("a".to_owned(), 1)]);
    assert!(bucket.create("b", &3).await.unwrap().is_some());
    assert_eq!(bucket.all(&nats).await.unwrap(), [("a".to_owned(), 1), ("b".to_owned(), 3)]);
}

#[tokio::test]
async fn a_value_of_another_shape_is_named() {
    let (_server, nats) = start().await;
    let bucket = open(&nats).await;
    let store = nats.js.get_key_value(streams::FILES_LEDGER).await.unwrap();
    store.put("a", "later version".into()).await.unwrap();
    let error = bucket.get("a").await.unwrap_err();
    assert_eq!(error.to_string(), "bucket FILES_LEDGER, key a: cannot be read");
    assert!(matches!(bucket.all(&nats).await, Err(Error::Unreadable { .. })));
}

#[tokio::test]
async fn a_bucket_that_was_not_set_up_is_an_error() {
    let (_server, nats) = start().await;
    assert!(Bucket::<u64>::open(&nats, "NO_SUCH_BUCKET").await.is_err());
}

#[tokio::test]
async fn what_is_known_of_files_is_not_kept_for_ever() {
    let (_server, nats) = start().await;
    for (name, days) in [(streams::FILES_LEDGER, 180), (streams::FILES_CONTENT, 366)] {
        let stream = nats.js.get_stream(format!("KV_{name}")).await.unwrap();
        let config = stream.cached_info().config.clone();
        assert_eq!(config.max_age, Duration::from_secs(days * 24 * 60 * 60), "{name}");
        // The same with a second, and with one value that is written again.
        let second = Duration::from_secs(1);
        let short = Config { max_age: second, duplicate_window: second, ..config };
        nats.js.update_stream(short).await.unwrap();
        let bucket: Bucket<u32> = Bucket::open(&nats, name).await.unwrap();
        bucket.create("old", &1).await.unwrap().unwrap();
        let mut revision = bucket.create("live", &1).await.unwrap().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while bucket.get("old").await.unwrap().is_some() {
            assert!(Instant::now() < deadline, "it is still there");
            revision = bucket.update("live", &2, revision).await.unwrap().unwrap();
        }
        assert!(bucket.get("live").await.unwrap().is_some());
    }
}
