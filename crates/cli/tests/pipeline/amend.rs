//! Orders that get another content, in the whole pipeline.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::faults::history;
use crate::support::{Up, command, eventually};

/// `DIRECT` has a seller, so that its orders are invoiced.
const PARTNERS: &str = "
partners: {}
sellers:
  ACME:
    name: Acme SARL
    address: {street: 1 rue de la Paix, postcode: '75002', city: Paris, country: FR}
    vat-number: FR40303265045
    currency: EUR
    time-zone: Europe/Paris
    prices: gross
    series-prefix: A
    language: fr
direct: {seller: ACME}
tax-rates:
  FR:
    standard: [{percent: 20, valid-from: 2014-01-01}]
";

/// Beside it the configuration, which must stay as long as it runs.
fn start() -> (Up, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("partners.yml"), PARTNERS).unwrap();
    (Up::start(&["--partners", &partners(&folder)]), folder)
}

fn partners(folder: &tempfile::TempDir) -> String {
    folder.path().join("partners.yml").display().to_string()
}

fn order(id: &str, quantity: i64) -> Value {
    json!({"order_id": id, "product": "P005", "quantity": quantity, "price": "1.20",
        "customer": {"id": "c1", "name": "Ana", "email": "ana@example.org", "language": "en"}})
}

impl Up {
    fn place(&self, order: &Value) {
        let (status, said) = self.send("POST", "/function/order-ingest", &order.to_string());
        assert!(status < 300, "{status} {said}");
    }

    /// Exit code of `orders amend`, and what it said.
    fn amend(&self, id: &str, order: &Value) -> (Option<i32>, String) {
        let file = self.dir.path().join(format!("{id}.json"));
        fs::write(&file, order.to_string()).unwrap();
        let done = self.orderflow(&["orders", "amend", id, file.to_str().unwrap(), "--yes"]);
        let said = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8(said).unwrap())
    }

    /// Number and amount of all documents, the oldest first.
    fn documents(&self) -> Vec<(bool, String)> {
        let found = self.json(&["invoices", "list", "--limit", "1000"]);
        let all = found["invoices"].as_array().unwrap().iter().rev();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        all.map(|one| (text(one, "kind") == "credit_note", text(one, "payable"))).collect()
    }

    fn total(&self) -> Value {
        let path = "/function/customers/customers/DIRECT/c1/orders";
        let (status, body) = self.send_as_admin("GET", path, "");
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["totals"]["EUR"].clone()
    }
}

#[test]
fn an_amended_order_is_told_once_and_has_a_credit_note_and_another_invoice() {
    let (up, _folder) = start();
    up.place(&order("A1", 2));
    up.json(&["wait", "--timeout", "60s"]);
    eventually("it is invoiced", || up.documents() == [(false, "2.40".into())]);
    let (code, said) = up.amend("A1", &order("A1", 5));
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        "~ 2 at 1.20 → 5 at 1.20 of P005",
        "total: 2.40 → 6.00 EUR",
        "DIRECT/A1 is changed: confirmed, attempt 2, total 6.00",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    // The same content again changes nothing, and that is said, not asked.
    let file = up.dir.path().join("A1.json");
    let again = up.orderflow(&["orders", "amend", "A1", file.to_str().unwrap()]);
    let said = String::from_utf8(again.stdout).unwrap();
    let nothing =
        "DIRECT/A1 has this content already, and nothing was changed: confirmed, attempt 2";
    assert!(again.status.code() == Some(0) && said.contains(nothing), "{said}");
    // What would be refused is said without asking.
    let mut other = order("A1", 3);
    other["currency"] = json!("USD");
    fs::write(&file, other.to_string()).unwrap();
    let refused = up.orderflow(&["orders", "amend", "A1", file.to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("it would not be changed") && said.contains("currency"), "{said}");
    assert_eq!(refused.status.code(), Some(1), "{said}");
    // What is not there changes nothing, and says why.
    let (code, said) = up.amend("A1", &order("A1", 100_000));
    let why = "DIRECT/A1 was not changed and stays confirmed: insufficient_stock";
    assert!(code == Some(1) && said.contains(why), "{said}");
    let expected = [(false, "2.40".into()), (true, "2.40".into()), (false, "6.00".into())];
    eventually("it is invoiced again", || up.documents() == expected);
    eventually("its customer's total is the new one", || {
        up.total() == json!({"orders": 1, "returns": 0, "amount": "6.00"})
    });
    let one = up.json(&["orders", "get", "A1"]);
    assert_eq!((&one["attempt"], &one["order"]["total"]), (&json!(2), &json!("6.00")), "{one}");
    assert!(one["refused"].as_str().unwrap().starts_with("insufficient_stock"), "{one}");
    let listed = up.json(&["orders", "list"]);
    assert_eq!(listed["orders"][0]["total"], "6.00", "{listed}");
    let told = |notice: &str| {
        let told = up.json(&["notify", "list", "--state", "sent", "--limit", "100"]);
        let all = told["deliveries"].as_array().unwrap().iter();
        all.filter(|it| it.to_string().contains(&format!("\"{notice}\""))).count()
    };
    eventually("the customer is told of both documents", || {
        told("orderflow.invoice.issued.v1") == 2 && told("orderflow.credit_note.issued.v1") == 1
    });
    let mails = fs::read_dir(up.dir.path().join("data/outbox")).unwrap();
    let mails = mails.map(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default());
    let changed = mails.filter(|mail| mail.contains("Subject: Your order A1 was changed"));
    assert_eq!(changed.count(), 1);
    a_payment_is_shown_before_it_is_recorded(&up);
    // What is shipped is not amended, and each content is still known.
    let shipped = up.orderflow(&["orders", "ship", "A1", "--line", "P005=1"]);
    assert!(shipped.status.success(), "{shipped:?}");
    let (code, said) = up.amend("A1", &order("A1", 1));
    assert!(code != Some(0) && said.contains("something of it was shipped"), "{said}");
    for (quantity, status) in [(2, 200), (5, 200), (4, 409)] {
        let body = order("A1", quantity).to_string();
        assert_eq!(up.send("POST", "/function/order-ingest", &body).0, status, "{quantity}");
    }
    for verify in [["stock", "verify"], ["invoices", "verify"]] {
        let said = up.orderflow(&verify);
        assert!(said.status.success(), "{said:?}");
    }
}

/// Without a yes nothing is recorded; what was recorded before is not asked about.
fn a_payment_is_shown_before_it_is_recorded(up: &Up) {
    let found = up.json(&["invoices", "list", "--limit", "1"]);
    let number = found["invoices"][0]["number"].as_str().unwrap();
    let pay = |amount: &str, more: &[&str]| {
        let args = ["invoices", "pay", number, amount, "--reference", "bank 1"];
        let done = up.orderflow(&[&args[..], more].concat());
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        (done.status.code(), said)
    };
    let (code, said) = pay("7", &[]);
    assert_eq!(code, Some(8), "{said}");
    for expected in ["a payment of 7.00 EUR", "open 6.00 EUR → -1.00 EUR", "more than is open"] {
        assert!(said.contains(expected), "{said}");
    }
    let (code, said) = pay("6", &["--yes"]);
    assert!(code == Some(0) && said.contains("is paid, open 0.00 EUR"), "{said}");
    let (code, said) = pay("6", &[]);
    assert!(code == Some(0) && said.contains("the payment was recorded before"), "{said}");
}

/// The whole pipeline is killed while orders are amended; whatever was answered or not, each order has one content,
/// and stock, invoices and totals are those of that.
#[test]
fn a_pipeline_that_is_killed_again_and_again_amends_no_order_twice_or_by_half() {
    const ORDERS: usize = 12;
    let (mut up, folder) = start();
    for number in 0..ORDERS {
        up.place(&order(&format!("A{number}"), 1));
    }
    up.json(&["wait", "--timeout", "60s"]);
    for round in 2..=4 {
        // Somebody amends one order after the other, whatever the answers are.
        let mut calls = Vec::new();
        for number in 0..ORDERS {
            let id = format!("A{number}");
            let file = up.dir.path().join(format!("{id}.json"));
            fs::write(&file, order(&id, round).to_string()).unwrap();
            let args = ["orders", "amend", &id, file.to_str().unwrap(), "--yes"];
            let call = command(up.dir.path())
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            calls.push(call.unwrap());
        }
        // As soon as the first one is through.
        let deadline = Instant::now() + Duration::from_secs(30);
        while calls.iter_mut().all(|call| call.try_wait().unwrap().is_none()) {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        up.end("-KILL");
        calls.iter_mut().for_each(|call| drop(call.wait()));
        up.again(&["--partners", &partners(&folder)]);
        up.json(&["wait", "--timeout", "60s"]);
    }
    let totals: Vec<i64> = (0..ORDERS)
        .map(|number| {
            let one = up.json(&["orders", "get", &format!("A{number}")]);
            assert_eq!(one["status"], "confirmed", "{one}");
            one["order"]["lines"][0]["quantity"].as_i64().unwrap()
        })
        .collect();
    assert!(totals.iter().any(|quantity| 1 < *quantity), "none was amended: {totals:?}");
    let sold: i64 = totals.iter().sum();
    let stock = up.json(&["stock", "get", "P005"]);
    assert_eq!(stock["products"]["P005"]["available"], 500 - sold);
    let cents = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let open = || {
        let documents = up.documents();
        let signed = documents
            .iter()
            .map(|(is_credit, amount)| if *is_credit { -cents(amount) } else { cents(amount) });
        signed.sum::<i64>()
    };
    eventually("documents come to what is sold", || open() == sold * 120);
    eventually("the customer's total is what is sold", || {
        let total = up.total();
        total["orders"] == ORDERS && cents(total["amount"].as_str().unwrap()) == sold * 120
    });
    for verify in [["stock", "verify"], ["journal", "verify"], ["invoices", "verify"]] {
        let said = up.orderflow(&verify);
        assert!(said.status.success(), "{said:?}");
    }
    history(&up);
}

/// An order whose invoice is held has no document, and is found all the same.
#[test]
fn a_sale_that_is_held_is_listed_and_doctor_says_so() {
    let (up, _folder) = start();
    let body = json!({"order_id": "H1", "lines": [{"product_id": "P005", "quantity": 1, "unit_price": "1.20",
        "tax_category": "luxury"}]});
    up.place(&body);
    up.json(&["wait", "--timeout", "60s"]);
    let listed = up.json(&["invoices", "list", "--status", "held"]);
    assert_eq!(listed["not_issued"][0]["id"], "DIRECT/H1", "{listed}");
    let table = up.orderflow(&["invoices", "list", "--status", "held"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("not issued") && table.contains("held: no rate"), "{table}");
    let doctor = up.orderflow(&["doctor"]);
    let said = String::from_utf8(doctor.stdout).unwrap();
    let expected = "! held invoices: 1 orders wait for a correction, and have no document for it yet (no_rate 1)";
    assert!(said.contains(expected), "{said}");
}
