//! Which token opens which door, of all functions: 401 says that it is none or unknown, 403 that it
//! opens others.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::Up;

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
    let gateway = up.run_file()["gateway"].as_str().unwrap().replace("http://", "");
    let mut stream = TcpStream::connect(gateway).unwrap();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{method} /function/{path} HTTP/1.0\r\nHost: x\r\nContent-Type: {kind}");
    write!(stream, "{head}\r\n{token}Content-Length: 2\r\n\r\n[]").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
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
