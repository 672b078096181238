//! Publishes messages until each is confirmed, and remembers which are.

use super::orders::Maker;
use crate::lock;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use load::What;
use messaging::publish::{Outgoing, Published, one};
use messaging::{Nats, streams, subject, tail};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;

const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Most messages without confirmation.
const OPEN_MAX: usize = 500;
const TICK: Duration = Duration::from_millis(10);
/// Pause before a message is sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// The messages on `orders` in one campaign.
#[derive(Debug)]
pub(super) struct Load {
    maker: Maker,
    /// Messages use them in turn; a repeated message uses another one.
    clients: Vec<Nats>,
    count: u64,
    /// One flag for each message.
    confirmed: Mutex<Vec<bool>>,
    confirmed_count: AtomicU64,
    unclear: AtomicU64,
    /// Number of publishes without an answer.
    open: AtomicU64,
    gate: watch::Sender<bool>,
}

/// What is in the stream.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Confirmed messages that are missing.
    pub(super) missing: Vec<u64>,
    /// Number of messages that are not orders.
    pub(super) broken: u64,
}

impl Load {
    /// `clients` must not be empty.
    pub(super) fn new(maker: Maker, clients: Vec<Nats>, count: u64) -> Self {
        let flags = usize::try_from(count).expect("the flags of all messages fit into memory");
        Self {
            maker,
            clients,
            count,
            confirmed: Mutex::new(vec![false; flags]),
            confirmed_count: AtomicU64::new(0),
            unclear: AtomicU64::new(0),
            open: AtomicU64::new(0),
            gate: watch::channel(true).0,
        }
    }

    /// One of the connections.
    pub(super) fn nats(&self) -> &Nats {
        self.clients.first().expect("there is a client")
    }

    /// Number of confirmed messages.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed_count.load(Ordering::Relaxed)
    }

    /// Are all messages confirmed?
    pub(super) fn is_done(&self) -> bool {
        self.confirmed() == self.count
    }

    /// Number of publishes that failed or got no answer.
    pub(super) fn unclear(&self) -> u64 {
        self.unclear.load(Ordering::Relaxed)
    }

    /// Sends all messages evenly over `length`; late messages are sent as fast as the server accepts
    /// them.
    pub(super) async fn run(&self, length: Duration) {
        let started = Instant::now();
        let mut sent = 0;
        let mut open = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(TICK);
        while sent < self.count {
            tokio::select! {
                _ = ticks.tick() => {}
                Some(()) = open.next() => {}
            }
            let part = started.elapsed().as_secs_f64() / length.as_secs_f64().max(0.001);
            while sent < self.count && open.len() < OPEN_MAX && is_due(sent, self.count, part) {
                open.push(self.until_confirmed(sent));
                sent += 1;
            }
        }
        while open.next().await.is_some() {}
    }

    async fn until_confirmed(&self, n: u64) {
        let id = format!("{}-{n}", self.maker.seed);
        let message = Outgoing::new(subject::ORDERS.into(), self.maker.body(n).into());
        let message = message.header(MESSAGE_ID, &id);
        let mut gate = self.gate.subscribe();
        let from = usize::try_from(n).unwrap_or(0) % self.clients.len();
        for nats in self.clients.iter().cycle().skip(from) {
            gate.wait_for(|open| *open).await.expect("the gate lives as long as this");
            self.open.fetch_add(1, Ordering::SeqCst);
            let answer = one(nats, &message, None).await;
            // An answer that comes while the gate is closed is ignored: it may come from a server with
            // the wrong store.
            let confirmed = matches!(answer, Ok(Published::Stored(_))) && *self.gate.borrow();
            self.open.fetch_sub(1, Ordering::SeqCst);
            if confirmed {
                break;
            }
            self.unclear.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
        let mut flags = lock(&self.confirmed);
        if let Some(flag) = usize::try_from(n).ok().and_then(|n| flags.get_mut(n)) {
            *flag = true;
        }
        self.confirmed_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Stops sending, and waits for the open answers.
    pub(super) async fn pause(&self) {
        self.gate.send_replace(false);
        while self.open.load(Ordering::SeqCst) > 0 {
            sleep(TICK).await;
        }
    }

    /// Continues after [`Load::pause`].
    pub(super) fn resume(&self) {
        self.gate.send_replace(true);
    }

    /// Compares the confirmed messages with the stored ones.
    pub(super) async fn look_for(&self) -> anyhow::Result<Found> {
        let mut seen = vec![false; lock(&self.confirmed).len()];
        let mut found = Found::default();
        let prefix = format!("{}-", self.maker.seed);
        tail::read(self.nats(), streams::INTAKE, subject::ORDERS, 1, true, |message| {
            let id = message.headers.as_ref().and_then(|headers| headers.get(MESSAGE_ID));
            let number = id.and_then(|id| id.as_str().strip_prefix(&prefix)?.parse::<u64>().ok());
            let Some(number) = number else { return };
            if matches!(self.maker.what(number), What::Broken(_)) {
                found.broken += 1;
            }
            if let Some(seen) = usize::try_from(number).ok().and_then(|n| seen.get_mut(n)) {
                *seen = true;
            }
        })
        .await?;
        let flags = lock(&self.confirmed);
        let missing = (0u64..).zip(flags.iter().zip(&seen));
        found.missing =
            missing.filter(|(_, (sent, seen))| **sent && !**seen).map(|(n, _)| n).collect();
        Ok(found)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52, and only when something is sent")]
fn is_due(sent: u64, count: u64, part: f64) -> bool {
    sent as f64 <= count as f64 * part
}
