//! A mail as it is sent.

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart};
use lettre::{Address, Message};

/// A mail, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
    /// The recipient, to keep it out of what is recorded.
    pub(crate) to: String,
}

/// What a mail is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) from: &'a Mailbox,
    pub(crate) reply_to: Option<&'a Mailbox>,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) html: &'a str,
    /// File name and bytes of a PDF.
    pub(crate) attached: Option<(&'a str, &'a [u8])>,
    /// The same on every attempt, so that a mail that arrives twice is known as one.
    pub(crate) key: &'a str,
}

/// Puts a mail together.
///
/// # Errors
/// Why it is none.
pub(crate) fn message(parts: &Parts<'_>) -> Result<Letter, String> {
    let Parts { from, reply_to, to, subject, text, html, attached, key } = *parts;
    let address: Address =
        to.parse().map_err(|error| format!("the address is none for e-mail: {error}"))?;
    let id = format!("<{key}@{}>", from.email.domain());
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(subject)
        .message_id(Some(id));
    if let Some(reply_to) = reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    let body = MultiPart::alternative_plain_html(text.to_owned(), html.to_owned());
    let body = match attached {
        Some((name, bytes)) => {
            let pdf = ContentType::parse("application/pdf").map_err(|error| error.to_string())?;
            let pdf = Attachment::new(name.to_owned()).body(bytes.to_vec(), pdf);
            MultiPart::mixed().multipart(body).singlepart(pdf)
        }
        None => body,
    };
    let mut message =
        builder.multipart(body).map_err(|error| format!("the mail cannot be made: {error}"))?;
    // RFC 3834: no out-of-office note is an answer to it.
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    let (envelope, bytes) = (message.envelope().clone(), message.formatted());
    Ok(Letter { envelope, bytes, to: to.to_owned() })
}
