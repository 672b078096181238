//! Up to where an input is decided, for those who only look.

use super::{LogError, Position, last};
use messaging::streams::identity::Identity;
use messaging::{Nats, subject};

/// Up to where the lane that reads `filter` is decided, as its journal says. Nothing if it has no
/// journal, or one about another stream of that name: then all of it is undone.
///
/// # Errors
/// The server did not answer, or the last entry of the journal is of an unknown kind.
pub async fn decided_up_to(nats: &Nats, filter: &str) -> Result<Option<u64>, LogError> {
    let Some(journal) = subject::journal_of(filter) else { return Ok(None) };
    let Some(position) =
        last(nats, &journal).await?.and_then(|(_, entry)| entry.decided_to().cloned())
    else {
        return Ok(None);
    };
    let stream = nats.js.get_stream(&position.stream).await;
    let stream =
        stream.map_err(|error| LogError(format!("stream {}: {error}", position.stream)))?;
    Ok(is_of(&position, stream.cached_info()).then_some(position.sequence))
}

/// Is it a position in this stream: by its name, and not behind its end?
#[must_use]
pub fn is_of(position: &Position, stream: &async_nats::jetstream::stream::Info) -> bool {
    Identity::of(stream).is(&position.identity) && position.sequence <= stream.state.last_sequence
}
