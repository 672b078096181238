//! The function as it is served, over a socket.

use chassis::runtime::{Env, Server, ServerSettings};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start() -> SocketAddr {
    let function = handler::build(&mut Env::from_pairs([("", ""); 0])).await.unwrap();
    let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
    let address = server.traffic_addr();
    tokio::spawn(server.serve(std::future::pending()));
    address
}

async fn send(method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(start().await).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: f\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_greets() {
    let answer = send("POST", "/", r#"{"name": "Ann"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"{"text":"hello Ann"}"#), "{answer}");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let answer = send("POST", "/", r#"{"name": 7}"#).await;
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains(r#""field":"name""#), "{answer}");
}

#[tokio::test]
async fn it_is_healthy() {
    assert!(send("GET", "/_/health", "").await.starts_with("HTTP/1.1 200"));
}
