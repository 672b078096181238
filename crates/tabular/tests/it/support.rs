//! The only place in the tests that uses the API.

use domain::partner::{Columns, FileFormat, Rules};
use std::io;
use std::sync::{Arc, Mutex};
use tabular::{FileError, Limits, Part, Scratch, Summary, Transform};

pub(crate) const HEADER: &str = "order,sku,qty,price,date,customer,text\n";

/// A partner's configuration.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) format: FileFormat,
    pub(crate) rules: Rules,
    pub(crate) zone: &'static str,
    pub(crate) limits: Limits,
}

/// Comma, UTF-8, UTC, all rules with their defaults.
pub(crate) fn plain() -> Setting {
    Setting {
        format: FileFormat {
            dates: vec!["%Y-%m-%d %H:%M:%S".into(), "%d/%m/%Y".into()],
            ..FileFormat::new(Columns {
                order_id: "Order".into(),
                product_id: "SKU".into(),
                quantity: "qty".into(),
                unit_price: "price".into(),
                ordered_at: "date".into(),
                customer_id: Some("customer".into()),
                description: Some("text".into()),
                ..Columns::default()
            })
        },
        rules: Rules::default(),
        zone: "UTC",
        limits: Limits::default(),
    }
}

impl Setting {
    pub(crate) fn transform(&self) -> Transform {
        Transform::new(&self.format, &self.rules, self.zone, self.limits)
            .unwrap()
            .with_currency("EUR")
            .with_scratch(Arc::<Disk>::default())
    }

    /// Reads `file`, cut into blocks of `block` bytes, and checks the counts.
    pub(crate) fn read(&self, file: &[u8], block: usize) -> Result<(Part, Summary), FileError> {
        self.read_blocks(file.chunks(block.max(1)))
    }

    pub(crate) fn read_blocks<'a>(
        &self,
        blocks: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(Part, Summary), FileError> {
        let mut transform = self.transform();
        let mut all = Part::default();
        for block in blocks {
            transform.push(block)?.into_iter().for_each(|part| join(&mut all, part));
        }
        let (parts, summary) = transform.finish()?;
        parts.into_iter().for_each(|part| join(&mut all, part));
        assert_eq!(summary.rows, summary.accepted + summary.rejected() + summary.filtered);
        assert_eq!(summary.accepted, all.batch.len() as u64);
        assert_eq!(summary.rejected(), all.rejects.len() as u64);
        Ok((all, summary))
    }

    /// The outcome of `file`: one text per row, in file order.
    pub(crate) fn outcome(&self, file: &[u8]) -> Vec<String> {
        let (part, _) = match self.read(file, usize::MAX) {
            Ok(read) => read,
            Err(error) => return vec![error.to_string()],
        };
        let rows = part.batch.rows().map(|row| {
            let text = row.description.replace('\n', "⏎").replace('\r', "←");
            let customer = row.customer_id;
            let (order, product) = (row.order_id, row.product_id);
            let line = format!(
                "{}: {order} {product} x{} {} {customer} [{text}]",
                row.line, row.quantity, row.unit_price
            );
            (row.line, line)
        });
        let rejects = part.rejects.iter().map(|reject| {
            let column = reject.column.as_deref().map_or(String::new(), |c| format!(" {c}"));
            (reject.line, format!("{}: {}{column}", reject.line, reject.rule))
        });
        let mut all: Vec<(u64, String)> = rows.chain(rejects).collect();
        all.sort_by_key(|(line, _)| *line);
        all.into_iter().map(|(_, text)| text).collect()
    }

    #[track_caller]
    pub(crate) fn check(&self, rows: impl AsRef<[u8]>, expected: &[&str]) {
        let file = [HEADER.as_bytes(), rows.as_ref()].concat();
        let shown = String::from_utf8_lossy(rows.as_ref());
        assert_eq!(self.outcome(&file), expected, "for {shown:.300}");
    }
}

/// [`Setting::check`] with the plain setting.
#[track_caller]
pub(crate) fn check(rows: impl AsRef<[u8]>, expected: &[&str]) {
    plain().check(rows, expected);
}

fn join(all: &mut Part, mut part: Part) {
    if all.batch.is_empty() {
        all.batch = part.batch;
    } else if !part.batch.is_empty() {
        all.batch = joined(&all.batch, &part.batch);
    }
    all.rejects.append(&mut part.rejects);
}

fn joined(one: &tabular::Batch, two: &tabular::Batch) -> tabular::Batch {
    one.rows().chain(two.rows()).collect()
}

/// Scratch space with a limited size.
#[derive(Debug)]
pub(crate) struct Disk {
    bytes: Mutex<Vec<u8>>,
    pub(crate) room: usize,
}

impl Default for Disk {
    fn default() -> Self {
        Self { bytes: Mutex::default(), room: usize::MAX }
    }
}

impl Disk {
    pub(crate) fn of(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }
}

impl Scratch for Disk {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut all = self.bytes.lock().unwrap();
        if self.room < all.len() + bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let at = u64::try_from(all.len()).unwrap();
        all.extend_from_slice(bytes);
        Ok(at)
    }

    fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(from).unwrap();
        into.copy_from_slice(&self.bytes.lock().unwrap()[from..from + into.len()]);
        Ok(())
    }
}
