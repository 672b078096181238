//! Tables beside the partners' configuration: our catalogue, and what a partner calls our products.

use super::{Problem, Problems};
use domain::partner::{Partner, Products};
use domain::{PartnerId, ProductId};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Most bytes of a table.
const TABLE_BYTES_MAX: usize = 8 << 20;
/// Most rows of a table.
const TABLE_ROWS_MAX: usize = 200_000;

/// The products of a partner; nothing, if it has no tables. `read` gives a table by its name.
///
/// # Errors
/// Everything that is wrong with them.
pub fn products(
    name: &PartnerId,
    partner: &Partner,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Option<Products>, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut table = |key: &str, file: Option<&String>, columns: &[&str]| {
        let file = file?;
        let rows = read(file).and_then(|bytes| rows(&bytes, columns));
        let place = format!("partners.{name}.{key}");
        rows.map_err(|reason| problems.add(place, format!("{file}: {reason}"))).ok()
    };
    let catalogue = table("catalogue", partner.catalogue.as_ref(), &["product_id"]);
    let columns = ["product_id", "partner_product_id"];
    let names = table("product-ids", partner.product_ids.as_ref(), &columns);
    let mut ours = HashMap::new();
    for (line, ids) in names.into_iter().flatten() {
        let [our, their] = ids.as_slice() else { continue };
        let before = ours.insert(their.clone(), our.clone());
        if before.is_some_and(|before| before != *our) {
            let file = partner.product_ids.as_deref().unwrap_or_default();
            let reason = format!("{file}: line {line}: {their:?} stands for another product above");
            problems.add(format!("partners.{name}.product-ids"), reason);
        }
    }
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    if partner.catalogue.is_none() && partner.product_ids.is_none() {
        return Ok(None);
    }
    let catalogue = catalogue.map(|rows| rows.into_iter().flat_map(|(_, ids)| ids).collect());
    let known = || catalogue.unwrap_or_else(|| ours.values().cloned().collect::<HashSet<_>>());
    let known = partner.rules.known_products.then(known);
    Ok(Some(Products::new(ours, known)))
}

/// Reads a table of `folder`, where the configuration is.
///
/// # Errors
/// What the system says, or that it is too large.
pub fn read_table(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(folder.join(name)).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut start = file.take(TABLE_BYTES_MAX as u64 + 1);
    start.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

type Rows = Vec<(u64, Vec<Box<str>>)>;

/// The ids in some columns of a CSV, each row with its line.
fn rows(bytes: &[u8], columns: &[&str]) -> Result<Rows, String> {
    if TABLE_BYTES_MAX < bytes.len() {
        return Err(format!("has more than {TABLE_BYTES_MAX} bytes"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| error.to_string())?;
    let places = columns.iter().map(|column| {
        let place = header.iter().position(|name| name.eq_ignore_ascii_case(column));
        place.ok_or_else(|| format!("the header has no column {column}"))
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        if rows.len() == TABLE_ROWS_MAX {
            return Err(format!("has more than {TABLE_ROWS_MAX} rows"));
        }
        let ids = places.iter().map(|place| -> Result<Box<str>, String> {
            let id = record.get(*place).unwrap_or_default();
            ProductId::parse(id).map_err(|error| format!("line {line}: {error}"))?;
            Ok(id.into())
        });
        rows.push((line, ids.collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(catalogue: &str, names: &str, expected: &str) {
        let partner = Partner {
            catalogue: Some("c.csv".into()),
            product_ids: Some("n.csv".into()),
            ..serde_yaml_ng::from_str("currency: EUR\nrules: {known-products: true}").unwrap()
        };
        let table = |name: &str| match name {
            "c.csv" => Ok(catalogue.as_bytes().to_vec()),
            _ => Ok(names.as_bytes().to_vec()),
        };
        let found = match products(&PartnerId::parse("A").unwrap(), &partner, table) {
            Ok(products) => {
                let products = products.unwrap();
                ["P1", "a", "b"].map(|id| products.find(id).unwrap_or("-").to_owned()).join(" ")
            }
            Err(problems) => {
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(found, expected);
    }

    const CATALOGUE: &str = "product_id,price,unit\nP1,2.50,piece\nP2,,\n";
    const NAMES: &str = "partner_product_id,product_id\na,P1\nb,P3\n";

    #[test]
    fn tables_are_read_by_the_names_of_their_columns() {
        check(CATALOGUE, NAMES, "P1 P1 -");
        check("\u{FEFF}Price, Product_ID \n1, P3 \n", NAMES, "- - P3");
        check(CATALOGUE, "product_id,partner_product_id,x\nP1,a,1\nP1,a,2\n", "P1 P1 -");
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        let place = "partners.A.product-ids: n.csv:";
        let other = format!("{place} line 3: \"a\" stands for another product above");
        check(CATALOGUE, "partner_product_id,product_id\na,P1\na,P2\n", &other);
        check(CATALOGUE, "a,b\n", &format!("{place} the header has no column product_id"));
        check(CATALOGUE, "", &format!("{place} the header has no column product_id"));
        let empty = "partners.A.catalogue: c.csv: line 3: is empty";
        check("product_id\nP1\n\"\"\n", NAMES, empty);
        let many = format!("product_id\n{}", "P\n".repeat(TABLE_ROWS_MAX + 1));
        check(&many, NAMES, "partners.A.catalogue: c.csv: has more than 200000 rows");
        let large = " ".repeat(TABLE_BYTES_MAX + 1);
        check(&large, NAMES, "partners.A.catalogue: c.csv: has more than 8388608 bytes");
    }
}
