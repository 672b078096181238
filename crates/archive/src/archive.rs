//! The archive as a whole.

use crate::ask::{Answer, Asked, Missing, Tally};
use crate::cube::Kept;
use crate::day::Day;
use crate::error::Error;
use crate::objects::Objects;
use crate::open::Open;
use crate::read::Source;
use crate::record::{self, File, Written};
use crate::write::{Writer, of, run};
use bytes::Bytes;
use messaging::{Nats, stored, streams};
use state::wire::{Unclear, Wire};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Sums of days that are held in memory; those of further days are read whenever they are asked for.
const HELD_MAX: usize = 500_000;
/// About what such a sum takes, with its share of names.
const HELD_BYTES: usize = 104;
/// About what one takes while a day is added up.
const OPEN_BYTES: usize = 168;
/// Most bytes that sums take: those of archived days, of what is not archived, and of a day that is being written.
pub const BYTES_MAX: usize = HELD_MAX * HELD_BYTES + 2 * crate::cube::ROWS_MAX * OPEN_BYTES;

/// The archive of a store.
#[derive(Debug)]
pub struct Archive<W = Nats> {
    nats: Nats,
    wire: W,
    objects: Objects<W>,
    known: Mutex<Known>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Known {
    is_read: bool,
    days: BTreeMap<Day, Arc<Written>>,
    sums: BTreeMap<Day, Arc<Kept>>,
    rows: usize,
}

impl Archive {
    /// That of the store to which `nats` is connected.
    #[must_use]
    pub fn new(nats: &Nats) -> Self {
        Self::on(nats, nats.clone())
    }
}

impl<W: Wire> Archive<W> {
    /// As [`Archive::new`]; what is written goes through `wire`.
    #[must_use]
    pub fn on(nats: &Nats, wire: W) -> Self {
        let objects = Objects::new(wire.clone(), nats.message_bytes_max());
        Self { nats: nats.clone(), wire, objects, known: Mutex::default(), open: Mutex::default() }
    }

    /// All days that are archived, the oldest first.
    ///
    /// # Errors
    /// The server does not answer, or an entry cannot be read.
    pub async fn days(&self) -> Result<Vec<Arc<Written>>, Error> {
        let mut known = self.known.lock().await;
        if !known.is_read {
            let days = record::all(&self.wire).await?;
            known.days = days.into_iter().map(|(day, of)| (day, Arc::new(of))).collect();
            known.is_read = true;
        }
        // Another replica may have written one.
        while let Some(last) = known.days.keys().next_back().copied() {
            let Some(next) = record::find(&self.wire, last.next()).await? else { break };
            known.days.insert(next.day, Arc::new(next));
        }
        if known.days.is_empty() {
            known.is_read = false;
        }
        Ok(known.days.values().cloned().collect())
    }

    /// The day that is to be written next: the one after the last that is written, or that of the oldest message. Nothing if
    /// no message was ever stored.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn next(&self) -> Result<Option<Day>, Error> {
        if let Some(last) = self.days().await?.last() {
            return Ok(Some(last.day.next()));
        }
        let mut oldest = None;
        for source in [Source::Orders, Source::Invoices] {
            let (stream, filter) = (source.stream(), source.filter());
            let first = streams::reach(&self.nats, stream).await?.first;
            let found = stored::first(&self.nats, stream, filter, first).await;
            let found = found.map_err(|error| Unclear::new(stream, error))?;
            let day = found.map(|found| Day::of_ms(found.time_ms));
            oldest = oldest.into_iter().chain(day).min();
        }
        Ok(oldest)
    }

    /// Writes a day, which is the [`Self::next`] one and ends at `until_ms` (milliseconds since 1970); or finds that it is
    /// written.
    ///
    /// # Errors
    /// The server does not answer, or a stream is not the one that the archive knows. Another attempt goes on.
    pub async fn write(&self, day: Day, until_ms: i64) -> Result<Arc<Written>, Error> {
        let days = self.days().await?;
        if let Some(written) = days.iter().find(|written| written.day == day) {
            return Ok(Arc::clone(written));
        }
        let after = days.last().map(AsRef::as_ref);
        if after.is_some_and(|after| after.day.next() != day) {
            return Err(Error::Ended(format!("{day} is not the next day of the archive")));
        }
        let writer = Writer { nats: &self.nats, wire: &self.wire, objects: &self.objects };
        let written = Arc::new(writer.write(day, until_ms, after).await?);
        self.known.lock().await.days.insert(day, Arc::clone(&written));
        Ok(written)
    }

    /// Removes what writers left behind that ended, or were second; how many objects.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let days = self.days().await?;
        let Some(last) = days.last() else { return Ok(0) };
        let is_named = |name: &str| days.iter().any(|written| written.names(name));
        self.objects.sweep(last.day, is_named).await
    }

    /// A file, checked against its digest.
    ///
    /// # Errors
    /// The server does not answer, or the file is not what was written.
    pub async fn file(&self, file: &File) -> Result<Bytes, Error> {
        self.objects.get(&file.name).await
    }

    /// Reads what is not archived on to where the streams end now. An answer that comes after it finds little to do.
    ///
    /// # Errors
    /// The server does not answer, or a stream is not the one that the archive knows.
    pub async fn read_on(&self) -> Result<(), Error> {
        let days = self.days().await?;
        let after = days.last().map(AsRef::as_ref);
        self.open.lock().await.read_on(&self.nats, after).await
    }

    /// Answers a question: from the sums of archived days, and from the streams for what was stored behind them.
    ///
    /// # Errors
    /// The server does not answer, a file is damaged, or a stream is not the one that the archive knows.
    pub async fn ask(&self, asked: &Asked) -> Result<Answer, Error> {
        let mut open = self.open.lock().await;
        let days = self.days().await?;
        let last = days.last().map(AsRef::as_ref);
        open.read_on(&self.nats, last).await?;
        let mut tally = Tally::new(asked);
        tally.open(&open.cube);
        drop(open);
        for written in &days {
            tally.kept(&*self.sums(written).await?);
        }
        let missing = days.iter().flat_map(|written| missing(written)).collect();
        Ok(tally.answer(last.map(|last| last.day), missing))
    }

    /// The sums of a day.
    async fn sums(&self, written: &Written) -> Result<Arc<Kept>, Error> {
        if let Some(kept) = self.known.lock().await.sums.get(&written.day) {
            return Ok(Arc::clone(kept));
        }
        let bytes = self.objects.get(&written.sums.name).await?;
        let kept = run(move || Ok(Kept::read(&bytes))).await?;
        let kept = kept.map_err(|error| Error::damaged(&written.sums.name, error))?;
        let kept = Arc::new(kept);
        let mut known = self.known.lock().await;
        let is_new = !known.sums.contains_key(&written.day);
        if is_new && known.rows + kept.rows() <= HELD_MAX {
            known.rows += kept.rows();
            known.sums.insert(written.day, Arc::clone(&kept));
        }
        Ok(kept)
    }
}

fn missing(written: &Written) -> impl Iterator<Item = Missing> + '_ {
    let sources = [Source::Orders, Source::Invoices].into_iter();
    sources.filter_map(|source| {
        let messages = of(written, source).missing;
        let (day, stream) = (written.day.to_string(), source.stream().to_owned());
        (0 < messages).then_some(Missing { day, stream, messages })
    })
}
