//! Payloads are asked for where headers do not say it all, and several filters of one stream are read together.

use crate::support::{NEVER, OFTEN, eventually, start, store};
use async_nats::jetstream::consumer;
use futures_util::TryStreamExt as _;
use messaging::publish::Outgoing;
use messaging::{Nats, stored, streams};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::checkpoint::{self, Checkpoints};
use state::fold::{Event, Every, Fold, Folded, Metrics, Reading, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The header that says the number of a message.
const NUMBER: &str = "Orderflow-Total";

/// Adds numbers: of a header, or else of the payload.
#[derive(Debug)]
struct Lean;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sums(BTreeMap<String, u64>);

impl Fold for Lean {
    type State = Sums;
    type Said = u64;

    const NAME: &'static str = "lean";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] = &[
        Source { stream: streams::ANALYTICS, filter: "analytics.a.>", headers_only: true },
        Source { stream: streams::ANALYTICS, filter: "analytics.b.>", headers_only: true },
    ];
    const SHARDS: usize = 1;

    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, u64> {
        let said = event.header(NUMBER).and_then(|text| text.parse().ok());
        let number = match said {
            Some(number) => number,
            None => {
                let text = String::from_utf8_lossy(event.payload()?).into_owned();
                text.parse().map_err(|_| format!("{text:?} is no number"))?
            }
        };
        let key = ["a", "b"].get(event.source).ok_or("another source")?;
        Ok(Some((Cow::Borrowed(*key), number)))
    }

    fn apply(&self, sums: &mut Sums, event: &Event<'_>, said: u64) -> Result<(), String> {
        let key = ["a", "b"].get(event.source).ok_or("another source")?;
        *sums.0.entry((*key).to_owned()).or_default() += said;
        Ok(())
    }
}

fn folded(nats: &Nats, every: Every) -> Folded<Lean> {
    let metrics = Metrics::register(&mut Registry::default());
    Folded::start_every(nats, "test", Lean, &metrics, every)
}

async fn sums(folded: &Folded<Lean>) -> [u64; 2] {
    while folded.current(Duration::from_secs(40)).await.is_err() {}
    folded.look(|shards| {
        let of = |key| shards.iter().filter_map(|shard| shard.0.get(key)).sum();
        ["a", "b"].map(of)
    })
}

/// One whose number stands in a header, and nothing in its payload.
fn lean(of: &str, number: u64) -> Outgoing {
    Outgoing::new(format!("analytics.{of}.x"), "".into()).header(NUMBER, &number.to_string())
}

/// One as an earlier release stored it.
fn old(of: &str, number: u64) -> Outgoing {
    Outgoing::new(format!("analytics.{of}.x"), number.to_string().into())
}

/// The consumers of the stream: what they filter, and whether they bring payloads.
async fn consumers(nats: &Nats) -> Vec<(String, bool)> {
    let stream = nats.js.get_stream(streams::ANALYTICS).await.unwrap();
    let all: Vec<consumer::Info> = stream.consumers().try_collect().await.unwrap();
    all.into_iter().map(|it| (it.config.filter_subject, !it.config.headers_only)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_and_without_headers_add_up_in_any_order() {
    let (_server, nats) = start().await;
    let mut messages = Vec::new();
    let mut expected = [0, 0];
    for number in 1..=300_u64 {
        let (of, sum) = [("a", 0), ("b", 1)][usize::from(number.is_multiple_of(3))];
        // Old ones only, then each kind in turn, then new ones only.
        let is_old = number <= 100 || (number <= 200 && number.is_multiple_of(2));
        messages.push(if is_old { old(of, number) } else { lean(of, number) });
        expected[sum] += number;
    }
    let malformed = lean("a", 0).header(NUMBER, "many");
    messages.push(Outgoing { payload: "5000".into(), ..malformed.clone() });
    messages.push(Outgoing { payload: "some".into(), ..malformed });
    messages.push(Outgoing::new("analytics.c.x".into(), "of no source".into()));
    expected[0] += 5_000;
    let before = folded(&nats, NEVER);
    store(&nats, &messages).await;
    let after = folded(&nats, NEVER);
    for folded in [&before, &after] {
        assert_eq!(sums(folded).await, expected);
        let (count, newest) = folded.refused();
        let reasons: Vec<_> = newest.iter().map(|refusal| &*refusal.reason).collect();
        assert_eq!((count, reasons), (1, vec!["\"some\" is no number"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_carried_only_while_they_are_needed() {
    let (_server, nats) = start().await;
    let folded = folded(&nats, NEVER);
    let one = |payloads| vec![(String::new(), payloads)];
    store(&nats, &[lean("a", 1)]).await;
    assert_eq!(sums(&folded).await, [1, 0]);
    assert_eq!(consumers(&nats).await, one(false), "both sources have one consumer");
    store(&nats, &[old("b", 2)]).await;
    assert_eq!(sums(&folded).await, [1, 2]);
    assert!(consumers(&nats).await.contains(&one(true)[0]));
    let many: Vec<_> = (0..4_100).map(|_| lean("a", 1)).collect();
    store(&nats, &many).await;
    assert_eq!(sums(&folded).await, [4_101, 2]);
    // Those whose place another one took stay until the server removes them.
    let (with, without): (Vec<_>, Vec<_>) =
        consumers(&nats).await.into_iter().partition(|(_, payloads)| *payloads);
    assert_eq!((with.len(), without.len()), (1, 2), "without payloads, with, and without again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_whose_sources_were_read_apart_is_read_on() {
    let (_server, nats) = start().await;
    let numbers: Vec<_> = (1..=40).map(|n| old(["a", "b"][usize::from(20 < n)], n)).collect();
    store(&nats, &numbers).await;
    let first = folded(&nats, OFTEN);
    assert_eq!(sums(&first).await, [210, 610]);
    eventually("checkpoints are written", async || first.is_saved()).await;
    drop(first);
    // As if `a` had been read up to message 10, and `b` up to message 30.
    let checkpoints = Checkpoints::new(&nats, streams::FOLD_CHECKPOINTS);
    let key = format!("{}.1-0", checkpoint::key(&["test", "lean", "1"]));
    let found = checkpoints.load::<Vec<serde_json::Value>>(&key).await.unwrap();
    let (mut positions, _) = found.expect("it was saved");
    for (position, sequence) in positions.iter_mut().zip([10, 30]) {
        let at = stored::at(&nats, streams::ANALYTICS, sequence).await.unwrap().unwrap();
        position["sequence"] = json!(sequence);
        position["time_ms"] = json!(at.time_ms);
    }
    let body = json!({"refused": {"count": 0, "newest": []}, "state": {"a": 55, "b": 255}});
    let bytes = serde_json::to_vec(&body).unwrap();
    checkpoints.save(&key, &positions, bytes, |_| true).await.unwrap();
    let again = folded(&nats, NEVER);
    assert_eq!(sums(&again).await, [210, 610]);
}
