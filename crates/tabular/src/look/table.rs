//! Finds the table in an unknown text: the delimiter, the header, and the end of the rows.
//!
//! The reader does the same but knows the column names; here only the look of a line can be used.
//! Iterating over lines, skipping lines and counting them use the reader's own code.

use crate::config::FOOTER_LINES_MAX;
use crate::delimiter::DELIMITERS;
use crate::head::{self, Search};
use crate::header::{NAMES_MIN, names_in};
use crate::piece::MARK;
use crate::scanner::{Quoting, Scanner, Step, part, rest};
use crate::structure::is_empty;
use crate::trailer::has_text;
use domain::partner::{Names, Quote, QuoteEscape};
use memchr::memchr;

/// Largest record.
const RECORD_BYTES_MAX: usize = 64 << 10;
/// Number of records by which delimiters are compared, and by which the meaning of quotes is.
const COMPARED_MAX: usize = 500;
const QUOTED_MAX: usize = 20_000;
/// Most records at the end that may be a footer, and most non-empty cells in such a record if it has
/// the width of a row.
const FOOTER_RECORDS_MAX: usize = 5;
const FILLED_UP_CELLS_MAX: usize = 2;
/// An order has at least this many columns.
const COLUMNS_MIN: usize = 3;
/// The meaning of quotes in RFC 4180.
const USUAL: (Quote, QuoteEscape) = (Quote::Is('"'), QuoteEscape::Doubled);
/// Delimiters that are tried when no usual one makes columns.
const UNUSUAL: &[u8] = b"~^#*!%&+/:=?@\\_$<>";
/// Possible meanings of quotes.
const QUOTES: [(Quote, QuoteEscape); 4] = [
    USUAL,
    (Quote::Is('"'), QuoteEscape::Backslash),
    (Quote::None, QuoteEscape::Doubled),
    (Quote::Is('\''), QuoteEscape::Doubled),
];

/// A detected table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its delimiter.
    pub delimiter: char,
    /// How the delimiter was determined.
    pub told: Told,
    /// The meaning of quotes, if it is unusual.
    pub quotes: Option<Quotes>,
    /// Physical line of the header; the first line of the text is 1.
    pub header_line: u64,
    /// The cells of the header, trimmed.
    pub header: Vec<String>,
    /// The cells of each row, trimmed. Blank lines, records of empty cells, repeated headers and the
    /// footer are not rows.
    pub rows: Vec<Vec<String>>,
    /// Physical lines that repeat column names.
    pub header_again: Vec<u64>,
    /// Number of lines with text after the rows, if the text is the whole file.
    pub footer_lines: usize,
}

/// How a delimiter was determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The first line names it: `sep=;`.
    First,
    /// Of the first `of` records from the header on, `same` have as many columns as the header.
    ByRecords {
        /// Columns of the header.
        width: usize,
        /// Records with as many columns.
        same: usize,
        /// Records examined.
        of: usize,
    },
}

/// An unusual meaning of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotes {
    /// The sign that may enclose a cell.
    pub quote: Quote,
    /// How a quote inside an enclosed cell is written.
    pub escape: QuoteEscape,
    /// Number of lines that can be read like this, that can be read with usual quotes, and of all
    /// lines.
    pub lines: [usize; 3],
}

/// Why a text is not a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTable {
    /// The text is empty.
    Empty,
    /// No delimiter gives at least three columns; contains the first line.
    NoColumns(String),
    /// No line looks like column names; contains the line number and the first record.
    NoHeader(u64, Vec<String>),
}

/// Counts how many of a line's cells are known column names.
pub type Known<'a> = &'a dyn Fn(&[String]) -> usize;

/// Finds the table in `text`, which is a whole file, or its beginning up to a line end.
///
/// The header is the first line that looks like one, unless a later line has at least three more
/// `known` names: a title can look like a header, too.
///
/// # Errors
/// If there is no table.
pub fn table(text: &str, is_whole: bool, known: Known<'_>) -> Result<Table, NoTable> {
    let (delimiter, told, from) = match sep_line(text) {
        Some((delimiter, behind)) => (delimiter, Told::First, behind),
        None => {
            let (delimiter, told) = delimiter(text, known)?;
            (delimiter, told, Point { at: 0, line: 1 })
        }
    };
    let quotes = quotes(text, from, delimiter, known);
    let (quote, escape) = quotes.map_or(USUAL, |quotes| (quotes.quote, quotes.escape));
    let mut lines = Lines::new(text, delimiter, (quote, escape));
    let Some((header, behind)) = lines.header(from, known) else {
        let first = lines.records(from, None, 1).pop().ok_or(NoTable::Empty)?;
        return Err(NoTable::NoHeader(first.line, first.cells));
    };
    let width = header.cells.len();
    let mut records = lines.records(behind, Some(width), usize::MAX);
    let mut footer_lines = 0;
    if is_whole {
        let footer = records.split_off(records.len() - footer(&records, width));
        footer_lines =
            footer.first().map_or(0, |first| text_lines(rest(text.as_bytes(), first.at)));
        if FOOTER_LINES_MAX < footer_lines {
            footer_lines = 0;
            records.extend(footer);
        }
    }
    let names = header.cells.iter().filter(|name| !name.is_empty());
    let names: Vec<Names> = names.map(|name| name.as_str().into()).collect();
    let most = NAMES_MIN.max(names.len().div_ceil(2));
    let again = |cells: &[String]| is_header(cells) && most <= names_in(&names, cells);
    let (again, records): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| again(&record.cells));
    Ok(Table {
        delimiter: char::from(delimiter),
        told,
        quotes,
        header_line: header.line,
        header: header.cells,
        rows: records.into_iter().map(|record| record.cells).collect(),
        header_again: again.into_iter().map(|record| record.line).collect(),
        footer_lines,
    })
}

/// The delimiter in a first line such as `sep=;`, and the position after it.
fn sep_line(text: &str) -> Option<(u8, Point)> {
    let bytes = text.as_bytes();
    let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
    let delimiter = head::sep_line(part(bytes, 0, end))?;
    Some((delimiter, Point { at: (end + 1).min(bytes.len()), line: 2 }))
}

/// Number of lines with text, counted like those of a footer.
fn text_lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').filter(|line| has_text(line)).count()
}

/// Mostly names.
fn is_header(cells: &[String]) -> bool {
    let is_name = |cell: &&String| cell.chars().any(char::is_alphabetic);
    let names = cells.iter().filter(is_name).count();
    COLUMNS_MIN.max(cells.len().div_ceil(2)) <= names
}

/// How many records at the end are a footer: at most half of their cells are non-empty, and they are
/// few.
///
/// A spreadsheet pads such lines with empty cells. A record with a product, a quantity and a price may
/// still be a row that continues an order, and so may a record that looks like rows before it.
fn footer(records: &[Record], width: usize) -> usize {
    let filled = |record: &Record| record.cells.iter().filter(|cell| !cell.is_empty()).count();
    let is_sparse = |record: &Record| (1..=width / 2).contains(&filled(record));
    let sparse = records.iter().rev().take_while(|record| is_sparse(record)).count();
    let (rows, last) = records.split_at(records.len() - sparse);
    let is_usual = rows.iter().any(|record| record.cells.len() >= width && is_sparse(record));
    let is_footer = |record: &&Record| {
        record.cells.len() < width || (!is_usual && filled(record) <= FILLED_UP_CELLS_MAX)
    };
    let footer = last.iter().rev().take_while(is_footer).count();
    // Many such lines are rows of another kind.
    if footer > FOOTER_RECORDS_MAX { 0 } else { footer }
}

/// The delimiter with which a line becomes a header and most records agree.
fn delimiter(text: &str, known: Known<'_>) -> Result<(u8, Told), NoTable> {
    let agreeing = |delimiter: u8| {
        let mut lines = Lines::new(text, delimiter, USUAL);
        let start = Point { at: 0, line: 1 };
        let header = lines.header(start, known);
        let has_header = header.is_some();
        let (mut records, behind) =
            header.map_or((Vec::new(), start), |(header, behind)| (vec![header], behind));
        records.extend(lines.records(behind, None, COMPARED_MAX));
        let width = records.first().map_or(0, |first| first.cells.len());
        let same = records.iter().filter(|record| record.cells.len() == width).count();
        (has_header, delimiter, Told::ByRecords { width, same, of: records.len() })
    };
    let score = |(has_header, _, told): &(bool, u8, Told)| match *told {
        Told::ByRecords { width, same, of } if COLUMNS_MIN <= width => {
            Some((*has_header, same * 100 / of.max(1), width))
        }
        Told::ByRecords { .. } | Told::First => None,
    };
    let found = DELIMITERS.map(agreeing);
    // The first of equal ones; `max_by_key` would choose the last.
    let best = found.iter().rev().filter(|found| score(found).is_some()).max_by_key(|f| score(f));
    let best = best.map(|(_, delimiter, told)| (*delimiter, *told));
    best.or_else(|| unusual(text, known, &agreeing)).ok_or_else(|| {
        let first = text.lines().next().unwrap_or_default();
        NoTable::NoColumns(first.chars().take(80).collect())
    })
}

/// An unusual delimiter: with it the header has known names, and nearly all records have as many columns.
fn unusual(
    text: &str,
    known: Known<'_>,
    agreeing: &dyn Fn(u8) -> (bool, u8, Told),
) -> Option<(u8, Told)> {
    UNUSUAL.iter().find_map(|delimiter| {
        let (has_header, _, told) = agreeing(*delimiter);
        let Told::ByRecords { width, same, of } = told else { return None };
        let agree = has_header && COLUMNS_MIN <= width && of * 95 <= same * 100;
        let start = Point { at: 0, line: 1 };
        let mut lines = Lines::new(text, *delimiter, USUAL);
        let (header, _) = lines.header(start, known).filter(|_| agree)?;
        (COLUMNS_MIN <= known(&header.cells)).then_some((*delimiter, told))
    })
}

/// The meaning of quotes, if the usual one reads fewer lines than another one.
fn quotes(text: &str, from: Point, delimiter: u8, known: Known<'_>) -> Option<Quotes> {
    let physical: Vec<&str> = text.lines().collect();
    let all = physical.iter().filter(|line| !line.trim().is_empty()).count();
    let scored = QUOTES.map(|(quote, escape)| {
        let mut lines = Lines::new(text, delimiter, (quote, escape));
        let Some((header, behind)) = lines.header(from, known) else { return (0, (quote, escape)) };
        let width = header.cells.len();
        // A line inside quotes with as many columns is a row that the quotes have swallowed. The last
        // line counts only if the first one does as well: columns of every such row follow the closing
        // quote.
        let has_row = |record: &Record| {
            let start = usize::try_from(record.line - 1).unwrap_or(usize::MAX);
            let lines = physical.iter().skip(start).take(record.lines);
            let wide: Vec<bool> =
                lines.map(|line| line.split(char::from(delimiter)).count() == width).collect();
            match wide.as_slice() {
                [first, inner @ .., last] => (*first && *last) || inner.contains(&true),
                _ => false,
            }
        };
        let records = lines.records(behind, Some(width), QUOTED_MAX);
        let good = records
            .iter()
            .filter(|record| record.is_whole && record.cells.len() == width && !has_row(record));
        (header.lines + good.map(|record| record.lines).sum::<usize>(), (quote, escape))
    });
    let usual = scored.first().map_or(0, |(good, _)| *good);
    // The first of equal ones; `max_by_key` would choose the last.
    let (best, (quote, escape)) = scored.into_iter().rev().max_by_key(|(good, _)| *good)?;
    (usual < best).then_some(Quotes { quote, escape, lines: [best, usual, all] })
}

/// The position of the beginning of a line.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: usize,
    line: u64,
}

/// The content between two line ends, or of several lines in quotes.
#[derive(Debug)]
struct Record {
    /// Trimmed. For a broken record, the texts between the delimiters of its first line.
    cells: Vec<String>,
    at: usize,
    line: u64,
    /// Number of physical lines.
    lines: usize,
    /// Whether its structure is valid.
    is_whole: bool,
}

/// Iterates over a text like the reader over a file.
struct Lines<'a> {
    text: &'a str,
    quoting: Quoting,
    scanner: Scanner,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, delimiter: u8, (quote, escape): (Quote, QuoteEscape)) -> Self {
        let sign = match quote {
            Quote::None => None,
            Quote::Is(sign) => u8::try_from(sign).ok(),
        };
        let quoting = Quoting { sign, backslash: escape == QuoteEscape::Backslash, lines: true };
        Self { text, quoting, scanner: Scanner::new(delimiter, quoting, RECORD_BYTES_MAX) }
    }

    /// The record at `from`, and the length of its first line. A byte order mark between two files is
    /// skipped.
    fn scan(&mut self, from: &mut Point) -> Option<(Step, usize)> {
        while rest(self.text.as_bytes(), from.at).starts_with(MARK) {
            from.at += MARK.len();
        }
        let bytes = rest(self.text.as_bytes(), from.at);
        let line = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
        (!bytes.is_empty()).then(|| (self.scanner.scan(bytes, true), line))
    }

    /// The header from `from` on, and the position after it.
    fn header(&mut self, from: Point, known: Known<'_>) -> Option<(Record, Point)> {
        let (mut from, mut search) = (from, Search::default());
        let mut best: Option<(usize, (Record, Point))> = None;
        while let Some((step, line)) = self.scan(&mut from).filter(|_| !search.is_over()) {
            match step {
                Step::Record { len, lines, .. } => {
                    let record = self.record(from, lines);
                    let named =
                        if is_header(&record.cells) { Some(known(&record.cells)) } else { None };
                    let least = best.as_ref().map_or(0, |(best, _)| best + COLUMNS_MIN);
                    if let Some(named) = named.filter(|named| least <= *named) {
                        let behind = Point { at: from.at + len, line: from.line + lines };
                        best = Some((named, (record, behind)));
                    }
                }
                // A line without end is not skipped.
                Step::Bad { len: None, .. } => break,
                Step::Bad { .. } | Step::Blank { .. } | Step::Need => {}
            }
            search.pass(line, !matches!(step, Step::Blank { .. }));
            from = Point { at: from.at + line, line: from.line + 1 };
        }
        best.map(|(_, found)| found)
    }

    /// The first records from `from` on, at most `max`. If a record spans several lines and does not
    /// have `width` cells, only its first line is given up.
    fn records(&mut self, from: Point, width: Option<usize>, max: usize) -> Vec<Record> {
        let (mut from, mut records) = (from, Vec::new());
        while records.len() < max
            && let Some((step, line)) = self.scan(&mut from)
        {
            let fields = &self.scanner.fields;
            let (len, lines) = match step {
                Step::Blank { len } => (len, 1),
                Step::Record { len, lines, .. } if is_empty(fields) => (len, lines),
                Step::Record { len, lines, .. }
                    if lines == 1 || width.is_none_or(|width| width == fields.len()) =>
                {
                    records.push(self.record(from, lines));
                    (len, lines)
                }
                Step::Record { .. } | Step::Bad { .. } | Step::Need => {
                    records.push(self.broken(from, line));
                    (line, 1)
                }
            };
            from = Point { at: from.at + len.max(1), line: from.line + lines };
        }
        records
    }

    /// The record that was scanned at `from`.
    fn record(&self, from: Point, lines: u64) -> Record {
        let bytes = rest(self.text.as_bytes(), from.at);
        let cell = |start, end| {
            let text = String::from_utf8_lossy(part(bytes, start, end));
            crate::record::trim(&self.quoting.plain(&text)).to_owned()
        };
        let cells = self.scanner.fields.iter().map(|field| cell(field.start, field.end)).collect();
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        Record { cells, at: from.at, line: from.line, lines, is_whole: true }
    }

    fn broken(&self, from: Point, len: usize) -> Record {
        let bytes = rest(self.text.as_bytes(), from.at);
        let text = String::from_utf8_lossy(part(bytes, 0, len));
        let cells = text.split(char::from(self.scanner.delimiter()));
        let cells = cells.map(|cell| crate::record::trim(cell).to_owned()).collect();
        Record { cells, at: from.at, line: from.line, lines: 1, is_whole: false }
    }
}
