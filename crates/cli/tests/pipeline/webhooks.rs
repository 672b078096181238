//! A shop's endpoint, from the command that subscribes it to the message about an order, over three starts.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::{Up, eventually};

/// Keeps the bodies that are posted, and answers 204.
fn endpoint() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || answer(stream, &kept));
        }
    });
    (port, bodies)
}

fn answer(mut stream: TcpStream, bodies: &Mutex<Vec<String>>) -> Option<()> {
    let mut text = String::new();
    loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).ok().filter(|read| 0 < *read)?;
        text.push_str(&String::from_utf8_lossy(some.get(..read)?));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
        if length <= body.len() {
            bodies.lock().unwrap().push(body.to_owned());
            break;
        }
    }
    let answer = "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).ok()
}

#[test]
fn a_shop_is_told_of_its_orders_over_restarts_until_it_is_removed() {
    let (port, bodies) = endpoint();
    let ports = format!("ORDERFLOW_OUTGOING_PORTS={port}");
    let args = ["--env", &ports, "--env", "ORDERFLOW_OUTGOING_NETWORKS=127.0.0.1"];
    let mut up = Up::start(&args);
    let url = format!("http://127.0.0.1:{port}/hook");
    let made = up.json(&["webhooks", "add", "DIRECT/shop", &url, "--type", "order.confirmed"]);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{made}");
    assert_eq!(up.json(&["webhooks", "test", "DIRECT/shop"])["outcome"], "sent");
    assert!(bodies.lock().unwrap()[0].contains("webhook.test"));

    let told = |order: &str| {
        let named = format!("\"order_id\":\"{order}\"");
        bodies.lock().unwrap().iter().filter(|body| body.contains(&named)).count()
    };
    let sent = |up: &Up| {
        let listed = up.json(&["webhooks", "deliveries", "DIRECT/shop", "--state", "sent"]);
        listed["deliveries"].as_array().unwrap().len()
    };
    for (number, order) in ["W-1", "W-2", "W-3"].into_iter().enumerate() {
        let body = format!(
            r#"{{"order_id":"{order}","lines":[{{"product_id":"P001","quantity":1,"unit_price":5}}]}}"#
        );
        let (status, answer) = up.send("POST", "/function/order-ingest", &body);
        assert_eq!(status, 201, "{answer}");
        // An answer that is not recorded when it is killed makes it ask again, as it says.
        eventually("the shop is told, and that is recorded", || sent(&up) == number + 1);
        up.end("-KILL");
        up.again(&args);
    }
    for order in ["W-1", "W-2", "W-3"] {
        assert_eq!(told(order), 1, "{order}");
    }
    assert_eq!(up.json(&["webhooks", "secret", "DIRECT/shop"])["secret"], secret.as_str());
    assert_eq!(sent(&up), 3);

    let stranger = up.orderflow(&["webhooks", "add", "US9/shop", &url]);
    assert_eq!(stranger.status.code(), Some(4), "{stranger:?}");
    let asked = up.orderflow(&["webhooks", "remove", "DIRECT/shop"]);
    assert_eq!(asked.status.code(), Some(8), "it asks first");
    assert!(up.orderflow(&["webhooks", "remove", "DIRECT/shop", "--yes"]).status.success());
    assert_eq!(up.json(&["webhooks", "list"]), serde_json::json!([]));
    let gone = up.orderflow(&["webhooks", "test", "DIRECT/shop"]);
    assert_eq!(gone.status.code(), Some(4));
}
