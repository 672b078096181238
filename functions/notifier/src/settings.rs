//! The settings, from the environment.

use crate::folder::Folder;
use crate::mail::{Mailer, Security, Server};
use crate::pace::Pace;
use crate::sms::Provider;
use crate::templates::Templates;
use chrono::TimeDelta;
use lettre::message::Mailbox;
use outgoing::Client;
use percent_encoding::percent_decode_str;
use runtime::Env;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

const SMTP_URL: &str = "ORDERFLOW_SMTP_URL";
const SMS_URL: &str = "ORDERFLOW_SMS_URL";
const MAIL_FROM: &str = "ORDERFLOW_MAIL_FROM";
const TIMEOUT: &str = "ORDERFLOW_NOTIFIER_TIMEOUT_SECONDS";
/// Until a server has answered to a mail.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Three days: a long weekend without anybody who looks.
const AGE_MAX_HOURS: u32 = 72;
/// Of files, so that they look like mails.
const FROM_OF_FILES: &str = "Your shop <shop@localhost.localdomain>";

/// How mails go out.
pub(crate) enum MailWay {
    Server(Mailer),
    Folder(Folder),
    /// Nobody is told by mail.
    None,
}

/// How text messages go out.
pub(crate) enum SmsWay {
    Provider(Box<Provider>),
    Folder(Folder),
    /// Nobody is told by SMS.
    None,
}

/// All of them.
pub(crate) struct Settings {
    pub(crate) mail: MailWay,
    pub(crate) sms: SmsWay,
    pub(crate) from: Mailbox,
    pub(crate) alerts_to: Option<String>,
    pub(crate) language: String,
    pub(crate) templates: Templates,
    pub(crate) mail_pace: Pace,
    pub(crate) sms_pace: Pace,
    /// Nobody is told of what happened longer ago.
    pub(crate) age_max: TimeDelta,
    /// How long the answer to a message may take; everything before it half of that.
    pub(crate) timeout: Duration,
}

impl Settings {
    /// Reads them; everything that is wrong is a problem of `env`.
    pub(crate) fn from_env(env: &mut Env) -> Option<Self> {
        let timeout = env.seconds(TIMEOUT, TIMEOUT_DEFAULT);
        let from: Option<String> = env.optional(MAIL_FROM);
        let parsed: Option<Mailbox> = from.as_ref().and_then(|from| from.parse().ok());
        if from.is_some() && parsed.is_none() {
            env.problem(MAIL_FROM, "is no sender such as Lamps Ltd <orders@example.org>");
        }
        let mail = mail(env, timeout, parsed.as_ref());
        let sms = sms(env, timeout);
        let alerts_to: Option<String> = env.optional("ORDERFLOW_ALERTS_TO");
        if alerts_to.as_deref().is_some_and(|to| domain::person::email_problem(to).is_some()) {
            env.problem("ORDERFLOW_ALERTS_TO", "is not an e-mail address such as name@example.org");
        }
        let language = env.or("ORDERFLOW_LANGUAGE", "en".to_owned());
        if let Some(wrong) = domain::person::language_problem(&language) {
            env.problem("ORDERFLOW_LANGUAGE", wrong);
        }
        let templates = templates(env);
        let mail_pace = Pace::per_minute(env.or("ORDERFLOW_MAIL_PER_MINUTE", 0));
        let sms_pace = Pace::per_minute(env.or("ORDERFLOW_SMS_PER_MINUTE", 0));
        let hours = env.or("ORDERFLOW_NOTIFIER_AGE_MAX_HOURS", AGE_MAX_HOURS);
        let age_max = TimeDelta::hours(i64::from(hours));
        let from = parsed.or_else(|| FROM_OF_FILES.parse().ok())?;
        Some(Self {
            mail: mail?,
            sms: sms?,
            from,
            alerts_to,
            language,
            templates: templates?,
            mail_pace,
            sms_pace,
            age_max,
            timeout,
        })
    }
}

fn templates(env: &mut Env) -> Option<Templates> {
    const TEMPLATES: &str = "ORDERFLOW_TEMPLATES";
    let folder: Option<PathBuf> = env.optional(TEMPLATES);
    match Templates::load(folder.as_deref()) {
        Ok(templates) => Some(templates),
        Err(broken) => {
            broken.into_iter().for_each(|broken| env.problem(TEMPLATES, broken.0));
            None
        }
    }
}

/// A URL; nothing with a problem, or with the word `none`.
fn url(env: &mut Env, name: &str, forms: &str) -> Option<Option<Url>> {
    let text: String = match env.optional(name) {
        Some(text) => text,
        None => {
            env.problem(
                name,
                format!("not set; {forms}, or none: then nobody is told in this way"),
            );
            return None;
        }
    };
    if text == "none" {
        return Some(None);
    }
    match Url::parse(&text) {
        Ok(url) => Some(Some(url)),
        // The URL may hold a password.
        Err(error) => {
            env.problem(name, format!("{error}; {forms}, or none"));
            None
        }
    }
}

fn mail(env: &mut Env, timeout: Duration, from: Option<&Mailbox>) -> Option<MailWay> {
    const FORMS: &str = "smtp://HOST:587, smtps://HOST, file:///FOLDER";
    let url = url(env, SMTP_URL, FORMS);
    let authority: Option<PathBuf> = env.optional("ORDERFLOW_SMTP_CA");
    let Some(url) = url? else { return Some(MailWay::None) };
    if url.scheme() == "file" {
        return folder(env, SMTP_URL, &url).map(MailWay::Folder);
    }
    if from.is_none() && env.optional::<String>(MAIL_FROM).is_none() {
        env.problem(
            MAIL_FROM,
            "not set; who sends the mails, such as Lamps Ltd <orders@example.org>",
        );
    }
    let pairs: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let is_open = pairs.iter().any(|(name, value)| name == "tls" && value == "none");
    if pairs.len() != usize::from(is_open) {
        env.problem(SMTP_URL, "has a query that is not known; known is tls=none");
        return None;
    }
    let (security, port) = match (url.scheme(), is_open) {
        ("smtps", false) => (Security::Tls, 465),
        ("smtp", false) => (Security::StartTls, 587),
        ("smtp", true) => (Security::Open, 25),
        _ => {
            env.problem(SMTP_URL, format!("has another form; known are {FORMS}"));
            return None;
        }
    };
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        env.problem(SMTP_URL, "names no host");
        return None;
    };
    if url.password().is_some() {
        env.problem(SMTP_URL, "holds a password; it belongs into the secret smtp-password");
    }
    let user = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
    let password = (!user.is_empty()).then(|| env.secret("smtp-password")).flatten();
    let login = password.map(|password| (user, password.expose().to_owned()));
    if login.is_some() && security == Security::Open && !is_loopback(host) {
        env.problem(
            SMTP_URL,
            "would send a password through an open connection; leave tls=none away",
        );
    }
    let hello = from.map_or("localhost", |from| from.email.domain()).to_owned();
    let (host, port) = (host.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(port));
    let server = Server { host, port, security, login, authority, hello };
    Some(MailWay::Server(Mailer::new(server, (timeout / 2, timeout))))
}

fn is_loopback(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

fn sms(env: &mut Env, timeout: Duration) -> Option<SmsWay> {
    const FORMS: &str = "https://…, file:///FOLDER";
    let mut calls = outgoing::Settings::from_env(env);
    calls.limits.head = timeout;
    calls.limits.whole = timeout + timeout / 2;
    calls.limits.connect = timeout / 2;
    calls.certificates = env.optional("ORDERFLOW_SMS_CA");
    let url = url(env, SMS_URL, FORMS);
    let token = env.optional_secret("sms-token");
    let from: Option<String> = env.optional("ORDERFLOW_SMS_FROM");
    let fields = env.or("ORDERFLOW_SMS_FIELDS", "to,from,body".to_owned());
    let Some(url) = url? else { return Some(SmsWay::None) };
    if url.scheme() == "file" {
        return folder(env, SMS_URL, &url).map(SmsWay::Folder);
    }
    let names: Vec<String> = fields.split(',').map(|name| name.trim().to_owned()).collect();
    let Ok(fields) = <[String; 3]>::try_from(names) else {
        env.problem("ORDERFLOW_SMS_FIELDS", "names not three fields, as to,from,body");
        return None;
    };
    let Some(from) = from else {
        env.problem("ORDERFLOW_SMS_FROM", "not set; the number or name that the receiver sees");
        return None;
    };
    let client = match Client::new(calls) {
        Ok(client) => client,
        Err(error) => {
            env.problem(SMS_URL, error.to_string());
            return None;
        }
    };
    let url = url.to_string();
    if let Err(failure) = client.check(&url) {
        env.problem(SMS_URL, failure.to_string());
        return None;
    }
    Some(SmsWay::Provider(Box::new(Provider { url, from, fields, token, client })))
}

fn folder(env: &mut Env, name: &str, url: &Url) -> Option<Folder> {
    match url.to_file_path() {
        Ok(path) => Some(Folder(path)),
        Err(()) => {
            env.problem(name, "names no folder of this machine, as file:///tmp/outbox");
            None
        }
    }
}

#[cfg(test)]
mod tests;
