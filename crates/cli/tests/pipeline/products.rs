//! `orderflow products`: the catalogue by command and by CSV.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Up, command, kill};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Up {
    /// What a command that fails says.
    fn failing(&self, args: &[&str]) -> String {
        let output = self.orderflow(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        text(&output.stderr)
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn the_sample_products_are_there_and_one_that_is_deleted_stays_deleted() {
    let mut up = Up::start(&[]);
    let listed = up.json(&["products", "list"]);
    let listed: Vec<&str> = listed["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ["P001", "P002", "P003", "P004", "P005"]);
    assert_eq!(up.json(&["stock", "get", "P001"])["products"]["P001"]["available"], 50);

    let unconfirmed = up.orderflow(&["products", "delete", "P001"]);
    assert_eq!(unconfirmed.status.code(), Some(8), "{unconfirmed:?}");
    assert_eq!(up.json(&["products", "delete", "P001", "--yes"])["deleted"], "P001");
    assert_eq!(up.orderflow(&["products", "show", "P001"]).status.code(), Some(4));
    // Orders are decided by stock alone.
    let order = r#"{"order_id":"A-1","product":"P001","quantity":1,"price":19.99}"#;
    assert_eq!(up.send("POST", "/function/order-ingest", order).0, 201);
    up.json(&["wait", "--timeout", "60s"]);
    assert_eq!(up.json(&["orders", "count"])["confirmed"], 1);
    up.end("-TERM");
    up.again(&[]);
    assert_eq!(up.json(&["products", "list"])["products"].as_array().unwrap().len(), 4);

    let set = up.json(&[
        "products",
        "set",
        "P 9",
        "name=Mug",
        "price=4.5",
        "currency=EUR",
        "metadata.a=1",
    ]);
    assert_eq!((&set["id"], &set["price"]), (&json!("P 9"), &json!("4.50")));
    let set = up.json(&["products", "set", "P 9", "active=false", "metadata.a=", "low_stock=3"]);
    assert_eq!(
        (&set["active"], &set["metadata"], &set["low_stock"]),
        (&json!(false), &Value::Null, &json!(3))
    );
    let said = up.failing(&["products", "set", "P 9", "price=-1"]);
    assert!(said.contains("price: is -1.00; it may not be below zero"), "{said}");
    let said = up.failing(&["products", "set", "NEW", "name=x"]);
    assert!(said.contains("missing field `price`"), "{said}");
}

#[test]
fn a_file_is_imported_once_whatever_happens_in_between() {
    let up = Up::start(&[]);
    let mut lines = "id,name,price,currency\nP001,Lamp,18.99,EUR\n".to_owned();
    for number in 0..600 {
        lines.push_str(&format!("N{number},Thing {number},1.00,EUR\n"));
    }
    let file = up.file("products.csv", &lines);
    let import = ["products", "import", file.as_str()];
    let dry = up.orderflow(&[&import[..], &["--dry-run"]].concat());
    let said = text(&dry.stdout);
    assert!(said.contains("~ P001: name Desk lamp → Lamp, price 19.99 → 18.99"), "{said}");
    assert!(said.ends_with("600 to create, 1 to change, 0 unchanged, 0 problems\n"), "{said}");
    assert_eq!(up.orderflow(&import).status.code(), Some(8), "nobody has said yes");
    assert_eq!(up.json(&["products", "list"])["products"].as_array().unwrap().len(), 5);

    // Killed in the middle: when some are there.
    let mut child = command(up.dir.path()).args(import).arg("--yes").spawn().unwrap();
    let made =
        || up.json(&["products", "list", "--limit", "1000"])["products"].as_array().unwrap().len();
    crate::support::eventually("some are made", || 20 < made());
    kill("-KILL", i64::from(child.id()));
    child.wait().unwrap();
    assert!(made() < 605, "it was in the middle");
    let done = up.json(&[&import[..], &["--yes"]].concat());
    let left = done["created"].as_array().unwrap().len();
    assert!(0 < left && left < 600, "{left}");
    assert_eq!(made(), 605);
    let again = up.json(&[&import[..], &["--yes"]].concat());
    assert_eq!(
        (&again["created"], &again["changed"], &again["unchanged"]),
        (&json!([]), &json!([]), &json!(601))
    );

    // The export has all products that are in the catalogue.
    let exported = up.dir.path().join("all.csv");
    let exported = exported.to_str().unwrap();
    assert!(up.orderflow(&["products", "export", exported]).status.success());
    let same = up.json(&["products", "import", exported, "--yes"]);
    assert_eq!((&same["unchanged"], &same["changed"]), (&json!(605), &json!([])));
    let printed = up.orderflow(&["products", "export"]).stdout;
    assert_eq!(text(&printed), fs::read_to_string(exported).unwrap());
}

#[test]
fn a_wrong_file_changes_nothing_and_says_every_line() {
    let up = Up::start(&[]);
    let file =
        up.file("bad.csv", "id,name,price,currency\nP001,Lamp,1,EUR\nN1,Mug,-1,EUR\nN2,,1,XYZ\n");
    for more in ["--dry-run", "--yes"] {
        let said = up.failing(&["products", "import", &file, more]);
        for expected in [
            "✗ line 3, price is -1.00; it may not be below zero",
            "✗ line 4, name is empty",
            "✗ line 4, currency is \"XYZ\", no code of ISO 4217 such as EUR",
            "nothing is imported; mend 3 problems in the file, and import it again",
        ] {
            assert!(said.contains(expected), "{said}");
        }
    }
    assert_eq!(up.json(&["products", "show", "P001"])["price"], "19.99");
    let said = up.failing(&["products", "import", "/nowhere.csv"]);
    assert!(said.contains("cannot read /nowhere.csv"), "{said}");
    let unknown = up.file("unknown.csv", "sku,name\nP1,Mug\n");
    let said = up.failing(&["products", "import", &unknown]);
    assert!(said.contains("line 1: column \"sku\" is not known; id, name, price"), "{said}");
}
