//! One session of a lane: the buffered messages and the function's position.

use super::gaps::{Gaps, Stream};
use super::quiet::Quiet;
use super::reader::Input;
use crate::backoff::{self, Jitter};
use crate::event;
use bytes::Bytes;
use messaging::streams::identity::Identity;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a held lane is tried.
pub(super) const HELD: Duration = Duration::from_secs(30);

/// The state of a session.
pub(super) struct Session {
    pub(super) identity: Identity,
    pub(super) created: String,
    pub(super) after: u64,
    /// All messages under the filter up to this sequence were given out. The reader uses it, too.
    pub(super) looked: Arc<AtomicU64>,
    pub(super) gaps: Gaps,
    pub(super) quiet: Quiet,
    pub(super) buffer: VecDeque<Input>,
    /// Most messages of the next call; reduced while a failing message is searched.
    pub(super) size: usize,
    /// Failures in a row, and failures of the first message alone.
    pub(super) failures: u32,
    pub(super) attempts: u32,
}

impl Session {
    pub(super) fn new(stream: &Stream, size: usize) -> Self {
        Self {
            identity: stream.identity.clone(),
            created: stream.created.clone(),
            after: 0,
            looked: Arc::default(),
            gaps: Gaps::default(),
            quiet: Quiet::default(),
            buffer: VecDeque::new(),
            size,
            failures: 0,
            attempts: 0,
        }
    }

    /// The sequence up to which nothing is missing.
    pub(super) fn looked(&self) -> u64 {
        self.looked.load(Ordering::Relaxed).max(self.after)
    }

    /// The function has reported `position`.
    pub(super) fn moved(&mut self, position: u64) {
        if self.after < position {
            self.quiet.moved();
        }
        self.after = position;
    }

    pub(super) fn extend(&mut self, inputs: Vec<Input>) {
        let after = self.after;
        self.buffer.extend(inputs.into_iter().filter(|input| after < input.sequence));
    }

    /// The next call: the number of messages, and the body.
    pub(super) fn body(&self, bytes_max: usize) -> (usize, Bytes) {
        let mut bytes = 0_usize;
        let fits = |input: &&Input| {
            bytes += input.json.len() + 1;
            bytes <= bytes_max
        };
        let count = self.buffer.iter().take(self.size).take_while(fits).count().max(1);
        let events = self.buffer.iter().take(count).map(|input| input.json.as_slice());
        (count, event::array(events).into())
    }

    /// Drops decided messages from the buffer and returns how many; the others are given again.
    pub(super) fn decided(&mut self, position: u64, size_max: usize) -> usize {
        let before = self.buffer.len();
        while self.buffer.front().is_some_and(|input| input.sequence <= position) {
            self.buffer.pop_front();
        }
        self.moved(position);
        self.size = self.size.saturating_mul(2).min(size_max);
        (self.failures, self.attempts) = (0, 0);
        before - self.buffer.len()
    }

    /// After a failed call with `count` messages: how long to wait.
    pub(super) fn failed(&mut self, count: usize, max_deliver: u32) -> Duration {
        self.failures = self.failures.saturating_add(1);
        if count > 1 {
            if self.failures > 1 {
                self.size = count / 2;
            }
            return backoff::circuit(self.failures.min(2), Jitter::random());
        }
        self.attempts = self.attempts.saturating_add(1);
        if max_deliver <= self.attempts {
            return HELD;
        }
        backoff::circuit(self.attempts, Jitter::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(sequences: &[u64], size: usize) -> Session {
        let inputs = sequences.iter().map(|&sequence| Input { sequence, json: vec![b'1'; 9] });
        let identity = Identity { name: "a1".into(), also: Vec::new() };
        let mut session = Session::new(&Stream::new(identity), size);
        session.buffer = inputs.collect();
        session
    }

    fn left(session: &Session) -> Vec<u64> {
        session.buffer.iter().map(|input| input.sequence).collect()
    }

    #[test]
    fn a_prefix_answer_leaves_the_rest_in_memory() {
        let mut session = session(&[3, 5, 8], 10);
        assert_eq!(session.decided(5, 10), 2);
        assert_eq!((left(&session), session.after), (vec![8], 5));
        session.extend(vec![Input { sequence: 4, json: Vec::new() }]);
        assert_eq!(left(&session), [8], "what is decided is not given again");
    }

    #[test]
    fn a_call_has_a_limit_of_messages_and_bytes_but_never_none() {
        assert_eq!(session(&[1, 2, 3], 2).body(100).0, 2);
        assert_eq!(session(&[1, 2, 3], 3).body(20).0, 2);
        assert_eq!(session(&[1, 2, 3], 3).body(1).0, 1);
    }

    #[test]
    fn a_failing_message_is_searched_by_halving_and_then_held() {
        let mut session = session(&[1, 2, 3, 4, 5, 6, 7, 8], 8);
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let (count, _) = session.body(1_000);
            sizes.push(count);
            session.failed(count, 3);
        }
        assert_eq!(sizes, [8, 8, 4, 2, 1, 1, 1, 1]);
        assert!(session.attempts >= 3);
        assert_eq!(session.failed(1, 3), HELD);
        session.decided(1, 8);
        assert_eq!((session.size, session.attempts), (2, 0));
    }
}
