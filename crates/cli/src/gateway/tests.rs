//! The face over real sockets.

use super::*;
use crate::stack;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use http_body_util::BodyExt as _;
use serde_json::Value;

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
    let stack = stack::parse(stack::BUILT_IN, "built-in", |_| None).unwrap();
    let registry = Arc::new(Registry::new(&stack));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, Arc::clone(&registry), None, stop.clone()));
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
    assert_eq!(list.len(), crate::catalogue::NAMES.len());
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
