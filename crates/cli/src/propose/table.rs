//! From text to columns: which delimiter, which line is the header.

use super::{Guess, NoProposal, Trust};

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
/// The order in which a tie is decided.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

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
}

impl Table {
    pub(super) fn read(text: &str, is_whole: bool) -> Result<(Self, Guess<char>), NoProposal> {
        let (text, separator) = match text.strip_prefix("sep=") {
            Some(rest) => (rest.split_once('\n').map_or("", |(_, rest)| rest), rest.chars().next()),
            None => (text, None),
        };
        let mut delimiter = delimiter(text)?;
        if let Some(named) = separator.filter(|named| DELIMITERS.contains(named)) {
            delimiter = Guess::new(Trust::Sure, named, "the first line says so");
        }
        let all = records(text, delimiter.value, ROWS_MAX + 1);
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
        if records.len() == 0 {
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
        Ok((Self { columns, footer_lines }, delimiter))
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

/// Records with trimmed cells; what the csv crate cannot read ends them.
fn records(text: &str, delimiter: char, max: usize) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(u8::try_from(delimiter).expect("the delimiters are ASCII"))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let records = reader.records().map_while(Result::ok).take(max);
    records.map(|record| record.iter().map(ToOwned::to_owned).collect()).collect()
}

/// The delimiter that most lines agree on.
fn delimiter(text: &str) -> Result<Guess<char>, NoProposal> {
    // Lines agree if they have as many columns as the first that may be a header.
    let agreeing = |delimiter: char| {
        let records = records(text, delimiter, LINES_COMPARED);
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
