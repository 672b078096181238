//! The event of a change: published once, whoever publishes it.

use super::entry::{Entry, Owed};
use super::{Changed, Error, Key, ROUNDS, Record, Records};
use crate::wire::Wire;
use messaging::Event;
use messaging::publish::{Outgoing, Published};
use serde::Deserialize;

/// What tells an event of ours from others.
#[derive(Deserialize)]
struct Named {
    id: String,
}

impl<T: Record, W: Wire> Records<T, W> {
    /// Publishes the event that the entry owes. The result is the sequence of the record's last event, or
    /// nothing if the record has moved on.
    ///
    /// The event has its place behind the last one of the record. Where something else stands there, that
    /// is looked at first and the record afterwards: if it still owes the event, nobody published it before
    /// what was found.
    pub(super) async fn tell(
        &self,
        key: &str,
        entry: &Entry<T>,
        sequence: u64,
    ) -> Result<Option<u64>, Error> {
        let Some(owed) = &entry.owed else { return Ok(Some(entry.told)) };
        let event = Self::event(key, entry, owed, sequence);
        let subject = format!("{}.{key}", T::SUBJECT);
        let mut expected = entry.told;
        for _ in 0..ROUNDS {
            let message = Outgoing::new(subject.clone(), event.to_bytes());
            if let Published::Stored(told) = self.wire.put(message, expected).await? {
                return Ok(Some(told));
            }
            let last = self.wire.last(T::STREAM, &subject).await?;
            if let Some(last) = &last
                && serde_json::from_slice(&last.payload).is_ok_and(|it: Named| it.id == event.id)
            {
                return Ok(Some(last.sequence));
            }
            // Older events expire.
            expected = last.map_or(0, |last| last.sequence);
            if self.entry(key).await?.0 != sequence {
                return Ok(None);
            }
        }
        Err(Self::busy(&subject))
    }

    fn event(key: &str, entry: &Entry<T>, owed: &Owed, sequence: u64) -> Event<Changed> {
        let revision = entry.revision(sequence);
        let (by, at) = entry.by();
        let data = Changed {
            key: Key::read(key).map(|key| key.parts()).unwrap_or_default(),
            change: owed.change,
            revision,
            by: by.to_owned(),
            fields: owed.fields.clone(),
            value: entry.value.as_ref().and_then(Record::shown),
        };
        let id = format!("{}:{revision}", T::BUCKET);
        let subject = format!("{}.{key}", T::SUBJECT);
        let mut event = Event::new(id, T::SOURCE, T::EVENT, &subject, data);
        event.time = Some(at);
        event
    }
}
