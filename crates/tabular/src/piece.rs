//! What was read of a part of the file: rows, rejects, and header lines between them.

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
use crate::scanner::{Span, Step, part};
use domain::control::Sums;

/// Between two files that were put together there may be one, which is no part of the row behind it.
pub(crate) const MARK: &[u8] = "\u{FEFF}".as_bytes();

/// What all readers of a file share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) delimiter: u8,
    /// Name of the file's encoding.
    pub(crate) encoding: &'static str,
    pub(crate) layout: Layout,
}

impl Plan {
    pub(crate) fn looks(&self) -> Looks<'_> {
        Looks { config: &self.config, layout: &self.layout, delimiter: self.delimiter }
    }
}

/// What was read between two places. Lines are counted from 0 at the first.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// Line ends between the two.
    pub(crate) lines: u64,
    pub(crate) batch: Batch,
    pub(crate) rejects: Vec<Reject>,
    /// Rows that the partner's transform leaves out.
    pub(crate) filtered: u64,
    /// Lines on which the header stands again.
    pub(crate) headers: Vec<u64>,
    /// The line of another header, which what is behind it cannot be read by.
    pub(crate) other_header: Option<u64>,
    pub(crate) profile: Profile,
    /// If rows are added up, of all that are here.
    pub(crate) sums: Sums,
    /// The footer begins at `to`.
    pub(crate) footer: bool,
    /// The order that a row behind may continue.
    pub(crate) order: Option<Order>,
    /// For each row what stands for it and where its text is; empty if rows are not compared.
    pub(crate) origins: Vec<Origin>,
    /// For each row, and each set of columns that is to be unique, what stands for them.
    pub(crate) keys: Vec<Fingerprint>,
}

/// What was read from where a record was guessed to begin.
#[derive(Debug)]
pub(crate) struct Guessed {
    pub(crate) piece: Piece,
    /// The order that its first row begins, where rows continue orders.
    pub(crate) begins: Option<String>,
}

/// A row as it may have to be rejected later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) fingerprint: Fingerprint,
    /// Its record, in bytes from the start of the block.
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
    /// The order that a row with this in the order's column belongs to.
    pub(crate) fn order_named(&self, id: &str) -> Option<String> {
        let continued = || self.order.as_ref().map(Order::id).unwrap_or_default();
        rules::order_id(if id.is_empty() { continued() } else { id })
    }

    /// Keeps the line that was reached if `names` are those of columns again. What follows continues no
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

    /// Is a record with a fault a line with names of columns? Then it is kept as such. A header has a text
    /// in every column.
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

    /// Goes behind a record, or with `whole` false only behind its first line.
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

/// As much of a record as a reject keeps.
pub(crate) fn cut(raw: &[u8], config: &Config) -> Vec<u8> {
    part(raw, 0, raw.len().min(config.limits.raw_bytes_max)).to_vec()
}
