//! Closing windows: final results and corrections.

use super::fold::{DOCUMENTS, Windows};
use super::hours::{self, SECONDS};
use super::message;
use super::over::{self, Over};
use crate::issued;
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, header, stored, streams, subject, tail};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::Stop;
use state::fold::{Event, Folded};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked at what is over.
const LOOK: Duration = Duration::from_millis(200);
/// How long the fold has for what was stored just now.
const CURRENT: Duration = Duration::from_secs(1);
/// Final results that are published at once.
const AT_ONCE: usize = 256;
/// How long what was published has to be read back before it is looked after again.
const AGAIN: Duration = Duration::from_secs(5);
/// Documents that are looked through for corrections in one step.
const CORRECTIONS_MAX: usize = 10_000;

/// What time it is, as far as the stream says: the time of its newest document, and how long none came since. The clocks
/// of this process and of the servers do not matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Mutex<Seen>>);

/// What a [`Clock`] has seen.
#[derive(Debug, Default)]
struct Seen {
    /// The stream's last sequence when the process began: documents up to it are of any age.
    begun_at: Option<u64>,
    /// Sequence and time of the newest document, and when it was seen.
    newest: Option<(u64, i64, Instant)>,
}

/// What time it is by the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Milliseconds since 1970; nothing if there was never a document.
    pub(super) ms: Option<i64>,
    /// May it be any later? So it is until a document is stored while this process runs.
    pub(super) is_least: bool,
}

impl Clock {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the stream where it ends, once. As long as it does not answer, its documents are of any age.
    pub(crate) async fn begin(&self, nats: &Nats) {
        if self.seen().begun_at.is_some() {
            return;
        }
        match nats.js.get_stream(streams::INVOICES).await {
            Ok(stream) => self.seen().begun_at = Some(stream.cached_info().state.last_sequence),
            Err(error) => tracing::debug!(%error, "the time of the stream is not known yet"),
        }
    }

    /// The document at `sequence` is the newest, and of this time.
    fn see(&self, sequence: u64, ms: i64) {
        let mut known = self.seen();
        if known.newest.is_none_or(|(seen, ..)| seen != sequence) {
            known.newest = Some((sequence, ms, Instant::now()));
        }
    }

    pub(crate) fn now(&self) -> Now {
        let known = self.seen();
        let ms = known.newest.map(|(_, ms, since)| {
            ms.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX))
        });
        let newest = known.newest.map_or(0, |(sequence, ..)| sequence);
        Now { ms, is_least: known.begun_at.is_none_or(|begun_at| newest <= begun_at) }
    }
}

/// What is counted of windows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    finals: Counter,
    corrections: Counter,
    unsettled: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        let what = "Final results of windows that this process published";
        registry.register("analytics_windows_closed", what, it.finals.clone());
        let what =
            "Documents that came after the final result of their window, each with a correction";
        registry.register("analytics_windows_corrected", what, it.corrections.clone());
        let what = "Seconds since a window should have had its final result or a correction";
        registry.register("analytics_windows_late_seconds", what, it.unsettled.clone());
        it
    }
}

/// Closes windows, in each replica: whichever is first is the only one.
#[derive(Debug)]
pub(crate) struct Closer {
    pub(crate) nats: Nats,
    pub(crate) windows: Arc<Folded<Windows>>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

/// What was done for a window, until it is read back: its newest document, and when.
type Done = HashMap<i64, (u64, Instant)>;

impl Closer {
    /// Runs until the function ends.
    pub(crate) async fn run(self, stop: Stop) {
        tokio::select! {
            () = self.rounds() => {}
            () = stop.requested() => {}
        }
    }

    async fn rounds(&self) {
        let mut done = Done::new();
        let mut since = None;
        loop {
            sleep(LOOK).await;
            self.clock.begin(&self.nats).await;
            self.look();
            done.retain(|_, (_, at)| at.elapsed() < AGAIN);
            let waits = match self.over(&done).is_empty() {
                true => false,
                false => self.settle(&mut done).await,
            };
            // What waits for its own message to be read back is not late.
            since = waits.then(|| since.unwrap_or_else(Instant::now));
            let late = since.map_or(0, |since: Instant| since.elapsed().as_secs());
            self.metrics.unsettled.set(i64::try_from(late).unwrap_or(i64::MAX));
        }
    }

    /// Sees the newest document.
    fn look(&self) {
        if let Some((sequence, ms)) = self.windows.look(hours::last_ms) {
            self.clock.see(sequence, ms);
        }
    }

    /// Windows that are over and not settled, the oldest first.
    fn over(&self, done: &Done) -> Vec<Over> {
        let Some(now_ms) = self.clock.now().ms else { return Vec::new() };
        let is_done =
            |start: i64, last: u64| done.get(&start).is_some_and(|(done_to, _)| last <= *done_to);
        self.windows.look(|shards| over::over(shards, now_ms, is_done, AT_ONCE))
    }

    /// Publishes what is missing. Is something still missing?
    async fn settle(&self, done: &mut Done) -> bool {
        // All that is stored now is counted first, so that few windows need corrections.
        if let Err(not_read) = self.windows.current(CURRENT).await {
            tracing::debug!(%not_read, "windows stay open");
            return true;
        }
        let (closed, open): (Vec<Over>, Vec<Over>) =
            self.over(done).into_iter().partition(|over| 0 < over.known.final_to);
        let results: Vec<Outgoing> = open.iter().map(Over::result).collect();
        let published = publish::all(&self.nats, &results, Some(0)).await;
        let mut is_missing = false;
        let mut late: Vec<(i64, u64, u64)> = Vec::new();
        for (over, published) in open.iter().zip(published) {
            match published {
                Ok(Published::Stored(_)) => {
                    self.metrics.finals.inc();
                    done.insert(over.start, (over.known.last, Instant::now()));
                }
                Ok(Published::Occupied) => match self.final_to(over.start).await {
                    Some(to) if to < over.known.last => {
                        late.push((over.start, to, over.known.last))
                    }
                    Some(_) => {
                        done.insert(over.start, (over.known.last, Instant::now()));
                    }
                    None => is_missing = true,
                },
                Err(error) => {
                    tracing::warn!(%error, "a window stays open");
                    is_missing = true;
                }
            }
        }
        late.extend(
            closed.iter().map(|over| (over.start, over.known.settled_to(), over.known.last)),
        );
        for (start, after, to) in late {
            match self.correct(start, after, to).await {
                Ok(()) => {
                    done.insert(start, (to, Instant::now()));
                }
                Err(reason) => {
                    tracing::warn!(
                        reason,
                        window = message::time(start),
                        "corrections are missing"
                    );
                    is_missing = true;
                }
            }
        }
        is_missing
    }

    /// Up to where the final result that is stored has counted.
    async fn final_to(&self, start: i64) -> Option<u64> {
        let subject = message::subject(start);
        let found = stored::last(&self.nats, streams::ANALYTICS, &subject).await;
        let found =
            found.inspect_err(|error| tracing::warn!(%error, "a window stays open")).ok()??;
        message::counted_to(message::header(&found))
            .inspect_err(|reason| {
                tracing::error!(
                    alert = "analytics window",
                    subject,
                    reason,
                    "a final result cannot be read"
                )
            })
            .ok()
    }

    /// Publishes the corrections of a window for documents behind `after` up to `to`, one after the other: the last
    /// one that is stored says that all before it are.
    async fn correct(&self, start: i64, after: u64, to: u64) -> Result<(), String> {
        let found = self.late(start, after, to).await?;
        let is_all = found.len() < CORRECTIONS_MAX;
        for correction in found {
            match publish::one(&self.nats, &correction, Some(0)).await {
                Ok(Published::Stored(_)) => {
                    self.metrics.corrections.inc();
                }
                Ok(Published::Occupied) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if is_all { Ok(()) } else { Err("there are more; the next round goes on".to_owned()) }
    }

    /// The corrections for a window's documents of these sequences.
    async fn late(&self, start: i64, after: u64, to: u64) -> Result<Vec<Outgoing>, String> {
        let (mut found, mut wrong) = (Vec::new(), None);
        let filter = "invoices.issued.>";
        let each = |message: &async_nats::jetstream::Message| {
            let Ok(info) = message.info() else { return ControlFlow::Continue(()) };
            let (sequence, at) = (info.stream_sequence, info.published.unix_timestamp());
            if to < sequence || CORRECTIONS_MAX <= found.len() {
                return ControlFlow::Break(());
            }
            let is_of_window = (start..start + SECONDS).contains(&at);
            if is_of_window && header::is_fact(message.headers.as_ref()) {
                let event = Event {
                    source: DOCUMENTS,
                    sequence,
                    time_ms: at * 1_000,
                    subject: &message.subject,
                    headers: message.headers.as_ref(),
                    payload: None,
                    kept_from: 0,
                };
                let number = message.subject.rsplit('.').next().and_then(subject::text);
                match issued::read(&event) {
                    Ok(issued) => found.push(message::correction(
                        start,
                        sequence,
                        &number.unwrap_or_default(),
                        &issued,
                    )),
                    // The fold has recorded it.
                    Err(reason) => wrong = Some(reason),
                }
            }
            if sequence < to { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let from = tail::From::Sequence(after + 1);
        let read = tail::read_while(&self.nats, streams::INVOICES, filter, from, true, each).await;
        read.map_err(|error| error.to_string())?;
        if let Some(reason) = wrong {
            tracing::debug!(reason, "a document does not count");
        }
        Ok(found)
    }
}
