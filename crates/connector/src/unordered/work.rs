//! One fetched batch, from the first call until each message is settled.

use super::consumer::ACK_WAIT;
use super::dead::{self, Buried};
use super::held::{Held, Record, Records, cut};
use crate::annotations::Subscription;
use crate::backoff::{self, Jitter};
use crate::circuit::Circuit;
use crate::event;
use crate::gateway::Call;
use crate::limit::{Sign, Throttle, Ticket};
use crate::metrics::add;
use crate::shared::{DRAIN, Shared};
use crate::stop::Stop;
use crate::verdict::{self, Decision, Fate, Outcome, Reply};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::StreamExt as _;
use messaging::ack;
use messaging::publish::Outgoing;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Most acknowledgements that wait for the server at once.
const ACKS_AT_ONCE: usize = 512;

/// State shared by all batches of a subscription.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Shared,
    pub(crate) subscription: Subscription,
    pub(crate) max_deliver: u32,
    pub(crate) records: Records,
    pub(crate) circuit: Circuit,
    pub(crate) throttle: Throttle,
    pub(crate) stop: Stop,
}

/// Messages that are sent in one call.
struct Group {
    of: Range<usize>,
    failed_before: bool,
}

impl Worker {
    /// Calls the function until every message of `messages` is settled or given back.
    pub(crate) async fn work(&self, messages: Vec<Message>) {
        let held = messages.into_iter();
        let mut held: Vec<Held> =
            held.filter_map(|m| Held::new(m, &self.subscription, &self.records)).collect();
        self.give_up_unreadable(&mut held).await;
        let calls = cut(&mut held, self.subscription.batch_bytes);
        let mut groups: Vec<Group> =
            calls.into_iter().rev().map(|of| Group { of, failed_before: false }).collect();
        while let Some(group) = groups.pop() {
            if self.stop.is_requested() {
                break;
            }
            let Some((decision, outcome)) = self.call(&held, &group).await else { break };
            match decision {
                Decision::Settle(fates) => {
                    let failed = matches!(outcome, Outcome::Failed { .. });
                    self.settle(&mut held, group.of, fates, failed).await;
                }
                Decision::Again(delay) => {
                    let rest = self.stop.or(sleep(delay));
                    if self.keep_alive(&held, rest).await.is_none() {
                        break;
                    }
                    groups.push(Group { failed_before: true, ..group });
                }
                Decision::Halve => {
                    add(&self.shared.metrics.halvings, &self.subscription.function, 1);
                    let middle = usize::midpoint(group.of.start, group.of.end);
                    let half = |of| Group { of, failed_before: true };
                    groups.push(half(middle..group.of.end));
                    groups.push(half(group.of.start..middle));
                }
                Decision::Open => {
                    self.unanswered(&mut held, group.of, &outcome).await;
                    break;
                }
            }
        }
        self.give_back(&mut held).await;
    }

    /// Turns messages with unreadable headers into dead letters before any call.
    async fn give_up_unreadable(&self, held: &mut Vec<Held>) {
        let unreadable: Vec<Held> = held.extract_if(.., |one| one.unreadable().is_some()).collect();
        let words = unreadable.iter().map(|one| {
            let letter = dead::letter(&self.subscription, one, 0, dead::UNREADABLE);
            Word { letter: Some(letter), ..Word::of(one, AckKind::Term) }
        });
        let said = self.say(words.collect());
        if !unreadable.is_empty() {
            self.keep_alive(held, said).await;
        }
    }

    /// One call; `None` when it is abandoned because the connector ends.
    async fn call(&self, held: &[Held], group: &Group) -> Option<(Decision, Outcome)> {
        let of = held.get(group.of.clone()).unwrap_or_default();
        let body = event::array(of.iter().map(|one| one.json.as_slice()));
        let Subscription { batch, batch_bytes, .. } = self.subscription;
        // Only calls of about the same size can be compared.
        let is_full = batch <= of.len() || batch_bytes / 2 <= body.len();
        let (ticket, began) = (self.throttle.begin(), Instant::now());
        // Earlier calls with this message got no answer; it may be the reason.
        let is_suspect = matches!(of, [one] if one.record.alone);
        let reply = self.call_and_see(body.into(), ticket, is_suspect);
        let ended = async {
            self.stop.requested().await;
            sleep(DRAIN).await;
        };
        let (reply, only_call) = tokio::select! {
            reply = self.keep_alive(held, reply) => reply,
            () = ended => return None,
        };
        let sign = match &reply {
            reply if reply.is_too_much() => Sign::TooMuch,
            Reply::Http { status: 200, .. } if is_full => Sign::Well(began.elapsed()),
            _ => Sign::Nothing,
        };
        let fewer_may_help = self.throttle.end(ticket, sign);
        let known: HashMap<u64, &str> =
            of.iter().map(|one| (one.sequence, one.id.as_str())).collect();
        let ids: HashSet<&str> = known.values().copied().collect();
        let was_sent = |id: &str, sequence: Option<&str>| match sequence {
            None => ids.contains(id),
            Some(sequence) => sequence.parse().is_ok_and(|at: u64| known.get(&at) == Some(&id)),
        };
        let outcome = verdict::outcome(&reply, was_sent, only_call);
        let members: Vec<_> = of.iter().map(Held::member).collect();
        let jitter = Jitter::random();
        let decision =
            verdict::decide(&outcome, &members, group.failed_before, self.max_deliver, jitter);
        let function = &self.subscription.function;
        match &outcome {
            // The function answers, but takes fewer calls at once.
            Outcome::Unavailable { reason, .. }
                if fewer_may_help && matches!(reply, Reply::Http { status: 429, .. }) =>
            {
                tracing::info!(function, reason, limit = self.throttle.now(), "too many calls");
            }
            Outcome::Unavailable { reason, retry_after, .. } => {
                self.circuit.failed(reason, *retry_after);
            }
            Outcome::Refused { reason } | Outcome::Failed { reason, .. } => {
                self.circuit.answered();
                tracing::warn!(function, messages = of.len(), reason, "the call failed");
            }
            Outcome::Answered(_) => self.circuit.answered(),
        }
        Some((decision, outcome))
    }

    /// Makes one call. If the function ends during the call, waits for it: if it answers again, this
    /// call may have ended it. Also returns whether it was the only call in progress.
    async fn call_and_see(&self, body: Bytes, ticket: Ticket, is_suspect: bool) -> (Reply, bool) {
        let function = &self.subscription.function;
        let timeout = self.subscription.timeout;
        let call = Call { function, body, position: None, timeout };
        let gateway = &self.shared.gateway;
        let reply = match is_suspect {
            true => gateway.call_suspect(call).await,
            false => gateway.call(call).await,
        };
        // Read this now, before other calls end because the function is gone.
        let only_call = self.throttle.is_only(ticket);
        let reply = match reply {
            Reply::Died { reason } => {
                // The function is down now; other calls would only find that out one by one.
                self.circuit.failed(&reason, None);
                gateway.after_death(function, reason).await
            }
            reply => reply,
        };
        (reply, only_call)
    }

    /// `failed`: the whole call failed, rather than a message that the function named.
    async fn settle(&self, held: &mut [Held], of: Range<usize>, fates: Vec<Fate>, failed: bool) {
        let (mut done, mut attempts_now) = (0, 0);
        let mut words = Vec::with_capacity(fates.len());
        for (one, fate) in held.get_mut(of).unwrap_or_default().iter_mut().zip(fates) {
            one.settled = true;
            words.push(match fate {
                Fate::Done => {
                    done += 1;
                    Word::of(one, AckKind::Ack)
                }
                Fate::Apart => {
                    one.record.alone = true;
                    self.records.set(one.sequence, one.record);
                    Word::of(one, AckKind::Nak(None))
                }
                Fate::Later { after, counts } => {
                    attempts_now += usize::from(counts);
                    let attempts = one.record.attempts.saturating_add(u32::from(counts));
                    // A message that made a call fail would also fail the calls that it shares with
                    // others.
                    let alone = failed || one.record.alone;
                    one.record = Record { attempts, unanswered: 0, alone };
                    self.records.set(one.sequence, one.record);
                    Word::of(one, AckKind::Nak(Some(after)))
                }
                Fate::Dead { reason } => {
                    attempts_now += 1;
                    let attempts = one.record.attempts.saturating_add(1);
                    let letter = dead::letter(&self.subscription, one, attempts, &reason);
                    Word { letter: Some(letter), ..Word::of(one, AckKind::Term) }
                }
            });
        }
        self.metrics("done", done);
        add(&self.shared.metrics.attempts, &self.subscription.function, attempts_now);
        let said = self.say(words);
        self.keep_alive(held, said).await;
    }

    /// Gives back the messages of a call that got no answer. Those that may be the reason wait longer
    /// each time and are called alone, so that they do not keep the circuit open for others.
    async fn unanswered(&self, held: &mut [Held], of: Range<usize>, outcome: &Outcome) {
        let (suspect, asked) = match outcome {
            Outcome::Unavailable { suspect, retry_after, .. } => (*suspect, *retry_after),
            _ => (false, None),
        };
        let mut words = Vec::with_capacity(of.len());
        for one in held.get_mut(of).unwrap_or_default() {
            one.settled = true;
            one.record.unanswered = one.record.unanswered.saturating_add(1);
            one.record.alone |= suspect && 1 < one.record.unanswered;
            self.records.set(one.sequence, one.record);
            let delay = backoff::circuit(one.record.unanswered, Jitter::random());
            let delay = delay.max(asked.unwrap_or_default());
            words.push(Word::of(one, AckKind::Nak(Some(delay))));
        }
        self.metrics("unanswered", words.len());
        self.say(words).await;
    }

    /// Gives back messages that were not called.
    pub(crate) async fn give_back(&self, held: &mut [Held]) {
        let rest = held.iter_mut().filter(|one| !one.settled);
        let words: Vec<Word> = rest
            .map(|one| {
                one.settled = true;
                Word::of(one, AckKind::Nak(None))
            })
            .collect();
        self.say(words).await;
    }

    /// Settles messages at the server; those without confirmation are delivered again.
    async fn say(&self, words: Vec<Word>) {
        let began = std::time::Instant::now();
        let (done, others): (Vec<Word>, Vec<Word>) =
            words.into_iter().partition(|word| matches!(word.kind, AckKind::Ack));
        let ((lost_done, why_done), (lost_others, why_others)) =
            tokio::join!(self.say_done(done), self.say_others(others));
        let lost = lost_done + lost_others;
        if lost > 0 {
            let function = &self.subscription.function;
            let error = why_done.or(why_others).unwrap_or_default();
            add(&self.shared.metrics.unconfirmed, function, lost);
            self.shared.report_denied(&self.subscription, began);
            tracing::warn!(
                function,
                messages = lost,
                error,
                "not confirmed; the messages are delivered again"
            );
        }
    }

    /// Returns how many were not confirmed, and why.
    async fn say_done(&self, done: Vec<Word>) -> (usize, Option<String>) {
        let (sequences, replies): (Vec<u64>, Vec<String>) =
            done.into_iter().map(|word| (word.sequence, word.reply)).unzip();
        match ack::all_confirmed(&self.shared.nats, replies).await {
            Ok(()) => {
                self.records.forget(&sequences);
                (0, None)
            }
            Err(error) => (sequences.len(), Some(error.to_string())),
        }
    }

    /// Returns how many were not confirmed, and why.
    async fn say_others(&self, words: Vec<Word>) -> (usize, Option<String>) {
        let said = futures_util::stream::iter(words).map(|word| {
            let nats = self.shared.nats.clone();
            async move {
                let Word { sequence, reply, kind, letter } = word;
                let settled = matches!(kind, AckKind::Term);
                let result = match letter {
                    None => ack::confirmed(&nats, &reply, kind)
                        .await
                        .map(|()| None)
                        .map_err(|error| error.to_string()),
                    Some(letter) => dead::bury(&nats, letter, &reply).await.map(Some),
                };
                (sequence, settled, result)
            }
        });
        let mut said = said.buffer_unordered(ACKS_AT_ONCE);
        let (mut lost, mut why) = (0_usize, None);
        while let Some((sequence, settled, result)) = said.next().await {
            match result {
                Ok(buried) => {
                    if settled {
                        self.records.forget(&[sequence]);
                    }
                    if let Some(buried) = buried {
                        self.buried(buried);
                    }
                }
                Err(error) => {
                    lost += 1;
                    why = Some(error);
                }
            }
        }
        (lost, why)
    }

    fn buried(&self, buried: Buried) {
        match buried {
            Buried::Kept => {
                self.metrics("dead", 1);
                add(&self.shared.metrics.dead_letters, &self.subscription.function, 1);
            }
            Buried::Parked => self.metrics("parked", 1),
        }
    }

    /// Waits for `future` and meanwhile reports progress on the messages to the server.
    async fn keep_alive<F: Future>(&self, held: &[Held], future: F) -> F::Output {
        tokio::pin!(future);
        let mut ticks = interval(ACK_WAIT / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                output = &mut future => return output,
                _ = ticks.tick() => self.progress(held).await,
            }
        }
    }

    async fn progress(&self, held: &[Held]) {
        let client = &self.shared.nats.client;
        for one in held.iter().filter(|one| !one.settled) {
            if let Err(error) = client.publish(one.reply.clone(), AckKind::Progress.into()).await {
                tracing::debug!(%error, "cannot report that work is in progress");
                return;
            }
        }
    }

    fn metrics(&self, outcome: &'static str, messages: usize) {
        self.shared.metrics.count(&self.subscription.name(), outcome, messages);
    }
}

/// An acknowledgement: what is reported to the server about a message.
struct Word {
    sequence: u64,
    reply: String,
    kind: AckKind,
    letter: Option<Outgoing>,
}

impl Word {
    fn of(held: &Held, kind: AckKind) -> Self {
        Self { sequence: held.sequence, reply: held.reply.clone(), kind, letter: None }
    }
}
