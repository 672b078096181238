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
    /// The function itself was reached and was gone before it answered, and it answers again: it
    /// ended while it worked on this call.
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
mod tests {
    use super::*;

    fn http(status: u16, by_function: bool, body: &'static str) -> Reply {
        let body = Bytes::from_static(body.as_bytes());
        Reply::Http { status, by_function, retry_after: None, body }
    }

    /// `calls` are messages by their earlier attempts; ids are `m0`, `m1`, …; at most 3 attempts.
    #[track_caller]
    fn check(reply: &Reply, attempts: &[u32], failed_before: bool, expected: &str) {
        let ids: Vec<String> = (0..attempts.len()).map(|i| format!("m{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        check_ids(reply, &ids, attempts, failed_before, true, expected);
    }

    #[track_caller]
    fn check_ids(
        reply: &Reply,
        ids: &[&str],
        attempts: &[u32],
        failed_before: bool,
        only_call: bool,
        expected: &str,
    ) {
        let members = (1..).zip(ids.iter().zip(attempts));
        let call: Vec<Member<'_>> =
            members.map(|(sequence, (id, &attempts))| Member { id, sequence, attempts }).collect();
        let was_sent = |id: &str, sequence: Option<&str>| {
            let is_it = |one: &Member<'_>| sequence.is_none_or(|s| s == one.sequence.to_string());
            call.iter().any(|one| one.id == id && is_it(one))
        };
        let outcome = outcome(reply, was_sent, only_call);
        let decision = decide(&outcome, &call, failed_before, 3, Jitter::NONE);
        let shown = match decision {
            Decision::Open => "open".to_owned(),
            Decision::Halve => "halve".to_owned(),
            Decision::Again(after) => format!("again {after:?}"),
            Decision::Settle(fates) => {
                let show = |fate: &Fate| match fate {
                    Fate::Done => "done".to_owned(),
                    Fate::Apart => "apart".to_owned(),
                    Fate::Later { after, counts: true } => format!("later {after:?}"),
                    Fate::Later { after, counts: false } => format!("wait {after:?}"),
                    Fate::Dead { reason } => format!("dead {reason}"),
                };
                fates.iter().map(show).collect::<Vec<_>>().join(", ")
            }
        };
        assert_eq!(shown, expected, "{reply:?}");
    }

    #[test]
    fn an_empty_answer_means_that_all_is_done() {
        for body in ["", " \n", r#"{"failed":[]}"#] {
            for status in [200, 201, 202, 204] {
                check(&http(status, true, body), &[0, 2], false, "done, done");
            }
        }
        // As the gateway answers for a function that is called later.
        check(&http(202, false, ""), &[0, 2], false, "open");
    }

    #[test]
    fn messages_with_one_id_are_told_apart_by_their_sequence() {
        let ids = ["a", "a", "b", "a"];
        let run = |body, expected| {
            check_ids(&http(200, true, body), &ids, &[0, 0, 0, 2], false, true, expected);
        };
        run(
            r#"{"failed":[{"id":"a","sequence":"2","reason":"bad","retry":false},{"id":"a","sequence":"4","reason":"busy"}]}"#,
            "done, dead bad, done, dead failed 3 times, last: busy",
        );
        // Which one it is, is found out by calling with each of them alone.
        run(
            r#"{"failed":[{"id":"a","reason":"bad","retry":false},{"id":"b","reason":"bad","retry":false}]}"#,
            "apart, apart, dead bad, apart",
        );
        for sequence in ["3", "9", "x"] {
            let body =
                format!(r#"{{"failed":[{{"id":"a","sequence":"{sequence}","reason":""}}]}}"#);
            let reply = Reply::Http {
                status: 200,
                by_function: true,
                retry_after: None,
                body: body.into(),
            };
            check_ids(&reply, &ids, &[0; 4], true, true, "halve");
        }
    }

    #[test]
    fn what_ends_its_function_is_searched_and_given_up_and_its_neighbours_are_not() {
        let died = Reply::Died { reason: "reset".into() };
        check(&died, &[0, 0], false, "again 1s");
        check(&died, &[0, 0], true, "halve");
        check(&died, &[0], true, "later 1s");
        let last = "dead failed 3 times, last: the function ended before it answered: reset";
        check(&died, &[2], true, last);
        // With others under way it may have been one of those.
        check_ids(&died, &["m0"], &[2], true, false, "wait 4s");
        assert!(died.is_too_much(), "so that there are no others the next time");
    }

    #[test]
    fn each_message_has_its_own_fate() {
        let body = r#"{"failed":[{"id":"m1","reason":"busy","retry":true},{"id":"m2","reason":"bad","retry":false},{"id":"m3","reason":"in work","retry":true,"after":"5s","progress":43}]}"#;
        check(&http(200, true, body), &[0, 0, 0, 0], false, "done, later 1s, dead bad, wait 5s");
        check(
            &http(200, true, body),
            &[0, 2, 2, 99],
            true,
            "done, dead failed 3 times, last: busy, dead bad, wait 5s",
        );
        check(&http(200, true, body), &[0, 1, 0, 0], false, "done, later 2s, dead bad, wait 5s");
    }

    #[test]
    fn what_a_function_asks_for_has_limits() {
        let body = r#"{"failed":[{"id":"m0","reason":"","retry":true,"after":"0s"},{"id":"m1","reason":"","after":"9999m"},{"id":"m2","reason":"","progress":0}]}"#;
        check(&http(200, true, body), &[0, 1, 99], false, "later 100ms, later 3600s, wait 5s");
        check(
            &http(200, true, body),
            &[2, 2, 99],
            false,
            "dead failed 3 times, last: , dead failed 3 times, last: , wait 5s",
        );
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_a_failure() {
        for body in ["ok", "{}", "[]", r#"{"failed":[{"id":"x","reason":"","retry":true}]}"#] {
            check(&http(200, true, body), &[0, 0], false, "again 1s");
            check(&http(200, true, body), &[0, 0], true, "halve");
            check(&http(200, true, body), &[1], false, "later 2s");
        }
        for status in [302, 405, 408, 409] {
            check(&http(status, true, ""), &[0, 0], true, "halve");
        }
        check(&http(202, true, "queued"), &[0, 0], true, "halve");
    }

    #[test]
    fn nothing_is_given_up_when_no_function_answered() {
        let replies = [
            Reply::Late,
            Reply::Unreachable { reason: "refused".into() },
            http(500, false, ""),
            http(502, false, ""),
            http(503, false, ""),
            http(504, false, ""),
            http(200, false, ""),
            http(400, false, ""),
            http(422, false, ""),
            http(302, false, ""),
        ];
        for status in [401, 403, 404, 429] {
            for by_function in [true, false] {
                check(&http(status, by_function, ""), &[99], true, "open");
            }
        }
        for reply in &replies {
            check(reply, &[99], true, "open");
            check(reply, &[0, 99], false, "open");
        }
    }

    #[test]
    fn a_refusal_is_halved_at_once_and_final_for_one_message() {
        for status in [400, 413, 415, 422] {
            check(&http(status, true, "no\n"), &[0, 0, 0], false, "halve");
            check(&http(status, true, "no\n"), &[0], false, &format!("dead {status} no"));
        }
    }

    #[test]
    fn a_failure_is_tried_again_then_halved_and_counted_alone() {
        for reply in [http(500, true, "oh"), http(503, true, "oh"), http(599, true, "oh")] {
            check(&reply, &[0, 0], false, "again 1s");
            check(&reply, &[0, 0], true, "halve");
            check(&reply, &[0], true, "later 1s");
            check(&reply, &[1], false, "later 2s");
        }
        check(&http(500, true, "oh"), &[2], false, "dead failed 3 times, last: 500 oh");
        let cut = Reply::Unfinished { reason: "cut".into() };
        check(&cut, &[0, 0], true, "halve");
        check(&cut, &[2], false, "dead failed 3 times, last: cut");
    }

    #[test]
    fn a_failure_for_another_reason_says_nothing_about_the_number_of_calls() {
        for status in [429, 502, 503, 504] {
            assert!(http(status, true, "").is_too_much(), "{status}");
        }
        assert!(Reply::Late.is_too_much());
        for status in [200, 400, 404, 413, 422, 500] {
            assert!(!http(status, true, "").is_too_much(), "{status}");
        }
        assert!(!Reply::Unreachable { reason: String::new() }.is_too_much());
    }

    #[test]
    fn what_was_said_fits_on_one_line() {
        assert_eq!(said(500, b" a\r\nb\0"), "500 a  b");
        assert_eq!(said(502, b""), "502");
        assert_eq!(said(500, "é".repeat(9_999).as_bytes()).chars().count(), 504);
    }
}
