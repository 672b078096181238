//! Providers of text messages, and what becomes of messages through them.

use crate::support::{SECRETS, Served, World, given, id};
use crate::tls::acceptor;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::tls::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What it does with a request, by its number (from 0).
#[derive(Clone, Copy)]
enum Do {
    /// An answer, as it goes over the wire.
    Say(&'static str),
    /// Nothing.
    Hang,
    /// It takes the message, and closes the connection without a word.
    Cut,
}

/// What it does with each request.
type Script = fn(usize) -> Do;

const TAKEN: &str = "HTTP/1.1 201 Created\r\ncontent-length: 13\r\n\r\n{\"sid\":\"SM1\"}";

struct Provider {
    port: u16,
    /// Requests as they came.
    seen: watch::Sender<Vec<String>>,
    accepting: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Provider {
    async fn start(tls: TlsAcceptor, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = watch::Sender::<Vec<String>>::default();
        let to = seen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(tls.clone(), stream, to.clone(), script));
            }
        });
        Self { port, seen, accepting }
    }

    async fn seen(&self, count: usize) -> Vec<String> {
        let mut seen = self.seen.subscribe();
        let found = tokio::time::timeout(
            Duration::from_secs(60),
            seen.wait_for(|seen| count <= seen.len()),
        );
        found.await.expect("not within 60 s").unwrap().clone()
    }
}

async fn talk(
    tls: TlsAcceptor,
    stream: TcpStream,
    seen: watch::Sender<Vec<String>>,
    script: Script,
) {
    let Ok(mut stream) = tls.accept(stream).await else { return };
    loop {
        let mut bytes = Vec::new();
        let whole = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            (length.parse::<usize>().unwrap() <= body.len()).then_some(text)
        };
        let request = loop {
            let mut part = [0; 4_096];
            match stream.read(&mut part).await {
                Ok(count) if 0 < count => bytes.extend_from_slice(&part[..count]),
                _ => return,
            }
            if let Some(request) = whole(&bytes) {
                break request;
            }
        };
        let number = seen.borrow().len();
        seen.send_modify(|seen| seen.push(request));
        match script(number) {
            Do::Say(answer) => drop(stream.write_all(answer.as_bytes()).await),
            Do::Hang => std::future::pending().await,
            Do::Cut => return,
        }
    }
}

/// A notifier with a provider, and a function to tell it of an order.
struct Phone {
    world: World,
    provider: Provider,
    notifier: Served,
    _dir: tempfile::TempDir,
}

impl Phone {
    async fn start(token: &str, script: Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours", dir.path());
        let provider = Provider::start(acceptor(&authority, &["localhost"]), script).await;
        let world = World::start().await;
        let pairs = [
            ("ORDERFLOW_SMTP_URL", "none".to_owned()),
            ("ORDERFLOW_SMS_URL", format!("https://localhost:{}/send", provider.port)),
            ("ORDERFLOW_SMS_FROM", "Lamps".to_owned()),
            ("ORDERFLOW_SMS_CA", authority.file().display().to_string()),
            ("ORDERFLOW_OUTGOING_NETWORKS", "127.0.0.0/8,::1".to_owned()),
            ("ORDERFLOW_OUTGOING_PORTS", provider.port.to_string()),
        ];
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value)).into();
        let mut env = runtime::Env::from_pairs(world.pairs(&pairs));
        for (name, text) in SECRETS.into_iter().chain([("sms-token", token)]) {
            env = env.with_secret(name, text);
        }
        let notifier = Served::of(notifier::build(&mut env).await.unwrap()).await;
        Self { world, provider, notifier, _dir: dir }
    }

    async fn tell(&self, partner: &'static str) -> Value {
        let person = json!({"phone": "+33612345678", "language": "fr"});
        let order = crate::support::Given { partner, ..given("A1", person) };
        let event = order.confirmed(&self.world.nats).await;
        self.notifier.bring(std::slice::from_ref(&event)).await;
        event
    }

    async fn delivery(&self, event: &Value, states: &[&str]) -> Value {
        self.notifier.delivery(id(event), "sms", states).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_is_a_form_with_our_login_and_a_key() {
    let phone = Phone::start("bearer-token", |_| Do::Say(TAKEN)).await;
    let event = phone.tell("US1").await;
    let sent = phone.delivery(&event, &["sent"]).await;
    assert_eq!(sent["answer"], "201 {\"sid\":\"SM1\"}");
    let request = phone.provider.seen(1).await.remove(0);
    let key = sent["key"].as_str().unwrap();
    for expected in [
        "POST /send HTTP/1.1".to_owned(),
        "authorization: Bearer bearer-token".to_owned(),
        format!("idempotency-key: {key}"),
        "content-type: application/x-www-form-urlencoded".to_owned(),
        "to=%2B33612345678&from=Lamps&body=Lamps%20%26%20Co%20%3A%20votre%20commande%20A1"
            .to_owned(),
    ] {
        assert!(request.contains(&expected), "{expected} in {request}");
    }
    assert!(
        request.contains("10%2C00%20%E2%82%AC"),
        "no blank that doubles the message: {request}"
    );
    // Partner US2 tells nobody by SMS.
    let quiet = phone.tell("US2").await;
    let path = format!("/deliveries?event={}", id(&quiet));
    assert_eq!(phone.notifier.get(&path).await.body["deliveries"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_a_provider_has_its_consequence() {
    let cases: [(Script, &str, u64, &str); 6] = [
        (
            |_| Do::Say("HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\nno such"),
            "failed",
            0,
            "400 no such",
        ),
        (|_| Do::Say("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"), "waiting", 0, "500"),
        (
            |_| Do::Say("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nwho"),
            "waiting",
            0,
            "401 wh",
        ),
        (|_| Do::Say("220 this is no provider\r\n\r\n"), "waiting", 1, "unknown"),
        (|_| Do::Hang, "waiting", 1, "no answer within 2s"),
        (|_| Do::Cut, "waiting", 1, "unknown"),
    ];
    let mut tests = Vec::new();
    for (script, state, unknown, answer) in cases {
        tests.push(tokio::spawn(async move {
            let phone = Phone::start("user:password", script).await;
            let event = phone.tell("US1").await;
            let found = phone.delivery(&event, &["waiting", "failed", "sent"]).await;
            assert_eq!(
                (&found["state"], &found["unknown"]),
                (&json!(state), &json!(unknown)),
                "{found}"
            );
            assert!(found["answer"].as_str().unwrap().contains(answer), "{found}");
            let request = phone.provider.seen(1).await.remove(0);
            assert!(request.contains("authorization: Basic dXNlcjpwYXNzd29yZA=="), "{request}");
        }));
    }
    for test in tests {
        test.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_has_too_much_says_when_and_costs_no_attempt() {
    const BUSY: &str =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nslow";
    let phone =
        Phone::start("t", |number| if number == 0 { Do::Say(BUSY) } else { Do::Say(TAKEN) }).await;
    let event = phone.tell("US1").await;
    let sent = phone.delivery(&event, &["sent"]).await;
    assert_eq!((&sent["attempts"], &sent["unknown"]), (&json!(2), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_sent_again_under_its_key() {
    let phone =
        Phone::start("t", |number| if number == 0 { Do::Cut } else { Do::Say(TAKEN) }).await;
    let event = phone.tell("US1").await;
    let sent = phone.delivery(&event, &["sent"]).await;
    assert_eq!((&sent["attempts"], &sent["unknown"]), (&json!(2), &json!(1)));
    let seen = phone.provider.seen(2).await;
    let key = format!("idempotency-key: {}", sent["key"].as_str().unwrap());
    assert!(seen.len() == 2 && seen.iter().all(|request| request.contains(&key)), "{seen:?}");
}
