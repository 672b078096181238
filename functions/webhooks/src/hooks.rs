//! From an event to messages for endpoints, and one attempt at a message.

use crate::kinds::Told;
use crate::sign::{Message as Signed, Secrets};
use crate::subscription::{ALL, Subscription};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use messaging::publish::Outgoing;
use messaging::subject::token;
use messaging::{Event, events};
use outgoing::{Client, Failure, Request};
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::effect::{Answer, Attempt, Delivery, Outside, State, Target};
use state::record::{Author, Cache, Found, Key, Records, When};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Its name in `stack.yml`.
pub const NAME: &str = "webhooks";

/// Nobody is told of what happened longer ago: who subscribes while a full stream is read for the first time gets no
/// old news.
const AGE_MAX: TimeDelta = TimeDelta::days(7);
/// How long an event waits for the subscriptions as they are now.
const FRESH_WAIT: Duration = Duration::from_secs(3);
/// When a paused subscription is looked at again.
const PAUSED: Duration = Duration::from_secs(30);
/// Characters of an answer that are kept.
const ANSWER_CHARS: usize = 300;

/// A message for one endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) partner: String,
    pub(crate) subscription: String,
    /// The body as it is posted: type, timestamp, data.
    pub(crate) body: String,
}

/// Tells endpoints of events.
pub(crate) struct Hooks {
    pub(crate) subscriptions: Cache<Subscription>,
    pub(crate) records: Records<Subscription>,
    pub(crate) secrets: Secrets,
    pub(crate) client: Client,
}

/// The lane of a subscription.
pub(crate) fn lane(partner: &str, id: &str) -> String {
    format!("{partner}/{id}")
}

/// A message as it is posted.
#[derive(Serialize)]
struct Posted<'a, D> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: D,
}

/// The body of a message.
pub(crate) fn body(kind: &str, time: DateTime<Utc>, data: impl Serialize) -> String {
    let timestamp = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let posted = Posted { kind, timestamp, data };
    serde_json::to_string(&posted).expect("it has only string keys")
}

#[expect(clippy::disallowed_methods, reason = "when a message goes out; decides no order")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

impl Hooks {
    /// The subscription as it is now.
    pub(crate) async fn find(&self, key: &Key) -> Result<Option<Found<Subscription>>, String> {
        self.records.get(key).await.map_err(|error| error.to_string())
    }

    /// Posts a body once.
    pub(crate) async fn post(
        &self,
        subscription: &Subscription,
        message_id: &str,
        body: String,
    ) -> Answer {
        let Subscription { partner, id, url, .. } = subscription;
        let at = now();
        let signed = Signed { id: message_id, timestamp: at.timestamp(), body: &body };
        let versions = subscription.versions(at);
        let signatures = self.secrets.signatures((partner, id), &versions, &signed);
        let request = Request::post(url.clone(), body)
            .header("content-type", "application/json")
            .header("user-agent", concat!("orderflow/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", message_id)
            .header("webhook-timestamp", at.timestamp().to_string())
            .header("webhook-signature", signatures);
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(Failure::Unknown { why, .. }) => return Answer::Unknown { why: shown(&why) },
            Err(failure @ (Failure::Refused { .. } | Failure::NotSent { .. })) => {
                return Answer::Again { why: shown(&failure.to_string()), after: None };
            }
        };
        let text = String::from_utf8_lossy(&answer.body);
        let said = shown(&format!("{} {text}", answer.status.as_u16()));
        match answer.status.as_u16() {
            200..300 => Answer::Sent { answer: said },
            300..400 => {
                Answer::Again { why: format!("{said} (redirects are not followed)"), after: None }
            }
            410 => Answer::Never { why: said },
            _ => Answer::Again { why: said, after: answer.retry_after(SystemTime::now()) },
        }
    }

    /// Switches a subscription off, unless it was changed meanwhile.
    pub(crate) async fn disable(&self, key: &Key, found: Found<Subscription>, why: &str) {
        if !found.value.active {
            return;
        }
        let revision = found.revision;
        let disabled = Some(why.to_owned());
        let value = Subscription { active: false, disabled, ..found.value };
        let author = Author { by: NAME.to_owned(), at: now(), key: None };
        match self.records.replace(key, value, When::Is(revision), &author).await {
            Ok(_) => tracing::warn!(subscription = %key, why, "alert=webhook_disabled"),
            Err(error) => tracing::info!(%error, subscription = %key, "it is not disabled now"),
        }
    }
}

/// A text on one line, cut.
fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().chars().take(ANSWER_CHARS).collect()
}

impl Outside for Hooks {
    type Message = Message;

    const FUNCTION: &'static str = NAME;

    async fn targets(&self, event: &Event) -> Result<Vec<(Target, Message)>, String> {
        let Some(data) = event.data.as_deref() else { return Ok(Vec::new()) };
        let told = Told::of(&event.kind, data).map_err(|error| format!("data: {error}"))?;
        let Some(told) = told else { return Ok(Vec::new()) };
        let time = event.time.unwrap_or_else(now);
        // Who subscribed before the event came is told of it. Events that come together wait for one look.
        let fresh = self.subscriptions.fresh(FRESH_WAIT).await;
        fresh.map_err(|error| error.to_string())?;
        let mut wanted: Vec<Arc<Found<Subscription>>> = Vec::new();
        for partner in told.partner.iter().map(String::as_str).chain([ALL]) {
            let prefix = Key::new([partner]).map_err(|bad| bad.to_string())?;
            let cached = self.subscriptions.all(Some(&prefix));
            let cached = cached.ok_or("subscriptions are not read yet")?;
            wanted.extend(cached.value.into_iter().map(|(_, found)| found));
        }
        wanted.retain(|found| found.value.wants(told.kind));
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        if AGE_MAX < now() - time {
            tracing::warn!(event.id = event.id, "alert=webhook_too_old: told to no endpoint");
            return Ok(Vec::new());
        }
        let body = body(told.kind.name(), time, &told.data);
        let message = |found: Arc<Found<Subscription>>| {
            let Subscription { partner, id, .. } = &found.value;
            let target = Target::id(&lane(partner, id));
            let (partner, subscription) = (partner.clone(), id.clone());
            (target, Message { partner, subscription, body: body.clone() })
        };
        Ok(wanted.into_iter().map(message).collect())
    }

    async fn send(&self, _: &str, message: &Message, attempt: &Attempt) -> Answer {
        let removed = || Answer::Never { why: "the subscription was removed".to_owned() };
        let Ok(key) = Key::new([&message.partner, &message.subscription]) else { return removed() };
        let found = match self.find(&key).await {
            Ok(Some(found)) => found,
            Ok(None) => return removed(),
            Err(why) => return Answer::Away { why, after: None },
        };
        if !found.value.active {
            let why = found.value.disabled.as_deref().unwrap_or("the subscription is paused");
            return Answer::Away { why: why.to_owned(), after: Some(PAUSED) };
        }
        let answer = self.post(&found.value, &message_id(&attempt.key), message.body.clone()).await;
        if let Answer::Never { why } = &answer {
            self.disable(&key, found, &format!("the endpoint wants no more: {why}")).await;
        }
        answer
    }

    fn told(&self, delivery: &Delivery) -> Option<Outgoing> {
        let (kind, answer) = match &delivery.state {
            State::Sent { answer } => (events::WEBHOOK_DELIVERED, answer),
            State::Failed { why } | State::Dead { why } => (events::WEBHOOK_FAILED, why),
            State::Sending | State::Waiting { .. } => return None,
        };
        let id = format!("{}-{}", message_id(&delivery.key), delivery.attempts);
        let subject = format!("webhooks.delivered.{}.{id}", token(&delivery.lane));
        let data = json!({
            "subscription": delivery.lane, "state": delivery.state.name(), "answer": answer,
            "attempts": delivery.attempts, "unknown": delivery.unknown, "event": delivery.cause,
        });
        let mut event = Event::new(id, "/functions/webhooks", kind, &subject, data);
        event.time = Some(delivery.at);
        Some(Outgoing::new(subject, event.to_bytes()))
    }
}

/// `webhook-id` of a message: the same on every attempt, and without a dot.
pub(crate) fn message_id(key: &str) -> String {
    format!("msg_{}", key.get(..32).unwrap_or(key))
}
