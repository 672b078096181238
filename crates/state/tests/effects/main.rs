//! Effects on a real nats-server: killed between any two steps, replicas, redeliveries, dead targets.
#![cfg(test)]

mod again;
mod behind;
mod cluster;
mod kills;
mod lanes;
mod outbox;
mod recording;
mod sending;
mod unanswered;

use messaging::publish::Outgoing;
use messaging::{Event, Nats, streams};
use serde_json::value::RawValue;
use state::effect::{Answer, Attempt, Delivery, Effects, Outside, Pseudonyms, Settings, Target};
use state::wire::Wire;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::nats::Server;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a target does with an attempt.
type Behaviour = dyn Fn(&str, &Attempt) -> Do + Send + Sync;

enum Do {
    Answer(Answer),
    /// It never answers.
    Hang,
}

/// The world outside: it outlives every process that sends.
struct World {
    behaves: Box<Behaviour>,
    /// Every attempt that it saw, by message.
    seen: watch::Sender<BTreeMap<String, Vec<Attempt>>>,
}

impl World {
    fn new(behaves: impl Fn(&str, &Attempt) -> Do + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { behaves: Box::new(behaves), seen: watch::Sender::default() })
    }

    /// One that takes everything.
    fn kind() -> Arc<Self> {
        Self::new(|_, _| taken())
    }

    /// Waits until it has seen what is asked for.
    async fn until(&self, what: &str, is_so: impl FnMut(&BTreeMap<String, Vec<Attempt>>) -> bool) {
        let mut seen = self.seen.subscribe();
        let seen = tokio::time::timeout(Duration::from_secs(60), seen.wait_for(is_so)).await;
        assert!(seen.is_ok(), "not within 60 s: {what}");
    }
}

fn taken() -> Do {
    Do::Answer(Answer::Sent { answer: "250 taken".into() })
}

/// A function: each event goes to the lanes that its data name, as `lane` or `lane/address`.
struct Sender {
    world: Arc<World>,
    /// How long to wait before each next attempt.
    waits: Vec<Duration>,
}

impl Outside for Sender {
    type Message = String;

    const FUNCTION: &'static str = "test";

    async fn targets(&self, event: &Event) -> Result<Vec<(Target, String)>, String> {
        let data = event.data.as_deref().map_or("[]", RawValue::get);
        let names: Vec<String> = serde_json::from_str(data).map_err(|error| error.to_string())?;
        let pseudonyms = Pseudonyms::new(b"secret of the tests");
        let of = |name: &String| match name.split_once('/') {
            Some((lane, address)) => Target::address(lane, address, &pseudonyms),
            None => Target::id(name),
        };
        Ok(names.iter().map(|name| (of(name), format!("{}>{name}", event.id))).collect())
    }

    async fn send(&self, lane: &str, message: &String, attempt: &Attempt) -> Answer {
        let done = (self.world.behaves)(lane, attempt);
        self.world.seen.send_modify(|seen| {
            seen.entry(message.clone()).or_default().push(attempt.clone());
        });
        match done {
            Do::Answer(answer) => answer,
            Do::Hang => std::future::pending().await,
        }
    }

    fn wait(&self, attempts: u32, after: Option<Duration>) -> Option<Duration> {
        let wait = self.waits.get(usize::try_from(attempts).unwrap() - 1).copied()?;
        Some(after.map_or(wait, |after| wait.max(after)))
    }

    fn told(&self, delivery: &Delivery) -> Option<Outgoing> {
        let state = serde_json::to_value(delivery).unwrap()["state"].to_string();
        let subject = format!("webhooks.delivered.{}.{}", delivery.lane, delivery.key);
        Some(Outgoing::new(subject, state.into()))
    }
}

async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    (server, nats)
}

/// Short times, so that tests wait for them.
fn settings() -> Settings {
    let (send_max, lease) = (Duration::from_millis(300), Duration::from_millis(700));
    Settings { send_max, lease, ..Settings::default() }
}

fn effects<W: Wire>(wire: &W, world: &Arc<World>) -> Effects<Sender, W> {
    with(wire, world, settings())
}

fn with<W: Wire>(wire: &W, world: &Arc<World>, settings: Settings) -> Effects<Sender, W> {
    let waits = vec![Duration::from_millis(50); 3];
    Effects::new(wire.clone(), Sender { world: Arc::clone(world), waits }, settings)
}

/// A replica that runs until it is dropped, or stopped.
struct Replica(JoinHandle<()>, watch::Sender<bool>);

impl Replica {
    fn of<W: Wire>(effects: &Effects<Sender, W>) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let effects = effects.clone();
        let stopping = async move { drop(stopped.wait_for(|stop| *stop).await) };
        Self(tokio::spawn(effects.run(stopping)), stop)
    }

    async fn stop(mut self) {
        self.1.send_replace(true);
        (&mut self.0).await.unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An event for these targets.
fn event(id: &str, targets: &[&str]) -> Event {
    let data = RawValue::from_string(serde_json::to_string(targets).unwrap()).unwrap();
    Event::new(id.into(), "/functions/other", "orderflow.test.v1", "test.subject", data)
}

/// Waits until all deliveries of an event are done with, so many.
async fn done<W: Wire>(effects: &Effects<Sender, W>, event: &str, count: usize) -> Vec<Delivery> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let found = effects.deliveries(event).await.unwrap_or_default();
        let ended = found.iter().filter(|delivery| delivery.state.is_final()).count();
        if ended == count {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within 60 s: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What was told under `webhooks.delivered.`, by subject.
async fn told(nats: &Nats) -> Vec<(String, String)> {
    let told = Mutex::new(Vec::new());
    let mut each = |message: state::wire::Message| {
        let text = String::from_utf8(message.payload.to_vec()).unwrap();
        told.lock().unwrap().push((message.subject, text));
    };
    nats.read(streams::WEBHOOKS, "webhooks.delivered.>", 1, true, &mut each).await.unwrap();
    told.into_inner().unwrap()
}
