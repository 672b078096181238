//! Splits text into columns, with the reader's own code.

use domain::partner::{Quote, QuoteEscape};
use tabular::look::{self, NoTable, Quotes, Told};

use super::aliases;
use super::guess::{Guess, NoProposal, Trust};

/// Most rows that are read.
const ROWS_MAX: usize = 20_000;

/// One column of the file.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Trimmed; empty if a row is too short.
    pub(super) values: Vec<String>,
}

/// The first rows of a file, column by column.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Number of text lines after the rows, if the whole file was read.
    pub(super) footer_lines: usize,
    /// The file ends in the middle of a line.
    pub(super) is_open: bool,
    /// Number of rows that have fewer cells than the header.
    pub(super) short_rows: usize,
    /// The meaning of quotes, if it is unusual.
    pub(super) quotes: Option<Guess<(Quote, QuoteEscape)>>,
    /// The position of the table, for comparison with the reader's.
    pub(super) seen: Seen,
}

/// The position of a table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// Physical line of the header.
    pub header_line: u64,
    /// Physical lines that repeat the header.
    pub header_again: Vec<u64>,
    /// Number of rows, if the whole file was read.
    pub rows: Option<u64>,
}

impl Table {
    pub(super) fn read(text: &str, is_whole: bool) -> Result<(Self, Guess<char>), NoProposal> {
        if ends_with_carriage_returns(text) {
            return Err(NoProposal::CarriageReturns);
        }
        let names = aliases::all();
        let found = look::table(text, is_whole, &|cells| aliases::known(&names, cells))?;
        let (header, mut rows) = (found.header, found.rows);
        if rows.is_empty() {
            let behind =
                text.lines().skip(usize::try_from(found.header_line).unwrap_or(usize::MAX));
            let other = other_delimiter(behind, header.len(), found.delimiter);
            return Err(match other {
                Some(rows) => NoProposal::OtherDelimiter { header: found.delimiter, rows },
                None => NoProposal::NoRows(header),
            });
        }
        let seen = Seen {
            header_line: found.header_line,
            header_again: found.header_again,
            rows: is_whole.then_some(rows.len() as u64),
        };
        rows.truncate(ROWS_MAX);
        let named = header.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let short_rows = rows.iter().filter(|row| row.len() < named).count();
        let mut columns: Vec<Column> = header
            .into_iter()
            .map(|name| Column { name: on_one_line(&name), values: Vec::new() })
            .collect();
        for row in rows {
            let mut cells = row.into_iter();
            for column in &mut columns {
                column.values.push(cells.next().unwrap_or_default());
            }
        }
        let (is_open, footer_lines) = (!text.ends_with('\n'), found.footer_lines);
        let quotes = found.quotes.map(quotes);
        let delimiter = delimiter(found.delimiter, found.told);
        Ok((Self { columns, footer_lines, is_open, short_rows, quotes, seen }, delimiter))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }
}

impl From<NoTable> for NoProposal {
    fn from(none: NoTable) -> Self {
        match none {
            NoTable::Empty => Self::Empty,
            NoTable::NoColumns(first) => Self::NoColumns(first),
            NoTable::NoHeader(line, found) => Self::NoHeader { line, found },
        }
    }
}

/// The delimiter with which most lines have as many cells as the header.
fn other_delimiter<'a>(
    lines: impl Iterator<Item = &'a str>,
    width: usize,
    header: char,
) -> Option<char> {
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).take(ROWS_MAX).collect();
    let fits = |delimiter: char| {
        lines.iter().filter(|line| line.split(delimiter).count() == width).count()
    };
    let others = [',', ';', '\t', '|'].into_iter().filter(|delimiter| *delimiter != header);
    let best = others.max_by_key(|delimiter| fits(*delimiter))?;
    (lines.len() < fits(best) * 2).then_some(best)
}

/// No line ends otherwise.
fn ends_with_carriage_returns(text: &str) -> bool {
    !text.contains('\n') && text.trim_end().contains('\r')
}

/// A name of which a quoted cell has several lines; names are compared without blanks.
fn on_one_line(name: &str) -> String {
    match name.contains(char::is_control) {
        true => name
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        false => name.to_owned(),
    }
}

fn delimiter(delimiter: char, told: Told) -> Guess<char> {
    let Told::ByRecords { width, same, of } = told else {
        return Guess::new(Trust::Sure, delimiter, "the first line says so");
    };
    let trust = match same * 100 / of.max(1) {
        95.. => Trust::Sure,
        70.. => Trust::Likely,
        _ => Trust::Unsure,
    };
    Guess::new(trust, delimiter, format!("{same} of the first {of} lines have {width} columns"))
}

fn quotes(found: Quotes) -> Guess<(Quote, QuoteEscape)> {
    let Quotes { quote, escape, lines: [best, usual, all] } = found;
    let why = format!("{best} of {all} lines are read so, {usual} with quotes as usual");
    Guess::new(Trust::Likely, (quote, escape), why)
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
    fn a_delimiter_inside_quotes_is_text() {
        check("a;b;c\n\"1,2,3,4\";2;3\n\"1;1\";2;3\n", ';', &["a", "b", "c"]);
    }

    #[test]
    fn the_meaning_of_quotes_is_the_one_that_reads_most_lines() {
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
    fn text_around_the_table_is_left_out() {
        check("My shop\n\na;b;c\n1;2;3\n", ';', &["a", "b", "c"]);
        check("sep=;\na;b;c\n1,5;2,5;3,5\n", ';', &["a", "b", "c"]);
        let text = "a,b,c,d\n1,2,3,4\n\n1,record(s) downloaded\nSeller: x\n";
        let (table, _) = Table::read(text, true).unwrap();
        assert_eq!((table.footer_lines, table.columns[0].values.len()), (2, 1));
        let (table, _) = Table::read(text, false).unwrap();
        assert_eq!(table.footer_lines, 0);
    }

    #[test]
    fn a_row_that_looks_like_a_footer_is_a_row() {
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
    fn a_file_without_a_table_is_refused() {
        let no = |text| Table::read(text, true).unwrap_err();
        assert_eq!(no("Dear customer\nthank you\n"), NoProposal::NoColumns("Dear customer".into()));
        assert!(matches!(no("1,2,3\n4,5,6\n"), NoProposal::NoHeader { line: 1, .. }));
        assert!(matches!(no("a,,\n4,5,6\n"), NoProposal::NoHeader { .. }));
        let names = ["a", "b", "c"].map(ToOwned::to_owned).to_vec();
        assert_eq!(no("a,b,c\n"), NoProposal::NoRows(names.clone()));
        assert_eq!(no("a,b,c\nsum,,\n"), NoProposal::NoRows(names));
    }
}
