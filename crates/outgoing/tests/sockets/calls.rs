//! Tests each rule of a call on real sockets.

use crate::support::{Names, Server, client, settings};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use outgoing::{Client, End, Failure, Limits, Request, Resolve};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

const SHORT: Duration = Duration::from_secs(1);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

/// A client with one short limit; the steps before may take longer on a slow machine.
fn limited(server: &Server, limits: Limits) -> Client {
    let mut settings = settings(server.at.port(), "127.0.0.1");
    settings.limits = limits;
    Client::new(settings).unwrap()
}

fn answer(body: impl Into<Bytes>) -> crate::support::Answer {
    hyper::Response::new(Full::new(body.into()))
}

#[track_caller]
fn unknown(result: Result<outgoing::Answer, Failure>, why: &str) {
    match result {
        Err(Failure::Unknown { why: found, .. }) => assert!(found.contains(why), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn not_sent(result: Result<outgoing::Answer, Failure>, why: &str) {
    match result {
        Err(Failure::NotSent { why: found, .. }) => assert!(found.contains(why), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_unchanged_and_its_answer_is_returned() {
    let server = Server::http("127.0.0.1", |request| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let names = ["host", "user-agent", "authorization", "content-length"].map(header);
        let seen = format!("{} {} {names:?}", request.method(), request.uri());
        let mut answer = answer([seen.as_bytes(), b" ", request.body()].concat());
        *answer.status_mut() = hyper::StatusCode::TOO_MANY_REQUESTS;
        answer.headers_mut().insert("retry-after", "7".parse().unwrap());
        answer
    })
    .await;
    let request = Request::post(server.url("/a?b=c#d"), "body").header("Authorization", "Bearer t");
    let answer = client(&server).send(request).await.unwrap();
    let expected = format!(
        r#"POST /a?b=c ["{}", "orderflow/{}", "Bearer t", "4"] body"#,
        server.at,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    assert_eq!((answer.status.as_u16(), answer.end), (429, End::Whole));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::http("127.0.0.1", |_| answer("ok")).await;
    let client = client(&server);
    for _ in 0..3 {
        let answer = client.send(Request::get(server.url("/"))).await.unwrap();
        assert_eq!(answer.retry_after(SystemTime::now()), None);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let inside = Server::raw("127.0.0.1", OK).await;
    let location = inside.url("/");
    let server = Server::http("127.0.0.1", move |_| {
        let mut answer = answer("");
        *answer.status_mut() = hyper::StatusCode::FOUND;
        answer.headers_mut().insert("location", location.parse().unwrap());
        answer
    })
    .await;
    let answer = client(&server).send(Request::get(server.url("/"))).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["location"]),
        (302, &inside.url("/").parse().unwrap())
    );
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_name_that_moves_to_a_forbidden_address_is_refused() {
    let server = Server::raw("0.0.0.0", OK).await;
    let mut settings = settings(server.at.port(), "127.0.0.2");
    settings.resolver = Names::new(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let client = Client::new(settings).unwrap();
    let url = format!("http://shop.example:{}/secret", server.at.port());
    assert_eq!(client.send(Request::get(&url)).await.unwrap().body, b"ok");
    let failure = client.send(Request::get(&url)).await.unwrap_err();
    let expected = format!(
        "http://shop.example:{}/…: 127.0.0.1 is a loopback address; \
         allow it by adding 127.0.0.1/32 to ORDERFLOW_OUTGOING_NETWORKS",
        server.at.port()
    );
    assert_eq!(failure.to_string(), expected);
    assert!(matches!(failure, Failure::Refused { .. }));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn only_allowed_addresses_are_tried_and_each_of_them() {
    let server = Server::scripted("0.0.0.0", |mut stream| {
        Box::pin(async move {
            let at = stream.local_addr()?.ip().to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", at.len());
            stream.write_all(format!("{head}{at}").as_bytes()).await
        })
    })
    .await;
    let one = Server::raw("127.0.0.3", OK).await;
    let call = async |names: &[&str], port: u16| {
        let mut settings = settings(port, "127.0.0.2,127.0.0.3");
        settings.resolver = Names::new(&[names]);
        let url = format!("http://shop.example:{port}/");
        Client::new(settings).unwrap().send(Request::get(url)).await
    };
    let allowed = call(&["10.0.0.1", "127.0.0.1", "::ffff:127.0.0.2"], server.at.port()).await;
    assert_eq!(allowed.unwrap().body, b"127.0.0.2");
    // Nothing listens on the first address.
    assert_eq!(call(&["127.0.0.2", "127.0.0.3"], one.at.port()).await.unwrap().body, b"ok");
    not_sent(call(&["127.0.0.2"], one.at.port()).await, "127.0.0.2");
    not_sent(call(&[], one.at.port()).await, "the name has no address");
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit() {
    let server = Server::http("127.0.0.1", |request| {
        answer(vec![b'x'; request.uri().path().trim_start_matches('/').parse().unwrap()])
    })
    .await;
    let limit = Limits::default().body_bytes;
    for (bytes, end) in [(limit, End::Whole), (limit + 1, End::Cut), (100 * limit, End::Cut)] {
        let url = server.url(&format!("/{bytes}"));
        let answer = client(&server).send(Request::get(url)).await.unwrap();
        assert_eq!((answer.body.len(), answer.end), (limit, end));
    }
}

#[tokio::test]
async fn slow_answers_end_and_say_how_far_they_came() {
    let trickle = |start: &'static str, part: &'static str| {
        Server::scripted("127.0.0.1", move |mut stream| {
            Box::pin(async move {
                stream.write_all(start.as_bytes()).await?;
                loop {
                    stream.write_all(part.as_bytes()).await?;
                    sleep(SHORT / 100).await;
                }
            })
        })
    };
    let server = trickle("HTTP/1.1 200 OK\r\n", "a: b\r\n").await;
    let client = limited(&server, Limits { head: SHORT, ..Limits::default() });
    unknown(client.send(Request::get(server.url("/"))).await, "no answer within 1s");
    let server = trickle("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", "x").await;
    let client = limited(&server, Limits { whole: 5 * SHORT, ..Limits::default() });
    let answer = client.send(Request::get(server.url("/"))).await.unwrap();
    assert_eq!(answer.end, End::Broken("the body took too long".into()));
    assert!((2..9999).contains(&answer.body.len()));
}

#[tokio::test]
async fn without_a_valid_answer_the_outcome_is_unknown() {
    let reset = Server::scripted("127.0.0.1", |stream| {
        Box::pin(async move {
            // Closing with this option resets the connection.
            socket_linger(&stream);
            Ok(())
        })
    })
    .await;
    unknown(client(&reset).send(Request::post(reset.url("/"), "x")).await, "");
    for bytes in
        ["", "HTTP/1.1 200 OK\r\nx", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: x"]
    {
        let server = Server::raw("127.0.0.1", bytes.as_bytes()).await;
        unknown(client(&server).send(Request::post(server.url("/"), "")).await, "");
    }
    let server = Server::http("127.0.0.1", |_| {
        let mut answer = answer("");
        answer.headers_mut().insert("large", vec![b'x'; 100 * 1024].try_into().unwrap());
        answer
    })
    .await;
    unknown(client(&server).send(Request::get(server.url("/"))).await, "too large");
    let server =
        Server::raw("127.0.0.1", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let answer = client(&server).send(Request::get(server.url("/"))).await.unwrap();
    assert!(matches!(answer.end, End::Broken(_)) && answer.body == b"half", "{answer:?}");
}

#[expect(deprecated, reason = "a linger of zero never blocks")]
fn socket_linger(stream: &tokio::net::TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

/// A resolver that never answers.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let server = Server::start("127.0.0.1", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let silent_tls = format!("https://{}/", server.at);
    let client = limited(&server, Limits { connect: SHORT, ..Limits::default() });
    not_sent(client.send(Request::get(silent_tls)).await, "no connection within 1s");
    let mut slow = settings(server.at.port(), "");
    slow.limits.connect = SHORT;
    slow.resolver = Arc::new(Silent);
    let url = format!("http://shop.example:{}/", server.at.port());
    not_sent(Client::new(slow).unwrap().send(Request::get(&url)).await, "no connection within");
    let mut nameless = settings(server.at.port(), "");
    nameless.resolver = Names::new(&[]);
    not_sent(Client::new(nameless).unwrap().send(Request::get(&url)).await, "no such name");
}

#[tokio::test]
async fn headers_are_checked_and_no_secret_is_shown() {
    let server = Server::raw("127.0.0.1", OK).await;
    let client = client(&server);
    for (name, value, why) in [
        ("x", "secret\r\nhost: inside", "header x: its value has a control character"),
        ("a b", "secret", "\"a b\" is not a valid header name"),
        ("Host", "secret", "header Host is set by the client alone"),
        ("x", &*"secret".repeat(3_000), "18001 bytes of headers; at most 16384"),
    ] {
        let request = Request::get(server.url("/secret?secret")).header(name, value);
        let failure = client.send(request).await.unwrap_err();
        assert_eq!(failure.to_string(), format!("http://{}/…: {why}", server.at));
        assert!(!format!("{failure:?}").contains("secret"));
    }
    assert_eq!(server.connections(), 0);
}
