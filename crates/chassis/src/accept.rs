//! Events that set off messages to the world outside.

use crate::each::{NotDone, each};
use messaging::Event;
use runtime::events::{Answer, Batch};
use state::effect::{AcceptError, Effects, Outside};
use std::time::Duration;

/// Events that are worked on at once.
const AT_ONCE: usize = 16;
/// When an event comes again for which NATS did not answer.
const AGAIN: Duration = Duration::from_secs(5);

/// Accepts each event whose type is one of `types` ([`Effects::accept`]), and says what became of each. An event that
/// `check` refuses, or of which a message can never be kept, is rejected.
pub async fn accept<O: Outside>(
    effects: &Effects<O>,
    batch: &Batch,
    types: &[&str],
    check: impl Fn(&Event) -> Result<(), String>,
) -> Answer {
    each(batch, types, AT_ONCE, async |event: Event| {
        check(&event).map_err(NotDone::Reject)?;
        match effects.accept(&event).await {
            Ok(_) => Ok(()),
            Err(error @ (AcceptError::Place { .. } | AcceptError::Unclear(_)))
                if error.is_permanent() =>
            {
                Err(NotDone::Reject(error.to_string()))
            }
            Err(error) => Err(NotDone::Wait { reason: error.to_string(), after: AGAIN }),
        }
    })
    .await
}
