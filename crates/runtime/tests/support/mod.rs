//! A function on free ports, and a client that sends exactly the given bytes.

#![cfg(test)]
#![allow(dead_code, reason = "every test binary uses its own part")]
#![allow(clippy::allow_attributes, reason = "an expectation would fail where all parts are used")]

use std::net::SocketAddr;
use std::time::Duration;

use runtime::{Env, Function, ServeError, Server, ServerSettings, Tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub(crate) async fn start(function: Function, settings: ServerSettings) -> Self {
        let server = Server::bind(function, settings).await.unwrap();
        let (addr, metrics) = (server.traffic_addr(), server.metrics_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(async { drop(stopped.await) }));
        Self { addr, metrics, stop: Some(stop), served }
    }

    /// Asks the function to end, like SIGTERM does.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    /// Whether it is still running after it was asked to end and closed its port.
    pub(crate) async fn holds_on(&mut self) -> bool {
        self.stop();
        let addr = self.addr;
        until("the port is closed", async || TcpStream::connect(addr).await.is_err()).await;
        timeout(Duration::from_millis(200), &mut self.served).await.is_err()
    }

    pub(crate) async fn ended(mut self) -> Result<(), ServeError> {
        self.stop();
        timeout(PATIENCE, self.served).await.expect("ends in time").unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        request(self.addr, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }
}

pub(crate) fn tokens() -> Tokens {
    use runtime::Door::{Admin, Connector, Read};
    let mut env = Env::from_pairs([("", ""); 0])
        .with_secret("connector-token", "c-token")
        .with_secret("api-token-read", "r-token")
        .with_secret("api-token-admin", "a-token");
    let tokens = Tokens::from_env(&mut env, &[Connector, Read, Admin]);
    env.finish(|| Some(tokens)).unwrap()
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.json()["status"], status, "{self:?}");
        assert!(self.header("x-duration-seconds").is_some(), "{self:?}");
        assert!(self.header("x-call-id").is_some(), "{self:?}");
    }
}

/// One connection that is kept alive.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.unwrap(), buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Sends as much as the server reads: it may close the connection early.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap());
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.try_reply().await.expect("an answer before the connection ends")
    }

    /// The next answer; `None` when the connection ends before it.
    pub(crate) async fn try_reply(&mut self) -> Option<Reply> {
        let head_len = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..head_len).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: String::new() };
        let len: usize = reply.header("content-length").map_or(0, |len| len.parse().unwrap());
        while self.buffer.len() < len {
            self.fill().await?;
        }
        reply.body = String::from_utf8(self.buffer.drain(..len).collect()).unwrap();
        Some(reply)
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn closed(&mut self) {
        while self.fill().await.is_some() {}
    }

    /// Reads more bytes; `None` at the end of the connection.
    pub(crate) async fn fill(&mut self) -> Option<()> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        let read = read.expect("an answer in time").unwrap_or(0);
        (0 < read).then_some(())
    }
}

pub(crate) async fn request(addr: SocketAddr, text: &str) -> Reply {
    let mut client = Client::connect(addr).await;
    client.send(text).await;
    client.reply().await
}

/// Repeats until `is_so`, for at most [`PATIENCE`].
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}
