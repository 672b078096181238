//! The function over a real socket.

use handler::{BODY_BYTES_MAX, serve};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

async fn start() -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(serve(listener, async { drop(stopped.await) }));
    (address, stop)
}

async fn send(address: SocketAddr, path: &'static str, body: Vec<u8>) -> String {
    let send = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: f\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // What is too large is refused before its end.
        let _ = stream.write_all(&body);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    tokio::task::spawn_blocking(send).await.unwrap()
}

#[tokio::test]
async fn it_answers_with_what_was_sent() {
    let (address, _stop) = start().await;
    let answer = send(address, "/", b"hello".to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-duration-seconds: "), "{answer}");
    assert!(answer.ends_with("you sent: hello\n"), "{answer}");
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let (address, _stop) = start().await;
    let answer = send(address, "/", vec![b'x'; BODY_BYTES_MAX + 1]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn it_is_not_healthy_once_it_has_been_asked_to_end_and_still_answers() {
    let (address, stop) = start().await;
    assert!(
        send(address, "/_/health", vec![])
            .await
            .starts_with("HTTP/1.1 200")
    );
    stop.send(()).unwrap();
    while !send(address, "/_/health", vec![])
        .await
        .starts_with("HTTP/1.1 503")
    {}
    assert!(
        send(address, "/", b"late".to_vec())
            .await
            .ends_with("you sent: late\n")
    );
}
