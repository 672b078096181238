//! What becomes of messages after a call: the delivery rule, pure and total.

use crate::backoff::{self, Jitter};
use bytes::Bytes;
use runtime::events::{Answer, Failed};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What came back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An HTTP answer, whole.
    Http {
        /// Its status.
        status: u16,
        /// Did the function give it? Our runtime signs with `X-Duration-Seconds`.
        by_function: bool,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
        /// Its body.
        body: Bytes,
    },
    /// The function began to answer and did not end in time, or said more than is read.
    Unfinished {
        /// What happened.
        reason: String,
    },
    /// No answer within the time-out.
    Late,
    /// No connection, or a broken one.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The function was there and was gone before it answered, and it answers again: it ended while it
    /// worked on this call. Through a gateway that is known only of calls that were suspected.
    Died {
        /// What the connection said.
        reason: String,
    },
}

impl Reply {
    /// Does it say that the function, or what stands before it, has too much to do?
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        match self {
            Self::Http { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            // Other calls that were under way ended with it: one at a time shows which one it was.
            Self::Late | Self::Died { .. } => true,
            Self::Unfinished { .. } | Self::Unreachable { .. } => false,
        }
    }
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function says what it did with each message.
    Answered(Answer),
    /// The function says that this input can never be taken: 400, 413, 415, 422.
    Refused {
        /// What it said.
        reason: String,
    },
    /// The function failed; another time may go better.
    Failed {
        /// What it said.
        reason: String,
        /// Was it this call? Not certain when the function ended with several calls under way.
        certain: bool,
    },
    /// No function answered: nothing is known about the messages.
    Unavailable {
        /// What happened instead.
        reason: String,
        /// The function, or what stands before it, asked for this time.
        retry_after: Option<Duration>,
        /// May one message have done it, by hanging or ending the function?
        suspect: bool,
    },
}

/// Reads what came back.
///
/// `was_sent` knows ids and sequences of the batch; `only_call`: no other call of the function was under
/// way meanwhile.
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
                // Whoever says it, it is about the call and not about the messages.
                (401 | 403 | 404 | 429, _) => unavailable(reason, *retry_after, false),
                // It says itself that the time is to blame.
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

/// Most of an error's body that is kept.
const SAID_CHARS_MAX: usize = 500;

/// A status and what was said with it, on one line.
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
    /// Its stream sequence, which no other one has.
    pub sequence: u64,
    /// How often the function has failed on it before.
    pub attempts: u32,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Each message has its fate, in the order of the call.
    Settle(Vec<Fate>),
    /// The same call again, after a while.
    Again(Duration),
    /// Two calls with half of the messages each, to find the one that it is about.
    Halve,
    /// Give all messages back, call no more until a probe is answered.
    Open,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// The answer names its id, which others of the call have as well: it comes again, alone.
    Apart,
    /// It comes again.
    Later {
        /// Not before this time.
        after: Duration,
        /// Was it an attempt?
        counts: bool,
    },
    /// It is given up: kept apart, with the reason.
    Dead {
        /// Why.
        reason: String,
    },
}

/// What a function may ask for as the time until its next try: neither a busy loop nor for ever.
const AFTER_MIN: Duration = Duration::from_millis(100);
const AFTER_MAX: Duration = Duration::from_secs(60 * 60);
/// When to ask again about work that goes on, if the function does not say.
const PROGRESS: Duration = Duration::from_secs(5);

/// The delivery rule. `failed_before`: this very call was tried before and the function failed.
///
/// A message is given up only when the function refused it by name, refused it alone, or failed on
/// it alone `max_deliver` times; never for what happened to its neighbours or to the function.
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
                // It is in work, or waits for something that is not its fault.
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

/// What an answer says of one message.
#[derive(Clone, Copy)]
enum Said<'a> {
    Nothing,
    Failed(&'a Failed),
    OneOfSeveral,
}

/// The failures of an answer by what they name: a sequence, or an id without one.
struct Names<'a> {
    sequences: HashMap<u64, &'a Failed>,
    ids: HashMap<&'a str, &'a Failed>,
    /// Ids that several messages of the call have.
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
