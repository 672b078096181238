//! Functions that are called directly, and one that ends because of a message, called directly and
//! through a gateway.

use crate::support::{World, until};
use connector::Invoke;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long the function is down after it ended.
const AWAY: Duration = Duration::from_millis(600);

/// A function on its own port. A message that is named in `kills` ends it with all its connections;
/// some time later it is up again.
#[derive(Clone, Default)]
struct Fragile {
    given: Arc<Mutex<Vec<Value>>>,
    ended: Arc<Notify>,
    /// How long such a message is worked on before the function ends.
    after: Duration,
}

impl Fragile {
    /// Serves the function; returns how it is called directly.
    async fn serve(&self) -> Invoke {
        let address = self.listen().await;
        Invoke::Direct(format!("http://{address}/{{function}}").parse().unwrap())
    }

    /// Serves the function; returns its address.
    async fn listen(&self) -> SocketAddr {
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
        address
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        while let Some(body) = request(&mut stream, &mut read).await {
            if body.is_empty() {
                let health =
                    "HTTP/1.1 200 OK\r\nx-duration-seconds: 0.001\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(health.as_bytes()).await.unwrap();
                continue;
            }
            if body.contains("kills") {
                tokio::time::sleep(self.after).await;
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

/// A gateway like that of OpenFaaS before the function at `address`: it forwards calls and answers, and
/// answers 502 if the function is away. Returns its address.
async fn gateway_before(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while let Some(body) = request(&mut client, &mut read).await {
                    let answer = passed_on(address, &body).await;
                    let answer = answer.unwrap_or_else(|| {
                        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned()
                    });
                    client.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    here
}

/// The function's answer, which is sent in one piece.
async fn passed_on(address: SocketAddr, body: &str) -> Option<String> {
    let mut function = TcpStream::connect(address).await.ok()?;
    let head = format!("POST / HTTP/1.1\r\nhost: f\r\ncontent-length: {}\r\n\r\n", body.len());
    function.write_all((head + body).as_bytes()).await.ok()?;
    let mut answer = vec![0; 4096];
    let length = function.read(&mut answer).await.ok()?;
    (0 < length).then(|| String::from_utf8(answer[..length].to_vec()).unwrap())
}

/// The body of the next request, empty if it has none; `None` when the connection ends.
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

/// A gateway gives the same answer for a function that ends and for one that is away.
#[tokio::test]
async fn a_message_that_ends_its_function_is_found_through_a_gateway_as_well() {
    found_through_a_gateway("45s", Duration::ZERO).await;
}

/// As late as the gateway's own time-out could come, but the function is away then.
#[tokio::test]
async fn a_message_that_ends_its_function_late_is_found_through_a_gateway_as_well() {
    found_through_a_gateway("2s", Duration::from_millis(1_100)).await;
}

async fn found_through_a_gateway(timeout: &str, after: Duration) {
    let mut world = World::new().await;
    let annotations = [
        ("topic", "orders"),
        ("orderflow.batch", "4"),
        ("orderflow.max-deliver", "2"),
        ("orderflow.timeout", timeout),
    ];
    for n in 0..12_u64 {
        let data = if n == 5 { json!({"n": n, "kills": true}) } else { json!({"n": n}) };
        world.publish("orders", &data.to_string()).await;
    }
    let function = Fragile { after, ..Fragile::default() };
    let gateway = gateway_before(function.listen().await).await;
    let listed = world.list_in_file("f", &annotations);
    world
        .start_with(|settings| {
            settings.gateway = Some(format!("http://{gateway}").parse().unwrap());
            settings.functions = Some(listed);
        })
        .await;
    until("it is given up", async || world.dead_letters().await == 1).await;
    world.settled("f", "orders").await;
    let (sequence, error) = letter(&world).await;
    assert_eq!(sequence, "6");
    let expected = "failed 2 times, last: the function ended before it answered: 502";
    assert_eq!(error, expected);
    assert_eq!(function.numbers(), (0..12).filter(|n| *n != 5).collect());
    assert_eq!(world.dead_letters().await, 1);
    world.stop().await;
}

/// A gateway whose function is up and works for longer than the gateway waits: it answers with this
/// status after that time. Returns its address.
async fn gateway_that_gives_up(status: &'static str, after: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while let Some(body) = request(&mut client, &mut read).await {
                    let head = if body.is_empty() {
                        "200 OK\r\nx-duration-seconds: 0.001"
                    } else {
                        tokio::time::sleep(after).await;
                        status
                    };
                    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
                    // The connector may have hung up by now.
                    drop(client.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    here
}

/// The function may have done the work and gets the message again.
#[tokio::test]
async fn a_function_that_lives_costs_no_attempt_when_the_time_of_the_gateway_is_up() {
    for (status, after) in
        [("504 Gateway Timeout", Duration::ZERO), ("502 Bad Gateway", Duration::from_millis(1_100))]
    {
        let mut world = World::new().await;
        let annotations =
            [("topic", "orders"), ("orderflow.max-deliver", "1"), ("orderflow.timeout", "2s")];
        world.publish("orders", "{}").await;
        let gateway = gateway_that_gives_up(status, after).await;
        let listed = world.list_in_file("f", &annotations);
        world
            .start_with(|settings| {
                settings.gateway = Some(format!("http://{gateway}").parse().unwrap());
                settings.functions = Some(listed);
            })
            .await;
        let code = status.split(' ').next().unwrap();
        let tried = format!("connector_calls_total{{function=\"f\",code=\"gateway-{code}\"}}");
        // From the third call on the message is suspected and could become a dead letter.
        until("it was tried", async || world.metric(&tried).await >= Some(5.0)).await;
        let attempts = world.metric("connector_attempts_total{function=\"f\"}").await;
        assert_eq!((attempts, world.dead_letters().await), (Some(0.0), 0), "{status}");
        world.stop().await;
    }
}

/// Nothing is known about the messages while no health check shows that the function was up.
#[tokio::test]
async fn a_function_that_is_down_costs_no_attempt_behind_a_gateway() {
    let mut world = World::new().await;
    let annotations = [("topic", "orders"), ("orderflow.max-deliver", "1")];
    for n in 0..5_u64 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let gateway = gateway_before(address).await;
    let listed = world.list_in_file("f", &annotations);
    world
        .start_with(|settings| {
            settings.gateway = Some(format!("http://{gateway}").parse().unwrap());
            settings.functions = Some(listed);
        })
        .await;
    let tried = "connector_calls_total{function=\"f\",code=\"gateway-502\"}";
    until("it was tried", async || world.metric(tried).await >= Some(6.0)).await;
    assert_eq!(world.metric("connector_attempts_total{function=\"f\"}").await, Some(0.0));
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_is_down_costs_no_attempt_when_it_is_called_directly() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    for n in 0..5_u64 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    // No process listens at this address until the function is served.
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
