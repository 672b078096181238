//! The result of reading a part of the file: rows, rejects, and repeated headers.

use crate::alike::Looks;
use crate::batch::Batch;
use crate::block::Point;
use crate::config::Config;
use crate::continued::Order;
use crate::fault::Fault;
use crate::fingerprint::Fingerprint;
use crate::header::{HeaderAgain, Layout};
use crate::profile::Profile;
use crate::record::Record;
use crate::reject::{Reject, Rule};
use crate::rules;
use crate::scanner::{Span, Step, Width, part};
use domain::control::Sums;

/// A byte order mark may occur between two concatenated files; it is not part of the next row.
pub(crate) const MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Shared by all readers of a file.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) delimiter: u8,
    /// Name of the file's encoding.
    pub(crate) encoding: &'static str,
    pub(crate) layout: Layout,
}

impl Plan {
    /// How many fields a row has.
    pub(crate) fn width(&self) -> Width {
        self.looks().width()
    }

    pub(crate) fn looks(&self) -> Looks<'_> {
        Looks { config: &self.config, layout: &self.layout, delimiter: self.delimiter }
    }
}

/// The result for the part between two positions. Lines are counted from 0.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// Number of line ends between the two.
    pub(crate) lines: u64,
    pub(crate) batch: Batch,
    pub(crate) rejects: Vec<Reject>,
    /// Number of rows that the partner's transform filters out.
    pub(crate) filtered: u64,
    /// Lines that repeat the header.
    pub(crate) headers: Vec<u64>,
    /// The line of a different header; the rows after it cannot be read.
    pub(crate) other_header: Option<u64>,
    pub(crate) profile: Profile,
    /// Sums of all rows in this piece, if rows are summed.
    pub(crate) sums: Sums,
    /// Whether the footer begins at `to`.
    pub(crate) footer: bool,
    /// The order that the next row may continue.
    pub(crate) order: Option<Order>,
    /// For each row its fingerprint and the position of its text; empty if rows are not compared.
    pub(crate) origins: Vec<Origin>,
    /// For each row and each set of unique columns, the fingerprint of their values.
    pub(crate) keys: Vec<Fingerprint>,
}

/// A piece read from a guessed position.
#[derive(Debug)]
pub(crate) struct Guessed {
    pub(crate) piece: Piece,
    /// The order that its first row begins, if rows can continue orders.
    pub(crate) begins: Option<String>,
}

/// Data of a row that may have to be rejected later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) fingerprint: Fingerprint,
    /// The position of its record, in bytes from the start of the block.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Piece {
    pub(crate) fn new(from: Point, order: Option<Order>) -> Self {
        Self {
            from,
            to: from,
            lines: 0,
            footer: false,
            order,
            batch: Batch::default(),
            rejects: Vec::new(),
            filtered: 0,
            headers: Vec::new(),
            other_header: None,
            profile: Profile::default(),
            sums: Sums::default(),
            origins: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Piece {
    /// The order of a row with this text in the order column.
    pub(crate) fn order_named(&self, id: &str) -> Option<String> {
        let continued = || self.order.as_ref().map(Order::id).unwrap_or_default();
        rules::order_id(if id.is_empty() { continued() } else { id })
    }

    /// Records the current line if `names` are column names again. Rows after it do not continue an
    /// order before it.
    pub(crate) fn header(&mut self, plan: &Plan, names: &[String]) -> bool {
        match plan.layout.again(&plan.config, names) {
            None => return false,
            Some(HeaderAgain::Same) => self.headers.push(self.lines),
            Some(HeaderAgain::Other) => {
                self.other_header = self.other_header.or(Some(self.lines));
            }
        }
        self.order = None;
        true
    }

    /// Checks whether a faulty record is a line of column names, and records it as such. A header has a
    /// text in every column.
    pub(crate) fn is_header(&mut self, plan: &Plan, record: &Record<'_>, fault: &Fault) -> bool {
        let layout = &plan.layout;
        if fault.rule.is_missing() || !layout.may_be_header(|column| Some(record.field(column))) {
            return false;
        }
        let name = |span: &Span| record.text.get(span.start..span.end).map(ToOwned::to_owned);
        let names: Vec<String> = record.fields.iter().take(layout.width).filter_map(name).collect();
        self.header(plan, &names)
    }

    pub(crate) fn reject_row(&mut self, raw: &str, fault: Fault, own_id: &str, plan: &Plan) {
        if fault.rule == Rule::Filtered {
            self.filtered += 1;
            return;
        }
        let order_id = self.order_named(own_id);
        self.reject(raw.as_bytes(), fault, order_id, plan);
    }

    pub(crate) fn reject(
        &mut self,
        raw: &[u8],
        fault: Fault,
        order_id: Option<String>,
        plan: &Plan,
    ) {
        let Fault { rule, column, reason } = fault;
        let raw = cut(raw, &plan.config);
        self.rejects.push(Reject { line: self.lines, column, rule, reason, raw, order_id });
    }

    /// Moves to the end of a record, or with `whole` false only to the end of its first line.
    pub(crate) fn pass(&mut self, step: Step, whole: bool, record_bytes_max: usize) {
        let (len, lines) = match step {
            Step::Record { len, lines, .. } if whole => (len, lines),
            Step::Record { first: len, .. } | Step::Bad { len: Some(len), .. } => (len, 1),
            Step::Bad { len: None, .. } => {
                self.to.skipping = true;
                (record_bytes_max, 0)
            }
            Step::Need | Step::Blank { .. } => return,
        };
        self.to.at += len;
        self.lines += lines;
    }
}

/// The part of a record that a reject keeps.
pub(crate) fn cut(raw: &[u8], config: &Config) -> Vec<u8> {
    part(raw, 0, raw.len().min(config.limits.raw_bytes_max)).to_vec()
}
