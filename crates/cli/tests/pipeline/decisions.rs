//! What a partner finds about its orders, once a file has gone through all functions.

use std::fs;

use crate::support::Up;
use chrono::DateTime;
use serde_json::json;

const HEADER: &str = "order_id,product_id,quantity,price,timestamp,customer,region,category\n";

/// A row of US3 that differs from others by these only.
fn row(id: &str, product: &str, quantity: u32) -> String {
    format!("{id},{product},{quantity},1.50,2026-11-07T09:15:00-05:00,c@example.com,east,books\n")
}

/// Drops the files into US3's inbox, and has them looked for at once.
fn drop_in(up: &Up, files: &[(&str, &[String])]) {
    drop_with(up, HEADER, files);
}

/// The same, with this header.
fn drop_with(up: &Up, header: &str, files: &[(&str, &[String])]) {
    for (name, rows) in files {
        let path = up.dir.path().join(name);
        fs::write(&path, header.to_owned() + &rows.concat()).unwrap();
        up.json(&["send", path.to_str().unwrap(), "--partner", "US3", "--name", name]);
    }
    assert_eq!(up.json(&["check"])["found"], files.len());
}

/// The lines of the file's decisions, which are there once nothing is left to do, without the header.
/// When it was decided is not known before: it has to be a time, and is left out.
fn decisions(up: &Up, file: &str) -> Vec<String> {
    up.json(&["wait", "--timeout", "60s"]);
    let depot = up.dir.path().join("data/sftp/US3/depot");
    let stem = file.trim_end_matches("csv");
    let names = fs::read_dir(&depot).unwrap().map(|entry| entry.unwrap().file_name());
    let found: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with(stem) && name.ends_with(".decisions.csv"))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let text = fs::read_to_string(depot.join(&found[0])).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("order_id,decision,reason,detail,total,decided_at"));
    let without_time = |line: &str| {
        let (line, time) = line.rsplit_once(',').unwrap();
        assert!(DateTime::parse_from_rfc3339(time).is_ok(), "{line},{time}");
        line.to_owned()
    };
    lines.map(without_time).collect()
}

#[test]
fn the_partner_is_told_of_each_order_in_each_file_what_became_of_it() {
    let up = Up::start(&[]);
    up.json(&["stock", "set", "P001", "10"]);
    up.json(&["stock", "set", "P002", "3"]);
    let (a, b) = (row("A", "P001", 2), row("B", "P002", 2));
    let (c, d) = (row("C", "P002", 2), row("D", "P999", 1));
    drop_in(&up, &[("first.csv", &[a.clone(), b.clone(), c.clone(), d])]);
    assert_eq!(
        decisions(&up, "first.csv"),
        [
            "A,confirmed,,,3.00",
            "B,confirmed,,,3.00",
            "C,refused,insufficient_stock,\"available 1, product P002, requested 2\",3.00",
            "D,refused,unknown_product,product P999,1.50",
        ]
    );

    // What is a duplicate in the one file is a conflict in the other, and both come at once.
    let second = [a, row("B", "P002", 1), c, row("E", "P001", 1)];
    let third = [row("A", "P001", 3), b, row("F", "P001", 4)];
    drop_in(&up, &[("second.csv", &second), ("third.csv", &third)]);
    assert_eq!(
        decisions(&up, "second.csv"),
        [
            "A,duplicate,the same order was placed before,,",
            "B,conflict,another order of this number was placed before,,",
            "C,duplicate,the same order was placed before,,",
            "E,confirmed,,,1.50",
        ]
    );
    assert_eq!(
        decisions(&up, "third.csv"),
        [
            "A,conflict,another order of this number was placed before,,",
            "B,duplicate,the same order was placed before,,",
            "F,confirmed,,,6.00",
        ]
    );

    // And it is true: only the orders that were confirmed have moved stock.
    let counts = up.json(&["orders", "count"]);
    let of = |name: &str| counts[name].as_u64();
    let all = ["placed", "confirmed", "out_of_stock", "refused"].map(of);
    assert_eq!(all, [Some(6), Some(4), Some(1), Some(1)]);
    for (product, left) in [("P001", 3), ("P002", 1)] {
        let stock = up.json(&["stock", "get", product]);
        assert_eq!(stock["products"][product]["available"], json!(left), "{product}");
    }
}

#[test]
fn nothing_is_left_to_do_only_when_partners_are_told() {
    let up = Up::start(&[]);
    // So many that the first question about them comes before the last one is decided.
    let rows: Vec<String> = (0..5_100).map(|n| row(&n.to_string(), "P001", 1)).collect();
    drop_in(&up, &[("many.csv", &rows)]);
    assert_eq!(decisions(&up, "many.csv").len(), rows.len());
    // More than status-checker gives at once.
    let listed = up.json(&["orders", "list", "--limit", "100000"]);
    let listed = listed["orders"].as_array().unwrap();
    let ids: std::collections::BTreeSet<_> =
        listed.iter().map(|order| order["id"].as_str()).collect();
    assert_eq!((listed.len(), ids.len()), (rows.len(), rows.len()));
}

#[test]
fn a_return_by_file_gives_back_no_more_than_is_left_of_the_sale_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../partners.yml"));
    let column = "        category: category\n";
    let text = text.unwrap().replacen(column, &format!("{column}        returns: original\n"), 1);
    fs::write(&path, text).unwrap();
    let up = Up::start(&["--partners", path.to_str().unwrap()]);
    up.json(&["stock", "set", "P001", "10"]);
    let header = HEADER.replace("category", "category,original");
    let row = |id: &str, quantity: i64, sale: &str| {
        format!("{id},P001,{quantity},1.50,2026-11-07T09:15:00-05:00,c,east,books,{sale}\n")
    };
    drop_with(&up, &header, &[("sales.csv", &[row("S1", 2, "")])]);
    assert_eq!(decisions(&up, "sales.csv"), ["S1,confirmed,,,3.00"]);
    let returns =
        [row("R1", -1, "S1"), row("R2", -2, "S1"), row("R3", -1, "S9"), row("R4", -1, "")];
    drop_with(&up, &header, &[("returns.csv", &returns)]);
    let decided = decisions(&up, "returns.csv");
    for (line, (begin, part)) in decided.iter().zip([
        ("R1,confirmed,", ""),
        ("R2,refused,exceeds_sale,", "2 of P001 would come back, but 1 of the 2"),
        ("R3,refused,exceeds_sale,", "there is no confirmed sale S9 of US3"),
        ("R4,confirmed,", ""),
    ]) {
        assert!(line.starts_with(begin) && line.contains(part), "{line}");
    }
    assert_eq!(decided.len(), 4);
}
