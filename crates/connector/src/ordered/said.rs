//! The answers of an ordered function. Pure.

use crate::verdict::{Reply, said};
use runtime::events::OrderedAnswer;
use serde::Deserialize;
use std::time::Duration;

/// The result of a call of an ordered function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Everything up to this sequence is decided.
    DecidedTo(u64),
    /// 409: the batch does not continue the function's position, which is this.
    Elsewhere(u64),
    /// 409: the input is not the one decided so far.
    Fault(String),
    /// The function failed or did not answer in time; one of the messages may be the reason.
    Failed(String),
    /// No function answered.
    Unavailable {
        /// What happened instead.
        reason: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
}

/// The body of a 409. `decided_to` must be present, and is null for "nothing yet".
#[derive(Deserialize)]
struct Conflict {
    #[serde(default, deserialize_with = "present")]
    decided_to: Option<Option<u64>>,
    #[serde(default)]
    fault: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Reads the reply of a call.
#[must_use]
pub fn read(reply: &Reply) -> Said {
    match reply {
        Reply::Unreachable { reason } => {
            Said::Unavailable { reason: reason.clone(), retry_after: None }
        }
        Reply::Died { reason } => {
            Said::Failed(format!("the function ended before it answered: {reason}"))
        }
        Reply::Late => Said::Failed("no answer within the time-out".into()),
        Reply::Unfinished { reason } => Said::Failed(reason.clone()),
        Reply::Http { status, by_function, retry_after, body } => {
            let reason = said(*status, body);
            match (*status, *by_function) {
                (401 | 403 | 404 | 429, _) | (_, false) => {
                    Said::Unavailable { reason, retry_after: *retry_after }
                }
                // A 503 with `Retry-After` is about the time, not about the messages.
                (503, true) if retry_after.is_some() => {
                    Said::Unavailable { reason, retry_after: *retry_after }
                }
                (200, true) => match OrderedAnswer::parse(body) {
                    Ok(answer) => Said::DecidedTo(answer.decided_to),
                    Err(error) => Said::Failed(error.to_string()),
                },
                (409, true) => match serde_json::from_slice::<Conflict>(body) {
                    Ok(Conflict { fault: true, .. }) => Said::Fault(reason),
                    Ok(Conflict { decided_to: Some(decided_to), .. }) => {
                        Said::Elsewhere(decided_to.unwrap_or(0))
                    }
                    Ok(Conflict { decided_to: None, .. }) | Err(_) => Said::Failed(reason),
                },
                (_, true) => Said::Failed(reason),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn http(status: u16, by_function: bool, body: &'static str) -> Said {
        let body = Bytes::from_static(body.as_bytes());
        read(&Reply::Http { status, by_function, retry_after: None, body })
    }

    #[test]
    fn only_a_position_is_progress() {
        assert_eq!(http(200, true, r#"{"decided_to":7}"#), Said::DecidedTo(7));
        for body in ["", "{}", r#"{"decided_to":null}"#, r#"{"failed":[]}"#, r#"{"decided_to":-1}"#]
        {
            assert!(matches!(http(200, true, body), Said::Failed(_)), "{body}");
        }
        assert!(matches!(http(204, true, ""), Said::Failed(_)));
    }

    #[test]
    fn a_conflict_says_where_the_function_is() {
        assert_eq!(http(409, true, r#"{"status":409,"decided_to":7}"#), Said::Elsewhere(7));
        assert_eq!(http(409, true, r#"{"decided_to":null}"#), Said::Elsewhere(0));
        assert!(matches!(http(409, true, r#"{"decided_to":7,"fault":true}"#), Said::Fault(_)));
        assert!(matches!(http(409, true, r#"{"fault":true}"#), Said::Fault(_)));
        for body in ["", "{}", "conflict", r#"{"decided_to":"7"}"#] {
            assert!(matches!(http(409, true, body), Said::Failed(_)), "{body}");
        }
    }

    #[test]
    fn nothing_is_known_of_the_input_when_no_function_answered() {
        let body = r#"{"decided_to":7}"#;
        for (status, by_function) in [
            (200, false),
            (409, false),
            (500, false),
            (502, false),
            (404, true),
            (401, true),
            (429, true),
        ] {
            assert!(
                matches!(http(status, by_function, body), Said::Unavailable { .. }),
                "{status}"
            );
        }
        let (body, retry_after) = (Bytes::new(), Some(Duration::from_secs(2)));
        let later = Reply::Http { status: 503, by_function: true, retry_after, body };
        assert!(matches!(read(&later), Said::Unavailable { retry_after: Some(_), .. }));
        let unreachable = read(&Reply::Unreachable { reason: "refused".into() });
        assert!(matches!(unreachable, Said::Unavailable { .. }));
    }

    #[test]
    fn a_failure_may_be_due_to_one_message() {
        for status in [400, 413, 422, 500, 503] {
            assert!(matches!(http(status, true, ""), Said::Failed(_)), "{status}");
        }
        assert!(matches!(read(&Reply::Late), Said::Failed(_)));
        let died = Reply::Died { reason: "reset".into() };
        assert!(matches!(read(&died), Said::Failed(_)));
    }
}
