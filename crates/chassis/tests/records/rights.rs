//! What a function with records has to be allowed at NATS, and no more: docs/CONTRIBUTING.md says it.

use crate::support::{replica, setup, told};
use messaging::rights::Rights;
use messaging::{Nats, streams};
use serde_json::json;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const RIGHTS: Rights = Rights {
    about: "Keeps products and cards.",
    publishes: &["analytics.products.>", "analytics.cards.>"],
    asks: &[streams::ANALYTICS],
    writes_buckets: &[streams::FILES_LEDGER, streams::FILES_CONTENT, streams::REQUESTS],
    purges: &["KV_FILES_LEDGER", "KV_FILES_CONTENT"],
    ..Rights::NONE
};

struct Server(Child, tempfile::TempDir);

impl Drop for Server {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

impl Server {
    /// One that knows the shop as a user of these rights, and one who may do everything; its address.
    async fn start() -> (Self, String) {
        let dir = tempfile::tempdir().unwrap();
        let (at, may) = (dir.path(), RIGHTS.subjects());
        let user = format!(
            "{{ user: shop, password: shop, permissions: {{ publish: {{ allow: {may:?} }}, subscribe: {{ allow: \
             [\"_INBOX.>\"] }} }} }}"
        );
        let config = format!(
            "listen: 127.0.0.1:-1\nports_file_dir: {:?}\njetstream {{ store_dir: {:?} }}\naccounts {{ A {{ \
             jetstream: enabled\n users: [\n {{ user: setup, password: setup }}\n{user} ] }} }}\n",
            at, at
        );
        std::fs::write(at.join("nats.conf"), config).unwrap();
        let binary = testkit::nats_server_bin().unwrap_or_else(|| "nats-server".into());
        let log = std::fs::File::create(at.join("log")).unwrap();
        let child = Command::new(binary).arg("-c").arg(at.join("nats.conf")).stderr(log).spawn();
        let server = Self(child.unwrap(), dir);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            for file in std::fs::read_dir(server.1.path()).unwrap().flatten() {
                let is_ports = file.path().extension().is_some_and(|kind| kind == "ports");
                let text = std::fs::read_to_string(file.path()).unwrap_or_default();
                let ports: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                if let Some(url) = ports["nats"][0].as_str().filter(|_| is_ports) {
                    return (server, url.trim_start_matches("nats://").to_owned());
                }
            }
            assert!(Instant::now() < deadline, "it does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_need_what_the_page_says() {
    let (_server, at) = Server::start().await;
    let nats = Nats::connect(&format!("nats://setup:setup@{at}"), "test", false).await.unwrap();
    setup(&nats, 1).await;
    let shop = replica(format!("nats://shop:shop@{at}")).await;
    let key = [("idempotency-key", "k")];
    let made = shop.send("POST", "/products", &key, json!({"id": "1", "name": "Tea"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    // Another name: the claim of the first one is removed.
    let patched = shop.send("PATCH", "/products/1", &[], json!({"name": "Milk"})).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let again = shop.post("/products", &json!({"id": "2", "name": "Tea"})).await;
    assert_eq!(again.status, 201, "{again:?}");
    let listed = shop.get("/products").await;
    assert_eq!(listed.body["products"].as_array().map(Vec::len), Some(2), "{listed:?}");
    assert_eq!(shop.send("DELETE", "/products/1", &[], "").await.status, 204);
    let deadline = Instant::now() + Duration::from_secs(30);
    while told(&nats, "analytics.products.>").await.len() != 4 {
        assert!(Instant::now() < deadline, "its events");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
