//! What of a lane's input is decided.

use super::lane::Lane;
use crate::journal::{self, Book, Extent, LogError, facts};
use async_nats::jetstream::Message;
use messaging::{Nats, header, streams, tail};
use std::collections::{HashMap, HashSet};

/// What is decided, by the journal and by the facts.
#[derive(Default)]
pub(super) struct Known {
    /// The last attempt that is decided, by the subject in the input.
    attempts: HashMap<String, u32>,
    /// The same of those whose facts are there.
    told: HashMap<String, u32>,
    /// Are there facts that tell about messages of the input?
    tells: bool,
    /// Of messages whose entries do not say their subject: their sequences in this very stream.
    sequences: HashSet<u64>,
}

impl Known {
    pub(super) async fn read<B: Book>(
        nats: &Nats,
        lane: &Lane<'_, B>,
        extent: &Extent,
    ) -> Result<Self, LogError> {
        let mut known = Self::default();
        let entries = journal::entries::<B::Body>(nats, lane.journal, 0, |_, record| {
            let Ok(record) = record else { return };
            let here = record.decided_to().is_some_and(|at| extent.claim.is_of(at));
            for input in facts::inputs(lane.book, &record) {
                match input.subject {
                    Some(subject) => later(&mut known.attempts, subject, input.attempt),
                    // Without a subject it is known by its place only.
                    None if here => drop(known.sequences.insert(input.sequence)),
                    None => {}
                }
            }
        });
        entries.await?;
        let tell = |filter: &String| lane.book.input_of(filter).is_some();
        for filter in lane.book.fact_filters().into_iter().filter(tell) {
            let Some(stream) = streams::of_subject(&filter) else { continue };
            known.tells = true;
            let facts = tail::read(nats, stream.name, &filter, 1, true, |message| {
                if let Some(input) = lane.book.input_of(&message.subject) {
                    later(&mut known.attempts, input.clone(), attempt(message));
                    later(&mut known.told, input, attempt(message));
                }
            });
            facts.await.map_err(|error| LogError(error.to_string()))?;
        }
        Ok(known)
    }

    /// Is the fact of this decided message missing?
    pub(super) fn is_untold(&self, message: &Message) -> bool {
        let told = self.told.get(message.subject.as_str());
        self.tells && told.is_none_or(|told| *told < attempt(message))
    }

    pub(super) fn holds(&self, message: &Message, sequence: u64) -> bool {
        let known = self.attempts.get(message.subject.as_str());
        self.sequences.contains(&sequence) || known.is_some_and(|known| attempt(message) <= *known)
    }
}

fn later(attempts: &mut HashMap<String, u32>, input: String, attempt: u32) {
    let known = attempts.entry(input).or_default();
    *known = attempt.max(*known);
}

fn attempt(message: &Message) -> u32 {
    let headers = message.headers.as_ref();
    let attempt = headers.and_then(|headers| headers.get(header::ATTEMPT));
    attempt.and_then(|text| text.as_str().parse().ok()).unwrap_or(1)
}
