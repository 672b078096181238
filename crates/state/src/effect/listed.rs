//! Lists of deliveries.

use super::delivery::{Delivery, bucket, read};
use super::target::Place;
use super::{Effects, Outside};
use crate::wire::{Message, Unclear, Wire};
use chrono::{DateTime, Utc};
use messaging::streams::EFFECTS;
use messaging::subject::token;
use std::ops::ControlFlow;

/// Which deliveries are asked for; what is nothing or empty leaves none out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of states, as [`super::State::name`] says.
    pub states: Vec<String>,
    /// A lane.
    pub lane: Option<String>,
    /// The id of the event that set them off.
    pub event: Option<String>,
    /// Since then, or later, they stand so.
    pub since: Option<DateTime<Utc>>,
    /// Before then.
    pub until: Option<DateTime<Utc>>,
}

impl Wanted {
    fn is(&self, delivery: &Delivery) -> bool {
        let state = delivery.state.name();
        (self.states.is_empty() || self.states.iter().any(|wanted| wanted == state))
            && self.lane.as_ref().is_none_or(|lane| *lane == delivery.lane)
            && self.since.is_none_or(|since| since <= delivery.at)
            && self.until.is_none_or(|until| delivery.at < until)
    }
}

/// A delivery with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, for [`Effects::again`].
    pub id: String,
    /// Its revision, which is also the cursor behind it.
    pub revision: u64,
    /// What became of it.
    pub delivery: Delivery,
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// At most `limit` deliveries whose last change is behind the cursor `after` (0: all), in the order of their
    /// changes. One that changes meanwhile comes again, further back, and none is left out. Messages whose first
    /// attempt was not begun have no delivery yet.
    ///
    /// # Errors
    /// No answer. What cannot be read is named in the log.
    pub async fn list(
        &self,
        wanted: &Wanted,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Listed>, Unclear> {
        let mut found = Vec::new();
        if 0 < limit {
            let mut each = |listed| {
                found.push(listed);
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            self.find(wanted, after, &mut each).await?;
        }
        Ok(found)
    }

    /// Calls `each` with the deliveries that are wanted behind a cursor, until it breaks.
    pub(super) async fn find(
        &self,
        wanted: &Wanted,
        after: u64,
        each: &mut (dyn FnMut(Listed) -> ControlFlow<()> + Send),
    ) -> Result<(), Unclear> {
        let function = token(O::FUNCTION);
        let lane = wanted.lane.as_deref().map_or_else(|| "*".to_owned(), token);
        let event = wanted.event.as_deref().map_or_else(|| "*".to_owned(), token);
        let filter = format!("$KV.{EFFECTS}.{function}.{lane}.{event}.*.*");
        let prefix = format!("$KV.{EFFECTS}.");
        let mut each = |message: Message| {
            let id = message.subject.strip_prefix(&prefix);
            let place = id.and_then(|id| Place::of_id(O::FUNCTION, id));
            let Some(place) = place.filter(|_| !message.deleted) else {
                return ControlFlow::Continue(());
            };
            match read(&message) {
                Ok(delivery) if wanted.is(&delivery) => {
                    let (id, revision) = (place.id().to_owned(), message.sequence);
                    return each(Listed { id, revision, delivery });
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a delivery cannot be read"),
            }
            ControlFlow::Continue(())
        };
        self.wire
            .read_while(&bucket(), &filter, after.saturating_add(1), true, &mut each)
            .await
            .map(|_| ())
    }
}
