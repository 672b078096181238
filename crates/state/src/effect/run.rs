//! The clock: takes messages from the outbox, and works on those that are due.

use super::accept::Outboxed;
use super::attempt::{AGAIN, Turn};
use super::board::{Board, Next};
use super::lease::{Position, keep};
use super::target::Place;
use super::{Effects, Outside};
use crate::follow;
use crate::lease::Lease;
use crate::wire::{Message, Unclear, Wire};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use messaging::streams::{EFFECTS, OUTBOX};
use messaging::subject::token;
use serde::de::IgnoredAny;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// How often the outbox is looked at for messages that others put there.
const LOOK: Duration = Duration::from_millis(500);
/// How soon after a look the next one follows while there are messages to send: looking holds up sending.
const BRIEF: Duration = Duration::from_millis(25);
/// How long a clock without work sleeps at most.
const IDLE: Duration = Duration::from_secs(60);

/// How often it is looked up since when the oldest message waits.
const OLDEST: Duration = Duration::from_secs(5);

/// Added to the number of a lease whose stream is another one.
const ANOTHER: u64 = 1 << 32;

/// What a replica does while it has the lease.
struct Clock {
    board: Board,
    /// Which stream it reads: the name of its identity.
    stream: String,
    /// Attempts of an earlier lease do not count in this one.
    lease: u64,
    look: Instant,
    /// When the last look ended.
    looked: Instant,
    /// The oldest message that is not done with, when it was put in, and when that is looked up again.
    oldest: (u64, Option<DateTime<Utc>>, Instant),
}

type Ended = (u64, Next, Turn);

impl<O: Outside, W: Wire> Effects<O, W> {
    /// Sends what is in the outbox until `stop`; then begins nothing more, waits for what is under way, and
    /// gives the lease back. Any number of replicas may run it, and one of them sends.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (mine, mut is_mine) = watch::channel(None);
        let (position, positions) = watch::channel(Position::default());
        let key = format!("{}.lease", token(O::FUNCTION));
        let mut lease = Lease::new(self.wire.clone(), EFFECTS, &key, self.settings.lease);
        let mut working = JoinSet::new();
        let work = async {
            tokio::select! {
                () = self.tick(&mut is_mine, &position, &mut working) => {}
                () = stop => {}
            }
            let ends = async { while working.join_next().await.is_some() {} };
            if timeout(self.settings.send_max + AGAIN, ends).await.is_err() {
                tracing::warn!("attempts were under way at the end; their answers are unknown");
            }
        };
        // Kept until the last attempt has ended, so that no other replica waits for its answer.
        tokio::select! {
            () = keep(&mut lease, &mine, &positions) => {}
            () = work => {}
        }
        let at = position.borrow().clone();
        lease.release(at).await;
    }

    /// Never ends.
    async fn tick(
        &self,
        is_mine: &mut watch::Receiver<Option<Position>>,
        position: &watch::Sender<Position>,
        working: &mut JoinSet<Ended>,
    ) {
        let mut clock: Option<Clock> = None;
        let mut leases = 0;
        loop {
            let wake = match &mut clock {
                None => {
                    self.metrics.stand(0, None);
                    Instant::now() + IDLE
                }
                Some(clock) => {
                    self.advance(clock, working).await;
                    self.show(clock).await;
                    let sequence = clock.board.position();
                    position.send_replace(Position { stream: clock.stream.clone(), sequence });
                    clock.board.due().map_or(clock.look, |due| due.min(clock.look))
                }
            };
            tokio::select! {
                changed = is_mine.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    leases += 1;
                    let from = is_mine.borrow_and_update().clone();
                    position.send_replace(from.clone().unwrap_or_default());
                    clock = from.map(|from| Clock {
                        board: Board::new(self.settings, from.sequence),
                        stream: from.stream,
                        lease: leases,
                        look: Instant::now(),
                        looked: Instant::now(),
                        oldest: (0, None, Instant::now()),
                    });
                }
                Some(ended) = working.join_next() => {
                    if let (Some(clock), Ok((lease, next, turn))) = (&mut clock, ended)
                        && clock.lease == lease
                    {
                        clock.board.done(&next, &turn, Instant::now());
                    }
                }
                () = self.more.notified() => {
                    if let Some(clock) = &mut clock {
                        let now = Instant::now();
                        let look = if clock.board.is_due(now) { clock.looked + BRIEF } else { now };
                        clock.look = clock.look.min(look);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Looks what is new if it is time for that, and begins what is due.
    async fn advance(&self, clock: &mut Clock, working: &mut JoinSet<Ended>) {
        let now = Instant::now();
        if clock.look <= now {
            clock.look = now + LOOK;
            if let Err(error) = self.look(clock).await {
                tracing::warn!(%error, "the outbox is read later");
            }
            clock.looked = Instant::now();
        }
        while let Some(next) = clock.board.next(now) {
            let (effects, lease) = (self.clone(), clock.lease);
            working.spawn(async move {
                let turn = effects.guarded(&next).await;
                (lease, next, turn)
            });
        }
    }

    /// Shows how many messages wait, and since when the oldest one does.
    async fn show(&self, clock: &mut Clock) {
        let first = clock.board.first_open().unwrap_or(0);
        let (known, _, next) = clock.oldest;
        let now = Instant::now();
        if first == 0 {
            clock.oldest = (0, None, next);
        } else if first != known && next <= now {
            // Without an early answer it is looked up later: a metric is not worth waiting for.
            let found = timeout(LOOK, self.wire.at(OUTBOX, first)).await;
            let found = found.ok().and_then(Result::ok).flatten();
            let read = found.and_then(|it| serde_json::from_slice(&it.payload).ok());
            let at = read.and_then(|it: Outboxed<IgnoredAny>| it.at);
            clock.oldest = (first, at, now + OLDEST);
        }
        self.metrics.stand(clock.board.open(), clock.oldest.1);
    }

    async fn look(&self, clock: &mut Clock) -> Result<(), Unclear> {
        let read_to = clock.board.read_to();
        let (end, is_same) = follow::end(&self.wire, OUTBOX, &clock.stream, read_to).await?;
        if !is_same {
            // What is done with in it is known by its deliveries.
            clock.board = Board::new(self.settings, 0);
            // What is under way is not on this board.
            clock.lease += ANOTHER;
        }
        clock.stream = end.identity.name;
        let now = Instant::now();
        if clock.board.read_to() < end.last {
            let filter = format!("outbox.{}.>", token(O::FUNCTION));
            let (from, board) = (clock.board.read_to() + 1, &mut clock.board);
            let mut each = |message: Message| {
                if let Some(place) = Place::of_subject(&message.subject) {
                    board.add(&place.lane(), message.sequence, now);
                }
            };
            let to = self.wire.read(OUTBOX, &filter, from, false, &mut each).await?;
            clock.board.set_read_to(to);
        }
        let mut failed = None;
        for (lane, from) in clock.board.refills() {
            // A lane that cannot be read now holds up no other.
            match self.left_out(&lane, from, clock.board.read_to()).await {
                Ok(sequences) => clock.board.refill(&lane, &sequences, now),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The messages of a lane between two sequences, and of these one more than there can be room for.
    async fn left_out(&self, lane: &str, from: u64, to: u64) -> Result<Vec<u64>, Unclear> {
        let filter = format!("outbox.{}.{}.>", token(O::FUNCTION), token(lane));
        let (most, mut sequences) = (self.settings.lane_open_max.max(1), Vec::new());
        let mut each = |message: Message| {
            let is_known = message.sequence <= to;
            if is_known && Place::of_subject(&message.subject).is_some() {
                sequences.push(message.sequence);
            }
            match is_known && sequences.len() <= most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        self.wire.read_while(OUTBOX, &filter, from, false, &mut each).await?;
        Ok(sequences)
    }

    /// A turn that fails or panics is one that comes again.
    async fn guarded(&self, next: &Next) -> Turn {
        let sequence = next.sequence;
        let turn = AssertUnwindSafe(self.turn(sequence, next.seen)).catch_unwind();
        let reason = match turn.await {
            Ok(Ok(turn)) => return turn,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a panic".to_owned(),
        };
        tracing::warn!(sequence, lane = next.lane, reason, "a message is looked at again");
        Turn::later(AGAIN)
    }
}
