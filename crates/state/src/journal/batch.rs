//! Deciding an ordered batch of the input.

use super::input::{Claim, Link, Turn, turn};
use super::{Book, Decide, Draft, Error, Journal, Log, View, What};
use chrono::{DateTime, Utc};

/// What of a batch is decided by one entry.
#[derive(Debug)]
pub struct Decided<B> {
    /// The decision.
    pub body: B,
    /// The last message that is decided by it.
    pub to: u64,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Everything up to this sequence is decided, and all that follows from it is stored.
    To(u64),
    /// The batch leaves something out: everything up to this sequence is decided.
    Behind(u64),
    /// The batch is of another input than the one that is decided up to this sequence.
    Foreign(u64),
}

/// What a decision on a part of a batch looks at.
#[derive(Debug)]
pub struct Part<'a, S> {
    /// The state up to the last entry.
    pub state: &'a S,
    /// Sequence of that entry. When a question ends the call, all that follows from it is stored; what is then looked up
    /// holds for as long as this is the last entry.
    pub entry: u64,
    /// Up to where the input is decided.
    pub decided_to: u64,
    /// The first message of the batch that is not decided.
    pub from: usize,
    /// The time of the entry.
    pub now: DateTime<Utc>,
}

impl<B: Book, L: Log> Journal<B, L> {
    /// Decides a batch whose messages stand at `links`.
    ///
    /// `decide` is asked for a decision on the messages from an index on; it may decide only some of
    /// them, at least one, and is then asked again. It may be asked again for the same ones, when an
    /// append was unclear or another process was faster.
    ///
    /// It may also end the call with a question, the inner error, when it needs to know more than the
    /// state: nothing more is decided then, and the same batch is given again with the answer.
    ///
    /// # Errors
    /// The outer one: the log does not answer, the journal is damaged, or a decision is too large.
    /// Nothing is known to be decided, and the same batch may be sent again.
    pub async fn batch<Q>(
        &self,
        claim: &Claim,
        links: &[Link],
        mut decide: impl FnMut(Part<'_, B::State>) -> Result<Decided<B::Body>, Q>,
    ) -> Result<Result<Answer, Q>, Error> {
        self.commit(|view| step(&view, claim, links, &mut decide)).await
    }
}

/// What is done with a batch next.
pub(super) fn step<S, B, Q>(
    view: &View<'_, S>,
    claim: &Claim,
    links: &[Link],
    decide: impl FnOnce(Part<'_, S>) -> Result<Decided<B>, Q>,
) -> Decide<B, Result<Answer, Q>> {
    match turn(view, claim, links) {
        Turn::Refresh => Decide::Refresh,
        Turn::Done(to) => Decide::Answer(Ok(Answer::To(to))),
        Turn::Behind(to) => Decide::Answer(Ok(Answer::Behind(to))),
        Turn::Foreign(to) => Decide::Answer(Ok(Answer::Foreign(to))),
        Turn::Move(to) => Decide::Write(Draft {
            what: What::Quiet,
            decided_to: Some(claim.decided_to(to)),
            key: None,
        }),
        Turn::Decide(from) => {
            let decided_to = view.decided_to.map_or(0, |position| position.sequence);
            let View { state, entry, now, .. } = *view;
            match decide(Part { state, entry, decided_to, from, now }) {
                Ok(Decided { body, to }) => {
                    Decide::Append { body, decided_to: Some(claim.decided_to(to)) }
                }
                Err(question) => Decide::Answer(Err(question)),
            }
        }
    }
}
