//! Decides whether a line looks like a row, whatever its quotes mean.
//!
//! A quote that opens a field by mistake takes the following rows into one value, and a missing footer
//! takes the last order with it. Both mistakes are detected by the content of the lines.

use crate::column::Column;
use crate::config::Config;
use crate::dates::LastDate;
use crate::header::Layout;
use crate::record;
use crate::rules;
use crate::scanner::{Quoting, Scanner, Span, Step, Width, part};
use domain::ids::ID_BYTES_MAX;

/// The properties of a file's rows.
#[derive(Clone, Copy)]
pub(crate) struct Looks<'a> {
    pub(crate) config: &'a Config,
    pub(crate) layout: &'a Layout,
    pub(crate) delimiter: u8,
}

/// Which cells of a line can be read; `None` for a column that the file does not have.
struct Read {
    order_id: bool,
    product_id: bool,
    quantity: Option<bool>,
    price: Option<bool>,
    date: Option<bool>,
}

impl Read {
    fn typed(&self) -> impl Iterator<Item = bool> {
        [self.quantity, self.price, self.date].into_iter().flatten()
    }
}

impl Looks<'_> {
    /// Is a line inside quotes a row? It must have as many fields as the header, an order id, and
    /// either a quantity or both price and date. With another number of fields, for example because a
    /// text contains a delimiter, all three are needed, counted from either end.
    pub(crate) fn is_row(self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        if self.is_row_of(&self.cells(&text)) {
            return true;
        }
        let quoted = self.quoted(&text);
        quoted.is_some_and(|cells| self.is_row_of(&cells))
    }

    /// Does a record of several lines contain a row inside quotes? Its first line has `first` bytes.
    pub(crate) fn has_row(self, record: &[u8], first: usize, fields: &[Span]) -> bool {
        let opened = self.is_row(part(record, 0, first));
        let mut start = first;
        let inner = record.get(first..).unwrap_or_default();
        inner.split(|byte| *byte == b'\n').any(|line| {
            let end = start + line.len();
            let at = fields.iter().position(|field| field.start <= start && start <= field.end);
            let is_inside = at.and_then(|at| fields.get(at)).is_some_and(|field| end <= field.end);
            start = end + 1;
            if is_inside {
                return self.is_row(line);
            }
            // The last line of a text in the first column has, with the fields after the closing quote,
            // as many fields as the header.
            (opened && self.is_row(line)) || (at != Some(0) && self.is_good_row(line))
        })
    }

    /// Does a line have as many fields as the header, and all required values?
    fn is_good_row(self, line: &[u8]) -> bool {
        let cells = self.cells(&String::from_utf8_lossy(line));
        let read = self.read(&cells, 0);
        cells.len() == self.layout.width && read.order_id && read.typed().all(|good| good)
    }

    /// Is a line that was taken for something else a row? Product and date are required as well, which
    /// a line with totals does not have.
    pub(crate) fn is_order(self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        self.are_order(&self.cells(&text))
            || self.quoted(&text).is_some_and(|cells| self.are_order(&cells))
    }

    /// The same check for the fields of a record.
    pub(crate) fn is_order_of(self, record: &[u8], fields: &[Span]) -> bool {
        let cell =
            |field: &Span| clean(&String::from_utf8_lossy(part(record, field.start, field.end)));
        self.are_order(&self.fitted(fields.iter().map(cell).collect()))
    }

    fn are_order(self, cells: &[String]) -> bool {
        if cells.len() != self.layout.width {
            return false;
        }
        let read = self.read(cells, 0);
        let typed = match read.date {
            // A row that continues an order.
            Some(false) if self.config.continued_rows => {
                read.quantity != Some(false) && read.price != Some(false)
            }
            date => {
                date != Some(false) && (read.quantity != Some(false) || read.price != Some(false))
            }
        };
        read.order_id && read.product_id && typed && read.typed().any(|good| good)
    }

    /// The cell in the order column of a line, if it has as many fields as the header.
    pub(crate) fn order_text(self, line: &[u8]) -> Option<String> {
        let cells = self.cells(&String::from_utf8_lossy(line));
        let cell = cells.get(self.layout.order_id.at)?;
        (cells.len() == self.layout.width).then(|| cell.clone())
    }

    /// The cells of a line whose quotes are all closed.
    fn quoted(self, text: &str) -> Option<Vec<String>> {
        let quoting = Quoting { lines: false, ..self.config.quoting };
        quoting.sign.filter(|sign| text.as_bytes().contains(sign))?;
        let mut scanner = Scanner::new(self.delimiter, quoting, text.len().saturating_add(1));
        let Step::Record { .. } = scanner.scan(text.as_bytes(), true) else { return None };
        let cell = |start, end| clean(&String::from_utf8_lossy(part(text.as_bytes(), start, end)));
        Some(self.fitted(scanner.fields.iter().map(|field| cell(field.start, field.end)).collect()))
    }

    /// The texts between the delimiters, ignoring quotes.
    fn cells(self, text: &str) -> Vec<String> {
        self.fitted(text.split(char::from(self.delimiter)).map(clean).collect())
    }

    /// The cells as [`Scanner::fit`] makes them of a row.
    fn fitted(self, mut cells: Vec<String>) -> Vec<String> {
        let Width { all, least } = self.width();
        if cells.get(all..).unwrap_or_default().iter().all(String::is_empty) {
            cells.truncate(all);
        }
        if (least..all).contains(&cells.len()) {
            cells.resize(all, String::new());
        }
        cells
    }

    /// How many fields a row has. A line without a delimiter is no row.
    pub(crate) fn width(self) -> Width {
        let Layout { width, named, .. } = *self.layout;
        Width { all: width, least: if self.config.fills_short_rows { named.min(2) } else { named } }
    }

    fn is_row_of(self, cells: &[String]) -> bool {
        let width = self.layout.width;
        if cells.len() == width {
            let read = self.read(cells, 0);
            let both = |read: &Read| match (read.price, read.date) {
                (None, None) => read.quantity.is_none(),
                (price, date) => price != Some(false) && date != Some(false),
            };
            return read.order_id && (read.quantity == Some(true) || both(&read));
        }
        if cells.len() < 2 || cells.iter().all(String::is_empty) {
            return false;
        }
        // Cells after the extra or missing one are counted from the end.
        let (left, right) =
            (self.read(cells, 0), self.read(cells, cells.len().wrapping_sub(width)));
        let either = |one: Option<bool>, other: Option<bool>| {
            one.or(other).map(|_| one == Some(true) || other == Some(true))
        };
        let typed = [
            either(left.quantity, right.quantity),
            either(left.price, right.price),
            either(left.date, right.date),
        ];
        let good = typed.iter().filter(|good| **good == Some(true)).count();
        (left.order_id || right.order_id)
            && 1 < good
            && typed.iter().all(|good| *good != Some(false))
    }

    /// Reads the cells; the columns are shifted by `by`.
    fn read(self, cells: &[String], by: usize) -> Read {
        let Self { config, layout, .. } = self;
        // Computed columns come after those of the file.
        let cell = |column: &Column| {
            (column.at < layout.width).then(|| {
                cells.get(column.at.wrapping_add(by)).map(String::as_str).unwrap_or_default()
            })
        };
        let is_id = |text: &str| !text.is_empty() && text.len() <= ID_BYTES_MAX;
        let mut number = String::new();
        let quantity =
            cell(&layout.quantity).map(|text| rules::whole(text, config, &mut number).is_some());
        let price =
            cell(&layout.unit_price).map(|text| config.notation.amount(text, &mut number).is_ok());
        let date = cell(&layout.ordered_at)
            .map(|text| config.dates.read(text, &mut LastDate::default()).is_some());
        Read {
            order_id: config.continued_rows || cell(&layout.order_id).is_none_or(is_id),
            product_id: cell(&layout.product_id).is_none_or(is_id),
            quantity,
            price,
            date,
        }
    }
}

/// A cell without surrounding characters.
fn clean(cell: &str) -> String {
    let cell = record::trim(cell);
    let cell = cell.strip_prefix('=').unwrap_or(cell);
    let cell = cell.strip_prefix(['"', '\'']).unwrap_or(cell);
    record::trim(cell.strip_suffix(['"', '\'']).unwrap_or(cell)).to_owned()
}
