//! How fast mails go out, without NATS: for `examples/mails.rs`.

use crate::mail::{self, Mailer, Parts, Security, Server};
use lettre::message::Mailbox;
use state::effect::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Sends `count` mails to a server that is not protected, so many at once, each on a connection of its own.
///
/// # Errors
/// The first mail that was not taken.
pub async fn mails(
    host: &str,
    port: u16,
    count: usize,
    at_once: usize,
) -> Result<Duration, String> {
    let server = Server {
        host: host.to_owned(),
        port,
        security: Security::Open,
        login: None,
        authority: None,
        hello: "localhost".to_owned(),
    };
    let limits = (Duration::from_secs(10), Duration::from_secs(10));
    let mailer = Arc::new(Mailer::new(server, limits));
    let from: Mailbox =
        "Shop <shop@example.org>".parse().map_err(|error| format!("the sender: {error}"))?;
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..at_once {
        let (mailer, from) = (Arc::clone(&mailer), from.clone());
        senders.spawn(async move {
            for number in (sender..count).step_by(at_once) {
                let text = "Thank you for your order. It is confirmed.\n".repeat(20);
                let parts = Parts {
                    from: &from,
                    reply_to: None,
                    to: "ann@example.org",
                    subject: "Your order is confirmed",
                    text: &text,
                    html: &text,
                    attached: None,
                    key: &format!("{number}.mail"),
                };
                match mailer.send(&mail::message(&parts)?).await {
                    Answer::Sent { .. } => {}
                    other => return Err(format!("mail {number}: {other:?}")),
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(begun.elapsed())
}
