//! From text to columns: which delimiter, which line is the header.

use domain::partner::{Quote, QuoteEscape};
use tabular::look::{self, DELIMITERS, Record};

use super::guess::{Guess, NoProposal, Trust};

/// Rows that are looked at.
const ROWS_MAX: usize = 20_000;
/// Lines by which delimiters are compared.
const LINES_COMPARED: usize = 500;
/// Lines among which the header is looked for, and lines at the end that may be no rows.
const HEADER_LINES_MAX: usize = 20;
const FOOTER_LINES_MAX: usize = 5;
/// Cells with something in them in such a line that has the width of a row.
const FILLED_UP_CELLS_MAX: usize = 2;
/// Fewer columns make no order.
const COLUMNS_MIN: usize = 3;
/// What quotes mean in RFC 4180.
const USUAL: (Quote, QuoteEscape) = (Quote::Is('"'), QuoteEscape::Doubled);
/// What they may mean.
const QUOTES: [(Quote, QuoteEscape); 4] = [
    USUAL,
    (Quote::Is('"'), QuoteEscape::Backslash),
    (Quote::None, QuoteEscape::Doubled),
    (Quote::Is('\''), QuoteEscape::Doubled),
];

/// One column of the file.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Trimmed; empty where a row is too short.
    pub(super) values: Vec<String>,
}

/// The first rows of a file, column by column.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Lines with text behind the rows, if the whole file was looked at.
    pub(super) footer_lines: usize,
    /// The file ends in the middle of a line.
    pub(super) is_open: bool,
    /// What quotes mean, if that is not the usual.
    pub(super) quotes: Option<Guess<(Quote, QuoteEscape)>>,
}

impl Table {
    pub(super) fn read(text: &str, is_whole: bool) -> Result<(Self, Guess<char>), NoProposal> {
        let (text, delimiter) = match look::sep_line(text) {
            Some((named, rest)) => (rest, Guess::new(Trust::Sure, named, "the first line says so")),
            None => (text, delimiter(text)?),
        };
        let quotes = quotes(text, delimiter.value);
        let (quote, escape) = quotes.as_ref().map_or(USUAL, |guess| guess.value);
        let all = look::records(text, delimiter.value, quote, escape, ROWS_MAX + 1);
        let all: Vec<Vec<String>> = all.into_iter().map(|record| record.cells).collect();
        let is_cut = !is_whole || all.len() > ROWS_MAX;
        let first = all.first().ok_or(NoProposal::Empty)?.clone();
        let at = all.iter().take(HEADER_LINES_MAX).position(|cells| is_header(cells));
        let at = at.ok_or(NoProposal::NoHeader { line: 1, found: first })?;
        let mut records: Vec<_> = all.into_iter().skip(at).collect();
        let width = records.first().map_or(0, Vec::len);
        let footer_lines = if is_cut { 0 } else { footer_lines(&records, width) };
        records.truncate(records.len() - footer_lines);
        let mut records = records.into_iter();
        let header = records.next().unwrap_or_default();
        // Where files were put together it stands again.
        let again = |cells: &Vec<String>| {
            cells.len() == header.len()
                && cells
                    .iter()
                    .zip(&header)
                    .all(|(one, other)| one.to_lowercase() == other.to_lowercase())
        };
        let records: Vec<_> = records.filter(|cells| !again(cells)).collect();
        if records.is_empty() {
            return Err(NoProposal::NoRows(header));
        }
        let mut columns: Vec<Column> =
            header.into_iter().map(|name| Column { name, values: Vec::new() }).collect();
        for record in records {
            let mut cells = record.into_iter();
            for column in &mut columns {
                column.values.push(cells.next().unwrap_or_default());
            }
        }
        let is_open = !text.ends_with('\n');
        Ok((Self { columns, footer_lines, is_open, quotes }, delimiter))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// Names, and hardly anything else.
fn is_header(cells: &[String]) -> bool {
    let is_name = |cell: &&String| cell.chars().any(char::is_alphabetic);
    let names = cells.iter().filter(is_name).count();
    COLUMNS_MIN.max(cells.len().div_ceil(2)) <= names
}

/// How many records at the end are no rows: they have something in at most half of the cells that a
/// row has, and are short.
///
/// A spreadsheet fills such a line up with empty cells. What has a product, a quantity and a price may
/// still be a row, one that continues an order, and so may what looks like rows before it.
fn footer_lines(records: &[Vec<String>], width: usize) -> usize {
    let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.is_empty()).count();
    let is_sparse = |cells: &[String]| (1..=width / 2).contains(&filled(cells));
    let sparse = records.iter().rev().take_while(|cells| is_sparse(cells)).count();
    let (rows, last) = records.split_at(records.len() - sparse);
    let is_usual = rows.iter().any(|cells| cells.len() >= width && is_sparse(cells));
    let is_footer = |cells: &&Vec<String>| {
        cells.len() < width || (!is_usual && filled(cells) <= FILLED_UP_CELLS_MAX)
    };
    let lines = last.iter().rev().take_while(is_footer).count();
    // Many such lines are rows of another kind.
    if lines > FOOTER_LINES_MAX { 0 } else { lines }
}

/// The delimiter that most lines agree on.
fn delimiter(text: &str) -> Result<Guess<char>, NoProposal> {
    // Lines agree if they have as many columns as the first that may be a header.
    let agreeing = |delimiter: char| {
        let (quote, escape) = USUAL;
        let records = look::records(text, delimiter, quote, escape, LINES_COMPARED);
        let records: Vec<Vec<String>> = records.into_iter().map(|record| record.cells).collect();
        let header = records.iter().take(HEADER_LINES_MAX).find(|cells| is_header(cells));
        let width = header.or(records.first()).map_or(0, Vec::len);
        let same = records.iter().filter(|record| record.len() == width).count();
        (delimiter, width, same, records.len())
    };
    let fitting = DELIMITERS.map(agreeing).into_iter().filter(|found| COLUMNS_MIN <= found.1);
    // The first of equals: `max_by_key` would take the last.
    let best = fitting.rev().max_by_key(|(_, width, same, lines)| (same * 100 / lines, *width));
    let Some((delimiter, width, same, lines)) = best else {
        let first = text.lines().next().unwrap_or_default();
        return Err(NoProposal::NoColumns(first.chars().take(80).collect()));
    };
    let trust = match same * 100 / lines {
        95.. => Trust::Sure,
        70.. => Trust::Likely,
        _ => Trust::Unsure,
    };
    let why = format!("{same} of the first {lines} lines have {width} columns");
    Ok(Guess::new(trust, delimiter, why))
}

/// What quotes mean, if the usual reads fewer lines than something else.
fn quotes(text: &str, delimiter: char) -> Option<Guess<(Quote, QuoteEscape)>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let scored = QUOTES.map(|(quote, escape)| {
        let records = look::records(text, delimiter, quote, escape, ROWS_MAX);
        let cells = |record: &&Record| is_header(&record.cells);
        let width = records.iter().take(HEADER_LINES_MAX).find(cells).map_or(0, |r| r.cells.len());
        let mut at = text.lines().peekable();
        let good = records.iter().filter(|record| {
            // A line inside of quotes that has as many columns is a row that they took. The last one is
            // only where the first one is as well: behind the quote stand columns of every such row.
            while at.next_if(|line| line.is_empty()).is_some() {}
            let lines: Vec<bool> = at
                .by_ref()
                .take(record.lines)
                .map(|line| line.split(delimiter).count() == width)
                .collect();
            let has_row = match lines.as_slice() {
                [first, inner @ .., last] => (*first && *last) || inner.contains(&true),
                _ => false,
            };
            record.is_whole && record.cells.len() == width && !has_row
        });
        (good.map(|record| record.lines).sum::<usize>(), (quote, escape))
    });
    let usual = scored.first().map_or(0, |(good, _)| *good);
    // The first of equals: `max_by_key` would take the last.
    let (best, value) = scored.into_iter().rev().max_by_key(|(good, _)| *good)?;
    let why = format!("{best} of {lines} lines are read so, {usual} with quotes as usual");
    (usual < best).then(|| Guess::new(Trust::Likely, value, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, delimiter: char, names: &[&str]) {
        let (table, found) = Table::read(text, true).unwrap();
        assert_eq!(
            (found.value, table.names()),
            (delimiter, names.iter().map(|n| (*n).into()).collect())
        );
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_columns() {
        check("a,b,c\n1,2,3\n", ',', &["a", "b", "c"]);
        check("a;b;c\n1,5;2,5;3,5\n", ';', &["a", "b", "c"]);
        check("a\tb\tc\n1\t2\t\"x\ty\"\n", '\t', &["a", "b", "c"]);
        check("a | b | c\n1|2|3\n", '|', &["a", "b", "c"]);
    }

    #[test]
    fn a_delimiter_inside_quotes_is_none() {
        check("a;b;c\n\"1,2,3,4\";2;3\n\"1;1\";2;3\n", ';', &["a", "b", "c"]);
    }

    #[test]
    fn what_quotes_mean_is_what_reads_most_lines() {
        let quotes =
            |text: &str| Table::read(text, true).unwrap().0.quotes.map(|guess| guess.value);
        let none = Some((Quote::None, QuoteEscape::Doubled));
        assert_eq!(quotes("a\tb\tc\n1\t8\" pan\t3\n2\tMonitor 27\"\t3\n"), none);
        assert_eq!(quotes("a,b,c\n1,\"Cosy\" throw,3\n2,\"Throw,3\n3,Cup,1\n4,10\",1\n"), none);
        assert_eq!(quotes("a,b,c\n1,\"x\n2,y\n3,10\",1\n"), None);
        assert_eq!(quotes("a,b,c\n1,\"x, \"\"y\"\"\",3\n2,\"two\nlines\",3\n"), None);
        let backslash = Some((Quote::Is('"'), QuoteEscape::Backslash));
        assert_eq!(quotes("a,b,c\n1,\"27\\\", wide\",3\n2,x,3\n"), backslash);
        let single = Some((Quote::Is('\''), QuoteEscape::Doubled));
        assert_eq!(quotes("a,b,c\n1,'x, y',3\n2,'z',3\n"), single);
    }

    #[test]
    fn short_rows_are_filled_up() {
        let (table, found) = Table::read("a,b,c\n1\n1,2,3\n", true).unwrap();
        assert_eq!(table.columns[2].values, ["", "3"]);
        assert_eq!(found.trust, Trust::Unsure);
    }

    #[test]
    fn what_stands_around_the_table_is_left_out() {
        check("My shop\n\na;b;c\n1;2;3\n", ';', &["a", "b", "c"]);
        check("sep=;\na;b;c\n1,5;2,5;3,5\n", ';', &["a", "b", "c"]);
        let text = "a,b,c,d\n1,2,3,4\n\n1,record(s) downloaded\nSeller: x\n";
        let (table, _) = Table::read(text, true).unwrap();
        assert_eq!((table.footer_lines, table.columns[0].values.len()), (2, 1));
        let (table, _) = Table::read(text, false).unwrap();
        assert_eq!(table.footer_lines, 0);
    }

    #[test]
    fn a_footer_that_is_filled_up_is_none_where_rows_look_like_it() {
        let (table, _) = Table::read("a,b,c,d\n1,2,3,4\nSum,,,4\n", true).unwrap();
        assert_eq!((table.footer_lines, table.columns[0].values.len()), (1, 1));
        let (table, _) = Table::read("a,b,c,d\n1,2,3,4\n,5,6,\n1,2,3,4\n,5,6,\n", true).unwrap();
        assert_eq!((table.footer_lines, table.columns[0].values.len()), (0, 4));
        // A row that continues the only order.
        let (table, _) = Table::read("a,b,c,d,e,f\n1,2,3,4,5,6\n,,3,4,5,\n", true).unwrap();
        assert_eq!((table.footer_lines, table.columns[0].values.len()), (0, 2));
        let text = "a,b,c,d\n1,2,3,4\n,5,6,\n1,2,3,4\nend\n";
        assert_eq!(Table::read(text, true).unwrap().0.footer_lines, 1);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let no = |text| Table::read(text, true).unwrap_err();
        assert_eq!(no("Dear customer\nthank you\n"), NoProposal::NoColumns("Dear customer".into()));
        assert!(matches!(no("1,2,3\n4,5,6\n"), NoProposal::NoHeader { line: 1, .. }));
        assert!(matches!(no("a,,\n4,5,6\n"), NoProposal::NoHeader { .. }));
        let names = ["a", "b", "c"].map(ToOwned::to_owned).to_vec();
        assert_eq!(no("a,b,c\n"), NoProposal::NoRows(names.clone()));
        assert_eq!(no("a,b,c\nsum,,\n"), NoProposal::NoRows(names));
    }
}
