//! Following a stream in which only the last message of each subject counts.

use crate::wire::{Message, Unclear, Wire};

/// How far a bucket was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follow {
    /// Which stream it was.
    made: String,
    position: u64,
}

/// What a step has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What was stored since the last step.
    More,
    /// All: the stream may be another one, and what was read before does not count.
    All,
}

impl Follow {
    /// Calls `each` with what came since the last step, in order. After an error the next step reads the same
    /// again.
    pub(crate) async fn step<W: Wire>(
        &mut self,
        wire: &W,
        stream: &str,
        filter: &str,
        each: &mut (dyn FnMut(Message) + Send),
    ) -> Result<Step, Unclear> {
        let end = wire.end(stream).await?;
        let again = end.made != self.made || end.last < self.position;
        let from = if again { 0 } else { self.position };
        let to = if from < end.last {
            wire.read(stream, filter, from + 1, true, each).await?
        } else {
            from
        };
        *self = Self { made: end.made, position: to };
        Ok(if again { Step::All } else { Step::More })
    }
}
