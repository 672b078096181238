//! The function behind its real shell, and how it is asked.

use runtime::{Env, Server, ServerSettings};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A replica; dropping it ends it between any two steps.
pub(crate) struct Served {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Served {
    /// Begins one that logs in at `url`.
    pub(crate) async fn start(url: String) -> Self {
        let mut env = Env::from_pairs([("ORDERFLOW_NATS_URL", url)])
            .with_secret("api-token-read", "read")
            .with_secret("api-token-admin", "admin")
            .with_secret("api-token-partner-US1", "us1");
        let function = analytics::build(&mut env).await.unwrap();
        let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
        let at = server.traffic_addr();
        let task = tokio::spawn(async move {
            server.serve(std::future::pending()).await.unwrap();
        });
        Self { at, task }
    }

    /// Sends a request; the answer comes bit by bit.
    pub(crate) async fn ask(&self, path: &str, token: &str, accept: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str, accept: &str) -> Answered {
        let mut all = String::new();
        self.ask(path, token, accept).await.read_to_string(&mut all).await.unwrap();
        let (head, text) = all.split_once("\r\n\r\n").unwrap();
        Answered {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            text: text.to_owned(),
        }
    }

    /// An answer that has to come in the end: 503 until all is read.
    pub(crate) async fn get(&self, path: &str) -> Value {
        for _ in 0..600 {
            let answered = self.get_as(path, "read", "*/*").await;
            match answered.status {
                200 => return answered.json(),
                503 => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                _ => panic!("{answered:?}"),
            }
        }
        panic!("{path} is not answered");
    }
}
