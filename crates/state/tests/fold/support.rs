//! A fold that adds numbers, and the streams that it reads.

use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, streams};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use state::fold::{Event, Every, Fold, Folded, Metrics, Reading, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::nats::Server;
use tokio::time::{Instant, sleep};

pub(crate) const FUNCTION: &str = "test";
pub(crate) const BUCKET: &str = "KV_FOLD_CHECKPOINTS";
/// As often as it can be.
pub(crate) const OFTEN: Every = Every { time: Duration::from_millis(20), events: 1, age: AGE };
/// Never while a test runs.
pub(crate) const NEVER: Every =
    Every { time: Duration::from_secs(3_600), events: u64::MAX, age: AGE };
const AGE: Duration = Duration::from_secs(3_600);

/// Adds the numbers of each key, of two streams.
#[derive(Debug)]
pub(crate) struct Tally;

/// A number at which the fold panics when it is applied.
const PANIC: u64 = u64::MAX;

/// What an event says.
#[derive(Debug)]
pub(crate) struct Number {
    key: String,
    number: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sums {
    sums: BTreeMap<String, u64>,
    last: [u64; 2],
    /// An event came behind one of a higher sequence, or again.
    in_order: Option<bool>,
}

impl Fold for Tally {
    type State = Sums;
    type Said = Number;

    const NAME: &'static str = "tally";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] = &[
        Source { stream: streams::ANALYTICS, filter: "analytics.t.>", headers_only: false },
        Source { stream: streams::WEBHOOKS, filter: "webhooks.received.t.>", headers_only: false },
    ];
    const SHARDS: usize = 4;

    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Number> {
        let prefix = ["analytics.t.", "webhooks.received.t."][event.source];
        let rest = event.subject.strip_prefix(prefix).ok_or("another subject")?;
        let key = match rest.split('.').next() {
            Some("nokey") => return Err("no key".into()),
            None | Some("nothing") => return Ok(None),
            Some(key) => key,
        };
        let text = std::str::from_utf8(event.payload()?).map_err(|error| error.to_string())?;
        let number = match text {
            "panic" => PANIC,
            text => text.parse().map_err(|error| format!("{text:?}: {error}"))?,
        };
        Ok(Some((Cow::Borrowed(key), Number { key: key.into(), number })))
    }

    fn apply(&self, state: &mut Sums, event: &Event<'_>, said: Number) -> Result<(), String> {
        assert_ne!(said.number, PANIC, "on purpose");
        let last = &mut state.last[event.source];
        state.in_order = Some(state.in_order.unwrap_or(true) && *last < event.sequence);
        *last = event.sequence;
        *state.sums.entry(said.key).or_default() += said.number;
        Ok(())
    }

    fn held(state: &Sums) -> usize {
        state.sums.len()
    }
}

/// A process with the fold.
pub(crate) struct Replica {
    pub(crate) folded: Folded<Tally>,
    registry: Registry,
}

impl Replica {
    pub(crate) fn start(nats: &Nats, every: Every) -> Self {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        Self { folded: Folded::start_every(nats, FUNCTION, Tally, &metrics, every), registry }
    }

    /// The sums, once all is read that is stored now; every shard was counted in order.
    pub(crate) async fn sums(&self) -> BTreeMap<String, u64> {
        // One that is behind after this time is no error, so it is long.
        let deadline = Instant::now() + Duration::from_secs(40);
        while let Err(error) = self.folded.current(Duration::from_secs(40)).await {
            assert!(Instant::now() < deadline, "{error}");
        }
        self.now()
    }

    /// The sums as they are.
    pub(crate) fn now(&self) -> BTreeMap<String, u64> {
        self.folded.look(|shards| {
            assert!(shards.iter().all(|shard| shard.in_order != Some(false)), "{shards:?}");
            let sums = shards.iter().flat_map(|shard| shard.sums.clone());
            sums.collect()
        })
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until checkpoints hold all that it has, whoever wrote them.
    pub(crate) async fn saved(&self) {
        eventually("checkpoints are written", async || self.folded.is_saved()).await;
        assert_eq!(self.metric("fold_checkpoint_failures_total"), 0);
    }
}

pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    setup(&nats, None).await;
    (server, nats)
}

pub(crate) async fn setup(nats: &Nats, replicas: Option<usize>) {
    let settings = streams::Settings { replicas, ..Default::default() };
    testkit::streams::make(nats, settings).await;
}

/// Stores a number for a key; in one of the streams or the other.
pub(crate) fn number(key: &str, number: u64) -> Outgoing {
    let stream = ["analytics.t", "webhooks.received.t"][usize::from(number.is_multiple_of(3))];
    Outgoing::new(format!("{stream}.{key}.x"), number.to_string().into())
}

pub(crate) async fn store(nats: &Nats, messages: &[Outgoing]) {
    for stored in publish::all(nats, messages, None).await {
        assert!(matches!(stored, Ok(Published::Stored(_))), "{stored:?}");
    }
}

/// Numbers for ten keys, and what they add up to.
#[derive(Default)]
pub(crate) struct Numbers {
    next: u64,
    pub(crate) sums: BTreeMap<String, u64>,
}

impl Numbers {
    pub(crate) fn take(&mut self, count: usize) -> Vec<Outgoing> {
        let mut messages = Vec::with_capacity(count);
        for _ in 0..count {
            self.next += 1;
            let key = format!("k{}", self.next % 10);
            messages.push(number(&key, self.next));
            *self.sums.entry(key).or_default() += self.next;
        }
        messages
    }

    pub(crate) async fn store(&mut self, nats: &Nats, count: usize) {
        store(nats, &self.take(count)).await;
    }
}
