//! One lane: asks the function for its position, reads from there, and gives it batch after batch.

use super::gaps::{self, Gone, Stream};
use super::reader::Reader;
use super::said::{self, Said};
use super::session::{HELD, Session};
use crate::annotations::Subscription;
use crate::backoff::{self, Jitter};
use crate::circuit::Circuit;
use crate::gateway::Call;
use crate::metrics::add;
use crate::shared::{DRAIN, Shared};
use crate::stop::Stop;
use crate::undone::Undone;
use crate::verdict::Reply;
use bytes::Bytes;
use messaging::backlog::Backlog;
use messaging::store::Fault;
use messaging::streams::{self, JOURNAL};
use messaging::{stored, subject};
use prometheus_client::metrics::gauge::Gauge;
use runtime::events::Position;
use state::journal::{self, SHORTER_TIME_MAX};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often an idle function is called, so that it reads and completes what others decided.
const IDLE: Duration = Duration::from_secs(3);
/// How often a stream that seems to end too early is checked again.
const LOOK: Duration = Duration::from_millis(250);
/// How often the lane checks whether its position was moved in the meantime.
const MOVED: Duration = Duration::from_secs(2);
/// How often the undecided messages are counted. The server counts them: 2.9.10 needs a second for
/// 200,000 messages on a busy machine, so the count runs less often then.
const WATCH: Duration = Duration::from_secs(5);
const WATCH_MAX: Duration = Duration::from_secs(30);

/// The state of a lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) shared: Shared,
    pub(crate) subscription: Subscription,
    pub(crate) circuit: Circuit,
    pub(crate) held: Gauge,
    pub(crate) undone: Undone,
    /// The position that the function reported last; 0 until it has answered.
    pub(crate) told: AtomicU64,
    /// The last sequence of the stream of journals when this lane's journal was last checked.
    pub(crate) journal: AtomicU64,
    pub(crate) stop: Stop,
}

/// Why a session ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The connector is shutting down.
    Stop,
    /// The position or the reader has changed unexpectedly; a new session finds out more.
    Anew(String),
    /// An operator has to act.
    Fault(String),
}

impl Lane {
    /// Gives out messages until something ends the session; sets `progress` after every step forward.
    pub(crate) async fn session(&self, progress: &mut bool) -> End {
        // Remember the journal's end: a later entry is a reason to try a held lane again.
        if let Some(journal) = subject::journal_of(&self.subscription.filter) {
            self.stop.or(self.has_moved(&journal)).await;
        }
        let mut session = match self.begin().await {
            Ok(session) => session,
            Err(end) => return end,
        };
        let Session { identity, after, looked, .. } = &session;
        let (shared, subscription) = (&self.shared, &self.subscription);
        let mut reader = Reader::start(shared, subscription, identity, *after, Arc::clone(looked));
        self.held.set(0);
        loop {
            if let Err(end) = self.step(&mut session, &mut reader, progress).await {
                return end;
            }
        }
    }

    async fn begin(&self) -> Result<Session, End> {
        let stream = self.stream().await?;
        self.check_store().await?;
        let mut session = Session::new(&stream, self.subscription.batch);
        match self.call(&session, Bytes::from_static(b"[]"), None).await? {
            Said::DecidedTo(position) | Said::Elsewhere(position) => session.after = position,
            Said::Fault(reason) => return Err(End::Fault(reason)),
            Said::Failed(reason) | Said::Unavailable { reason, .. } => {
                return Err(End::Anew(reason));
            }
        }
        // Before the first decision, nothing shows which messages preceded the first one of the lane.
        let first = match session.after {
            0 => self.next(0).await?.map_or(stream.last, |first| first - 1),
            after => after,
        };
        session.looked.store(first, Ordering::Relaxed);
        self.check(&mut session, &stream).await?;
        let Subscription { function, filter, .. } = &self.subscription;
        tracing::info!(function, filter, after = session.after, "reading in order");
        Ok(session)
    }

    /// Waits for messages and gives them out; without messages it makes an empty call.
    async fn step(
        &self,
        session: &mut Session,
        reader: &mut Reader,
        progress: &mut bool,
    ) -> Result<(), End> {
        if session.buffer.len() < session.size
            && let Some(chunk) = reader.ready()
        {
            session.extend(chunk.map_err(End::Anew)?);
        }
        if !session.buffer.is_empty() {
            return self.give(session, progress).await;
        }
        match self.stop.or(timeout(IDLE, reader.next())).await {
            None => Err(End::Stop),
            Some(Ok(chunk)) => {
                session.extend(chunk.map_err(End::Anew)?);
                Ok(())
            }
            Some(Err(_elapsed)) => self.idle(session).await,
        }
    }

    async fn idle(&self, session: &mut Session) -> Result<(), End> {
        let stream = self.stream().await?;
        if stream.identity != session.identity {
            return Err(End::Anew("the stream was replaced by another one".into()));
        }
        self.check(session, &stream).await?;
        let looked = session.looked();
        if self.next(looked).await?.is_none() {
            session.looked.store(looked.max(stream.last), Ordering::Relaxed);
            session.quiet.seen(session.after, looked.max(stream.last));
        }
        let offer = session.quiet.offer(session.after, self.shared.quiet_after);
        match self.call(session, Bytes::from_static(b"[]"), offer).await? {
            Said::DecidedTo(position) | Said::Elsewhere(position) if position < session.after => {
                Err(End::Anew(format!("the function went back to {position}")))
            }
            Said::DecidedTo(position) | Said::Elsewhere(position) => {
                // Another connector may be ahead; what it gave out need not be given again.
                session.moved(position);
                // The stream may have grown since the check above.
                self.check(session, &stream).await
            }
            Said::Fault(reason) => Err(End::Fault(reason)),
            Said::Failed(reason) | Said::Unavailable { reason, .. } => Err(End::Anew(reason)),
        }
    }

    /// One call with the first messages of the buffer.
    async fn give(&self, session: &mut Session, progress: &mut bool) -> Result<(), End> {
        let (count, body) = session.body(self.subscription.batch_bytes);
        let reason = match self.call(session, body, None).await? {
            Said::DecidedTo(position) if session.after < position => {
                let done = session.decided(position, self.subscription.batch);
                self.shared.metrics.count(&self.subscription.name(), "done", done);
                self.held.set(0);
                *progress = true;
                return Ok(());
            }
            Said::DecidedTo(position) if position < session.after => {
                return Err(End::Anew(format!("the function went back to {position}")));
            }
            Said::DecidedTo(_) => "the function decided none of the batch".to_owned(),
            Said::Elsewhere(position) => {
                return Err(End::Anew(format!("the function is at {position}")));
            }
            Said::Fault(reason) => return Err(End::Fault(reason)),
            Said::Failed(reason) => reason,
            Said::Unavailable { reason, .. } => return Err(End::Anew(reason)),
        };
        let size = session.size;
        let delay = session.failed(count, self.subscription.max_deliver);
        let Subscription { function, filter, max_deliver, .. } = &self.subscription;
        add(&self.shared.metrics.attempts, function, usize::from(count == 1));
        add(&self.shared.metrics.halvings, function, usize::from(session.size < size));
        let sequence = session.buffer.front().map(|input| input.sequence);
        tracing::warn!(function, filter, sequence, messages = count, reason, "the call failed");
        if session.attempts == *max_deliver {
            self.held.set(1);
            tracing::error!(
                alert = "lane held",
                function,
                filter,
                sequence,
                reason,
                "this message fails alone; later messages of the lane wait"
            );
        }
        let is_held = *max_deliver <= session.attempts;
        let rest = async { if is_held { self.held(delay).await } else { sleep(delay).await } };
        self.stop.or(rest).await.ok_or(End::Stop)
    }

    /// Calls until a function answers.
    async fn call(
        &self,
        session: &Session,
        body: Bytes,
        quiet_to: Option<u64>,
    ) -> Result<Said, End> {
        let position = Position {
            after: session.after,
            stream: Some(self.subscription.stream.clone()),
            stream_identity: Some(session.identity.name.clone()),
            stream_also: session.identity.also.clone(),
            stream_created: Some(session.created.clone()),
            filter: Some(self.subscription.filter.clone()),
            quiet_to,
        };
        let mut is_suspect = false;
        loop {
            if let Some(delay) = self.circuit.wait() {
                self.stop.or(sleep(delay)).await.ok_or(End::Stop)?;
            }
            if self.stop.is_requested() {
                return Err(End::Stop);
            }
            let call = Call {
                function: &self.subscription.function,
                body: body.clone(),
                position: Some(&position),
                timeout: self.subscription.timeout,
            };
            let ended = async {
                self.stop.requested().await;
                sleep(DRAIN).await;
            };
            let gateway = &self.shared.gateway;
            let call = async {
                let reply = match is_suspect {
                    true => gateway.call_suspect(call).await,
                    false => gateway.call(call).await,
                };
                match reply {
                    Reply::Died { reason } => {
                        self.circuit.failed(&reason, None);
                        gateway.after_death(&self.subscription.function, reason).await
                    }
                    reply => reply,
                }
            };
            let reply = tokio::select! {
                reply = call => reply,
                () = ended => return Err(End::Stop),
            };
            match said::read(&reply) {
                Said::Unavailable { reason, retry_after } => {
                    self.circuit.failed(&reason, retry_after);
                    // The next call sends the same messages, and one of them may be the reason.
                    is_suspect = true;
                }
                said => {
                    self.circuit.answered();
                    if let Said::DecidedTo(position) | Said::Elsewhere(position) = said {
                        self.told.store(position, Ordering::Relaxed);
                    }
                    return Ok(said);
                }
            }
        }
    }

    async fn stream(&self) -> Result<Stream, End> {
        let stream = gaps::stream(&self.shared.nats, &self.subscription);
        self.stop.or(stream).await.ok_or(End::Stop)?.map_err(End::Anew)
    }

    async fn next(&self, after: u64) -> Result<Option<u64>, End> {
        let next = gaps::next(&self.shared.nats, &self.subscription, after);
        self.stop.or(next).await.ok_or(End::Stop)?.map_err(End::Anew)
    }

    /// Checks that this is the same store as before. An older copy that has grown past the position
    /// would look right.
    async fn check_store(&self) -> Result<(), End> {
        let since = Instant::now();
        loop {
            match self.stop.or(self.shared.store.check()).await.ok_or(End::Stop)? {
                Err(Fault::Older { .. }) if since.elapsed() < SHORTER_TIME_MAX => {
                    self.stop.or(sleep(LOOK)).await.ok_or(End::Stop)?;
                }
                Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) => {
                    return Err(End::Fault(fault.to_string()));
                }
                Ok(_) | Err(Fault::Silent { .. } | Fault::Anew) => return Ok(()),
            }
        }
    }

    /// Asks for the stream again for as long as it seems to end before the position: the answer may
    /// come from a leader that was replaced or was elected just now.
    async fn known(&self, session: &Session, stream: &Stream) -> Result<Stream, End> {
        let (since, mut stream) = (Instant::now(), stream.clone());
        while stream.last < session.after && since.elapsed() < SHORTER_TIME_MAX {
            self.stop.or(sleep(LOOK)).await.ok_or(End::Stop)?;
            stream = self.stream().await?;
        }
        Ok(stream)
    }

    /// Does the stream still hold the undecided messages, and those decided before?
    async fn check(&self, session: &mut Session, stream: &Stream) -> Result<(), End> {
        let stream = &self.known(session, stream).await?;
        let (name, last) = (&self.subscription.stream, stream.last);
        if last < session.after {
            let position = session.after;
            let reason = format!(
                "decided up to {position}, but stream {name} ends at {last}: an older copy, or \
                 another stream. Put the right one back, or see what would be lost: {}",
                gaps::rebase(&self.subscription.filter)
            );
            return Err(End::Fault(reason));
        }
        let between = (session.looked(), last);
        let find = session.gaps.find(&self.shared.nats, &self.subscription, stream, between);
        let Some(Gone { from, to }) =
            self.stop.or(find).await.ok_or(End::Stop)?.map_err(End::Anew)?
        else {
            return Ok(());
        };
        let reason = format!(
            "messages {from} to {to} of stream {name} are gone and were not given out; orders may \
             be among them. See what would be lost: {}",
            gaps::rebase(&self.subscription.filter)
        );
        Err(End::Fault(reason))
    }

    /// Keeps the metrics of undecided messages up to date, forever. The journal has the lane's
    /// position, also while the function is down; without a journal only the function knows it.
    pub(crate) async fn watch(&self) {
        let (nats, Subscription { stream, filter, .. }) = (&self.shared.nats, &self.subscription);
        loop {
            let began = Instant::now();
            let told = self.told.load(Ordering::Relaxed);
            let backlog = async {
                let decided_to = match journal::decided_up_to(nats, filter).await {
                    Err(error) if told == 0 => return Err(error.to_string()),
                    found => found.ok().flatten().unwrap_or(told),
                };
                let backlog = Backlog::of_lane(nats, stream, filter, decided_to).await;
                backlog.map_err(|error| error.to_string())
            };
            match backlog.await {
                Ok(backlog) => self.undone.show(&backlog),
                Err(error) => tracing::debug!(%error, "cannot count the undone messages"),
            }
            sleep(began.elapsed().saturating_mul(20).clamp(WATCH, WATCH_MAX)).await;
        }
    }

    /// Waits before a held lane is tried again: for `delay`, or until an entry is written to its
    /// journal, for example by a rebase or a skip.
    async fn held(&self, delay: Duration) {
        let Some(journal) = subject::journal_of(&self.subscription.filter) else {
            return sleep(delay).await;
        };
        let moved = async {
            // Not immediately: the session that has just ended may have written the last entry itself.
            sleep(MOVED).await;
            while !self.has_moved(&journal).await {
                sleep(MOVED).await;
            }
        };
        // Both are a reason to try again.
        drop(timeout(delay, moved).await);
    }

    /// Was anything written to the journal since the last check? An entry may be large, so it is read
    /// only when something was written to any journal.
    async fn has_moved(&self, journal: &str) -> bool {
        let before = self.journal.load(Ordering::Relaxed);
        let Ok(end) = streams::last_sequence(&self.shared.nats, JOURNAL).await else {
            return false;
        };
        if end == before {
            return false;
        }
        let last = stored::last(&self.shared.nats, JOURNAL, journal).await;
        let Ok(last) = last.map(|last| last.map_or(0, |last| last.sequence)) else { return false };
        self.journal.store(end.max(last), Ordering::Relaxed);
        // A stream that has become shorter is another stream.
        before < last || end < before
    }

    /// Waits before the next session, for the delay that [`Self::ended`] returned.
    pub(crate) async fn rest(&self, delay: Duration) {
        let paused = self.shared.pause(delay);
        if delay != HELD {
            return paused.await;
        }
        tokio::select! {
            () = paused => {}
            () = self.held(delay) => {}
        }
    }

    /// Reports the end of a session; returns how long to wait before the next one.
    pub(crate) fn ended(&self, end: End, fruitless: u32) -> Option<Duration> {
        let Subscription { function, filter, .. } = &self.subscription;
        match end {
            End::Stop => None,
            End::Anew(reason) => {
                let delay = backoff::circuit(fruitless, Jitter::random());
                tracing::warn!(
                    function,
                    filter,
                    reason,
                    "starting again from the function's position"
                );
                Some(delay)
            }
            End::Fault(reason) => {
                self.held.set(1);
                tracing::error!(
                    alert = "lane fault",
                    function,
                    filter,
                    reason,
                    "the input does not follow what was decided; the lane is stopped"
                );
                Some(HELD)
            }
        }
    }
}
