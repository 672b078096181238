//! Text messages, through the HTTP interface of a provider.

mod segments;

pub(crate) use segments::{Segments, segments};

use crate::answer::scrubbed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outgoing::{Client, Failure, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::Secret;
use state::effect::Answer;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Characters of an answer's body that are kept.
const BODY_CHARS: usize = 200;
/// Before the next message, if the provider cannot be reached or takes nothing from us.
const PAUSE: Duration = Duration::from_secs(5);

/// A provider.
pub(crate) struct Provider {
    pub(crate) url: String,
    /// Whose number or name the receiver sees.
    pub(crate) from: String,
    /// Names of the form's fields for receiver, sender and text.
    pub(crate) fields: [String; 3],
    /// `USER:PASSWORD` for Basic, anything else is a bearer token.
    pub(crate) token: Option<Secret>,
    pub(crate) client: Client,
}

impl Provider {
    /// Sends a message once.
    pub(crate) async fn send(&self, to: &str, text: &str, key: &str) -> Answer {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let values = [to, &self.from, text];
        let pairs = self.fields.iter().zip(values);
        let form: Vec<String> =
            pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let mut request = Request::post(self.url.clone(), form.join("&"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .header("idempotency-key", key);
        if let Some(token) = &self.token {
            let token = token.expose();
            let login = match token.contains(':') {
                true => format!("Basic {}", STANDARD.encode(token)),
                false => format!("Bearer {token}"),
            };
            request = request.header("authorization", login);
        }
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(Failure::Unknown { why, .. }) => {
                return Answer::Unknown { why: scrubbed(&why, to) };
            }
            Err(failure @ (Failure::Refused { .. } | Failure::NotSent { .. })) => {
                return away(&scrubbed(&failure.to_string(), to), None).await;
            }
        };
        let body = String::from_utf8_lossy(&answer.body);
        let body: String = body.chars().take(BODY_CHARS).collect();
        let why = scrubbed(&format!("{} {body}", answer.status.as_u16()), to);
        match answer.status.as_u16() {
            200..300 => Answer::Sent { answer: why },
            // Too much at once is no failure of this message.
            429 => away(&why, answer.retry_after(now())).await,
            408 | 409 | 425 | 500.. => Answer::Again { why, after: answer.retry_after(now()) },
            400 | 410 | 422 => Answer::Never { why },
            // Our login, our URL.
            _ => away(&why, None).await,
        }
    }
}

/// Nothing goes out now. A pause, so that a queue of messages does not run against a closed door.
async fn away(why: &str, after: Option<Duration>) -> Answer {
    tracing::warn!(reason = why, "no text message is sent now");
    sleep(PAUSE).await;
    Answer::Away { why: why.to_owned(), after }
}

fn now() -> SystemTime {
    SystemTime::now()
}
