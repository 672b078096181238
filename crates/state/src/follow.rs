//! Following a stream in which only the last message of each subject counts.

use crate::journal::SHORTER_TIME_MAX;
use crate::wire::{End, Message, Unclear, Wire};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Before an end that is before what is known is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// Where a stream ends, and whether it is still the stream `name` of which everything up to `position` was read. A
/// new leader may not have read all that it has: an earlier end is looked at again for 3 s.
pub(crate) async fn end<W: Wire>(
    wire: &W,
    stream: &str,
    name: &str,
    position: u64,
) -> Result<(End, bool), Unclear> {
    let since = Instant::now();
    loop {
        let end = wire.end(stream).await?;
        let is_same = end.identity.is(name);
        let is_short = is_same && end.last < position;
        if !is_short || SHORTER_TIME_MAX <= since.elapsed() {
            return Ok((end, is_same && !is_short));
        }
        sleep(AGAIN).await;
    }
}

/// How far a bucket was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follow {
    /// Which stream it was, by the name of its identity.
    name: String,
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
    /// Calls `each` with what came since the last step, or with all, in order. After an error the next step reads the same
    /// again.
    pub(crate) async fn step<W: Wire>(
        &mut self,
        wire: &W,
        stream: &str,
        filter: &str,
        each: &mut (dyn FnMut(Step, Message) + Send),
    ) -> Result<Step, Unclear> {
        let (end, is_same) = end(wire, stream, &self.name, self.position).await?;
        let from = if is_same { self.position } else { 0 };
        let step = if is_same { Step::More } else { Step::All };
        let mut each = |message| each(step, message);
        let to = if from < end.last {
            wire.read(stream, filter, from + 1, true, &mut each).await?
        } else {
            from
        };
        *self = Self { name: end.identity.name, position: to };
        Ok(step)
    }
}
