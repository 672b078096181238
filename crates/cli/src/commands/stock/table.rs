//! Levels as CSV: the columns `product_id` and `available`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use domain::ProductId;
use terminal::output;

/// The most that can be set of one product.
const MAX_AVAILABLE: i64 = 1_000_000_000;
/// Rows of a file that is imported.
const ROWS_MAX: usize = 1_000_000;

/// Levels by product.
pub(super) type Available = BTreeMap<ProductId, i64>;

/// From 0 to [`MAX_AVAILABLE`].
pub(super) fn available(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|number| (0..=MAX_AVAILABLE).contains(number));
    number.ok_or_else(|| format!("is no whole number from 0 to {MAX_AVAILABLE}"))
}

/// Writes levels so that [`read`] reads them again.
pub(super) fn write(to: impl Write, available: &Available) -> Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(["product_id", "available"])?;
    for (product, available) in available {
        writer.write_record([product.as_str(), &available.to_string()])?;
    }
    writer.flush().context("the levels cannot be written")
}

/// All products of a file, or every line that is wrong.
pub(super) fn read(path: &Path) -> Result<Available> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    parse(file).map_err(|problems| {
        let count = output::count(problems.len(), "problem");
        let text = problems.join("\n");
        anyhow::anyhow!("{}: nothing is imported, {count}:\n{text}", path.display())
    })
}

fn parse(input: impl std::io::Read) -> Result<Available, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let columns = reader.headers().map_err(|error| vec![error.to_string()])?.clone();
    let column = |name: &str| {
        columns.iter().position(|column| column.trim_start_matches('\u{feff}') == name)
    };
    let (Some(product), Some(available)) = (column("product_id"), column("available")) else {
        return Err(vec!["line 1: the columns product_id and available are needed".to_owned()]);
    };
    let (mut found, mut problems) = (Available::new(), Vec::new());
    for record in reader.records() {
        let read = record.map_err(|error| error.to_string()).and_then(|record| {
            let line = record.position().map_or(0, csv::Position::line);
            let at = |text: String| format!("line {line}: {text}");
            let id = ProductId::parse(record.get(product).unwrap_or_default())
                .map_err(|error| at(format!("product_id {error}")))?;
            let number = record.get(available).unwrap_or_default();
            let number = number
                .parse()
                .ok()
                .filter(|number| (0..=MAX_AVAILABLE).contains(number))
                .ok_or_else(|| {
                    at(format!("available {number:?} is no whole number from 0 to {MAX_AVAILABLE}"))
                })?;
            match found.insert(id.clone(), number) {
                None => Ok(()),
                Some(_) => Err(at(format!("product_id {id} is also in an earlier line"))),
            }
        });
        problems.extend(read.err());
        if ROWS_MAX < found.len() {
            problems.push(format!("more than {ROWS_MAX} products"));
            break;
        }
    }
    if found.is_empty() && problems.is_empty() {
        problems.push("no products".to_owned());
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_read_by_the_names_of_their_columns() {
        let text = "\u{feff}available,name,product_id\n5,\"Mug, red\",P1\n 0 ,x, P 2 \n";
        let found = parse(text.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|(id, n)| (id.as_str(), *n)).collect();
        assert_eq!(found, [("P 2", 0), ("P1", 5)]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let id = |text: &str| ProductId::parse(text).unwrap();
        let levels = Available::from([(id("a \"b\", c"), 3), (id("P1"), 0)]);
        let mut text = Vec::new();
        write(&mut text, &levels).unwrap();
        assert_eq!(parse(text.as_slice()).unwrap(), levels);
    }

    #[test]
    fn every_bad_line_is_listed_and_nothing_is_imported() {
        let text = "product_id,available\nP1,5\n,1\nP2,many\nP3,-1\nP1,6\nP4\nP5,1.5\n";
        let problems = parse(text.as_bytes()).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|p| p.split(": ").next().unwrap()).collect();
        assert_eq!(&lines[..4], ["line 3", "line 4", "line 5", "line 6"]);
        assert_eq!(problems.len(), 6, "{problems:?}");
    }

    #[test]
    fn a_file_without_the_columns_or_without_products_says_so() {
        for (text, expected) in [
            ("", "columns product_id and available"),
            ("product,available\nP1,1\n", "columns product_id and available"),
            ("product_id,available\n", "no products"),
        ] {
            let problems = parse(text.as_bytes()).unwrap_err();
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}
