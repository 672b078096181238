//! Functions that are called past the gateway, and one that ends with a message.

use crate::support::{World, until};
use connector::Invoke;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long it is away after it ended.
const AWAY: Duration = Duration::from_millis(600);

/// A function on a port of its own. A message that is named in `kills` ends it with all of its
/// connections; some time later it is there again.
#[derive(Clone, Default)]
struct Fragile {
    given: Arc<Mutex<Vec<Value>>>,
    ended: Arc<Notify>,
}

impl Fragile {
    /// Its address.
    async fn serve(&self) -> Invoke {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let function = self.clone();
        tokio::spawn(async move {
            loop {
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            connections.spawn(function.clone().answer(accepted.unwrap().0));
                        }
                        () = function.ended.notified() => break,
                    }
                }
                drop(listener);
                connections.shutdown().await;
                tokio::time::sleep(AWAY).await;
                listener = TcpListener::bind(address).await.unwrap();
            }
        });
        Invoke::Direct(format!("http://{address}/{{function}}").parse().unwrap())
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        while let Some(body) = request(&mut stream, &mut read).await {
            if body.is_empty() {
                let health = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(health.as_bytes()).await.unwrap();
                continue;
            }
            if body.contains("kills") {
                self.ended.notify_one();
                std::future::pending::<()>().await;
            }
            let mut answer = "HTTP/1.1 204 No Content\r\nx-duration-seconds: 0.001\r\n\r\n";
            if body.contains("zips") {
                answer = "HTTP/1.1 200 OK\r\nx-duration-seconds: 0.001\r\n\
                    content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\u{1f}x";
            } else {
                let events: Vec<Value> = serde_json::from_str(&body).unwrap();
                self.given.lock().unwrap().extend(events);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn numbers(&self) -> BTreeSet<u64> {
        let given = self.given.lock().unwrap();
        given.iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
    }
}

/// The body of the next request, empty for one without; nothing when the connection ends.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            let whole = end + 4 + length;
            if whole <= read.len() {
                let body = String::from_utf8(read[end + 4..whole].to_vec()).unwrap();
                read.drain(..whole);
                return Some(body);
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

async fn letter(world: &World) -> (String, String) {
    let errors = world.stream("ERRORS").await;
    let letter = errors.get_last_raw_message_by_subject("errors.dead.f").await.unwrap();
    let header = |name| letter.headers.get(name).unwrap().as_str().to_owned();
    (header("Orderflow-Dead-Sequence"), header("Orderflow-Dead-Error"))
}

#[tokio::test]
async fn a_message_that_ends_its_function_is_found_and_given_up_and_no_other_one() {
    let mut world = World::new().await;
    let annotations =
        [("topic", "orders"), ("orderflow.batch", "4"), ("orderflow.max-deliver", "2")];
    world.gateway.annotate("f", &annotations);
    for n in 0..12_u64 {
        let data = if n == 5 { json!({"n": n, "kills": true}) } else { json!({"n": n}) };
        world.publish("orders", &data.to_string()).await;
    }
    let function = Fragile::default();
    let direct = function.serve().await;
    world.start_with(|settings| settings.invoke = direct).await;
    until("it is given up", async || world.dead_letters().await == 1).await;
    world.settled("f", "orders").await;
    let (sequence, error) = letter(&world).await;
    assert_eq!(sequence, "6");
    assert!(
        error.starts_with("failed 2 times, last: the function ended before it answered: "),
        "{error}"
    );
    assert_eq!(function.numbers(), (0..12).filter(|n| *n != 5).collect());
    assert_eq!(world.dead_letters().await, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_is_down_costs_no_attempt_when_it_is_called_directly() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    for n in 0..5_u64 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    // Nobody listens there until the function is served.
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let nowhere = Invoke::Direct(format!("http://{address}/{{function}}").parse().unwrap());
    world.start_with(|settings| settings.invoke = nowhere).await;
    until("it was tried", async || {
        let unreachable = "connector_calls_total{function=\"f\",code=\"unreachable\"}";
        world.metric(unreachable).await >= Some(3.0)
    })
    .await;
    world.stop().await;
    assert_eq!(world.dead_letters().await, 0);
    let function = Fragile::default();
    let direct = function.serve().await;
    world.start_with(|settings| settings.invoke = direct).await;
    world.settled("f", "orders").await;
    assert_eq!(function.numbers(), (0..5).collect(), "204 without a body is done");
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_compressed_is_named_as_such() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    world.publish("orders", r#"{"zips":true}"#).await;
    let function = Fragile::default();
    let direct = function.serve().await;
    world.start_with(|settings| settings.invoke = direct).await;
    until("it is given up", async || world.dead_letters().await == 1).await;
    let (_, error) = letter(&world).await;
    assert!(error.contains("the answer is encoded as \"gzip\" (Content-Encoding)"), "{error}");
    world.stop().await;
}
