//! One lane: asks the function where it is, reads from there, gives batch after batch.

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

/// How often an idle function is called, so that it reads and settles what others decided.
const IDLE: Duration = Duration::from_secs(3);
/// How often a stream is looked at again that seems to end too early.
const LOOK: Duration = Duration::from_millis(250);
/// How often it is looked whether its position was moved meanwhile.
const MOVED: Duration = Duration::from_secs(2);
/// How often it is asked what is not decided. The server counts: 200,000 messages take 2.9.10 a second
/// on a busy machine, so that it is asked less often then.
const WATCH: Duration = Duration::from_secs(5);
const WATCH_MAX: Duration = Duration::from_secs(30);

/// What a lane needs.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) shared: Shared,
    pub(crate) subscription: Subscription,
    pub(crate) circuit: Circuit,
    pub(crate) held: Gauge,
    pub(crate) undone: Undone,
    /// Where the function said that it is; 0 until it has answered.
    pub(crate) told: AtomicU64,
    /// The last sequence of the stream of journals, when its own was looked at.
    pub(crate) journal: AtomicU64,
    pub(crate) stop: Stop,
}

/// Why a session came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// The connector ends.
    Stop,
    /// The position or the reader is not what it was; a new session finds out.
    Anew(String),
    /// Somebody has to look.
    Fault(String),
}

impl Lane {
    /// Gives out messages until something ends it; `progress` is told of every step forward.
    pub(crate) async fn session(&self, progress: &mut bool) -> End {
        // What is written from now on is a reason to try a lane that is held again.
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
        // Of a lane that decided nothing yet nobody knows what was there before its first message.
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

    /// Waits for messages and gives them out, or calls with none when there are none.
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
            return Err(End::Anew("the stream is another one".into()));
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
                // Another connector may be ahead: what it gave out need not be given again.
                session.moved(position);
                // The stream may have grown since it was looked at.
                self.check(session, &stream).await
            }
            Said::Fault(reason) => Err(End::Fault(reason)),
            Said::Failed(reason) | Said::Unavailable { reason, .. } => Err(End::Anew(reason)),
        }
    }

    /// One call with what stands first in the buffer.
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
            Said::DecidedTo(_) => "it decided none of the batch".to_owned(),
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
                "this message fails alone; nothing behind it is given out"
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
                    // The same call comes next: it may be the reason.
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

    /// Is it the store that was there before? An older copy that has grown past the position looks right.
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

    /// The stream, looked at again for as long as it seems to end before what is decided and a leader that
    /// was replaced, or has only just become one, may be what answers.
    async fn known(&self, session: &Session, stream: &Stream) -> Result<Stream, End> {
        let (since, mut stream) = (Instant::now(), stream.clone());
        while stream.last < session.after && since.elapsed() < SHORTER_TIME_MAX {
            self.stop.or(sleep(LOOK)).await.ok_or(End::Stop)?;
            stream = self.stream().await?;
        }
        Ok(stream)
    }

    /// Does the stream still hold what is not decided, and what was decided before?
    async fn check(&self, session: &mut Session, stream: &Stream) -> Result<(), End> {
        let stream = &self.known(session, stream).await?;
        let (name, last) = (&self.subscription.stream, stream.last);
        if last < session.after {
            let position = session.after;
            let reason = format!(
                "decided up to {position}, but stream {name} ends at {last}: an older copy, or \
                 another stream. Put the right one back, or see what would be lost: {}",
                self.rebase()
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
            self.rebase()
        );
        Err(End::Fault(reason))
    }

    /// The command that goes on deliberately.
    fn rebase(&self) -> String {
        let lane = self.subscription.filter.strip_prefix("orders.placed.");
        let lane = lane.and_then(|rest| rest.strip_suffix(".>")).unwrap_or("NAME");
        format!("orderflow journal rebase --warehouse {lane} --reason \"…\"")
    }

    /// Shows what is not decided, for ever. The journal says where the lane stands, also while the
    /// function does not; of one without a journal only the function knows.
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
                Err(error) => tracing::debug!(%error, "what is undone is not known"),
            }
            sleep(began.elapsed().saturating_mul(20).clamp(WATCH, WATCH_MAX)).await;
        }
    }

    /// Waits before a lane that stands still is tried again: for `delay`, or until something is written
    /// in its journal, as a rebase or a skip is.
    async fn held(&self, delay: Duration) {
        let Some(journal) = subject::journal_of(&self.subscription.filter) else {
            return sleep(delay).await;
        };
        let moved = async {
            // Not at once: the session that has just ended may have written the last entry itself.
            sleep(MOVED).await;
            while !self.has_moved(&journal).await {
                sleep(MOVED).await;
            }
        };
        // Either is a reason to try again.
        drop(timeout(delay, moved).await);
    }

    /// Was anything written in the journal since this was asked before? An entry may be large, and is read
    /// only when something was written in any journal.
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
        // A stream that is shorter is another one.
        before < last || end < before
    }

    /// Waits before the next session, as [`Self::ended`] says.
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

    /// Reports the end of a session; how long to wait before the next.
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
                    "the input does not follow what was decided; nothing is given out"
                );
                Some(HELD)
            }
        }
    }
}
