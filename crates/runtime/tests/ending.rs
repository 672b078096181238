//! How a function shuts down, without a process around it.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::routing::get;
use runtime::{Door, Function, Routes, ServeError, ServerSettings, Stop};
use support::{Client, Running, request, until};
use tokio::net::TcpStream;
use tokio::sync::Notify;

fn routes() -> Routes {
    Routes::new(support::tokens()).at(Door::Open, "/", get(async || "hello"))
}

fn settings(grace_ms: u64, drain_ms: u64) -> ServerSettings {
    ServerSettings {
        grace: Duration::from_millis(grace_ms),
        drain: Duration::from_millis(drain_ms),
        ..ServerSettings::ephemeral()
    }
}

#[tokio::test]
async fn readiness_is_reported_as_the_function_says() {
    let there = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&there);
    let function = Function::new("ending", routes()).ready(move || {
        let is_there = seen.load(Ordering::SeqCst);
        async move { if is_there { Ok(()) } else { Err("no NATS".to_owned()) } }
    });
    let running = Running::start(function, settings(0, 1000)).await;
    let reply = running.get("/_/ready").await;
    assert_eq!((reply.status, &reply.json()["reason"]), (503, &"no NATS".into()));
    assert_eq!(running.get("/_/health").await.status, 200, "health asks nobody");
    there.store(true, Ordering::SeqCst);
    assert_eq!(running.get("/_/ready").await.status, 200);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn in_the_grace_time_health_is_503_and_requests_are_answered() {
    let mut running = Running::start(Function::new("ending", routes()), settings(3000, 1000)).await;
    let mut kept = Client::connect(running.addr).await;
    kept.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(kept.reply().await.header("connection"), None);
    running.stop();
    until("health says no", async || running.get("/_/health").await.status == 503).await;
    let late = running.get("/").await;
    assert_eq!((late.status, late.header("connection")), (200, Some("close")));
    kept.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(kept.reply().await.header("connection"), Some("close"));
    let addr = running.addr;
    running.ended().await.unwrap();
    assert!(TcpStream::connect(addr).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn background_tasks_end_after_the_last_request() {
    let (working, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ended = Arc::new(AtomicBool::new(false));
    let (tell, wait, flag) = (Arc::clone(&working), Arc::clone(&go_on), Arc::clone(&ended));
    let slow = get(async move |stop: Stop| {
        tell.notify_one();
        stop.draining().await;
        wait.notified().await;
        if flag.load(Ordering::SeqCst) { "too early" } else { "in order" }
    });
    let flag = Arc::clone(&ended);
    let function = Function::new("ending", routes().at(Door::Open, "/slow", slow)).background(
        "worker",
        async move |stop| {
            stop.requested().await;
            flag.store(true, Ordering::SeqCst);
        },
    );
    let mut running = Running::start(function, settings(0, 10_000)).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    working.notified().await;
    running.stop();
    let addr = running.addr;
    until("the port is closed", async || TcpStream::connect(addr).await.is_err()).await;
    go_on.notify_one();
    assert_eq!(client.reply().await.body, "in order");
    running.ended().await.unwrap();
    assert!(ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_handler_whose_client_is_gone_is_waited_for() {
    let (working, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&working), Arc::clone(&go_on));
    let slow = get(async move || {
        tell.notify_one();
        wait.notified().await;
        "nobody reads this"
    });
    let function = Function::new("ending", routes().at(Door::Open, "/slow", slow));
    let mut running = Running::start(function, settings(0, 10_000)).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    working.notified().await;
    drop(client);
    assert!(running.holds_on().await);
    go_on.notify_one();
    running.ended().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_is_waited_for() {
    const LEN: usize = 32 * 1024 * 1024;
    let large = get(async || "x".repeat(LEN));
    let function = Function::new("ending", routes().at(Door::Open, "/large", large));
    let mut running = Running::start(function, settings(0, 10_000)).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.fill().await.expect("the head of the answer");
    assert!(running.holds_on().await);
    assert_eq!(client.reply().await.body.len(), LEN);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_never_ends_is_not_waited_for_beyond_the_limit() {
    let working = Arc::new(Notify::new());
    let tell = Arc::clone(&working);
    let stuck = get(async move || {
        tell.notify_one();
        std::future::pending::<&'static str>().await
    });
    let function = Function::new("ending", routes().at(Door::Open, "/stuck", stuck));
    let running = Running::start(function, settings(0, 100)).await;
    let mut client = Client::connect(running.addr).await;
    client.send("GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await;
    working.notified().await;
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_background_task_that_panics_ends_the_function_with_an_error() {
    let function = Function::new("ending", routes())
        .background("worker", async |_stop| panic!("as the test wants"))
        .background("other", async |stop: Stop| stop.requested().await);
    let server = runtime::serve(function, settings(60_000, 1000), std::future::pending());
    let ended = tokio::time::timeout(support::PATIENCE, server).await.unwrap();
    assert!(matches!(ended, Err(ServeError::Background { task: "worker", .. })), "{ended:?}");
}

#[tokio::test]
async fn the_routes_of_a_function_can_be_tested_without_a_port() {
    let function =
        Function::new("ending", routes().at(Door::Read, "/files", get(async || "files")));
    let router = function.into_router();
    for (path, status) in [("/", 200), ("/files", 401), ("/nowhere", 404)] {
        let request = axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = Running::start(Function::new("ending", routes()), settings(0, 100)).await;
    let settings = ServerSettings { port: taken.addr.port(), ..settings(0, 100) };
    let error = runtime::Server::bind(Function::new("ending", routes()), settings).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&taken.addr.to_string()), "{error}");
    taken.ended().await.unwrap();
}

#[tokio::test]
async fn metrics_are_on_their_own_port_with_those_of_the_function() {
    let mut registry = prometheus_client::registry::Registry::default();
    let orders = prometheus_client::metrics::counter::Counter::<u64>::default();
    registry.register("orders", "Orders decided", orders.clone());
    orders.inc_by(3);
    let function = Function::new("ending", routes()).registry(registry);
    let running = Running::start(function, settings(0, 1000)).await;
    running.get("/").await;
    running.get("/_/health").await;
    running.get("/metrics").await.assert_problem(404);
    let reply = request(running.metrics, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(reply.status, 200);
    for line in ["orders_total 3\n", "http_requests_total{code=\"200\",method=\"GET\"} 1\n"] {
        assert!(reply.body.contains(line), "{line} not in {}", reply.body);
    }
    assert!(reply.body.ends_with("# EOF\n"));
    running.ended().await.unwrap();
}

#[tokio::test]
async fn metrics_say_whether_the_function_is_ready() {
    for (answer, expected) in
        [(Ok(()), "process_ready 1\n"), (Err("no".into()), "process_ready 0\n")]
    {
        let function = Function::new("ending", routes()).ready(move || {
            let answer: Result<(), String> = answer.clone();
            async move { answer }
        });
        let running = Running::start(function, settings(0, 1000)).await;
        let reply = request(running.metrics, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(reply.body.contains(expected), "{}", reply.body);
        running.ended().await.unwrap();
    }
}
