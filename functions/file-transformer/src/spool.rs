//! The first pass: a file is read, hashed, checked row by row and kept in a temporary file, because an
//! order can be judged only after all its lines were seen. Memory holds a few blocks, data about the
//! orders, and the rows needed for comparison, limited by [`Bounds`].

use crate::closed::Closed;
use crate::decrypt;
use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::memory::{Full, Share};
use crate::packed::{Caps, PackedError, Packing};
use crate::unpack::{self, Source};
use domain::Money;
use domain::assemble::{Firsts, LineFacts, ORDERS_MAX, Orders, TooManyOrders};
use domain::extra::Extra;
use domain::partner::{Column, Duplicates, FileFormat, Partner, Products};
use domain::text::json_len;
use intake::access::Keys;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tabular::{FileError, Limits, Part, Reject, Row, Rule, Scratch, Summary, Transform};

const WORKERS_MAX: usize = 4;
/// Memory of a row that is kept for comparison, and of its order: see [`Limits::seen_bytes_max`].
const SEEN_ROW_BYTES: usize = 12;
const SEEN_ORDER_BYTES: usize = 58;

/// A file that was read to its end.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Of the bytes as received.
    pub(crate) sha256: String,
    /// The file's last access time after reading, by which it is recognised later.
    pub(crate) mark: Option<u64>,
    /// The content, or why the file is unreadable as a whole.
    pub(crate) content: Result<Content, Unreadable>,
}

/// Why a file is unreadable as a whole.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) enum Unreadable {
    File(#[from] FileError),
    Packed(#[from] PackedError),
    Orders(#[from] TooManyOrders),
    Apart(#[from] Apart),
}

/// The lines of an order are too far apart.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line}: lines of one order stand too far apart; more than {bytes_max} bytes of orders wait \
     for further lines"
)]
pub(crate) struct Apart {
    pub(crate) line: u64,
    pub(crate) bytes_max: usize,
}

impl Unreadable {
    /// Failing scratch space is not the file's fault. The reason is kept in the ledger and in events, so it repeats
    /// nothing of a file `with_persons`.
    fn of(error: FileError, with_persons: bool) -> Result<Self, Failure> {
        match error {
            FileError::Scratch { reason } => Err(Failure::Scratch(io::Error::other(reason))),
            error if with_persons => Ok(error.without_values().into()),
            error => Ok(error.into()),
        }
    }
}

/// Limits for one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Limits for reading; the number of workers is decided when the file is read.
    pub(crate) limits: Limits,
    /// Most orders.
    pub(crate) orders_max: usize,
    /// Most bytes of orders that wait for further lines while the output is written.
    pub(crate) open_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let limits = Limits { workers: workers(), ..Limits::default() };
        Self { limits, orders_max: ORDERS_MAX, open_bytes_max: 128 << 20 }
    }
}

/// What is needed to read a file.
pub(crate) struct Reading<'a> {
    pub(crate) partner: &'a Partner,
    pub(crate) format: &'a FileFormat,
    pub(crate) products: Option<Arc<Products>>,
    /// The keys, in case it is encrypted.
    pub(crate) keys: Option<&'a Keys>,
    pub(crate) bounds: Bounds,
    /// `None` if this is the only file.
    pub(crate) share: Option<Arc<Share>>,
    pub(crate) scratch: &'a Path,
}

/// A temporary file without a name.
#[derive(Debug)]
struct Disk {
    file: File,
    len: AtomicU64,
}

impl Scratch for Disk {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.len.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, at)?;
        Ok(at)
    }

    fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, from)
    }
}

#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bounds: Bounds,
    pub(crate) summary: Summary,
    pub(crate) orders: Orders,
    pub(crate) rows: Spool,
    pub(crate) rejects: Spool,
}

/// A row in the spool file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SpooledRow<'a> {
    pub(crate) line: u64,
    pub(crate) order_id: &'a str,
    pub(crate) product_id: &'a str,
    pub(crate) description: &'a str,
    pub(crate) quantity: i64,
    pub(crate) unit_price: i64,
    pub(crate) ordered_at: i64,
    pub(crate) customer_id: &'a str,
    pub(crate) region: &'a str,
    pub(crate) category: &'a str,
    /// Its optional fields as JSON; empty if there are none.
    #[serde(borrow)]
    pub(crate) extra: Cow<'a, str>,
}

impl<'a> SpooledRow<'a> {
    /// A row that is the first of its order to fill `firsts`: only these texts of a person are kept, once for each
    /// order.
    fn new(row: Row<'a>, firsts: Firsts) -> Self {
        let extra = row.extra.map_or(Cow::Borrowed(""), |mut extra| {
            extra.person.retain(|column, _| firsts.has(*column));
            match *extra == Extra::default() {
                true => Cow::Borrowed(""),
                false => extra.to_json().into(),
            }
        });
        Self {
            line: row.line,
            order_id: row.order_id,
            product_id: row.product_id,
            description: row.description,
            quantity: row.quantity,
            unit_price: row.unit_price.units(),
            ordered_at: row.ordered_at,
            customer_id: row.customer_id,
            region: row.region,
            category: row.category,
            extra,
        }
    }

    pub(crate) fn row(&self) -> Result<Row<'a>, Failure> {
        let extra = match &*self.extra {
            "" => None,
            json => Some(serde_json::from_str(json).map_err(|it| Failure::Scratch(it.into()))?),
        };
        Ok(Row {
            line: self.line,
            order_id: self.order_id,
            product_id: self.product_id,
            description: self.description,
            quantity: self.quantity,
            unit_price: Money::from_units(self.unit_price),
            ordered_at: self.ordered_at,
            customer_id: self.customer_id,
            region: self.region,
            category: self.category,
            extra,
        })
    }
}

/// A reject in the spool file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SpooledReject {
    pub(crate) line: u64,
    pub(crate) column: Option<String>,
    pub(crate) rule: Rule,
    pub(crate) reason: String,
    pub(crate) raw: String,
}

/// Records in a temporary file without a name, so that no file is left behind.
#[derive(Debug)]
pub(crate) struct Spool {
    writer: csv::Writer<File>,
}

impl Spool {
    fn new(scratch: &Path) -> Result<Self, Failure> {
        let file = tempfile::tempfile_in(scratch).map_err(Failure::scratch)?;
        Ok(Self { writer: csv::WriterBuilder::new().has_headers(false).from_writer(file) })
    }

    fn push(&mut self, record: impl Serialize) -> Result<(), Failure> {
        self.writer.serialize(record).map_err(Failure::spool)
    }

    /// Reads the records from the beginning.
    pub(crate) fn reader(&mut self) -> Result<csv::Reader<File>, Failure> {
        self.writer.flush().map_err(Failure::scratch)?;
        let mut file = self.writer.get_ref().try_clone().map_err(Failure::scratch)?;
        file.rewind().map_err(Failure::scratch)?;
        Ok(csv::ReaderBuilder::new().has_headers(false).from_reader(file))
    }
}

/// Reads the blocks that `fill` fills, until it returns 0.
pub(crate) fn pass<E: From<Failure>>(
    reading: &Reading<'_>,
    fill: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<Pass, E> {
    let mut pass = Passing::new(reading)?;
    let mut source = Source::new(fill);
    let caps = Caps {
        bytes_max: reading.partner.inbox.max_bytes,
        packed_max: u64::MAX,
        scratch: reading.scratch,
    };
    let push = |bytes: &[u8]| -> Result<(), E> { Ok(pass.push(bytes)?) };
    let unpacked = match (source.packing()?, reading.keys) {
        (Some(Packing::Pgp), Some(keys)) => {
            let keyring =
                Keyring::read(keys).map_err(|error| Failure::Configuration(error.to_string()))?;
            decrypt::read_all(source.keep(caps.scratch)?, &keyring, caps, push)?
        }
        (Some(Packing::Pgp), None) => Err(decrypt::refusal(source.keep(caps.scratch)?).into()),
        _ if reading.format.decrypt.as_ref().is_some_and(|decrypt| decrypt.required) => {
            source.read_plain(|_| Ok(()))?;
            Err(Closed::Plain.into())
        }
        (packing, _) => unpack::content(&mut source, packing, caps, push)?,
    };
    if let Err(error) = unpacked {
        pass.transform = Err(error.into());
    }
    Ok(Pass { sha256: source.sha256(), mark: None, content: pass.finish()? })
}

/// The running first pass. A file that turns out to be unreadable is still read to its end, for its
/// hash.
struct Passing {
    bounds: Bounds,
    share: Option<Arc<Share>>,
    /// Have its files columns about persons?
    with_persons: bool,
    /// Number of accepted rows that are kept for comparison.
    compared: Option<usize>,
    transform: Result<Transform, Unreadable>,
    orders: Orders,
    rows: Spool,
    rejects: Spool,
}

impl Passing {
    fn new(reading: &Reading<'_>) -> Result<Self, Failure> {
        let Reading { partner, format, products, bounds, share, scratch, .. } = reading;
        if let Some(table) = format.transform.as_ref().and_then(|transform| transform.unread()) {
            return Err(Failure::Configuration(format!("the table {table} was not read")));
        }
        let transform = Transform::new(format, &partner.rules, &partner.time_zone, bounds.limits)
            .map_err(|error| Failure::Configuration(error.to_string()))?
            .with_currency(&partner.currency);
        let rules = &partner.rules;
        let is_compared = rules.duplicates == Duplicates::WholeFile || !rules.unique.is_empty();
        let file = tempfile::tempfile_in(scratch).map_err(Failure::scratch)?;
        let is_summed = format.trailer.is_some() || partner.inbox.manifest.is_some();
        let transform = if is_summed { transform.with_sums() } else { transform };
        let transform = match products {
            Some(products) => transform.with_products(products.clone()),
            None => transform,
        };
        let transform = transform.with_scratch(Arc::new(Disk { file, len: AtomicU64::new(0) }));
        Ok(Self {
            bounds: *bounds,
            share: share.clone(),
            with_persons: Column::PERSON.into_iter().any(|column| format.has(column)),
            compared: is_compared.then_some(0),
            transform: Ok(transform),
            orders: Orders::new(&partner.rules, bounds.orders_max),
            rows: Spool::new(scratch)?,
            rejects: Spool::new(scratch)?,
        })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Ok(transform) = &mut self.transform else { return Ok(()) };
        let kept = match transform.push(bytes) {
            Ok(parts) => self.keep(&parts)?,
            Err(error) => Err(Unreadable::of(error, self.with_persons)?),
        };
        if let Err(error) = kept {
            self.transform = Err(error);
        }
        Ok(())
    }

    /// Reports how much memory it uses now.
    fn weigh(&self) -> Result<(), Full> {
        let Some(share) = &self.share else { return Ok(()) };
        let seen = self
            .compared
            .map_or(0, |rows| rows * SEEN_ROW_BYTES + self.orders.count() * SEEN_ORDER_BYTES);
        let seen = seen.min(self.bounds.limits.seen_bytes_max / 4 * 5);
        share.takes(self.orders.bytes() + seen)
    }

    fn keep(&mut self, parts: &[Part]) -> Result<Result<(), Unreadable>, Failure> {
        for part in parts {
            for row in part.batch.rows() {
                let firsts = match self.orders.add(facts(&row)) {
                    Ok(firsts) => firsts,
                    Err(error) => return Ok(Err(error.into())),
                };
                self.rows.push(SpooledRow::new(row, firsts))?;
                self.compared = self.compared.map(|rows| rows + 1);
            }
            for reject in &part.rejects {
                if let (Some(order_id), true) = (&reject.order_id, !reject.rule.is_harmless())
                    && let Err(error) = self.orders.add_bad_line(order_id)
                {
                    return Ok(Err(error.into()));
                }
                self.rejects.push(spooled(reject))?;
            }
            self.weigh()?;
        }
        Ok(Ok(()))
    }

    fn finish(mut self) -> Result<Result<Content, Unreadable>, Failure> {
        let transform = match std::mem::replace(&mut self.transform, Err(FileError::Empty.into())) {
            Ok(transform) => transform,
            Err(error) => return Ok(Err(error)),
        };
        let (parts, summary) = match transform.finish() {
            Ok(end) => end,
            Err(error) => return Ok(Err(Unreadable::of(error, self.with_persons)?)),
        };
        if let Err(error) = self.keep(&parts)? {
            return Ok(Err(error));
        }
        let Self { bounds, orders, rows, rejects, .. } = self;
        Ok(Ok(Content { bounds, summary, orders, rows, rejects }))
    }
}

fn facts<'a>(row: &'a Row<'_>) -> LineFacts<'a> {
    let texts = [row.product_id, row.description, row.category, row.region];
    LineFacts {
        order_id: row.order_id,
        customer_id: row.customer_id,
        ordered_at: row.ordered_at,
        quantity: row.quantity,
        unit_price: row.unit_price,
        text_bytes: texts.into_iter().map(json_len).sum(),
        extra: row.extra.as_deref(),
    }
}

/// Number of threads that check rows while this one receives and stores them: one per core, but no more
/// than a transfer can keep busy.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(WORKERS_MAX))
}

fn spooled(reject: &Reject) -> SpooledReject {
    SpooledReject {
        line: reject.line,
        column: reject.column.as_deref().map(ToOwned::to_owned),
        rule: reject.rule,
        reason: reject.reason.to_string(),
        raw: String::from_utf8_lossy(&reject.raw).into_owned(),
    }
}
