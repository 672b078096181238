//! The delivery rule: what happens to messages after a call. Pure and total.

use crate::backoff::{self, Jitter};
use bytes::Bytes;
use runtime::events::{Answer, Failed};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The reply to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A complete HTTP answer.
    Http {
        /// Its status.
        status: u16,
        /// Was it the function that answered? Our runtime signs with `X-Duration-Seconds`.
        by_function: bool,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
        /// Its body.
        body: Bytes,
    },
    /// The function began to answer but did not finish in time, or the answer was too large.
    Unfinished {
        /// What happened.
        reason: String,
    },
    /// No answer within the time-out.
    Late,
    /// No connection, or it broke.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The function ended while it worked on this call, and answers again now. Through a gateway this
    /// is known only for calls with a suspect message.
    Died {
        /// The error of the connection.
        reason: String,
    },
}

impl Reply {
    /// Does the reply show that the function, or the gateway before it, is overloaded?
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        match self {
            Self::Http { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            // Other calls in progress ended with it; calling one at a time shows which one was the
            // reason.
            Self::Late | Self::Died { .. } => true,
            Self::Unfinished { .. } | Self::Unreachable { .. } => false,
        }
    }
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function reported on each message.
    Answered(Answer),
    /// The function can never accept this input: 400, 413, 415, 422.
    Refused {
        /// The function's answer.
        reason: String,
    },
    /// The function failed; a later call may succeed.
    Failed {
        /// The function's answer.
        reason: String,
        /// Was this call the reason? Not certain when the function ended with several calls in
        /// progress.
        certain: bool,
    },
    /// No function answered: nothing is known about the messages.
    Unavailable {
        /// What happened instead.
        reason: String,
        /// The function, or the gateway before it, asked for this time.
        retry_after: Option<Duration>,
        /// May one message be the reason, because it hangs or ends the function?
        suspect: bool,
    },
}

/// Interprets the reply of a call.
///
/// `was_sent` checks ids and sequences of the batch; `only_call`: no other call of the function was in
/// progress.
#[must_use]
pub fn outcome(
    reply: &Reply,
    was_sent: impl Fn(&str, Option<&str>) -> bool,
    only_call: bool,
) -> Outcome {
    let failed = |reason: String| Outcome::Failed { reason, certain: true };
    let unavailable = |reason: String, retry_after, suspect| Outcome::Unavailable {
        reason,
        retry_after,
        suspect,
    };
    match reply {
        Reply::Unreachable { reason } => unavailable(reason.clone(), None, false),
        Reply::Late => unavailable("no answer within the time-out".into(), None, true),
        Reply::Unfinished { reason } => failed(reason.clone()),
        Reply::Died { reason } => {
            let reason = format!("the function ended before it answered: {reason}");
            Outcome::Failed { reason, certain: only_call }
        }
        Reply::Http { status, by_function, retry_after, body } => {
            let reason = said(*status, body);
            match (*status, *by_function) {
                // Whatever sent it, this status is about the call and not about the messages.
                (401 | 403 | 404 | 429, _) => unavailable(reason, *retry_after, false),
                // A 503 with `Retry-After` is about the time, not about the messages.
                (503, true) if retry_after.is_some() => unavailable(reason, *retry_after, false),
                (500.., false) => unavailable(reason, *retry_after, true),
                (_, false) => {
                    let reason = format!("not answered by a function: {reason}");
                    unavailable(reason, *retry_after, false)
                }
                (200..=299, true) => match Answer::parse(body, was_sent) {
                    Ok(answer) => Outcome::Answered(answer),
                    Err(error) => failed(error.to_string()),
                },
                (400 | 413 | 415 | 422, true) => Outcome::Refused { reason },
                (_, true) => failed(reason),
            }
        }
    }
}

/// How much of an error's body is kept.
const SAID_CHARS_MAX: usize = 500;

/// A status and its body, on one line.
pub(crate) fn said(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX);
    let line: String = line.collect();
    format!("{status} {}", line.trim()).trim_end().to_owned()
}

/// A message of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The event's id. Several of a call may have the same.
    pub id: &'a str,
    /// Its stream sequence, which is unique.
    pub sequence: u64,
    /// How often the function has failed on it before.
    pub attempts: u32,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Each message has a fate, in the order of the call.
    Settle(Vec<Fate>),
    /// The same call again, after a while.
    Again(Duration),
    /// Two calls with half of the messages each, to find the failing one.
    Halve,
    /// Give all messages back, and stop calling until a probe is answered.
    Open,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// The answer names its id, but other messages of the call have the same id: it is called again,
    /// alone.
    Apart,
    /// It is delivered again.
    Later {
        /// Not before this time.
        after: Duration,
        /// Does this count as an attempt?
        counts: bool,
    },
    /// It is given up and stored as a dead letter, with the reason.
    Dead {
        /// Why.
        reason: String,
    },
}

/// The shortest and longest `after` that a function may ask for.
const AFTER_MIN: Duration = Duration::from_millis(100);
const AFTER_MAX: Duration = Duration::from_secs(60 * 60);
/// When to ask again about work in progress, if the function does not say.
const PROGRESS: Duration = Duration::from_secs(5);

/// The delivery rule. `failed_before`: the same call was tried before and the function failed.
///
/// A message is given up only when the function refused it by name, refused it alone, or failed on it
/// alone `max_deliver` times; never because of its neighbours or the state of the function.
#[must_use]
pub fn decide(
    outcome: &Outcome,
    call: &[Member<'_>],
    failed_before: bool,
    max_deliver: u32,
    jitter: Jitter,
) -> Decision {
    let again = |member: &Member<'_>, reason: &str, after: Option<Duration>| -> Fate {
        let attempts = member.attempts.saturating_add(1);
        if attempts < max_deliver {
            let after = after.unwrap_or_else(|| backoff::message(attempts, jitter));
            return Fate::Later { after, counts: true };
        }
        Fate::Dead { reason: format!("failed {attempts} times, last: {reason}") }
    };
    let by_name = |said: Said<'_>, member: &Member<'_>| match said {
        Said::Nothing => Fate::Done,
        Said::OneOfSeveral => Fate::Apart,
        Said::Failed(failed) if !failed.retry => Fate::Dead { reason: failed.reason.clone() },
        Said::Failed(failed) => {
            let after = failed.after.map(|after| after.clamp(AFTER_MIN, AFTER_MAX));
            match failed.progress {
                // The function is working on it, or it waits for something else.
                Some(_) => Fate::Later { after: after.unwrap_or(PROGRESS), counts: false },
                None => again(member, &failed.reason, after),
            }
        }
    };
    match (outcome, call) {
        (Outcome::Unavailable { .. }, _) => Decision::Open,
        (Outcome::Answered(answer), call) => {
            let names = Names::of(answer, call);
            Decision::Settle(call.iter().map(|one| by_name(names.said(one), one)).collect())
        }
        (Outcome::Refused { reason }, [_]) => {
            Decision::Settle(vec![Fate::Dead { reason: reason.clone() }])
        }
        (Outcome::Refused { .. }, _) => Decision::Halve,
        (Outcome::Failed { certain: false, .. }, [member]) => {
            let after = backoff::message(member.attempts.saturating_add(1), jitter);
            Decision::Settle(vec![Fate::Later { after, counts: false }])
        }
        (Outcome::Failed { reason, .. }, [member]) => {
            Decision::Settle(vec![again(member, reason, None)])
        }
        (Outcome::Failed { .. }, _) if failed_before => Decision::Halve,
        (Outcome::Failed { .. }, _) => Decision::Again(backoff::message(1, jitter)),
    }
}

/// What an answer says about one message.
#[derive(Clone, Copy)]
enum Said<'a> {
    Nothing,
    Failed(&'a Failed),
    OneOfSeveral,
}

/// The failures of an answer, by what they name: a sequence, or an id without a sequence.
struct Names<'a> {
    sequences: HashMap<u64, &'a Failed>,
    ids: HashMap<&'a str, &'a Failed>,
    /// Ids that several messages of the call share.
    doubled: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(answer: &'a Answer, call: &[Member<'a>]) -> Self {
        let (mut sequences, mut ids) = (HashMap::new(), HashMap::new());
        for failed in answer.failed.iter().rev() {
            match failed.sequence.as_deref().and_then(|sequence| sequence.parse().ok()) {
                Some(sequence) => drop(sequences.insert(sequence, failed)),
                None => drop(ids.insert(failed.id.as_str(), failed)),
            }
        }
        let mut seen = HashSet::new();
        let again = call.iter().map(|member| member.id).filter(|id| !seen.insert(*id));
        let doubled = if ids.is_empty() { HashSet::new() } else { again.collect() };
        Self { sequences, ids, doubled }
    }

    fn said(&self, member: &Member<'_>) -> Said<'a> {
        if let Some(failed) = self.sequences.get(&member.sequence) {
            return Said::Failed(failed);
        }
        match self.ids.get(member.id) {
            None => Said::Nothing,
            Some(_) if self.doubled.contains(member.id) => Said::OneOfSeveral,
            Some(failed) => Said::Failed(failed),
        }
    }
}

#[cfg(test)]
mod tests;
