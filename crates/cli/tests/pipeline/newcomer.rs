//! What somebody meets who types the commands for the first time: each says what is wrong, and what to
//! type next.

use std::fs;
use std::process::Output;

use messaging::publish::{Outgoing, one};
use messaging::{Nats, subject};
use serde_json::{Value, json};

use crate::support::Up;

/// Exit code, and all that was said.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    (output.status.code(), text.concat())
}

#[track_caller]
fn says(up: &Up, args: &[&str], code: i32, expected: &[&str]) {
    let (found, text) = said(&up.orderflow(args));
    assert_eq!(found, Some(code), "{args:?}: {text}");
    for expected in expected {
        assert!(text.contains(expected), "{args:?}: {expected:?} is not in {text}");
    }
}

fn publish(up: &Up, subject: &str, payload: &[u8]) {
    let url = up.run_file()["nats"].as_str().unwrap().to_owned();
    let publish = async {
        let nats = Nats::connect(&url, "test", false).await.unwrap();
        let message = Outgoing::new(subject.to_owned(), payload.to_vec().into());
        one(&nats, &message, None).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(publish);
}

#[test]
fn a_partner_of_a_warehouse_without_a_lane_is_said_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../partners.yml"));
    let text = text.unwrap().replacen("  US1:\n", "  US1:\n    warehouse: w2\n", 1);
    fs::write(&path, &text).unwrap();
    let partners = path.to_str().unwrap();
    let up = Up::start(&["--partners", partners]);
    let no_lane = "no lane for warehouse w2 of US1";
    let stderr = fs::read_to_string(up.dir.path().join("stderr")).unwrap();
    assert!(stderr.contains(no_lane), "{stderr}");
    let reload = ["partners", "reload", "--partners", partners];
    says(&up, &reload, 0, &[no_lane, "orderflow.lanes", "start `orderflow up` again"]);

    let order = json!({"partner": "US1", "order_id": "L1", "product": "P001", "quantity": 1,
        "price": "1.50", "currency": "GBP", "customer": "c"});
    publish(&up, "orders.placed.w2.US1.L1", order.to_string().as_bytes());
    let (code, text) = said(&up.orderflow(&["doctor"]));
    assert_eq!(code, Some(1), "{text}");
    for expected in
        ["✗ lane w2: nothing reads it", "✗ function order-processor: nothing that comes on"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let lint = format!("orderflow lint --partners {}", up.dir.path().join("data").display());
    assert!(text.contains(&lint), "{lint}: {text}");

    // A partner has one warehouse: nobody has to type it.
    let found = up.json(&["orders", "get", "L1", "--partner", "US1"]);
    assert_eq!((&found["warehouse"], &found["status"]), (&json!("w2"), &json!("pending")));
    let elsewhere = ["orders", "get", "L1", "--partner", "US1", "--warehouse", "main"];
    says(&up, &elsewhere, 4, &["order L1 of US1 in warehouse main"]);
}

#[test]
fn what_is_not_found_or_cannot_be_read_says_what_to_type_next() {
    let up = Up::start(&[]);
    says(&up, &["orders", "get", "F-1"], 4, &["order F-1 of DIRECT", "--partner NAME"]);
    for command in ["orders", "files"] {
        says(&up, &[command, "list", "--partner", "NOPE"], 4, &["partner NOPE", "US1, US2, US3"]);
        says(&up, &[command, "list", "--partner", "US1"], 0, &[]);
    }
    publish(&up, "orders.placed.main.DIRECT.POISON", b"garbage");
    up.json(&["wait", "--timeout", "60s"]);
    let poison =
        ["message ", "of the stream ORDERS (orders.placed.main.DIRECT.POISON)", "nats stream get"];
    says(&up, &["orders", "get", "POISON"], 1, &poison);
    publish(&up, subject::ORDERS, order("new", "P900").to_string().as_bytes());
    up.json(&["wait", "--timeout", "60s"]);
    says(&up, &["stock", "set", "P001", "7"], 0, &["1 product set in"]);
    says(&up, &["stock", "get", "P001"], 0, &["KNOWN", "yes"]);
    let gone = up.dir.path().join("gone.csv");
    let (_, text) = said(&up.orderflow(&["send", gone.to_str().unwrap(), "--partner", "US3"]));
    assert_eq!(text.matches("os error 2").count(), 1, "{text}");
}

fn order(id: &str, product: &str) -> Value {
    json!({"order_id": id, "product": product, "quantity": 1, "price": "1.50"})
}

#[test]
fn a_file_whose_orders_were_placed_before_says_so() {
    let up = Up::start(&[]);
    let header = "order_id,product_id,quantity,price,timestamp,customer,region,category\n";
    let row = |quantity: u32| {
        format!(
            "{header}A,P001,{quantity},1.50,2026-11-07T09:15:00-05:00,c@example.com,east,books\n"
        )
    };
    for (name, quantity) in [("first.csv", 1), ("second.csv", 2)] {
        let path = up.dir.path().join(name);
        fs::write(&path, row(quantity)).unwrap();
        up.json(&["send", path.to_str().unwrap(), "--partner", "US3"]);
        up.json(&["check"]);
        up.json(&["wait", "--timeout", "60s"]);
    }
    let files = up.json(&["files", "list"])["files"].as_array().unwrap().clone();
    let of = |name: &str| files.iter().find(|file| file["name"] == name).unwrap();
    let (first, second) = (of("first.csv"), of("second.csv"));
    assert_eq!((&first["placed"], &first["not_placed"]), (&json!(1), &json!(0)));
    assert_eq!((&second["placed"], &second["not_placed"]), (&json!(0), &json!(1)));
    let decisions = second["decisions"].as_str().unwrap();
    assert!(up.dir.path().join("data/sftp/US3").join(decisions).is_file(), "{decisions}");
    // As the list shows it.
    let short: String = second["arrival"].as_str().unwrap().chars().take(8).collect();
    says(&up, &["files", "show", &short], 0, &["second.csv", decisions, "not_placed"]);
}
