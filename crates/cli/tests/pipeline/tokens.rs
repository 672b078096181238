//! Which token opens which door, of all functions: 401 says that it is none or unknown, 403 that it
//! opens others.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{Up, eventually};

const BATCH: &str = "application/cloudevents-batch+json";
const JSON: &str = "application/json";
const TOKENS: [&str; 4] =
    ["connector-token", "api-token-orders", "api-token-read", "api-token-admin"];
const READERS: &[&str] = &["api-token-read", "api-token-admin"];
const ADMIN: &[&str] = &["api-token-admin"];
const CONNECTOR: &[&str] = &["connector-token"];

/// Method, path, type of the body, and what opens it.
const DOORS: [(&str, &str, &str, &[&str]); 22] = [
    ("GET", "daily-checker/?force", JSON, ADMIN),
    ("POST", "file-transformer/", BATCH, CONNECTOR),
    ("GET", "status-checker/", JSON, READERS),
    ("GET", "customers/customers", JSON, READERS),
    ("GET", "customers/search?name=x", JSON, READERS),
    ("POST", "customers/customers/US1/x/erase", JSON, ADMIN),
    ("GET", "inventory/products", JSON, READERS),
    ("POST", "inventory/products", JSON, ADMIN),
    ("GET", "inventory/stock", JSON, READERS),
    ("GET", "inventory/stock/movements", JSON, READERS),
    ("GET", "inventory/stock/transfers", JSON, READERS),
    ("PUT", "inventory/stock", JSON, ADMIN),
    ("POST", "inventory/stock/restock", JSON, ADMIN),
    ("POST", "inventory/stock/adjust", JSON, ADMIN),
    ("POST", "inventory/stock/count", JSON, ADMIN),
    ("POST", "inventory/stock/transfer", JSON, ADMIN),
    ("POST", "order-ingest/", BATCH, CONNECTOR),
    ("POST", "order-ingest/retry", JSON, ADMIN),
    ("POST", "order-processor/", BATCH, CONNECTOR),
    ("GET", "order-processor/stock", JSON, READERS),
    ("PUT", "order-processor/stock", JSON, ADMIN),
    ("POST", "order-processor/journal/skip", JSON, ADMIN),
];

fn status(up: &Up, method: &str, path: &str, kind: &str, token: Option<&str>) -> u16 {
    send(up, method, path, kind, token, "[]").0
}

/// The status, and the body.
fn send(
    up: &Up,
    method: &str,
    path: &str,
    kind: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, String) {
    let gateway = up.run_file()["gateway"].as_str().unwrap().replace("http://", "");
    let mut stream = TcpStream::connect(gateway).unwrap();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{method} /function/{path} HTTP/1.0\r\nHost: x\r\nContent-Type: {kind}");
    let length = body.len();
    write!(stream, "{head}\r\n{token}Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

#[test]
fn a_token_that_lacks_a_right_is_403_and_one_that_nobody_knows_401() {
    let up = Up::start(&[]);
    let secrets = up.dir.path().join("data/secrets");
    let text = |name: &str| fs::read_to_string(secrets.join(name)).unwrap().trim().to_owned();
    for (method, path, kind, opens) in DOORS {
        for token in [None, Some("guess")] {
            assert_eq!(status(&up, method, path, kind, token), 401, "{method} {path} {token:?}");
        }
        for name in TOKENS {
            let status = status(&up, method, path, kind, Some(&text(name)));
            match opens.contains(&name) {
                true => assert!(!matches!(status, 401 | 403), "{method} {path} {name}: {status}"),
                false => assert_eq!(status, 403, "{method} {path} {name}"),
            }
        }
    }
}

#[test]
fn tokens_that_people_make_open_what_they_say_until_they_are_revoked() {
    let mut up = Up::start(&[]);
    let made = up.json(&[
        "tokens",
        "add",
        "shop-lyon",
        "--role",
        "orders:write",
        "--partner",
        "US1",
        "--days",
        "90",
    ]);
    let token = made["token"].as_str().unwrap().to_owned();
    let place = |up: &Up, partner: &str, id: &str| {
        let lines = json!([{"product_id": "P001", "quantity": 1, "unit_price": 5}]);
        let order = json!({"order_id": id, "partner": partner, "customer": "C1", "lines": lines});
        let order = order.to_string();
        send(up, "POST", "order-ingest/", JSON, Some(&token), &order)
    };
    // `up` takes orders without a token, so that only other calls tell whether it is known.
    let shows = |up: &Up| send(up, "GET", "status-checker/", JSON, Some(&token), "");
    let knows = |up: &Up| place(up, "US2", "T-2").0 == 403 && shows(up).0 == 403;
    eventually("the token is known", || knows(&up));
    assert_eq!(place(&up, "US1", "T-1").0, 201);
    let (status, problem) = place(&up, "US2", "T-2");
    assert_eq!(status, 403, "{problem}");
    assert!(problem.contains("this token places orders of partner US1"), "{problem}");
    let problem = shows(&up).1;
    assert!(problem.contains("the token shop-lyon has the roles orders:write"), "{problem}");

    let listed = up.json(&["tokens", "list"]);
    assert_eq!(listed[0]["name"], "shop-lyon");
    assert!(!listed.to_string().contains(&token), "it is shown once");
    let again = up.orderflow(&["tokens", "add", "shop-lyon", "--role", "stock"]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("there is a token shop-lyon"), "{said}");

    // It holds over a restart.
    up.end("-TERM");
    up.again(&[]);
    eventually("the token is known again", || knows(&up));

    let asked = up.orderflow(&["tokens", "revoke", "shop-lyon"]);
    assert_eq!(asked.status.code(), Some(8), "it asks first");
    assert!(up.orderflow(&["tokens", "revoke", "shop-lyon", "--yes"]).status.success());
    eventually("the token is unknown", || shows(&up).0 == 401);
    assert_eq!(up.json(&["tokens", "list"]), Value::Array(Vec::new()));
    let missing = up.orderflow(&["tokens", "revoke", "shop-lyon", "--yes"]);
    assert_eq!(missing.status.code(), Some(4));
}
