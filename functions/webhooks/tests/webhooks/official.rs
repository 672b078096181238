//! Messages as the official Python and JavaScript packages of Standard Webhooks see them.

use crate::endpoint::Posted;
use crate::support::{World, confirmed};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What has the package.
enum Official {
    /// A Python.
    Python(OsString),
    /// A folder of node's modules.
    Node(OsString),
}

impl Official {
    /// It, if the variable names it (`scripts/standardwebhooks`).
    fn of(variable: &str, official: fn(OsString) -> Self) -> Option<Self> {
        let named = std::env::var_os(variable).filter(|it| !it.is_empty()).map(official);
        if named.is_none() {
            println!("NOT CHECKED: signatures by an official package; {variable} names none");
        }
        named
    }

    fn command(&self) -> Command {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhooks");
        match self {
            Self::Python(python) => {
                let mut command = Command::new(python);
                command.arg(format!("{folder}/official.py"));
                command
            }
            Self::Node(modules) => {
                let mut command = Command::new("node");
                command.arg(format!("{folder}/official.cjs")).env("NODE_PATH", modules);
                command
            }
        }
    }

    /// `ok`, or why the package refuses the message.
    async fn verify(&self, posted: &Posted, secret: &str) -> String {
        let (input, output) = (Stdio::piped(), Stdio::piped());
        let mut command = self.command();
        let command = command.stdin(input).stdout(output).stderr(Stdio::piped());
        let mut package = command.kill_on_drop(true).spawn().unwrap();
        let message = json!({"secret": secret, "headers": posted.headers, "body": posted.body});
        let mut input = package.stdin.take().unwrap();
        input.write_all(message.to_string().as_bytes()).await.unwrap();
        drop(input);
        let output = package.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The message, sent so many seconds later.
fn later(posted: &Posted, seconds: i64) -> Posted {
    let sent: i64 = posted.headers["webhook-timestamp"].parse().unwrap();
    let mut posted = posted.clone();
    posted.headers.insert("webhook-timestamp".to_owned(), (sent + seconds).to_string());
    posted
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_package_takes_messages_and_refuses_changed_ones() {
    let python = Official::of("ORDERFLOW_TEST_STANDARDWEBHOOKS_PYTHON", Official::Python);
    if let Some(official) = python {
        takes_and_refuses(&official).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_javascript_package_takes_messages_and_refuses_changed_ones() {
    let node = Official::of("ORDERFLOW_TEST_STANDARDWEBHOOKS_NODE", Official::Node);
    if let Some(official) = node {
        takes_and_refuses(&official).await;
    }
}

async fn takes_and_refuses(official: &Official) {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &[]).await;
    let ask =
        async || served.ask("GET", "/subscriptions/US1/shop/secret", "admin", Value::Null).await;
    let old = ask().await.body["secret"].as_str().unwrap().to_owned();
    // Dots separate what is signed, and what is signed are bytes, not letters.
    let mut event = confirmed("A.1");
    event["data"]["note"] = json!("Zoë, 2 € ☕");
    served.bring(&[event]).await;
    let posted = world.endpoint.until("/shop", 1).await.remove(0);
    assert!(posted.body.contains('☕'), "{posted:?}");
    assert_eq!(official.verify(&posted, &old).await, "ok");

    let no_match = "No matching signature found";
    let changed = Posted { body: posted.body.replace("A.1", "A.2"), ..posted.clone() };
    assert_ne!(changed.body, posted.body);
    assert_eq!(official.verify(&changed, &old).await, no_match);
    assert_eq!(official.verify(&later(&posted, 1), &old).await, no_match);
    assert_eq!(official.verify(&later(&posted, -600), &old).await, "Message timestamp too old");
    assert_eq!(official.verify(&later(&posted, 600), &old).await, "Message timestamp too new");
    let mut other = posted.clone();
    other.headers.insert("webhook-id".to_owned(), "msg_other".to_owned());
    assert_eq!(official.verify(&other, &old).await, no_match);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = posted.clone();
        without.headers.remove(name).unwrap();
        assert_eq!(official.verify(&without, &old).await, "Missing required headers", "{name}");
    }

    // While a secret is rotated, a shop that has either of the two takes the message.
    let rotate = json!({"secret_version": 2, "old_secret_until": "2999-01-01T00:00:00Z"});
    assert_eq!(served.ask("PATCH", "/subscriptions/US1/shop", "admin", rotate).await.status, 200);
    let new = ask().await.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(official.verify(&posted, &new).await, no_match);
    served.bring(&[confirmed("B")]).await;
    let posted = world.endpoint.until("/shop", 2).await.remove(1);
    assert_eq!(official.verify(&posted, &old).await, "ok");
    assert_eq!(official.verify(&posted, &new).await, "ok");
}
