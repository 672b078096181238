//! The ways out: mails and text messages, to a provider or into files.

use crate::folder;
use crate::mail::{self, Letter, Parts};
use crate::pace::Pace;
use crate::people::Channel;
use crate::settings::{MailWay, SmsWay};
use lettre::message::Mailbox;
use state::effect::Answer;
use std::time::Duration;

/// One message, as it is handed over.
pub(crate) struct Handed<'a> {
    pub(crate) notice: &'a str,
    /// What it is about, for the name of a file.
    pub(crate) about: &'a str,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) html: &'a str,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    /// File name and bytes of a PDF that goes with a mail.
    pub(crate) attached: Option<(String, Vec<u8>)>,
    pub(crate) key: &'a str,
}

/// All of them.
pub(crate) struct Ways {
    pub(crate) mail: MailWay,
    pub(crate) sms: SmsWay,
    pub(crate) mail_pace: Pace,
    pub(crate) sms_pace: Pace,
    /// How long a message waits here for its place.
    pub(crate) wait_max: Duration,
}

fn unconfigured(name: &str) -> Answer {
    let why = format!("{name} is none: no provider is configured, so this waits (30 days at most)");
    Answer::Away { why, after: Some(Duration::from_secs(300)) }
}

impl Ways {
    /// Is there a way?
    pub(crate) fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Mail => !matches!(self.mail, MailWay::None),
            Channel::Sms => !matches!(self.sms, SmsWay::None),
        }
    }

    /// Hands one message over, once, when it is its turn.
    pub(crate) async fn send(&self, channel: Channel, handed: &Handed<'_>) -> Answer {
        let pace = match channel {
            Channel::Mail => &self.mail_pace,
            Channel::Sms => &self.sms_pace,
        };
        if let Err(after) = pace.wait(self.wait_max).await {
            let why = format!("the limit of messages a minute ({}) is used up", channel.name());
            return Answer::Away { why, after: Some(after) };
        }
        match channel {
            Channel::Mail => self.mail(handed).await,
            Channel::Sms => self.sms(handed).await,
        }
    }

    async fn mail(&self, handed: &Handed<'_>) -> Answer {
        let key = handed.key.get(..32).unwrap_or(handed.key);
        let parts = Parts {
            from: &handed.from,
            reply_to: handed.reply_to.as_ref(),
            to: handed.to,
            subject: handed.subject,
            text: handed.text,
            html: handed.html,
            attached: handed.attached.as_ref().map(|(name, bytes)| (name.as_str(), &bytes[..])),
            key: &format!("{key}.mail"),
        };
        let letter: Letter = match mail::message(&parts) {
            Ok(letter) => letter,
            Err(why) => return Answer::Never { why },
        };
        match &self.mail {
            MailWay::Server(mailer) => mailer.send(&letter).await,
            MailWay::Folder(folder) => {
                let name = folder::name(handed.notice, handed.about, handed.key, "eml");
                folder.put(&name, &letter.bytes).await
            }
            MailWay::None => unconfigured("ORDERFLOW_SMTP_URL"),
        }
    }

    async fn sms(&self, handed: &Handed<'_>) -> Answer {
        match &self.sms {
            SmsWay::Provider(provider) => provider.send(handed.to, handed.text, handed.key).await,
            SmsWay::Folder(folder) => {
                let name = folder::name(handed.notice, handed.about, handed.key, "txt");
                let text = format!("To: {}\n\n{}\n", handed.to, handed.text);
                folder.put(&name, text.as_bytes()).await
            }
            SmsWay::None => unconfigured("ORDERFLOW_SMS_URL"),
        }
    }
}
