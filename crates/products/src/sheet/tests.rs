//! Files, good and bad.

use super::{Fault, read, write};
use domain::Product;
use serde_json::json;

fn product(json: serde_json::Value) -> Product {
    serde_json::from_value(json).unwrap()
}

fn tea() -> Product {
    product(json!({"id": "P1", "name": "Tea, \"green\"", "price": "2.50", "currency": "EUR",
        "category": "grocery", "low_stock": 5, "metadata": {"colour": "green", "size": "10"}}))
}

fn texts(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// What a file says of new products, or what is wrong with it.
fn new(file: &str) -> Result<Vec<Product>, Vec<String>> {
    let rows = read(file.as_bytes()).map_err(|faults| texts(&faults))?;
    let (mut products, mut faults) = (Vec::new(), Vec::new());
    for row in rows {
        match row.product(None) {
            Ok(product) => products.push(product),
            Err(found) => faults.extend(texts(&found)),
        }
    }
    if faults.is_empty() { Ok(products) } else { Err(faults) }
}

#[test]
fn what_is_written_is_read_back() {
    let mug = product(json!({"id": "P 2", "name": "كوب", "price": 0, "currency": "JPY",
        "tax_category": "20 %", "active": false, "metadata": {"size": "=1+1"}}));
    let all = [tea(), mug];
    let file = write(&all).unwrap();
    assert_eq!(new(std::str::from_utf8(&file).unwrap()).unwrap(), all);
    let rows = read(&file).unwrap();
    for (row, product) in rows.iter().zip(&all) {
        assert_eq!(row.product(Some(product)).unwrap(), *product, "again, nothing is changed");
    }
}

#[test]
fn a_column_that_is_missing_changes_nothing_and_an_empty_cell_takes_away() {
    let changed = |file: &str| read(file.as_bytes()).unwrap()[0].product(Some(&tea()));
    assert_eq!(changed("id\nP1\n").unwrap(), tea());
    let cheaper = changed("\u{feff}id;price\r\nP1; 2.40 \r\n").unwrap();
    assert_eq!(cheaper, Product { price: "2.40".parse().unwrap(), ..tea() });
    let bare = changed("id,category,low_stock,metadata.size,active\nP1,,,,no\n").unwrap();
    assert_eq!((bare.category, bare.low_stock, bare.active), (None, None, false));
    assert_eq!(bare.metadata.into_keys().collect::<Vec<_>>(), ["colour"]);
    let faults = changed("id,name,price\nP1,,\n").unwrap_err();
    assert_eq!(texts(&faults), ["line 2, name is empty", "line 2, price is empty"]);
}

#[test]
fn every_fault_has_its_line_and_column() {
    let file = "id,name,price,currency,active,low_stock\n\
                P1,Tea,\"1,50\",EUR,true,\n\
                ,Tea,1,EUR,true,\n\
                P3,Tea,-1,XYZ,maybe,-5\n\
                P1,Tea,1,EUR,true,\n\
                P5,\"two\nlines\",1,EUR,true,\n";
    assert_eq!(
        new(file).unwrap_err(),
        ["line 3, id is empty", "line 5, id is P1, which stands in line 2 as well"]
    );
    let file = file.replace("\n,Tea", "\nP2,Tea").replacen("P1,Tea,1,", "P4,Tea,1,", 1);
    assert_eq!(
        new(&file).unwrap_err(),
        [
            "line 2, price is \"1,50\": is not a decimal number",
            "line 4, currency is \"XYZ\", no code of ISO 4217 such as EUR",
            "line 4, active is \"maybe\"; true and false are known",
            "line 4, low_stock is \"-5\", no whole number from 0 to 1000000000000",
            "line 6, name contains the control character '\\n'",
        ]
    );
    let missing = "line 2, price is missing: a new product needs it";
    assert_eq!(new("id,name,currency\nP1,Tea,EUR\n").unwrap_err(), [missing]);
}

#[test]
fn a_file_that_is_none_says_so() {
    for (file, expected) in [
        ("", "line 1: column"),
        ("name,price\nTea,1\n", "line 1: there is no column id"),
        ("id,colour\nP1,red\n", "line 1: column \"colour\" is not known; id, name, price"),
        ("id,id\nP1,P2\n", "line 1, id is there twice"),
        ("id,name\nP1\n", "line 2: has 1 cells, and the header 2; is a quote missing?"),
    ] {
        let faults = new(file).unwrap_err();
        let is_said = faults.iter().any(|it| it.starts_with(expected));
        assert!(
            is_said || file.is_empty() && faults[0].contains("no column id"),
            "{file:?}: {faults:?}"
        );
    }
    let faults = read(b"id,name\nP1,Th\xe9\n").unwrap_err();
    assert_eq!(texts(&faults), ["line 2: is no UTF-8; save the file as CSV in UTF-8"]);
}
