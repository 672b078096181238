//! The face over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::serve::{Limits, serve};
use crate::site::Registry;

struct Running {
    base: String,
    registry: Arc<Registry>,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn start() -> Running {
    start_with(Limits::default()).await
}

async fn start_with(limits: Limits) -> Running {
    let stack = stack::parse(stack::BUILT_IN, "built-in", |_| None).unwrap();
    let registry = Arc::new(Registry::new(&stack));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, Arc::clone(&registry), None, limits, stop.clone()));
    Running { base, registry, stop }
}

/// A function that tells what it was asked.
async fn echo() -> SocketAddr {
    let app = Router::new().fallback(|request: Request| async move {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut headers = HeaderMap::new();
        headers.insert("x-duration-seconds", "0.001".parse().unwrap());
        headers.insert("connection", "close".parse().unwrap());
        let text = format!(
            "{} {} {:?} {}",
            parts.method,
            parts.uri,
            parts.headers,
            String::from_utf8_lossy(&body)
        );
        (StatusCode::IM_A_TEAPOT, headers, text)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

async fn send(
    running: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Bytes) {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>();
    let mut request = Request::builder().method(method).uri(format!("{}{path}", running.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.request(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_call_reaches_the_function_with_path_query_body_and_headers() {
    let running = start().await;
    running.registry.set_address("order-ingest", Some(echo().await));
    let headers = [("x-call-id", "c1"), ("authorization", "Bearer t"), ("connection", "close")];
    let path = "/function/order-ingest/a%20b?x=1&y";
    let (status, headers, body) = send(&running, "PUT", path, &headers, "hello").await;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, StatusCode::IM_A_TEAPOT);
    assert!(body.starts_with("PUT /a%20b?x=1&y "), "{body}");
    assert!(body.ends_with(" hello"), "{body}");
    for part in [
        "\"x-call-id\": \"c1\"",
        "\"authorization\": \"Bearer t\"",
        "\"x-start-time\": ",
        "\"x-forwarded-for\": \"127.0.0.1\"",
        "\"x-forwarded-host\": \"127.0.0.1:",
    ] {
        assert!(body.contains(part), "{part} not in {body}");
    }
    assert!(!body.contains("\"connection\""), "{body}");
    assert_eq!(headers["x-duration-seconds"], "0.001");
    assert_eq!(headers["x-call-id"], "c1");
}

#[tokio::test]
async fn a_call_without_an_id_gets_one_and_the_path_is_at_least_a_slash() {
    let running = start().await;
    running.registry.set_address("order-ingest", Some(echo().await));
    for path in ["/function/order-ingest", "/function/order-ingest.openfaas-fn/"] {
        let (_, headers, body) = send(&running, "GET", path, &[], "").await;
        assert!(body.starts_with(b"GET / "), "{body:?}");
        assert_eq!(headers["x-call-id"].len(), 32);
    }
}

#[tokio::test]
async fn a_streamed_body_is_passed_on_before_its_end() {
    let running = start().await;
    running.registry.set_address("order-ingest", Some(echo().await));
    let parts = (0..100).map(|n| Ok::<_, std::io::Error>(Bytes::from(format!("{n};"))));
    let body = Body::from_stream(futures_util::stream::iter(parts));
    let (_, _, body) = send(&running, "POST", "/function/order-ingest", &[], body).await;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("\"transfer-encoding\": \"chunked\"") && body.ends_with("98;99;"));
}

#[tokio::test]
async fn an_unknown_function_is_404_and_one_that_is_not_reachable_an_empty_502() {
    let running = start().await;
    let (status, ..) = send(&running, "GET", "/function/nope", &[], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for address in [None, Some(closed)] {
        running.registry.set_address("order-ingest", address);
        let (status, headers, body) =
            send(&running, "POST", "/function/order-ingest", &[], "x").await;
        assert_eq!((status, body.len()), (StatusCode::BAD_GATEWAY, 0));
        assert!(!headers.contains_key("x-duration-seconds"));
    }
}

#[tokio::test]
async fn a_function_that_moved_is_found_again() {
    let running = start().await;
    running.registry.set_address("order-ingest", None);
    let (status, ..) = send(&running, "GET", "/function/order-ingest", &[], "").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    running.registry.set_address("order-ingest", Some(echo().await));
    let (status, ..) = send(&running, "GET", "/function/order-ingest", &[], "").await;
    assert_eq!(status, StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn a_call_in_the_background_is_accepted_at_once_and_made() {
    let running = start().await;
    let (called, mut calls) = tokio::sync::mpsc::channel(1);
    let app = Router::new().fallback(move |body: String| async move {
        called.send(body).await.unwrap();
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    running.registry.set_address("order-ingest", listener.local_addr().ok());
    tokio::spawn(axum::serve(listener, app).into_future());
    let (status, headers, _) =
        send(&running, "POST", "/async-function/order-ingest/x", &[], "later").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert!(headers.contains_key("x-call-id"));
    assert_eq!(calls.recv().await.unwrap(), "later");
}

#[tokio::test]
async fn calls_in_the_background_are_refused_where_they_cannot_be_made() {
    let running = start().await;
    for (method, path, header, size, expected) in [
        ("GET", "/async-function/order-ingest", "x-a", 0, StatusCode::METHOD_NOT_ALLOWED),
        ("POST", "/async-function/nope", "x-a", 0, StatusCode::NOT_FOUND),
        ("POST", "/async-function/order-ingest", "x-a", 300_000, StatusCode::PAYLOAD_TOO_LARGE),
        ("POST", "/async-function/order-ingest", "x-callback-url", 0, StatusCode::NOT_IMPLEMENTED),
    ] {
        let (status, ..) = send(&running, method, path, &[(header, "1")], vec![b'x'; size]).await;
        assert_eq!(status, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn the_list_says_what_faas_cli_and_connectors_ask_for() {
    let running = start().await;
    running.registry.set_address("order-ingest", Some(echo().await));
    send(&running, "GET", "/function/order-ingest", &[], "").await;
    let path = "/system/functions?namespace=openfaas-fn";
    let (status, _, body) = send(&running, "GET", path, &[], "").await;
    assert_eq!(status, StatusCode::OK);
    let list: Vec<Value> = serde_json::from_slice(&body).unwrap();
    assert_eq!(list.len(), stack::catalogue::NAMES.len());
    let ingest = list.iter().find(|function| function["name"] == "order-ingest").unwrap();
    assert_eq!(ingest["annotations"]["topic"], "orders");
    assert_eq!(ingest["invocationCount"], 1);
    assert_eq!(ingest["availableReplicas"], 1);
    assert_eq!(ingest["namespace"], "openfaas-fn");
    let (_, _, one) = send(&running, "GET", "/system/function/order-ingest?usage=1", &[], "").await;
    assert_eq!(&serde_json::from_slice::<Value>(&one).unwrap(), ingest);
    let (status, ..) = send(&running, "GET", "/system/function/nope", &[], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn deploying_is_refused_aloud() {
    let running = start().await;
    for method in ["PUT", "POST", "DELETE"] {
        let (status, _, body) = send(&running, method, "/system/functions", &[], "{}").await;
        assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
        assert!(String::from_utf8_lossy(&body).contains("stack.yml"));
    }
    let (status, ..) = send(&running, "GET", "/system/secrets", &[], "").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    for path in ["/healthz", "/system/info", "/system/namespaces"] {
        assert_eq!(send(&running, "GET", path, &[], "").await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(send(&running, "GET", "/other", &[], "").await.0, StatusCode::NOT_FOUND);
}

/// Connections that have sent `text`.
async fn open(running: &Running, number: usize, text: &str) -> Vec<TcpStream> {
    let address = running.base.strip_prefix("http://").unwrap();
    let mut open = Vec::new();
    for _ in 0..number {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The gateway may have closed it by now, which is what is tested.
        drop(stream.write_all(text.as_bytes()).await);
        open.push(stream);
    }
    open
}

fn few(connections: usize) -> Limits {
    let mut limits = Limits::default();
    limits.connections.max = connections.try_into().unwrap();
    limits
}

#[tokio::test]
async fn more_connections_than_places_keep_nobody_out() {
    let running = start_with(few(20)).await;
    running.registry.set_address("order-ingest", Some(echo().await));
    let unfinished = "POST /function/order-ingest HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n";
    let mut held = Vec::new();
    for text in ["", "GET /hea", unfinished] {
        held.extend(open(&running, 30, text).await);
        let call = send(&running, "POST", "/function/order-ingest", &[], "x");
        let (status, ..) = tokio::time::timeout(Duration::from_secs(5), call).await.unwrap();
        assert_eq!(status, StatusCode::IM_A_TEAPOT, "{text:?}");
    }
}

#[tokio::test]
async fn a_call_with_a_token_is_not_ended_for_strangers() {
    let running = start_with(few(5)).await;
    let (called, mut calls) = tokio::sync::mpsc::channel(1);
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = Arc::new(tokio::sync::Mutex::new(Some(wait)));
    let app = Router::new().fallback(move || {
        let (called, wait) = (called.clone(), Arc::clone(&wait));
        async move {
            called.send(()).await.unwrap();
            wait.lock().await.take().unwrap().await.unwrap();
            "done"
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    running.registry.set_address("order-ingest", listener.local_addr().ok());
    tokio::spawn(axum::serve(listener, app).into_future());
    let headers = [("authorization", "Bearer t")];
    let strangers = async {
        calls.recv().await.unwrap();
        let held = open(&running, 30, "").await;
        // All of them were let in when this one is answered.
        assert_eq!(send(&running, "GET", "/healthz", &[], "").await.0, StatusCode::OK);
        go_on.send(()).unwrap();
        held
    };
    let call = send(&running, "POST", "/function/order-ingest", &headers, "x");
    let ((status, _, body), _held) = tokio::join!(call, strangers);
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"done"[..]));
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let mut limits = Limits::default();
    limits.connections.idle_time_max = Duration::from_millis(300);
    let running = start_with(limits).await;
    let mut stream = open(&running, 1, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.remove(0);
    let mut all = Vec::new();
    let end = stream.read_to_end(&mut all);
    tokio::time::timeout(Duration::from_secs(10), end).await.unwrap().unwrap();
    assert!(all.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn unfinished_calls_in_the_background_take_no_place() {
    let running = start_with(Limits { background: 20, ..Limits::default() }).await;
    running.registry.set_address("order-ingest", Some(echo().await));
    let path = "/async-function/order-ingest";
    let unfinished = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n");
    let _held = open(&running, 100, &unfinished).await;
    let (status, ..) = send(&running, "POST", path, &[], "later").await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

/// A function that answers when it has read the head, and ends the connection over the rest.
async fn impatient() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = vec![0; 4096];
            assert_ne!(stream.read(&mut read).await.unwrap(), 0);
            let answer = "HTTP/1.1 413 Payload Too Large\r\nx-duration-seconds: 0.001\r\n\
                          connection: close\r\ncontent-length: 7\r\n\r\ntoo big";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_large_body_that_is_refused_before_its_end_gets_the_answer_of_the_function() {
    let running = start().await;
    running.registry.set_address("order-ingest", Some(impatient().await));
    let address = running.base.strip_prefix("http://").unwrap().to_owned();
    let body = vec![b'x'; 8 << 20];
    for attempt in 0..20 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /function/order-ingest HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let (mut reading, mut writing) = stream.split();
        let write = async {
            writing.write_all(head.as_bytes()).await.unwrap();
            writing.write_all(&body).await.unwrap();
        };
        let mut answer = String::new();
        let (read, ()) = tokio::join!(reading.read_to_string(&mut answer), write);
        read.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{attempt}: {answer}");
        assert!(answer.ends_with("too big"), "{attempt}: {answer}");
        assert!(answer.contains("x-duration-seconds"), "{attempt}: {answer}");
    }
}
