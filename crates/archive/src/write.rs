//! Writing a day: its files, its sums, and last of all the entry that names them.
//!
//! A day has the messages behind those of the day before it, up to the first one that was stored after its end; sequences
//! decide, not times, so that each message belongs to one day whatever the servers' clocks did. Several replicas may
//! write one day at once, and each may end between any two steps: a file is named by its sequences, so it is the same
//! file; the entry is written once, and who comes second removes what only he wrote.

use crate::cube::{self, Cube};
use crate::day::Day;
use crate::error::Error;
use crate::objects::{OBJECT_BYTES_MAX, Objects};
use crate::read::Source;
use crate::record::{self, File, Kept, Written};
use crate::seen::Seen;
use crate::table::{Rows, Table};
use bytes::Bytes;
use messaging::Nats;
use messaging::streams::{self, Reach};
use parquet::errors::ParquetError;
use state::wire::Wire;

/// Messages that are read, and written as one group of rows.
const GROUP: usize = 20_000;
/// A file that has so many bytes is ended, and another one begun.
const FILE_BYTES: usize = 16 * 1024 * 1024;
const _: () = assert!(FILE_BYTES * 2 < OBJECT_BYTES_MAX, "a file is larger by one group at most");

/// Writes days.
#[derive(Debug)]
pub(crate) struct Writer<'a, W> {
    pub(crate) nats: &'a Nats,
    pub(crate) wire: &'a W,
    pub(crate) objects: &'a Objects<W>,
}

/// What a stream says of itself, if it is the one that the archive ends with.
pub(crate) async fn check(
    nats: &Nats,
    source: Source,
    after: Option<&Written>,
) -> Result<Reach, Error> {
    let stream = source.stream();
    let reach = streams::reach(nats, stream).await?;
    let Some(after) = after else { return Ok(reach) };
    let (kept, day) = (of(after, source), after.day);
    if !reach.identity.is(&kept.stream) {
        let (known, found) = (kept.stream.clone(), reach.identity.name);
        return Err(Error::Other { day, stream, known, found });
    }
    if reach.last < kept.to {
        return Err(Error::Older { day, stream, last: reach.last, to: kept.to });
    }
    Ok(reach)
}

/// What a day has of a source.
pub(crate) fn of(written: &Written, source: Source) -> &Kept {
    match source {
        Source::Orders => &written.orders,
        Source::Invoices => &written.invoices,
    }
}

impl<W: Wire> Writer<'_, W> {
    /// Writes `day`, which follows `after` and ends at `until_ms`; or returns what another writer wrote.
    pub(crate) async fn write(
        &self,
        day: Day,
        until_ms: i64,
        after: Option<&Written>,
    ) -> Result<Written, Error> {
        let mut cube = Cube::default();
        let orders = self.side(Source::Orders, day, until_ms, after, &mut cube).await?;
        let invoices = self.side(Source::Invoices, day, until_ms, after, &mut cube).await?;
        let (from, to) = (orders.from, orders.to);
        let name = format!(
            "{day}/sums.v{}.{from}-{to}.{}-{}.json",
            cube::VERSION,
            invoices.from,
            invoices.to
        );
        let rows = cube.rows() as u64;
        let bytes = run(move || Ok(cube.to_bytes())).await?;
        let bytes = self.objects.put(day, &name, &bytes.into()).await?.size;
        let sums = File { name, rows, bytes, from, to };
        let written = Written { day, orders, invoices, sums };
        for (source, kept) in
            [(Source::Orders, &written.orders), (Source::Invoices, &written.invoices)]
        {
            // The stream was not made again meanwhile.
            let reach = streams::reach(self.nats, source.stream()).await?;
            if !reach.identity.is(&kept.stream) {
                let (known, found) = (kept.stream.clone(), reach.identity.name);
                return Err(Error::Other { day, stream: source.stream(), known, found });
            }
        }
        if record::create(self.wire, &written).await? {
            return Ok(written);
        }
        let first = record::find(self.wire, day).await?;
        let first = first.ok_or_else(|| Error::damaged(&day.to_string(), "its entry is gone"))?;
        let own = written.files().chain([&written.sums]).filter(|file| !first.names(&file.name));
        for file in own {
            self.objects.remove(&file.name).await?;
        }
        Ok(first)
    }

    /// The files of one stream.
    async fn side(
        &self,
        source: Source,
        day: Day,
        until_ms: i64,
        after: Option<&Written>,
        cube: &mut Cube,
    ) -> Result<Kept, Error> {
        let reach = check(self.nats, source, after).await?;
        let from = after.map_or(1, |after| of(after, source).to + 1);
        let missing = reach.first.saturating_sub(from);
        let mut kept = Kept {
            stream: reach.identity.name,
            from,
            to: from - 1,
            missing,
            doubled: 0,
            unreadable: 0,
            files: Vec::new(),
        };
        let mut seen = Seen::default();
        source.recall(self.nats, from, &mut seen).await?;
        let (mut table, mut begin) = (Table::new(source.name(), source.heads())?, from);
        loop {
            let mut rows = Rows::new(source.heads());
            let each = |event: &state::fold::Event<'_>| {
                let counts = source.take(event, &mut seen, cube, Some(&mut rows));
                kept.doubled += counts.doubled;
                kept.unreadable += counts.unreadable;
            };
            let next = kept.to + 1;
            let progress = source.read(self.nats, next, Some(until_ms), GROUP, each).await?;
            kept.to = progress.to;
            if 0 < rows.count() {
                table = run(move || {
                    table.write(&rows)?;
                    Ok(table)
                })
                .await?;
            }
            if progress.is_end || FILE_BYTES <= table.bytes() {
                let whole =
                    std::mem::replace(&mut table, Table::new(source.name(), source.heads())?);
                if 0 < whole.rows {
                    kept.files.push(self.file(source, day, (begin, kept.to), whole).await?);
                }
                begin = kept.to + 1;
            }
            if progress.is_end {
                return Ok(kept);
            }
        }
    }

    async fn file(
        &self,
        source: Source,
        day: Day,
        (from, to): (u64, u64),
        table: Table,
    ) -> Result<File, Error> {
        let name = format!("{day}/{}.{from}-{to}.parquet", source.name());
        let rows = table.rows;
        let bytes: Bytes = run(move || table.finish()).await?.into();
        let bytes = self.objects.put(day, &name, &bytes).await?.size;
        Ok(File { name, rows, bytes, from, to })
    }
}

/// Runs what takes long, and lets others work meanwhile.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ParquetError> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::Ended(error.to_string()))??)
}
