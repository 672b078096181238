//! From an event to messages, and what becomes of each.

use crate::facts;
use crate::notice::Notice;
use crate::people::{Channel, People, Person, Still, Whose};
use crate::shops::Senders;
use crate::templates::{Rendered, Templates};
use crate::ways::{Handed, Ways};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrderId, PartnerId};
use messaging::publish::Outgoing;
use messaging::subject::{OrderSubject, token};
use messaging::{Event, events};
use minijinja::Value;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use state::effect::{Answer, Attempt, Delivery, Outside, Pseudonyms, State, Target};
use std::time::Duration;

/// Its name in `stack.yml`.
pub const NAME: &str = "notifier";

/// Before NATS is asked once more.
const SOON: Duration = Duration::from_secs(5);

/// What is needed to send one message. It holds personal data, and is kept for 30 days at most.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    notice: String,
    /// The order, or the subject of an alert.
    about: String,
    /// Whose address it is; nothing for alerts.
    #[serde(flatten)]
    whose: Option<Whose>,
    to: String,
    /// The stream sequence of the invoice that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice: Option<u64>,
    subject: String,
    text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    html: String,
}

/// What is read of the data of an event about an order: of a decision or a shipment these fields, of a document
/// those of its supply.
#[derive(Debug, Deserialize)]
struct About {
    partner: PartnerId,
    order_id: OrderId,
    placed: u64,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    refusal: Option<Refusal>,
    #[serde(default)]
    order: Option<Ordered>,
}

#[derive(Debug, Deserialize)]
struct Ordered {
    /// The attempt whose place it takes.
    #[serde(default)]
    amends: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    reason: String,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Supplied {
    supply: About,
}

/// What an event tells, and of what.
pub(crate) enum Told {
    Order { notice: Notice, partner: PartnerId, order: OrderId, placed: u64 },
    Alert(Notice),
}

impl Told {
    /// Nothing if nobody is told of such an event.
    ///
    /// # Errors
    /// Its data are not what the type says.
    pub(crate) fn of(event: &Event) -> Result<Option<Self>, String> {
        if let Some(notice) = Notice::of_alert(&event.kind) {
            return Ok(Some(Self::Alert(notice)));
        }
        if Notice::of_order(&event.kind, (false, false), None).is_none() {
            return Ok(None);
        }
        let data = event.data.as_deref().map_or("null", serde_json::value::RawValue::get);
        let of_document =
            matches!(event.kind.as_str(), events::INVOICE_ISSUED | events::CREDIT_NOTE_ISSUED);
        if of_document {
            facts::check_document(data)?;
        }
        let about = match of_document {
            true => serde_json::from_str(data).map(|Supplied { supply }| supply),
            false => serde_json::from_str(data),
        };
        let about: About = about.map_err(|error| format!("data: {error}"))?;
        let is_return = about.kind.as_deref() == Some("return");
        let reason = about.refusal.as_ref();
        let reason = reason.map(|refusal| refusal.code.as_deref().unwrap_or(&refusal.reason));
        let amended = about.order.is_some_and(|order| order.amends.is_some());
        let notice = Notice::of_order(&event.kind, (is_return, amended), reason);
        let About { partner, order_id: order, placed, .. } = about;
        Ok(notice.map(|notice| Self::Order { notice, partner, order, placed }))
    }
}

/// Tells people of events.
pub(crate) struct Notifier {
    pub(crate) people: People,
    pub(crate) senders: Senders,
    pub(crate) templates: Templates,
    pub(crate) ways: Ways,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) alerts_to: Option<String>,
    /// Nobody is told of what happened longer ago.
    pub(crate) age_max: TimeDelta,
}

type Targets = Vec<(Target, Message)>;

impl Notifier {
    async fn order(
        &self,
        event: &Event,
        (partner, order): (&PartnerId, &OrderId),
        notice: Notice,
        placed: u64,
    ) -> Result<Targets, String> {
        let (Some(sequence), Some(subject)) = (event.stream_sequence(), &event.subject) else {
            return Ok(Vec::new());
        };
        let (by_mail, by_sms) = self.senders.wants(partner);
        let channels = [(Channel::Mail, by_mail), (Channel::Sms, by_sms)];
        let channels: Vec<Channel> = channels
            .into_iter()
            .filter(|(channel, is_wanted)| *is_wanted && self.ways.has(*channel))
            .map(|(channel, _)| channel)
            .collect();
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let Some(person) = self.people.of(partner, order, placed).await? else {
            return Ok(Vec::new());
        };
        // Most orders of files name nobody: they cost no further look.
        if channels.iter().all(|channel| person.address(*channel).is_none()) {
            return Ok(Vec::new());
        }
        let Some(at) = self.people.decided_at(sequence, subject).await? else {
            return Ok(Vec::new());
        };
        if self.is_old(event, Some(at)) {
            return Ok(Vec::new());
        }
        let rendered = self.rendered(event, partner, notice, &person)?;
        let mut targets = Vec::new();
        for channel in channels {
            let Some(to) = person.address(channel) else { continue };
            let Some(message) = message(channel, notice, &rendered) else { continue };
            let whose = Some(person.whose.clone());
            let invoice = notice.is_document().then_some(sequence);
            let about = order.as_str().to_owned();
            let message = Message { about, whose, invoice, to: to.to_owned(), ..message };
            targets.push((Target::address(channel.name(), to, &self.pseudonyms), message));
        }
        Ok(targets)
    }

    fn rendered(
        &self,
        event: &Event,
        partner: &PartnerId,
        notice: Notice,
        person: &Person,
    ) -> Result<Rendered, String> {
        let shop = self.senders.shop(Some(partner));
        let languages = self.senders.languages(person.language.as_deref(), Some(partner));
        let data = json(event);
        let name = person.name.as_deref();
        if notice.is_document() {
            return self.render(notice, &languages, partner.as_str(), |language| {
                facts::document(&shop, &data, name, language)
            });
        }
        self.render(notice, &languages, partner.as_str(), |language| {
            Ok(match notice {
                Notice::OrderShipped => facts::shipped(&shop, &data, &person.order, name, language),
                _ => facts::order(&shop, (&data, event.time.unwrap_or_else(now)), name, language),
            })
        })
    }

    /// Renders a notice; amounts are written in the language that there is.
    pub(crate) fn render(
        &self,
        notice: Notice,
        languages: &[String],
        partner: &str,
        facts: impl Fn(&str) -> Result<Value, String>,
    ) -> Result<Rendered, String> {
        let known = languages.iter().find(|language| self.templates.has(notice, language, partner));
        let facts = facts(known.map_or("en", String::as_str))?;
        let rendered = self.templates.render(notice, languages, partner, &facts);
        rendered.map_err(|broken| format!("a template fails: {}", broken.0))
    }

    /// Is it too late to tell of it? So it is when a notifier is started for the first time, beside a full stream.
    fn is_old(&self, event: &Event, at: Option<DateTime<Utc>>) -> bool {
        let is_old = at.is_some_and(|at| self.age_max < now() - at);
        if is_old {
            tracing::info!(
                event.id = event.id,
                subject = event.subject,
                "too old, and told to nobody"
            );
        }
        is_old
    }

    fn alert(&self, event: &Event, notice: Notice) -> Result<Targets, String> {
        let Some(to) = self.alerts_to.as_deref().filter(|_| self.ways.has(Channel::Mail)) else {
            return Ok(Vec::new());
        };
        if self.is_old(event, event.time) {
            return Ok(Vec::new());
        }
        let shop = self.senders.shop(None);
        let languages = self.senders.languages(None, None);
        let data = json(event);
        let rendered =
            self.render(notice, &languages, "DIRECT", |_| Ok(facts::alert(&shop, data.clone())))?;
        let Some(message) = message(Channel::Mail, notice, &rendered) else {
            return Ok(Vec::new());
        };
        let about = event.subject.clone().unwrap_or_default();
        let message = Message { about, to: to.to_owned(), ..message };
        Ok(vec![(Target::address(Channel::Mail.name(), to, &self.pseudonyms), message)])
    }

    /// An invoice as PDF, with the name of its file; or why the mail does not go.
    async fn pdf(&self, sequence: u64) -> Result<(String, Vec<u8>), Answer> {
        let document = match self.people.document(sequence).await {
            Ok(Some(document)) => document,
            Ok(None) => {
                return Err(Answer::Never { why: "the invoice is not there any more".into() });
            }
            Err(why) => return Err(Answer::Away { why, after: Some(SOON) }),
        };
        let name = format!("{}.pdf", document.number);
        let made = runtime::heavy(usize::MAX, || documents::pdf(&document));
        // A later release may be able to.
        let made = made.map_err(|error| Answer::Again {
            why: format!("the invoice cannot be made as PDF: {error}"),
            after: None,
        })?;
        Ok((name, made))
    }

    /// Why nobody may be written to now, if so.
    async fn stopped(&self, channel: Channel, whose: &Whose) -> Option<Answer> {
        match self.people.still(whose, channel).await {
            Ok(Still::Yes) => {}
            Ok(Still::Erased) => {
                return Some(Answer::Never { why: "the customer was erased".into() });
            }
            Ok(Still::OptedOut) => {
                let why = "the customer does not want to hear in this way".into();
                return Some(Answer::Never { why });
            }
            Err(why) => return Some(Answer::Away { why, after: Some(SOON) }),
        }
        let quiet = (channel == Channel::Sms).then(|| self.senders.quiet(&whose.partner, now()));
        quiet.flatten().map(|left| Answer::Away { why: "quiet hours".into(), after: Some(left) })
    }
}

/// The data of an event.
fn json(event: &Event) -> Json {
    let data = event.data.as_deref().map_or("null", serde_json::value::RawValue::get);
    serde_json::from_str(data).unwrap_or_default()
}

/// What goes out on a channel; nothing where the notice has no form for it.
fn message(channel: Channel, notice: Notice, rendered: &Rendered) -> Option<Message> {
    let (subject, text, html) = match channel {
        Channel::Mail => (rendered.subject.clone(), rendered.text.clone(), rendered.html.clone()),
        Channel::Sms => (String::new(), short(rendered.sms.as_ref()?), String::new()),
    };
    let (notice, about, to) = (notice.name().to_owned(), String::new(), String::new());
    Some(Message { notice, about, whose: None, to, invoice: None, subject, text, html })
}

/// A text message with plain blanks: one of another kind makes it take the double.
pub(crate) fn short(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ").trim().to_owned()
}

/// What became of a notification, for `notifications.<channel>.<event>`.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    channel: &'a str,
    state: &'a str,
    /// What was answered last; no addresses.
    answer: &'a str,
    attempts: u32,
    unknown: u32,
    /// The event that was told.
    event: &'a state::effect::Cause,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a OrderId>,
}

impl Outside for Notifier {
    type Message = Message;

    const FUNCTION: &'static str = NAME;

    async fn targets(&self, event: &Event) -> Result<Targets, String> {
        match Told::of(event)? {
            None => Ok(Vec::new()),
            Some(Told::Alert(notice)) => self.alert(event, notice),
            Some(Told::Order { notice, partner, order, placed }) => {
                self.order(event, (&partner, &order), notice, placed).await
            }
        }
    }

    async fn send(&self, lane: &str, message: &Message, attempt: &Attempt) -> Answer {
        let channel = if lane == Channel::Sms.name() { Channel::Sms } else { Channel::Mail };
        if let Some(whose) = &message.whose
            && let Some(stopped) = self.stopped(channel, whose).await
        {
            return stopped;
        }
        let partner = message.whose.as_ref().map(|whose| &whose.partner);
        let (from, reply_to) = self.senders.mailboxes(partner);
        let Message { notice, about, to, subject, text, html, .. } = message;
        let key = &attempt.key;
        let attached = match message.invoice.filter(|_| channel == Channel::Mail) {
            Some(sequence) => match self.pdf(sequence).await {
                Ok(pdf) => Some(pdf),
                Err(answer) => return answer,
            },
            None => None,
        };
        let handed =
            Handed { notice, about, to, subject, text, html, from, reply_to, attached, key };
        self.ways.send(channel, &handed).await
    }

    fn told(&self, delivery: &Delivery) -> Option<Outgoing> {
        let (kind, answer) = match &delivery.state {
            State::Sent { answer } => (events::NOTIFICATION_SENT, answer),
            State::Failed { why } | State::Dead { why } => (events::NOTIFICATION_FAILED, why),
            State::Sending | State::Waiting { .. } => return None,
        };
        let order = OrderSubject::parse(&delivery.cause.subject);
        let outcome = Outcome {
            channel: &delivery.lane,
            state: delivery.state.name(),
            answer,
            attempts: delivery.attempts,
            unknown: delivery.unknown,
            event: &delivery.cause,
            order_id: order.as_ref().map(|order| &order.order_id),
        };
        let subject =
            format!("notifications.{}.{}", token(&delivery.lane), token(&delivery.cause.id));
        let id = delivery.key.get(..32).unwrap_or(&delivery.key).to_owned();
        let mut event = Event::new(id, "/functions/notifier", kind, &subject, outcome);
        event.time = Some(delivery.at);
        event.partner = order.as_ref().map(|order| order.partner.clone());
        Some(Outgoing::new(subject, event.to_bytes()))
    }
}

#[expect(clippy::disallowed_methods, reason = "nights are those of the clock on the wall")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
