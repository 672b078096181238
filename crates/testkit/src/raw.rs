//! Sends messages that no client library would send: with any bytes as subject and header block.

use anyhow::{Context as _, Result, ensure};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Messages that are sent before their acknowledgements are read.
const AT_ONCE: usize = 1_000;

/// Invalid header blocks that nats-server stores, with what is wrong with each.
pub const UNREADABLE: &[(&str, &[u8])] = &[
    ("a line without a colon", b"NATS/1.0\r\nno colon here\r\n\r\n"),
    ("a name that is not ASCII", "NATS/1.0\r\nGrüße: x\r\n\r\n".as_bytes()),
    ("a name with a blank", b"NATS/1.0\r\na b: x\r\n\r\n"),
    ("a value with a carriage return", b"NATS/1.0\r\nA: b\rc\r\n\r\n"),
    ("a value that is not UTF-8", b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n"),
    ("good lines beside a bad one", b"NATS/1.0\r\nOrderflow-Journal: 1\r\nno colon\r\n\r\n"),
    ("no NATS/1.0", b"A: b\r\n\r\n"),
    ("another version", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"),
    ("no line", b"garbage"),
    ("one line end", b"\r\n"),
    ("no character", b"\0\0\0\0"),
];

/// Header blocks with a status line, which only messages of the server should have. nats-server 2.9
/// stores it; newer versions remove it.
pub const STATUSES: &[(&str, &[u8])] = &[
    ("a status that is no number", b"NATS/1.0 abc\r\n\r\n"),
    ("a status that ends a fetch", b"NATS/1.0 404 No Messages\r\n\r\n"),
    ("a status that ends a request", b"NATS/1.0 408 Request Timeout\r\n\r\n"),
    ("a status of an error", b"NATS/1.0 409 Consumer Deleted\r\n\r\n"),
    ("a status of a heartbeat", b"NATS/1.0 100 Idle Heartbeat\r\n\r\n"),
    ("a status of nobody", b"NATS/1.0 503\r\n\r\n"),
];

/// A connection to nats-server without a client library.
#[derive(Debug)]
pub struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Connects to `nats://[user:password@]host:port`.
    ///
    /// # Errors
    /// If nothing listens there, or the server refuses.
    pub async fn connect(url: &str) -> Result<Self> {
        let address = url.trim_start_matches("nats://").trim_end_matches('/');
        let (login, address) = address.rsplit_once('@').unwrap_or(("", address));
        let stream = TcpStream::connect(address).await.context("the server")?;
        let mut raw = Self(BufReader::new(stream));
        let mut options = serde_json::json!({"verbose": false, "headers": true});
        if let (Some((user, password)), Some(options)) =
            (login.split_once(':'), options.as_object_mut())
        {
            options.insert("user".into(), user.into());
            options.insert("pass".into(), password.into());
        }
        raw.send(format!("CONNECT {options}\r\nSUB _RAW 1\r\n").as_bytes()).await?;
        Ok(raw)
    }

    /// Publishes one message; returns its sequence in its stream.
    ///
    /// # Errors
    /// If no stream confirms it.
    pub async fn publish(&mut self, subject: &[u8], block: &[u8], payload: &[u8]) -> Result<u64> {
        Ok(self.publish_all(subject, &[(block, payload)]).await?.first().copied().unwrap_or(0))
    }

    /// Publishes messages with these header blocks and payloads; returns their sequences.
    ///
    /// # Errors
    /// If one of them is not confirmed.
    pub async fn publish_all(
        &mut self,
        subject: &[u8],
        messages: &[(&[u8], &[u8])],
    ) -> Result<Vec<u64>> {
        let mut sequences = Vec::with_capacity(messages.len());
        for some in messages.chunks(AT_ONCE) {
            let mut sent = Vec::new();
            for (block, payload) in some {
                let (head, all) = (block.len(), block.len() + payload.len());
                sent.extend_from_slice(b"HPUB ");
                sent.extend_from_slice(subject);
                sent.extend_from_slice(format!(" _RAW {head} {all}\r\n").as_bytes());
                for part in [block, *payload, b"\r\n"] {
                    sent.extend_from_slice(part);
                }
            }
            self.send(&sent).await?;
            for _ in some {
                sequences.push(timeout(ANSWER, self.confirmed()).await.context("no answer")??);
            }
        }
        Ok(sequences)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.get_mut().write_all(bytes).await.context("sending")
    }

    /// Reads up to the next acknowledgement of a stream.
    async fn confirmed(&mut self) -> Result<u64> {
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line).await? > 0, ErrorKind::UnexpectedEof);
            ensure!(!line.starts_with("-ERR"), "{line}");
            if line.starts_with("PING") {
                self.send(b"PONG\r\n").await?;
            }
            if !line.starts_with("MSG ") && !line.starts_with("HMSG ") {
                continue;
            }
            let bytes: usize = line.trim_end().rsplit(' ').next().unwrap_or_default().parse()?;
            let mut answer = vec![0; bytes + 2];
            self.0.read_exact(&mut answer).await?;
            let text = String::from_utf8_lossy(&answer);
            let ack: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let sequence = ack.get("seq").and_then(serde_json::Value::as_u64);
            return sequence.with_context(|| format!("not stored: {line}{text}"));
        }
    }
}
