//! A file of payments: CSV with `,` or `;`, columns by their names.

use chrono::NaiveDate;
use domain::{Money, text};
use std::collections::HashMap;

/// Most payments of a file.
pub(super) const ROWS_MAX: usize = 10_000;
/// Columns of the file, in any order.
const COLUMNS: [&str; 4] = ["number", "amount", "paid_on", "reference"];

/// A line of the file: `number,amount,paid_on,reference`, with a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    /// The number of the document that was paid.
    pub(super) number: String,
    /// What was paid, as 12.50; below zero, what was refunded.
    pub(super) amount: Money,
    /// When: 2026-01-31.
    pub(super) paid_on: NaiveDate,
    /// What names the payment, 1 to 200 characters: one document has it once.
    pub(super) reference: String,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// From 1 on, which is the header.
    pub(super) line: u64,
    /// Empty where the line as a whole is meant.
    pub(super) column: &'static str,
    pub(super) reason: String,
}

/// Reads a file; all that is wrong with it is named.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Row>, Vec<Wrong>> {
    let whole = |line, reason: String| vec![Wrong { line, column: "", reason }];
    let text = std::str::from_utf8(bytes).map_err(|_| whole(1, "is not UTF-8".to_owned()))?;
    // A line end of two bytes would count lines of the one before.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let is_semicolon = text.lines().next().is_some_and(|head| head.contains(';'));
    let delimiter = if is_semicolon { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| whole(1, format!("cannot be read: {error}")))?;
    let places: Result<Vec<usize>, Vec<Wrong>> = COLUMNS
        .iter()
        .map(|name| header.iter().position(|found| found.eq_ignore_ascii_case(name)).ok_or(*name))
        .map(|place| {
            place.map_err(|name| {
                let found: Vec<&str> = header.iter().take(20).collect();
                let names = COLUMNS.join(",");
                let found = found.join(",");
                whole(
                    1,
                    format!(
                        "the column {name} is missing: the header has to be {names}, and is {found}"
                    ),
                )
            })
        })
        .collect();
    let places = places?;
    let (mut rows, mut wrong, mut names) = (Vec::new(), Vec::new(), HashMap::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                wrong.push(Wrong { line, column: "", reason: format!("cannot be read: {error}") });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if rows.len() + wrong.len() == ROWS_MAX {
            return Err(whole(line, format!("a file has at most {ROWS_MAX} payments; divide it")));
        }
        let cell = |column: usize| {
            places.get(column).and_then(|place| record.get(*place)).unwrap_or_default()
        };
        match row(line, [cell(0), cell(1), cell(2), cell(3)]) {
            Ok(row) => {
                let name = (row.number.clone(), row.reference.clone());
                if let Some(before) = names.insert(name, line) {
                    let reason = format!("names the payment of line {before} again");
                    wrong.push(Wrong { line, column: "reference", reason });
                }
                rows.push(row);
            }
            Err(found) => wrong.extend(found),
        }
    }
    if rows.is_empty() && wrong.is_empty() {
        return Err(whole(1, "the file has no payments".to_owned()));
    }
    if wrong.is_empty() { Ok(rows) } else { Err(wrong) }
}

fn row(line: u64, [number, amount, paid_on, reference]: [&str; 4]) -> Result<Row, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut add = |column, reason: String| wrong.push(Wrong { line, column, reason });
    if number.is_empty() {
        add("number", "is empty".to_owned());
    }
    let read = Money::parse(amount);
    if let Err(error) = &read {
        add("amount", format!("{error}, such as 12.50"));
    }
    let day = paid_on.parse::<NaiveDate>();
    if day.is_err() {
        add("paid_on", "is no day such as 2026-01-31".to_owned());
    }
    if let Some(reason) = text::problem(reference, crate::people::REFERENCE_CHARS_MAX) {
        add("reference", reason.to_string());
    }
    match (read, day) {
        (Ok(amount), Ok(paid_on)) if wrong.is_empty() => Ok(Row {
            line,
            number: number.to_owned(),
            amount,
            paid_on,
            reference: reference.to_owned(),
        }),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, expected: &str) {
        let found = match read(file.as_bytes()) {
            Ok(rows) => rows
                .iter()
                .map(|row| {
                    let Row { line, number, amount, paid_on, reference } = row;
                    format!("{line}: {number} {amount} {paid_on} {reference}")
                })
                .collect::<Vec<_>>(),
            Err(wrong) => wrong
                .iter()
                .map(|wrong| {
                    let Wrong { line, column, reason } = wrong;
                    format!("✗ {line} {column}: {reason}")
                })
                .collect(),
        };
        assert_eq!(found.join(" | "), expected);
    }

    #[test]
    fn payments_are_read_by_the_names_of_columns() {
        let row = "2: A-1 12.00 2026-12-01 bank 7";
        check("number,amount,paid_on,reference\nA-1,12,2026-12-01,bank 7\n", row);
        check(
            "\u{feff}Reference;Paid_On;number;note;amount\r\nbank 7;2026-12-01;A-1;x;12\r\n",
            row,
        );
    }

    #[test]
    fn all_that_is_wrong_is_named_by_its_line() {
        check(
            "number,amount,paid_on,reference\n,12,2026-12-01,b\nA-1,12,2026-12-01,b\nA-1,1.5.0,1.12.2026,\n",
            "✗ 2 number: is empty | ✗ 4 amount: is not a decimal number, such as 12.50 | ✗ 4 paid_on: is no day such as \
             2026-01-31 | ✗ 4 reference: has 0 \
             characters; 1 to 200 are allowed, not only blanks",
        );
        check(
            "number,amount\nA-1,12\n",
            "✗ 1 : the column paid_on is missing: the header has to be \
            number,amount,paid_on,reference, and is number,amount",
        );
        check(
            "number,amount,paid_on,reference\nA-1,1,2026-12-01,b\nA-2,1,2026-12-01,b\nA-1,2,2026-12-02,b\n",
            "✗ 4 reference: names the payment of line 2 again",
        );
        check("number,amount,paid_on,reference\n", "✗ 1 : the file has no payments");
    }
}
