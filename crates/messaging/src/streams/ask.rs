//! Asking the server about a stream, and changing its settings.

use crate::Nats;
use crate::nats::passes;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::Info;
use async_nats::jetstream::{self, ErrorCode};
use serde_json::{Map, Value};

/// Why a step could not be done.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) refused: bool,
}

impl Failure {
    /// What was no answer of the server, or one of a server that is not ready.
    pub(super) fn passing(error: impl ToString) -> Self {
        Self { reason: error.to_string(), refused: false }
    }

    /// By the server's own error, if it answered with one.
    pub(super) fn of(error: &impl ToString, answer: Option<&jetstream::Error>) -> Self {
        Self { reason: error.to_string(), refused: answer.is_some_and(|answer| !passes(answer)) }
    }
}

impl From<CreateStreamError> for Failure {
    fn from(error: CreateStreamError) -> Self {
        match error.kind() {
            CreateStreamErrorKind::JetStream(answer) => Self::of(&error, Some(&answer)),
            _ => Self::of(&error, None),
        }
    }
}

impl From<GetStreamError> for Failure {
    fn from(error: GetStreamError) -> Self {
        match error.kind() {
            GetStreamErrorKind::JetStream(answer) => Self::of(&error, Some(&answer)),
            _ => Self::of(&error, None),
        }
    }
}

/// A stream, if it is there.
pub(super) async fn info(nats: &Nats, stream: &str) -> Result<Option<Info>, Failure> {
    match nats.js.get_stream(stream).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(ref e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes settings of a stream, and leaves all others as the server has them: also those that the
/// client library does not know.
pub(super) async fn replace(
    nats: &Nats,
    stream: &str,
    settings: impl IntoIterator<Item = (String, Option<Value>)>,
) -> Result<(), Failure> {
    let asked: Answer = ask(nats, format!("STREAM.INFO.{stream}"), &Value::Null).await?;
    let mut config = asked.config;
    for (setting, value) in settings {
        match value {
            Some(value) => config.insert(setting, value),
            None => config.remove(&setting),
        };
    }
    let config = Value::Object(config);
    ask(nats, format!("STREAM.UPDATE.{stream}"), &config).await.map(|_: Answer| ())
}

#[derive(serde::Deserialize)]
struct Answer {
    config: Map<String, Value>,
}

async fn ask(nats: &Nats, subject: String, body: &Value) -> Result<Answer, Failure> {
    match nats.js.request(subject, body).await {
        Ok(Response::Ok(answer)) => Ok(answer),
        Ok(Response::Err { error }) => Err(Failure::of(&error, Some(&error))),
        Err(error) => Err(Failure::passing(error)),
    }
}
