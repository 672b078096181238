//! Callers without a token take nothing from callers with one, and people take nothing from the
//! connector.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use runtime::{Door, Entrance, Function, Memory, Routes, ServerSettings};
use support::{Client, PATIENCE, Reply, Running, until};
use tokio::sync::Semaphore;

const MIB: usize = 1024 * 1024;

/// Holds slow handlers until it is opened.
#[derive(Clone)]
struct Gate(Arc<(AtomicUsize, Semaphore)>);

impl Gate {
    fn closed() -> Self {
        Self(Arc::new((AtomicUsize::new(0), Semaphore::new(0))))
    }

    async fn pass(&self, _: Bytes) -> &'static str {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.acquire().await.unwrap().forget();
        "passed"
    }

    async fn waits(&self, handlers: usize) {
        until("the handlers work", async || self.0.0.load(Ordering::SeqCst) == handlers).await;
    }
}

fn settings() -> ServerSettings {
    ServerSettings {
        grace: Duration::ZERO,
        drain: Duration::from_secs(5),
        ..ServerSettings::ephemeral()
    }
}

async fn start(gate: &Gate, settings: ServerSettings) -> Running {
    let wait = || {
        let gate = gate.clone();
        post(async move |body: Bytes| gate.pass(body).await)
    };
    let by_header = Entrance::by(|_, headers| match headers.contains_key("x-events") {
        true => Door::Connector,
        false => Door::Admin,
    });
    let admin = Entrance::from(Door::Admin).bodies_up_to(8 * 1024 * 1024);
    let routes = Routes::new(support::tokens())
        .at(Door::Open, "/open", post(async |body: Bytes| body.len().to_string()))
        .at(Door::Connector, "/events", post(async |body: Bytes| body.len().to_string()))
        .at(admin, "/admin", post(async |body: Bytes| body.len().to_string()))
        .at(by_header, "/both", post(async || "both"))
        .at(Door::Open, "/wait/open", wait())
        .at(Door::Connector, "/wait/events", wait())
        .at(Door::Admin, "/wait/admin", wait())
        .at(Door::Admin, "/large", get(async || "x".repeat(32 * MIB)))
        .at(
            Door::Read,
            "/id",
            get(async |headers: HeaderMap| format!("{:?}", headers["x-call-id"])),
        );
    let function = Function::new("strangers", routes).memory(Memory::new(32, 4));
    Running::start(function, settings).await
}

fn head(path: &str, token: &str, length: usize) -> String {
    let line = if length == 0 && path == "/large" { "GET" } else { "POST" };
    let token = match token {
        "" => String::new(),
        token => format!("authorization: Bearer {token}\r\n"),
    };
    format!("{line} {path} HTTP/1.1\r\nhost: x\r\n{token}content-length: {length}\r\n\r\n")
}

async fn call(running: &Running, path: &str, token: &str, body: &str) -> Reply {
    let mut client = Client::connect(running.addr).await;
    client.send(head(path, token, body.len()) + body).await;
    client.reply().await
}

/// Requests that declare a length, but end after the head.
async fn unfinished(running: &Running, path: &str, token: &str, number: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..number {
        let mut client = Client::connect(running.addr).await;
        client.try_send(head(path, token, 1000)).await;
        clients.push(client);
    }
    clients
}

#[track_caller]
fn assert_soon(began: Instant) {
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn unfinished_requests_without_a_token_cost_nobody_anything() {
    let running = start(&Gate::closed(), settings()).await;
    let mut held = Vec::new();
    // More than there are places for requests, and in the end more than there are places for
    // connections.
    for path in ["/open", "/events", "/admin", "/wait/open"] {
        held.extend(unfinished(&running, path, "", 80).await);
        held.extend(unfinished(&running, path, "wrong", 80).await);
        let began = Instant::now();
        for (path, token) in [("/events", "c-token"), ("/admin", "a-token"), ("/open", "a-token")] {
            let reply = call(&running, path, token, "12345").await;
            assert_eq!((reply.status, reply.body.as_str()), (200, "5"), "{path}");
        }
        assert_eq!(running.get("/_/health").await.status, 200);
        assert_eq!(call(&running, "/open", "", "123").await.status, 200);
        assert_soon(began);
    }
    drop(held);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn unfinished_requests_of_people_cost_the_connector_nothing_and_no_place() {
    let running = start(&Gate::closed(), settings()).await;
    let held = unfinished(&running, "/admin", "a-token", 100).await;
    let began = Instant::now();
    for (path, token) in [("/events", "c-token"), ("/admin", "a-token"), ("/open", "")] {
        assert_eq!(call(&running, path, token, "12345").await.status, 200, "{path}");
    }
    assert_soon(began);
    drop(held);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn each_kind_of_callers_has_places_of_its_own() {
    let gate = Gate::closed();
    let two = 2.try_into().unwrap();
    let settings = ServerSettings { in_flight_max: two, open_in_flight_max: two, ..settings() };
    let running = start(&gate, settings).await;
    let kinds = [
        ("/wait/open", "", "/open"),
        ("/wait/admin", "a-token", "/admin"),
        ("/wait/events", "c-token", "/events"),
    ];
    let mut waiting = Vec::new();
    for (index, (slow, token, quick)) in kinds.into_iter().enumerate() {
        for _ in 0..2 {
            let mut client = Client::connect(running.addr).await;
            client.send(head(slow, token, 1) + "x").await;
            waiting.push(client);
        }
        gate.waits(waiting.len()).await;
        let refused = call(&running, quick, token, "x").await;
        refused.assert_problem(429);
        assert_eq!(refused.header("retry-after"), Some("1"));
        for (_, token, path) in kinds.iter().skip(index + 1) {
            assert_eq!(call(&running, path, token, "x").await.status, 200, "{path}");
        }
    }
    gate.0.1.add_permits(waiting.len());
    for mut client in waiting {
        assert_eq!(client.reply().await.body, "passed");
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn refused_callers_get_their_answer_before_a_body_is_read() {
    let running = start(&Gate::closed(), settings()).await;
    for (path, token, status) in
        [("/admin", "", 401), ("/events", "wrong", 401), ("/both", "c-token", 403)]
    {
        let mut client = Client::connect(running.addr).await;
        let began = Instant::now();
        client.send(head(path, token, 100 * MIB)).await;
        client.reply().await.assert_problem(status);
        assert_soon(began);
    }
    // The door depends on the head of the request.
    let with = |header: &str| format!("POST /both HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    for (header, status) in [
        ("x-events: 1\r\nauthorization: Bearer c-token", 200),
        ("x-events: 1\r\nauthorization: Bearer a-token", 403),
        ("authorization: Bearer a-token", 200),
        ("x-events: 1", 401),
    ] {
        let reply = support::request(running.addr, &with(header)).await;
        assert_eq!(reply.status, status, "{header}");
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_body_without_a_token_is_small_and_in_time() {
    let running = start(&Gate::closed(), settings()).await;
    call(&running, "/open", "", &"x".repeat(65 * 1024)).await.assert_problem(413);
    assert_eq!(call(&running, "/open", "", &"x".repeat(64 * 1024)).await.status, 200);
    assert_eq!(call(&running, "/events", "c-token", &"x".repeat(MIB)).await.status, 200);
    assert_eq!(call(&running, "/admin", "a-token", &"x".repeat(MIB)).await.status, 200);
    let mut slow = Client::connect(running.addr).await;
    let began = Instant::now();
    slow.send(head("/open", "", 10) + "x").await;
    slow.reply().await.assert_problem(408);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    running.ended().await.unwrap();
}

/// Memory for bodies of the connector: 10 MiB, so only one body of 8 MiB fits at a time.
fn small() -> ServerSettings {
    ServerSettings { memory: Some(120 * 1024 * 1024), ..settings() }
}

#[tokio::test]
async fn bodies_in_work_take_no_more_memory_than_there_is_for_them() {
    let gate = Gate::closed();
    let running = start(&gate, small()).await;
    let body = "x".repeat(8 * MIB);
    let mut first = Client::connect(running.addr).await;
    first.send(head("/wait/events", "c-token", body.len()) + &body).await;
    gate.waits(1).await;
    let refused = call(&running, "/events", "c-token", &body).await;
    refused.assert_problem(429);
    assert!(refused.body.contains("memory"), "{refused:?}");
    // Small bodies still fit, and other callers have their own memory.
    assert_eq!(call(&running, "/events", "c-token", "x").await.status, 200);
    assert_eq!(call(&running, "/admin", "a-token", &"x".repeat(2 * MIB)).await.status, 200);
    gate.0.1.add_permits(1);
    assert_eq!(first.reply().await.body, "passed");
    let reply = call(&running, "/events", "c-token", &body).await;
    assert_eq!((reply.status, reply.body), (200, body.len().to_string()));
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_fits_is_too_large() {
    let running = start(&Gate::closed(), small()).await;
    call(&running, "/admin", "a-token", &"x".repeat(8 * MIB)).await.assert_problem(413);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_body_in_pieces_of_one_byte_arrives_whole() {
    let running = start(&Gate::closed(), settings()).await;
    let mut client = Client::connect(running.addr).await;
    client
        .send("POST /open HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_owned())
        .await;
    client.send("1\r\nx\r\n".repeat(60_000) + "0\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "60000"));
    running.ended().await.unwrap();
}

#[tokio::test]
async fn an_answer_holds_its_place_until_it_is_sent() {
    let settings = ServerSettings { in_flight_max: 1.try_into().unwrap(), ..settings() };
    let running = start(&Gate::closed(), settings).await;
    let mut reader = Client::connect(running.addr).await;
    reader.send(head("/large", "a-token", 0)).await;
    reader.fill().await.unwrap();
    call(&running, "/admin", "a-token", "x").await.assert_problem(429);
    assert_eq!(call(&running, "/events", "c-token", "x").await.status, 200);
    assert_eq!(reader.reply().await.body.len(), 32 * MIB);
    let free = async || call(&running, "/admin", "a-token", "x").await.status == 200;
    until("the place is free", free).await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_connection_without_a_token_is_closed_to_make_room() {
    let settings = ServerSettings { connections_max: 4.try_into().unwrap(), ..settings() };
    let running = start(&Gate::closed(), settings).await;
    let mut connector = Client::connect(running.addr).await;
    connector.send(head("/events", "c-token", 1) + "x").await;
    assert_eq!(connector.reply().await.status, 200);
    let mut strangers = Vec::new();
    for half in ["", "POST /op", "", "GET /_/hea", "POST /open HTTP/1.1\r\n"] {
        let mut client = Client::connect(running.addr).await;
        client.try_send(half).await;
        strangers.push(client);
    }
    let began = Instant::now();
    assert_eq!(call(&running, "/open", "", "x").await.status, 200);
    assert_soon(began);
    // The oldest one was closed.
    strangers.remove(0).closed().await;
    connector.send(head("/events", "c-token", 1) + "x").await;
    assert_eq!(connector.reply().await.status, 200);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn if_every_connection_has_a_token_the_next_one_waits() {
    let settings = ServerSettings { connections_max: 1.try_into().unwrap(), ..settings() };
    let running = start(&Gate::closed(), settings).await;
    let mut first = Client::connect(running.addr).await;
    first.send(head("/events", "c-token", 1) + "x").await;
    assert_eq!(first.reply().await.status, 200);
    let mut second = Client::connect(running.addr).await;
    second.send(head("/events", "c-token", 1) + "x").await;
    let early = tokio::time::timeout(Duration::from_millis(300), second.reply()).await;
    assert!(early.is_err(), "{early:?}");
    drop(first);
    assert_eq!(second.reply().await.status, 200);
    drop(second);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn concurrent_readiness_requests_share_one_check() {
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = Gate::closed();
    let (counter, wait) = (Arc::clone(&asked), gate.clone());
    let function = Function::new("strangers", Routes::new(support::tokens())).ready(move || {
        let (counter, wait) = (Arc::clone(&counter), wait.clone());
        async move {
            counter.fetch_add(1, Ordering::SeqCst);
            wait.0.1.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    let running = Running::start(function, settings()).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = Client::connect(running.addr).await;
        client.send("GET /_/ready HTTP/1.1\r\nhost: x\r\n\r\n").await;
        clients.push(client);
    }
    until("it is asked", async || asked.load(Ordering::SeqCst) == 1).await;
    gate.0.1.add_permits(100);
    for mut client in clients {
        assert_eq!(client.reply().await.status, 200);
    }
    // Requests that came during the first check share a second one, or a few.
    assert!(asked.load(Ordering::SeqCst) < 20, "{asked:?}");
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_handler_sees_the_call_id_of_the_answer() {
    let running = start(&Gate::closed(), settings()).await;
    let with = |id: &str| {
        format!("GET /id HTTP/1.1\r\nhost: x\r\n{id}authorization: Bearer r-token\r\n\r\n")
    };
    for id in ["", "x-call-id: call 7\r\n", "x-call-id: call-7\r\n"] {
        let reply = support::request(running.addr, &with(id)).await;
        let shown = reply.header("x-call-id").unwrap();
        assert_eq!(reply.body, format!("{shown:?}"), "{id:?}");
        assert_eq!(shown == "call-7", id.ends_with("call-7\r\n"));
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_place_for_metrics_is_left_for_prometheus() {
    let running = start(&Gate::closed(), settings()).await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(Client::connect(running.metrics).await);
    }
    let asked = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
    let reply = tokio::time::timeout(PATIENCE, support::request(running.metrics, asked)).await;
    assert_eq!(reply.unwrap().status, 200);
    running.ended().await.unwrap();
}
