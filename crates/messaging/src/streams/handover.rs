//! A subject that another stream kept in version 0.1.0 goes over to the stream that keeps it now.
//!
//! The server lets no two streams keep one subject, and it cannot move a subject in one step. So it is taken from
//! the one and given to the other in two requests. What is published between them is acknowledged by nobody: who
//! waits for the answer, as everything of orderflow does, publishes again. What the first stream holds stays there,
//! and its consumers go on with it.

use super::ask::{Failure, info, replace};
use super::config::Target;
use super::{Definition, STREAMS, formerly};
use crate::Nats;
use async_nats::jetstream::stream::Info;
use serde_json::{Value, json};

/// A subject, and the stream that still keeps it.
pub(super) struct Handover {
    subject: &'static str,
    from: &'static Definition,
    /// The subjects of that stream.
    before: Vec<String>,
}

impl Handover {
    /// The subject of `target` that another stream still keeps, if there is one.
    pub(super) async fn of(nats: &Nats, target: Target) -> Result<Option<Self>, Failure> {
        let Target::Stream(definition) = target else { return Ok(None) };
        for subject in definition.subjects {
            let Some(from) = formerly(subject) else { continue };
            let Some(from) = STREAMS.iter().find(|stream| stream.name == from) else { continue };
            if let Some(Info { config, .. }) = info(nats, from.name).await?
                && config.subjects.iter().any(|kept| kept == subject)
            {
                return Ok(Some(Self { subject, from, before: config.subjects }));
            }
        }
        Ok(None)
    }

    /// That stream.
    pub(super) fn from(&self) -> Target {
        Target::Stream(self.from)
    }

    /// As people are told.
    pub(super) fn text(&self) -> String {
        let (subject, from) = (self.subject, self.from.name);
        format!("it keeps the subject {subject} from now on, and {from} what it holds of it")
    }

    /// Takes the subject from the stream that keeps it.
    pub(super) async fn take(&self, nats: &Nats) -> Result<(), Failure> {
        let others = self.before.iter().filter(|kept| *kept != self.subject);
        self.subjects(nats, others.cloned().collect()).await
    }

    /// Gives it back, where it could not be given to the other stream.
    pub(super) async fn give_back(&self, nats: &Nats) {
        if let Err(failure) = self.subjects(nats, self.before.clone()).await {
            let (subject, from, error) = (self.subject, self.from.name, failure.reason);
            tracing::error!(
                subject,
                from,
                error,
                "no stream keeps this subject now; setup has to run again"
            );
        }
    }

    async fn subjects(&self, nats: &Nats, subjects: Vec<String>) -> Result<(), Failure> {
        let subjects: (String, Option<Value>) = ("subjects".to_owned(), Some(json!(subjects)));
        replace(nats, self.from.name, [subjects]).await
    }
}
