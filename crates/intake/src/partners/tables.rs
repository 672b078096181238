//! Tables beside the partners' configuration: our catalogue, what a partner calls our products, and
//! what its transform looks up.

use crate::problem::{Problem, Problems};
use domain::partner::{LookUp, Partner, Products};
use domain::{PartnerId, ProductId};
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Most bytes of a table.
const TABLE_BYTES_MAX: usize = 8 << 20;
/// Most rows of a table.
const TABLE_ROWS_MAX: usize = 200_000;

/// Reads the tables of a partner: those of its look-ups take the place of their names, and those of its
/// products, if it has any, are returned. `read` gives a table by its name.
///
/// # Errors
/// Everything that is wrong with them.
pub fn tables(
    name: &PartnerId,
    partner: &mut Partner,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Option<Products>, Vec<Problem>> {
    let mut problems = Problems::default();
    let transform = partner.file.as_mut().and_then(|file| file.transform.as_mut());
    for (key, look_up) in transform.into_iter().flat_map(|it| &mut it.look_ups) {
        let LookUp::File(file) = look_up else { continue };
        match read(file).and_then(|bytes| texts(&bytes)) {
            Ok(table) => *look_up = LookUp::Table(Arc::new(table)),
            Err(reason) => {
                let place = format!("partners.{name}.file.transform.look-ups.{key}");
                problems.add(place, format!("{file}: {reason}"));
            }
        }
    }
    let products = products(name, partner, read, &mut problems);
    if problems.0.is_empty() { Ok(products) } else { Err(problems.0) }
}

/// What each text becomes.
fn texts(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let mut table = BTreeMap::new();
    for (line, texts) in rows(bytes, &["from", "to"], |_| Ok(()))? {
        let [from, to] = texts.as_slice() else { continue };
        match table.entry(from.to_string()) {
            Entry::Vacant(free) => {
                free.insert(to.to_string());
            }
            Entry::Occupied(before) if **before.get() == **to => {}
            Entry::Occupied(_) => {
                return Err(format!("line {line}: {from:?} becomes another text above"));
            }
        }
    }
    Ok(table)
}

/// The products of a partner; nothing, if it has no tables of them.
fn products(
    name: &PartnerId,
    partner: &Partner,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, String>,
    problems: &mut Problems,
) -> Option<Products> {
    let is_product = |id: &str| ProductId::parse(id).map(drop).map_err(|error| error.to_string());
    let mut table = |key: &str, file: Option<&String>, columns: &[&str]| {
        let file = file?;
        let rows = read(file).and_then(|bytes| rows(&bytes, columns, is_product));
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
    if partner.catalogue.is_none() && partner.product_ids.is_none() {
        return None;
    }
    let catalogue = catalogue.map(|rows| rows.into_iter().flat_map(|(_, ids)| ids).collect());
    let known = || catalogue.unwrap_or_else(|| ours.values().cloned().collect::<HashSet<_>>());
    let known = partner.rules.known_products.then(known);
    Some(Products::new(ours, known))
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

/// The texts in some columns of a CSV, each row with its line.
fn rows(
    bytes: &[u8],
    columns: &[&str],
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<Rows, String> {
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
        let texts = places.iter().map(|place| -> Result<Box<str>, String> {
            let text = record.get(*place).unwrap_or_default();
            check(text).map_err(|reason| format!("line {line}: {reason}"))?;
            Ok(text.into())
        });
        rows.push((line, texts.collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(catalogue: &str, names: &str, expected: &str) {
        let mut partner = Partner {
            catalogue: Some("c.csv".into()),
            product_ids: Some("n.csv".into()),
            ..serde_yaml_ng::from_str("currency: EUR\nrules: {known-products: true}").unwrap()
        };
        let table = |name: &str| match name {
            "c.csv" => Ok(catalogue.as_bytes().to_vec()),
            _ => Ok(names.as_bytes().to_vec()),
        };
        let found = match tables(&PartnerId::parse("A").unwrap(), &mut partner, table) {
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

    #[track_caller]
    fn check_look_up(table: &str, expected: &str) {
        let yaml = "currency: EUR
file:
  columns: {order-id: a, product-id: b, quantity: c, unit-price: d, ordered-at: e}
  transform: {look-ups: {x: x.csv}}";
        let mut partner: Partner = serde_yaml_ng::from_str(yaml).unwrap();
        let read = |name: &str| (name == "x.csv").then(|| table.into()).ok_or("?".to_owned());
        let found = match tables(&PartnerId::parse("A").unwrap(), &mut partner, read) {
            Ok(products) => {
                assert!(products.is_none());
                let transform = partner.file.unwrap().transform.unwrap();
                assert_eq!(transform.unread(), None);
                let LookUp::Table(table) = &transform.look_ups["x"] else { panic!("a name") };
                format!("{table:?}")
            }
            Err(problems) => problems[0].to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn look_ups_are_read_by_the_names_of_their_columns() {
        check_look_up(
            "to,note,From\ntoys,x, 10\n,y,20\ntoys,z,10\n",
            r#"{"10": "toys", "20": ""}"#,
        );
        check_look_up("from,to\n", "{}");
        let place = "partners.A.file.transform.look-ups.x: x.csv:";
        check_look_up("a,b\n", &format!("{place} the header has no column from"));
        let other = "line 4: \"10\" becomes another text above";
        check_look_up("from,to\n10,a\n20,b\n10,b\n", &format!("{place} {other}"));
    }
}
