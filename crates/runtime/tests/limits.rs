//! The checks before, around and after a handler, over a real socket.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use runtime::{Door, Entrance, Function, Routes, ServerSettings};
use support::{Client, Running, request, until};
use tokio::sync::Semaphore;

/// Holds slow handlers until it is opened, and counts them.
#[derive(Clone)]
struct Gate {
    started: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        let open = Arc::new(Semaphore::new(0));
        Self { started: Arc::default(), finished: Arc::default(), open }
    }

    async fn pass(&self) -> &'static str {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.open.acquire().await.unwrap().forget();
        self.finished.fetch_add(1, Ordering::SeqCst);
        "passed"
    }
}

fn quick() -> ServerSettings {
    ServerSettings {
        grace: Duration::ZERO,
        drain: Duration::from_secs(5),
        body_bytes_max: 1000,
        ..ServerSettings::ephemeral()
    }
}

async fn start(gate: &Gate, settings: ServerSettings) -> Running {
    let gate = gate.clone();
    let open = || Entrance::from(Door::Open).bodies_up_to(settings.body_bytes_max);
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Input {
        quantity: u32,
    }
    let routes = Routes::new(support::tokens())
        .at(Door::Open, "/", get(async || "hello"))
        .at(open(), "/echo", post(async |body: Bytes| body))
        .at(open(), "/ignore", post(async || "ignored"))
        .at(open(), "/json", post(async |Json(input): Json<Input>| Json(input)))
        .at(Door::Open, "/panic", get(async || -> &'static str { panic!("as the test wants") }))
        .at(Door::Open, "/teapot", get(async || StatusCode::IM_A_TEAPOT))
        .at(Door::Open, "/wait", get(async move || gate.pass().await));
    Running::start(Function::new("limits", routes), settings).await
}

async fn started() -> Running {
    start(&Gate::closed(), quick()).await
}

fn chunked(path: &str, chunks: usize) -> String {
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(chunks);
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")
}

fn sized(path: &str, len: usize) -> String {
    let body = "x".repeat(len);
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n{body}")
}

#[tokio::test]
async fn every_answer_carries_its_time_its_call_id_and_a_content_type() {
    let running = started().await;
    let text = "GET / HTTP/1.1\r\nhost: x\r\nx-call-id: call-7\r\n\r\n";
    let reply = request(running.addr, text).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "hello"));
    assert_eq!(reply.header("x-call-id"), Some("call-7"));
    let seconds: f64 = reply.header("x-duration-seconds").unwrap().parse().unwrap();
    assert!((0.0..5.0).contains(&seconds));
    for path in ["/", "/_/health", "/_/ready", "/nowhere"] {
        let reply = running.get(path).await;
        assert!(reply.header("content-type").is_some(), "{path}: {reply:?}");
        assert_eq!(reply.header("x-call-id").unwrap().len(), 32, "{path}: {reply:?}");
        assert!(reply.header("x-duration-seconds").is_some(), "{path}: {reply:?}");
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn errors_have_one_shape_wherever_they_come_from() {
    let running = started().await;
    running.get("/nowhere").await.assert_problem(404);
    running.get("/teapot").await.assert_problem(418);
    let reply = running.get("/echo").await;
    reply.assert_problem(405);
    assert_eq!(reply.header("allow"), Some("POST"));
    request(running.addr, &sized("/json", 3)).await.assert_problem(415);
    let head = "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let reply = request(running.addr, &format!("{head}content-length: 2\r\n\r\n{{}}")).await;
    reply.assert_problem(422);
    assert!(reply.json()["detail"].as_str().unwrap().contains("quantity"), "{reply:?}");
    request(running.addr, &format!("{head}content-length: 1\r\n\r\n{{")).await.assert_problem(400);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_chunked_body_arrives_whole() {
    let running = started().await;
    let reply = request(running.addr, &chunked("/echo", 10)).await;
    assert_eq!((reply.status, reply.body.len()), (200, 1000));
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_declared_or_not() {
    let running = started().await;
    for text in [sized("/echo", 1001), chunked("/echo", 11), sized("/json", 1001)] {
        request(running.addr, &text).await.assert_problem(413);
    }
    // The limit applies to what is sent, even if the handler does not read it.
    request(running.addr, &sized("/ignore", 1001)).await.assert_problem(413);
    assert_eq!(request(running.addr, &sized("/echo", 1000)).await.status, 200);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_refused_body_does_not_cost_the_client_its_answer() {
    let settings = ServerSettings { body_bytes_max: 1_000_000, ..quick() };
    let running = start(&Gate::closed(), settings).await;
    // Larger than the buffers of both sides: a reset would lose the answer. The second request checks
    // that the connection still works.
    for (text, status) in [
        (sized("/echo", 3_000_000), 413),
        (chunked("/echo", 30_000), 413),
        (sized("/nowhere", 900_000), 404),
        (sized("/ignore", 900_000), 200),
    ] {
        let mut client = Client::connect(running.addr).await;
        client.send(&text).await;
        assert_eq!(client.reply().await.status, status);
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.reply().await.status, 200);
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_client_that_expects_100_continue_sends_no_body_in_vain() {
    let running = started().await;
    let mut client = Client::connect(running.addr).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n";
    client.send(format!("{head}content-length: 5000\r\n\r\n")).await;
    client.reply().await.assert_problem(413);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn more_requests_than_places_are_429_and_health_still_answers() {
    let gate = Gate::closed();
    let settings = ServerSettings { open_in_flight_max: 2.try_into().unwrap(), ..quick() };
    let running = start(&gate, settings).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(running.addr).await;
        client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
        waiting.push(client);
    }
    until("two handlers work", async || gate.started.load(Ordering::SeqCst) == 2).await;
    let reply = running.get("/").await;
    reply.assert_problem(429);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(running.get("/_/health").await.status, 200);
    gate.open.add_permits(2);
    for mut client in waiting {
        assert_eq!(client.reply().await.body, "passed");
    }
    until("a place is free again", async || running.get("/").await.status == 200).await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_panic_is_500_and_the_next_request_works() {
    let running = started().await;
    let mut client = Client::connect(running.addr).await;
    for _ in 0..3 {
        client.send("GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let reply = client.reply().await;
        reply.assert_problem(500);
        assert!(!reply.body.contains("as the test wants"), "{reply:?}");
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.reply().await.status, 200);
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_client_that_disappears_does_not_stop_its_handler() {
    let gate = Gate::closed();
    let running = start(&gate, quick()).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until("the handler works", async || gate.started.load(Ordering::SeqCst) == 1).await;
    drop(client);
    let shown = async || request(running.metrics, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let gone = "http_requests_total{code=\"499\",method=\"GET\"} 1\n";
    until("the client is missed", async || shown().await.body.contains(gone)).await;
    gate.open.add_permits(1);
    until("the handler ends", async || gate.finished.load(Ordering::SeqCst) == 1).await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_client_that_disappears_in_its_body_costs_nothing() {
    let settings = ServerSettings { open_in_flight_max: 1.try_into().unwrap(), ..quick() };
    let running = start(&Gate::closed(), settings).await;
    let mut client = Client::connect(running.addr).await;
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf").await;
    drop(client);
    until("its place is free", async || running.get("/").await.status == 200).await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn slow_clients_end_and_do_not_block_others() {
    let settings = ServerSettings {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        ..quick()
    };
    let running = start(&Gate::closed(), settings).await;
    let mut silent = Client::connect(running.addr).await;
    let mut slow_head = Client::connect(running.addr).await;
    slow_head.send("GET / HTTP/1.1\r\nho").await;
    let mut slow_body = Client::connect(running.addr).await;
    slow_body.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx").await;
    for _ in 0..5 {
        assert_eq!(running.get("/").await.status, 200);
        slow_head.try_send("s").await;
    }
    slow_body.reply().await.assert_problem(408);
    slow_head.closed().await;
    silent.closed().await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_outlives_the_limit_for_a_head() {
    let settings = ServerSettings {
        header_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_secs(600),
        ..quick()
    };
    let running = start(&Gate::closed(), settings).await;
    let mut client = Client::connect(running.addr).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.reply().await.status, 200);
        // The sleep is needed: the time itself is tested here.
        tokio::time::sleep(Duration::from_millis(1000)).await;
    }
    client.send("GET / HT").await;
    client.closed().await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_limit() {
    let settings = ServerSettings { idle_timeout: Duration::from_millis(500), ..quick() };
    let running = start(&Gate::closed(), settings).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.reply().await.status, 200);
    client.closed().await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let running = started().await;
    let mut client = Client::connect(running.addr).await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(200_000));
    client.try_send(&head).await;
    assert!(client.try_reply().await.is_none_or(|reply| reply.status == 431));
    running.ended().await.unwrap();
}
