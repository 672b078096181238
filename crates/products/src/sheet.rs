//! Products as CSV: a line for each, columns by their names.

mod read;
mod row;

pub use read::read;
pub use row::Row;

use domain::Product;
use std::collections::BTreeSet;
use std::fmt;

/// Most lines of a file.
pub const ROWS_MAX: usize = 1_000_000;

/// Columns, in the order in which they are written. Beside them, `metadata.NAME` is a text of the metadata.
pub const COLUMNS: [&str; 8] =
    ["id", "name", "price", "currency", "category", "tax_category", "active", "low_stock"];
/// What a column of the metadata begins with.
const METADATA: &str = "metadata.";

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1 on; the header is line 1 of most files.
    pub line: u64,
    /// The column's name; empty where the line as a whole is meant.
    pub column: String,
    /// Which rule it breaks.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, reason } = self;
        if column.is_empty() {
            write!(f, "line {line}: {reason}")
        } else {
            write!(f, "line {line}, {column} {reason}")
        }
    }
}

/// The products as CSV, which [`read()`] reads back.
///
/// # Errors
/// None that memory can have.
pub fn write<'a>(
    products: impl IntoIterator<Item = &'a Product> + Clone,
) -> Result<Vec<u8>, csv::Error> {
    let all = products.clone().into_iter();
    let names: BTreeSet<&str> = all.flat_map(|it| it.metadata.keys().map(String::as_str)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let metadata = names.iter().map(|name| format!("{METADATA}{name}"));
    writer.write_record(COLUMNS.map(str::to_owned).into_iter().chain(metadata))?;
    for product in products {
        let Product {
            id, name, price, currency, category, tax_category, active, low_stock, ..
        } = product;
        let own = [
            id.to_string(),
            name.clone(),
            price.to_string(),
            currency.to_string(),
            category.clone().unwrap_or_default(),
            tax_category.as_ref().map(ToString::to_string).unwrap_or_default(),
            active.to_string(),
            low_stock.map(|it| it.to_string()).unwrap_or_default(),
        ];
        let of = |name: &&str| product.metadata.get(*name).cloned().unwrap_or_default();
        writer.write_record(own.into_iter().chain(names.iter().map(of)))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests;
