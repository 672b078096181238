//! Events from the connector, and what people ask.

use crate::notice::{Notice, TYPES};
use crate::people::Channel;
use crate::sms::{Segments, segments};
use crate::tell::{Notifier, Told, short};
use crate::templates::{Rendered, sample};
use crate::ways::Handed;
use axum::Json;
use axum::extract::State;
use chassis::{Answer, Body, Query, accept};
use domain::PartnerId;
use runtime::Problem;
use runtime::events::{self, Batch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::effect::{self, Effects};
use std::sync::Arc;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) effects: Effects<Notifier>,
}

pub(crate) async fn told(State(app): State<Arc<App>>, batch: Batch) -> events::Answer {
    accept(&app.effects, &batch, &TYPES, |event| Told::of(event).map(drop)).await
}

/// Which message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// What it tells: `order_confirmed`, `order_amended`, `order_out_of_stock`, `order_refused`, `order_cancelled`, `order_shipped`,
    /// `invoice_issued`, `credit_note_issued`, `return_confirmed`, `return_refused`, `return_cancelled`, `alert_file` or
    /// `alert_partners`; the first of these if nothing is said.
    notice: Option<String>,
    /// `fr` or `fr-CA`; the partner's if nothing is said.
    language: Option<String>,
    /// As a customer of this partner gets it.
    partner: Option<PartnerId>,
}

/// A message as a customer would get it, about an order that does not exist.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Preview {
    notice: String,
    /// The language that was found for it.
    language: String,
    /// Sender of the e-mail.
    from: String,
    subject: String,
    text: String,
    html: String,
    /// The text message; not there for alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<String>,
    /// What the text message takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_size: Option<Segments>,
}

fn rendered(app: &App, asked: &Asked) -> Result<(Notice, Rendered), Problem> {
    let name = asked.notice.as_deref().unwrap_or("order_confirmed");
    let known = || Notice::ALL.map(Notice::name).join(" ");
    let notice = Notice::named(name).ok_or_else(|| {
        Problem::invalid("there is no such notice")
            .field("notice", format!("is {name:?}; known are {}", known()))
    })?;
    if asked.language.as_deref().is_some_and(|it| domain::person::language_problem(it).is_some()) {
        return Err(Problem::invalid("nothing is shown")
            .field("language", "is not a language such as fr or fr-CA"));
    }
    let notifier = app.effects.outside();
    let languages = notifier.senders.languages(asked.language.as_deref(), asked.partner.as_ref());
    let partner = asked.partner.as_ref().map_or("DIRECT", PartnerId::as_str);
    let shop = notifier.senders.shop(asked.partner.as_ref());
    let facts = |language: &str| Ok(sample(notice, language, true, Some(&shop)));
    let rendered = notifier.render(notice, &languages, partner, facts);
    let rendered = rendered.map_err(|why| {
        tracing::error!(why, "no preview");
        Problem::internal().detail(why)
    })?;
    Ok((notice, rendered))
}

pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> Result<Answer<Preview>, Problem> {
    let (notice, rendered) = rendered(&app, &asked)?;
    let (from, _) = app.effects.outside().senders.mailboxes(asked.partner.as_ref());
    let Rendered { language, subject, text, html, sms } = rendered;
    let sms = sms.as_deref().map(short);
    let sms_size = sms.as_deref().map(segments);
    let preview = Preview {
        notice: notice.name().to_owned(),
        language,
        from: from.to_string(),
        subject,
        text,
        html,
        sms,
        sms_size,
    };
    Ok(Answer::ok(0, &preview))
}

/// A message to try the way out with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// By mail if nothing is said.
    channel: Option<Channel>,
    /// An e-mail address, or a telephone number as `+33612345678`.
    to: String,
    /// What it tells; `order_confirmed` if nothing is said.
    notice: Option<String>,
    /// `fr` or `fr-CA`; the partner's if nothing is said.
    language: Option<String>,
    /// As a customer of this partner gets it.
    partner: Option<PartnerId>,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tried {
    channel: Channel,
    /// `sent`, `again` (not now), `away` (the server could not be asked), `never` or `unknown`.
    outcome: String,
    /// The server's own words.
    answer: String,
}

/// Sends a message at once, past the outbox: nothing of it is kept, and it is not tried again.
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Body(trial): Body<Trial>,
) -> Result<Json<Tried>, Problem> {
    let Trial { channel, to, notice, language, partner } = trial;
    let channel = channel.unwrap_or(Channel::Mail);
    let is_good = match channel {
        Channel::Mail => domain::person::email_problem(&to).is_none(),
        Channel::Sms => domain::person::is_e164(&to),
    };
    if !is_good {
        let reason = match channel {
            Channel::Mail => "is not an e-mail address such as name@example.org",
            Channel::Sms => "is not a telephone number such as +33612345678",
        };
        return Err(Problem::invalid("nothing is sent").field("to", reason));
    }
    let asked = Asked { notice, language, partner };
    let (notice, rendered) = rendered(&app, &asked)?;
    let notifier = app.effects.outside();
    if !notifier.ways.has(channel) {
        let name =
            if channel == Channel::Mail { "ORDERFLOW_SMTP_URL" } else { "ORDERFLOW_SMS_URL" };
        return Err(Problem::conflict(format!("nothing is sent: {name} of the notifier is none")));
    }
    let (from, reply_to) = notifier.senders.mailboxes(asked.partner.as_ref());
    let text = match (channel, &rendered.sms) {
        (Channel::Mail, _) => rendered.text.clone(),
        (Channel::Sms, Some(sms)) => short(sms),
        (Channel::Sms, None) => {
            return Err(Problem::invalid("nothing is sent").field("notice", "has no text message"));
        }
    };
    let key = trial_key();
    let handed = Handed {
        notice: notice.name(),
        about: "test",
        to: &to,
        subject: &rendered.subject,
        text: &text,
        html: &rendered.html,
        from,
        reply_to,
        attached: None,
        key: &key,
    };
    let (outcome, answer) = match notifier.ways.send(channel, &handed).await {
        effect::Answer::Sent { answer } => ("sent", answer),
        effect::Answer::Again { why, .. } => ("again", why),
        effect::Answer::Away { why, .. } => ("away", why),
        effect::Answer::Never { why } => ("never", why),
        effect::Answer::Unknown { why } => ("unknown", why),
    };
    Ok(Json(Tried { channel, outcome: outcome.to_owned(), answer }))
}

/// Each trial is a message of its own.
fn trial_key() -> String {
    format!("{:032x}", fastrand::u128(..))
}
