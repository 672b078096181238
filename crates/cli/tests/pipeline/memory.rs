//! What many large bodies at once do to each function's memory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Up, send};

const AT_ONCE: usize = 60;

/// Bytes that the pod of a function may have, by stack.yml.
fn limit(function: &str) -> u64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stack.yml");
    let mut stack: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    stack.apply_merge().unwrap();
    let text = stack["functions"][function]["limits"]["memory"].as_str().unwrap();
    text.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() * 1024 * 1024
}

/// The most memory that a process ever had, without the pages of its program.
fn peak(pid: i64) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() * 1024
    };
    bytes("VmHWM") - bytes("RssFile")
}

/// Events of which each brings 200 kB that are no order and take much more as a tree.
fn batch(bytes: usize) -> String {
    let numbers = vec!["0"; 100_000].join(",");
    let mut text = String::from("[");
    for number in 1.. {
        let previous = number - 1;
        let event = format!(
            r#"{{"specversion":"1.0","id":"{number}","source":"/t","type":"t","subject":"orders.placed.main.DIRECT.{number}","sequence":"{number}","previous":"{previous}","data":[{numbers}]}}"#
        );
        if bytes < text.len() + event.len() + 2 {
            return text + "]";
        }
        if number > 1 {
            text.push(',');
        }
        text.push_str(&event);
    }
    unreachable!("the batch is full at some time")
}

/// The status of an answer; nothing where the connection ended before it.
fn status(address: &str, path: &str, token: &str, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let token =
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
         content-type: application/cloudevents-batch+json\r\norderflow-after: 0\r\n\
         orderflow-stream: ORDERS\r\norderflow-stream-created: x\r\n\
         orderflow-filter: orders.placed.main.>\r\n{token}\r\n"
    );
    // It may say no before it has heard everything.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn attack(address: &str, path: &str, token: &str, body: &str) -> BTreeSet<u16> {
    std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..AT_ONCE).map(|_| scope.spawn(|| status(address, path, token, body))).collect();
        calls.into_iter().filter_map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn many_large_bodies_at_once_leave_every_function_within_the_memory_of_its_pod() {
    let up = Up::start(&["--processes"]);
    let secret = |name: &str| {
        fs::read_to_string(up.dir.path().join("data/secrets").join(name)).unwrap().trim().to_owned()
    };
    let tokens = ["connector-token", "api-token-orders", "api-token-read", "api-token-admin"];
    let tokens: Vec<String> = tokens.map(secret).into_iter().chain([String::new()]).collect();
    let (large, fitting) = (batch(8_000_000), batch(2_000_000));
    let run = up.run_file();
    for (function, paths) in [
        ("order-ingest", &["/", "/retry"][..]),
        ("order-processor", &["/", "/stock", "/journal/skip"]),
        ("inventory", &["/products", "/stock", "/stock/restock", "/stock/transfer"]),
        ("file-transformer", &["/"]),
        ("status-checker", &["/"]),
        ("daily-checker", &["/"]),
        ("customers", &["/customers"]),
        ("analytics", &["/", "/windows"]),
        ("billing", &["/", "/invoices/credit", "/journal/skip"]),
    ] {
        let process: &Value = &run["processes"][function];
        let address = process["traffic"].as_str().unwrap();
        for path in paths {
            for token in &tokens {
                for body in [&large, &fitting] {
                    let found = attack(address, path, token, body);
                    let refused = [401, 403, 404, 405, 413, 429];
                    let is_connector = *path == "/" && *token == tokens[0];
                    assert!(is_connector || found.iter().all(|status| refused.contains(status)));
                    if is_connector && body == &fitting && function.starts_with("order-") {
                        // Some find room: they are read, and answered by what is in them.
                        assert!(
                            found.contains(&200) || found.contains(&409),
                            "{function}: {found:?}"
                        );
                    }
                }
            }
        }
        let (peak, limit) = (peak(process["pid"].as_i64().unwrap()), limit(function));
        assert!(peak < limit, "{function}: {peak} of {limit} bytes");
    }
    // And all of them still work.
    let gateway = run["gateway"].as_str().unwrap().strip_prefix("http://").unwrap();
    let order = json!({"order_id": "1", "product": "P001", "quantity": 1, "price": 1}).to_string();
    assert_eq!(send(gateway, "POST", "/function/order-ingest", &order).0, 201);
}
