//! A function that is served in the test's own process, and how it is asked.

use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A function at work; dropping it ends it between any two steps.
#[derive(Debug)]
pub struct Served {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// The status line and the headers, as they came.
    pub head: String,
    /// Its JSON; `null` if it has none.
    pub body: Value,
}

impl Answered {
    /// Its `ETag`.
    ///
    /// # Panics
    /// It has none.
    #[must_use]
    pub fn etag(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("etag: "));
        line.unwrap_or_else(|| panic!("{self:?}"))
    }
}

impl Served {
    /// One that `serving` serves at this address.
    pub fn start(at: SocketAddr, serving: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { at, task: tokio::spawn(serving) }
    }

    /// Where it answers.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Sends one request with a token over a connection of its own. `headers` are further ones, each with its line end.
    ///
    /// # Panics
    /// There is no answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        (token, headers): (&str, &str),
        body: &str,
    ) -> Answered {
        let mut stream = TcpStream::connect(self.at).await.expect("it listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it takes requests");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("it answers");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answered {
            status: status.expect("an answer has a status"),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
    }
}
