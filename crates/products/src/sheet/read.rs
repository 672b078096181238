//! Reads a file line by line.

use super::{COLUMNS, Fault, METADATA, ROWS_MAX, Row};
use csv::{ReaderBuilder, StringRecord};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Delimiters of which the first one in the header counts.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The lines of a file in UTF-8, with a header; its delimiter is a comma, a semicolon or a tab.
///
/// # Errors
/// Every line that cannot be read, and every column that is not known; or that there are too many lines.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Vec<Fault>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = header.iter().find(|byte| DELIMITERS.contains(byte)).copied();
    let mut builder = ReaderBuilder::new();
    let mut reader = builder.delimiter(delimiter.unwrap_or(b',')).from_reader(bytes);
    let header = reader.headers().map_err(|error| vec![unreadable(&error)])?;
    let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    check(&columns)?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut lines = BTreeMap::new();
    for record in reader.records() {
        match record.map_err(|error| unreadable(&error)).and_then(|it| row(&columns, &it)) {
            Err(fault) => faults.push(fault),
            Ok(row) => match lines.entry(row.id.clone()) {
                Entry::Occupied(before) => {
                    let reason =
                        format!("is {}, which stands in line {} as well", row.id, before.get());
                    faults.push(Fault { line: row.line, column: "id".to_owned(), reason });
                }
                Entry::Vacant(free) => {
                    free.insert(row.line);
                    rows.push(row);
                }
            },
        }
        if ROWS_MAX < rows.len() + faults.len() {
            let reason = format!("the limit is {ROWS_MAX} products; cut the file in two");
            faults.push(Fault { line: 1, column: String::new(), reason });
            break;
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

fn check(columns: &[String]) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fault = |column: &str, reason: String| {
        faults.push(Fault { line: 1, column: column.to_owned(), reason });
    };
    for (index, name) in columns.iter().enumerate() {
        let is_metadata = name.strip_prefix(METADATA).is_some_and(|name| !name.trim().is_empty());
        if !is_metadata && !COLUMNS.contains(&name.as_str()) {
            let known = COLUMNS.join(", ");
            fault("", format!("column {name:?} is not known; {known} and {METADATA}NAME are"));
        } else if columns.iter().take(index).any(|before| before == name) {
            fault(name, "is there twice".to_owned());
        }
    }
    if !columns.iter().any(|name| name == "id") {
        fault("", "there is no column id".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn row(columns: &[String], record: &StringRecord) -> Result<Row, Fault> {
    let line = record.position().map_or(0, csv::Position::line);
    let texts = record.iter().map(|text| text.trim().to_owned());
    Row::new(line, columns.iter().cloned().zip(texts).collect())
}

fn unreadable(error: &csv::Error) -> Fault {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells, and the header {expected_len}; is a quote missing?")
        }
        csv::ErrorKind::Utf8 { .. } => "is no UTF-8; save the file as CSV in UTF-8".to_owned(),
        _ => error.to_string(),
    };
    Fault { line, column: String::new(), reason }
}
