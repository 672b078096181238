//! Has everything been read that people may know of?

use super::position::Reached;
use super::read::{self, End};
use super::{Fold, Folded};
use messaging::stored;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the server has for its answers at least.
const ANSWER: Duration = Duration::from_secs(1);
/// How often it is looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// What a fold holds is not all that there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is still reading what was there when it began.
    #[error("{read} of {of} messages are read")]
    Reading {
        /// Messages of the streams that are read.
        read: u64,
        /// All that were there.
        of: u64,
    },
    /// The server does not say how much there is.
    #[error("NATS does not answer: {0}")]
    Silent(String),
    /// A fault of the program: nothing is read any more.
    #[error("reading has ended by a fault; the log has it, and a restart begins it again")]
    Ended,
}

impl<F: Fold> Folded<F> {
    /// Waits until all is read that is stored now, for at most `wait`, or a second while the server says nothing. Once all was read that was there when the
    /// process began, a fold that is behind is no error.
    ///
    /// # Errors
    /// It was not read within this time, or the server does not answer.
    pub async fn current(&self, wait: Duration) -> Result<(), NotRead> {
        let until = Instant::now() + wait;
        let answered = until.max(Instant::now() + ANSWER);
        if self.task.is_finished() {
            return Err(NotRead::Ended);
        }
        for (index, source) in F::SOURCES.iter().enumerate() {
            let silent = |end: End| match end {
                End::Again(reason) | End::Another(reason) => NotRead::Silent(reason),
            };
            let late = |_| NotRead::Silent(format!("stream {}: no answer in time", source.stream));
            let info = read::info(&self.inner.nats, source.stream);
            let info = timeout_at(answered, info).await.map_err(late)?.map_err(silent)?;
            let target = info.state.last_sequence;
            // Where all of a stream is read, its last message comes by itself.
            let mut asked = self.reached(index).is_whole;
            loop {
                let moved = self.inner.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                let Reached { at, is_complete, .. } = self.reached(index);
                if is_complete && target <= at.sequence {
                    break;
                }
                if is_complete && !asked {
                    // The last messages of the stream may be none of these.
                    asked = true;
                    let next = at.sequence + 1;
                    let next = stored::first(&self.inner.nats, source.stream, source.filter, next);
                    match timeout_at(answered, next).await.map_err(late)? {
                        Ok(Some(next)) if next.sequence <= target => {}
                        Ok(_) => break,
                        Err(error) => return Err(NotRead::Silent(error.to_string())),
                    }
                    continue;
                }
                let now = Instant::now();
                if until <= now {
                    match is_complete {
                        true => break,
                        false => return Err(self.reading()),
                    }
                }
                let look = until.min(now + LOOK);
                if timeout_at(look, moved).await.is_err() && is_complete {
                    // What was asked for may have been removed since.
                    asked = false;
                }
            }
        }
        Ok(())
    }

    /// How far the reading of what was there in the beginning has come.
    fn reading(&self) -> NotRead {
        let reached = self.inner.reached();
        let sum = |of: fn(&Reached) -> u64| reached.iter().map(of).sum();
        NotRead::Reading {
            read: sum(|it| it.at.sequence.min(it.end).saturating_sub(it.kept_from.max(1) - 1)),
            of: sum(|it| (it.end + 1).saturating_sub(it.kept_from.max(1))),
        }
    }

    fn reached(&self, index: usize) -> Reached {
        self.inner.reached().get(index).cloned().unwrap_or_default()
    }
}
