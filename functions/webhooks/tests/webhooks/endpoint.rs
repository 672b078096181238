//! An endpoint of a shop: it keeps what is posted, and answers by the path.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

pub(crate) struct Endpoint {
    pub(crate) port: u16,
    posted: Arc<Mutex<Vec<Posted>>>,
}

/// What a path answers after so many requests to it; nothing: it never answers.
fn answer(path: &str, before: usize) -> Option<&'static str> {
    match (path, before) {
        ("/hangs", _) => None,
        ("/gone", _) => Some("410 Gone"),
        ("/moved", _) => Some("302 Found\r\nlocation: http://169.254.169.254/latest"),
        ("/second", 0) => Some("500 Oops"),
        ("/busy", 0) => Some("429 Slow down\r\nretry-after: 1"),
        _ => Some("204 No Content"),
    }
}

async fn serve(mut stream: TcpStream, posted: Arc<Mutex<Vec<Posted>>>) -> Option<()> {
    let mut text = Vec::new();
    let (head, length) = loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await.ok().filter(|read| 0 < *read)?;
        text.extend(some.iter().take(read));
        let found = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = found.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>();
        let length = length.ok()?;
        if length <= body.len() {
            break (head.to_owned(), body.to_owned());
        }
    };
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    let before = {
        let mut posted = posted.lock().unwrap();
        let before = posted.iter().filter(|it| it.path == path).count();
        posted.push(Posted { path: path.clone(), headers, body: length });
        before
    };
    match answer(&path, before) {
        Some(status) => {
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()
        }
        None => {
            // Until the client gives up.
            let mut rest = [0; 16];
            stream.read(&mut rest).await.ok().map(|_| ())
        }
    }
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let posted = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { port, posted }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn posted(&self, path: &str) -> Vec<Posted> {
        self.posted.lock().unwrap().iter().filter(|it| it.path == path).cloned().collect()
    }

    /// What was posted to a path, when it is so many.
    pub(crate) async fn until(&self, path: &str, count: usize) -> Vec<Posted> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let posted = self.posted(path);
            if count <= posted.len() {
                return posted;
            }
            assert!(Instant::now() < until, "not {count} within 60 s: {posted:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
