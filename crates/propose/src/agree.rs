//! A proposed configuration and the reader agree on a file: no row is lost, no header is taken for a
//! row, and no footer for an order. Checked with files of every combination of text around rows.

use super::{Proposal, propose};
use domain::PartnerId;
use tabular::{FileError, Limits, Summary, Transform};

const COLUMNS: [&str; 7] = ["Order", "SKU", "Name", "Qty", "Price", "Date", "Note"];
/// Rows: one with a text of several lines, one with delimiters in quotes, a plain one, and one that is
/// bad.
const ROWS: [&str; 5] = [
    "1|A-1|\"two\nlines\"|2|3.00|2024-01-13|x",
    "2|B-1|\"a, b; c\td\"|1|4.50|2024-01-14|",
    "3|C-1|Cup|5|1.25|2024-01-15|",
    "4|C-2|Cup \"\"new\"\"|many|1.25|2024-01-15|",
    "5|C-3|Plate|1|7.75|2024-01-16|y",
];

/// The text around the rows of a file.
#[derive(Clone, Copy, Debug)]
struct Around {
    delimiter: char,
    before: &'static str,
    /// Between the rows; `{header}` is the header in upper or lower case.
    between: &'static str,
    after: &'static str,
    end: &'static str,
    is_quoted: bool,
}

impl Around {
    fn all() -> impl Iterator<Item = Self> {
        let before =
            ["", "My shop\n\n", "\u{feff}Report of May||\nfrom 1 to 31|||||||||\n", "SEP\n"];
        let between = ["", "\n||||||\n", "{header}\n", "\u{feff}{header}\n\n"];
        let after = [
            "",
            "\n",
            "Sum|||||18.50|\n",
            "Thank you\nMy shop\n",
            "\"5 rows\nin all\"\n",
            "Sum||||||\n||||||\n",
            "5 rows",
        ];
        let mut all = Vec::new();
        for (n, (before, between)) in
            before.into_iter().flat_map(|one| between.map(|other| (one, other))).enumerate()
        {
            for (m, after) in after.into_iter().enumerate() {
                for delimiter in [',', ';', '\t', '|'] {
                    let end = if (n + m) % 2 == 0 { "\n" } else { "\r\n" };
                    let is_quoted = (n + m) % 3 == 0;
                    all.push(Self { delimiter, before, between, after, end, is_quoted });
                }
            }
        }
        all.into_iter()
    }

    fn header(self, names: impl Iterator<Item = String>) -> String {
        let sign = if self.is_quoted { "\"" } else { "" };
        let names: Vec<String> = names.map(|name| format!("{sign}{name}{sign}")).collect();
        names.join("|")
    }

    fn file(self) -> String {
        let names = || COLUMNS.into_iter().map(ToOwned::to_owned);
        let header = self.header(names());
        let again = self.header(names().map(|name| name.to_uppercase()));
        let between = self.between.replace("{header}", &again);
        let (first, last) = ROWS.split_at(3);
        let (first, last) = (first.join("\n"), last.join("\n"));
        let text = format!("{}{header}\n{first}\n{between}{last}\n{}", self.before, self.after);
        // A delimiter inside a text stays as it is: the rows contain no `|` in texts.
        let delimiter = self.delimiter.to_string();
        let text = text.replace("SEP", &format!("sep={delimiter}")).replace('|', &delimiter);
        text.replace('\n', self.end)
    }
}

fn proposed(file: &str) -> (Proposal, Summary) {
    let proposal = propose(file.as_bytes(), true, &[]).unwrap_or_else(|e| panic!("{e}\n{file}"));
    let summary = read(&proposal, file, |yaml| yaml).unwrap_or_else(|e| panic!("{e}\n{file}"));
    (proposal, summary)
}

/// Reads a file with its proposed configuration, changed by `change`.
fn read(
    proposal: &Proposal,
    file: &str,
    change: impl Fn(String) -> String,
) -> Result<Summary, FileError> {
    let name = PartnerId::parse("NEW").unwrap();
    let yaml = change(proposal.yaml(&name, "a.csv"));
    let partners = intake::partners::load(&yaml).unwrap();
    let partner = &partners[&name];
    let format = partner.file.as_ref().unwrap();
    let limits = Limits::default();
    let mut transform = Transform::new(format, &partner.rules, &partner.time_zone, limits).unwrap();
    transform.push(file.as_bytes())?;
    Ok(transform.finish()?.1)
}

#[track_caller]
fn agree(what: &str, proposal: &Proposal, summary: &Summary) {
    let (seen, found) = (&proposal.seen, &summary.detected);
    assert_eq!(seen.header_line, found.header_line, "{what}");
    assert_eq!(seen.header_again, found.header_again, "{what}");
    assert_eq!(seen.rows, Some(summary.rows), "{what}: {found:?}");
    let footer = proposal.footer_lines.as_ref().map_or(0, |lines| lines.value);
    assert_eq!(footer, found.footer.len(), "{what}: {found:?}");
}

#[test]
fn the_reader_reads_what_was_proposed() {
    let mut files = 0;
    for around in Around::all() {
        let file = around.file();
        let (proposal, summary) = proposed(&file);
        let what = format!("{around:?}\n{file}");
        assert_eq!(proposal.delimiter.value, around.delimiter, "{what}");
        agree(&what, &proposal, &summary);
        assert_eq!((summary.rows, summary.accepted), (5, 4), "{what}");
        // The reader finds the same by itself.
        let auto = |yaml: String| {
            let lines = yaml.lines().map(|line| match line.trim_start().split(':').next() {
                Some("delimiter") => "      delimiter: auto",
                Some("encoding") => "      encoding: auto",
                _ => line,
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let found = read(&proposal, &file, auto).unwrap_or_else(|error| panic!("{error}\n{what}"));
        assert_eq!(found, summary, "{what}");
        files += 1;
    }
    assert_eq!(files, 4 * 4 * 7 * 4);
}

#[test]
fn a_footer_is_counted_in_the_lines_that_the_reader_counts() {
    let rows = "order,sku,qty,price,date\n1,A,2,3.00,2024-01-01\n2,B,3,6.00,2024-01-02\n";
    for (end, lines) in [
        ("Sum,,,9,\n", 1),
        ("Sum,,,9,\n,,,,\n", 2),
        ("\"in\nall\"\n\nEnd\n", 3),
        (",,,,\n,,,,\n", 0),
        ("3,C,1,1.00,2024-01-03\n", 0),
    ] {
        let file = format!("{rows}{end}");
        let (proposal, summary) = proposed(&file);
        agree(end, &proposal, &summary);
        assert_eq!(proposal.footer_lines.map_or(0, |found| found.value), lines, "{end}");
    }
}

/// Also beyond the rows that the proposal reads.
#[test]
fn the_footer_of_a_long_file_is_found() {
    let rows = (0..30_000).map(|n| format!("{n},A,2,3.00,2024-01-01\n"));
    let file = format!("order,sku,qty,price,date\n{}2 rows\nEnd\n", rows.collect::<String>());
    let (proposal, summary) = proposed(&file);
    agree("long", &proposal, &summary);
    assert_eq!((summary.rows, summary.accepted), (30_000, 30_000));
}

/// The header is searched as far as the reader searches, and no row before it is skipped.
#[test]
fn a_header_is_found_where_the_reader_finds_it() {
    let table = "order,sku,qty,price,date\n1,A,2,3.00,2024-01-01\n2,B,3,6.00,2024-01-02\n";
    for lines in [1, 20, 49] {
        let file = format!("{}{table}", "a remark\n".repeat(lines));
        let (proposal, summary) = proposed(&file);
        agree("remarks", &proposal, &summary);
    }
    let file = format!("{}{table}", "a remark\n".repeat(50));
    assert!(propose(file.as_bytes(), true, &[]).is_err());
    let first = "order;sku;qty;price;date\n7;A;2;3.00;2024-01-01\n";
    let file = format!("{first}{}", table.repeat(5));
    let proposal = propose(file.as_bytes(), true, &[]).unwrap();
    let error = read(&proposal, &file, |yaml| yaml).unwrap_err();
    assert!(matches!(error, FileError::RowBeforeHeader { .. }), "{error}");
}
