//! Sending until it is confirmed.

use std::time::Duration;

use anyhow::{Result, bail};
use axum::http::Method;
use load::Message;
use machine::client::Pipeline;
use machine::http::{Call, Http};
use messaging::publish::{Outgoing, one};
use messaging::{Nats, subject};
use runtime::door::{ADMIN_TOKEN, ORDERS_TOKEN};

/// Messages whose confirmation is not there yet: what the client lets wait at once.
const NATS_OPEN_MAX: usize = messaging::nats::IN_FLIGHT_MAX;
/// Requests at once: half of what a function takes, so that others come in as well.
const HTTP_OPEN_MAX: usize = 32;
/// A message whose confirmation does not come is sent again, with the same id, so often.
const TRIES_MAX: u32 = 30;
const PAUSE: Duration = Duration::from_millis(200);
const CALL_MAX: Duration = Duration::from_secs(30);

/// How a message was taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answered {
    /// The stream keeps it.
    Stored,
    /// The function answered so.
    Status(u16),
}

/// Where messages go.
pub(super) enum Sender {
    /// The subject `orders`.
    Nats(Box<Nats>),
    /// order-ingest, through the gateway.
    Http { http: Http, url: String, authorization: String },
}

impl Sender {
    pub(super) async fn new(pipeline: &Pipeline, over_http: bool) -> Result<Self> {
        if !over_http {
            return Ok(Self::Nats(Box::new(pipeline.nats().await?)));
        }
        let token = pipeline.dir.secret(ORDERS_TOKEN);
        let token = token.or_else(|_| pipeline.dir.secret(ADMIN_TOKEN))?;
        Ok(Self::Http {
            http: Http::new(),
            url: pipeline.run.url("order-ingest")?,
            authorization: format!("Bearer {token}"),
        })
    }

    /// Most messages that may wait for their answer.
    pub(super) fn open_max(&self) -> usize {
        match self {
            Self::Nats(_) => NATS_OPEN_MAX,
            Self::Http { .. } => HTTP_OPEN_MAX,
        }
    }

    /// Sends until it is confirmed; the id makes a second sending harmless.
    pub(super) async fn send(&self, message: Message) -> Result<Answered> {
        let id = message.id.clone();
        let outgoing = Outgoing::new(subject::ORDERS.to_owned(), message.body)
            .header("Nats-Msg-Id", &message.id);
        for attempt in 1..=TRIES_MAX {
            let sent = match self {
                Self::Nats(nats) => match one(nats, &outgoing, None).await {
                    Ok(_) => Ok(Answered::Stored),
                    Err(error) if error.is_permanent() => return Err(error.into()),
                    Err(error) => Err(error.to_string()),
                },
                Self::Http { http, url, authorization } => {
                    let headers = vec![
                        ("authorization", authorization.as_str()),
                        ("x-call-id", id.as_str()),
                        ("content-type", "application/json"),
                    ];
                    let body = outgoing.payload.clone();
                    let (method, url) = (Method::POST, url.clone());
                    match http.send(Call { method, url, headers, body, timeout: CALL_MAX }).await {
                        Ok(answer) if is_final(answer.status.as_u16()) => {
                            Ok(Answered::Status(answer.status.as_u16()))
                        }
                        Ok(answer) if matches!(answer.status.as_u16(), 401 | 403) => {
                            bail!("order-ingest answered {}", answer.status)
                        }
                        Ok(answer) => Err(answer.status.to_string()),
                        Err(error) => Err(format!("{error:#}")),
                    }
                }
            };
            match sent {
                Ok(answered) => return Ok(answered),
                Err(error) => tracing::debug!(%error, attempt, "sending it again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("message {id} was not confirmed after {TRIES_MAX} tries")
    }
}

/// Did the function decide? Otherwise trying again may help.
fn is_final(status: u16) -> bool {
    matches!(status, 200 | 201 | 400 | 409 | 413 | 415 | 422)
}
