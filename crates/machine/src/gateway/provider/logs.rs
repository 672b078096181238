//! `/system/logs`: what the processes of a function write, line by line.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::refusal::{Refusal, deployments};
use crate::clock;
use crate::gateway::face::Face;
use crate::site::{DeployError, NAMESPACE, function_of};

/// Of what was written before; older lines are in the file.
const BEFORE_BYTES_MAX: u64 = 1024 * 1024;
/// A longer line is cut into several.
const LINE_BYTES_MAX: usize = 64 * 1024;
const LOOK: Duration = Duration::from_millis(200);

/// `logs.Request` of faas-provider.
#[derive(Deserialize)]
pub(super) struct Request {
    name: String,
    #[serde(default)]
    instance: String,
    /// Lines of before; all of them where it is not above 0.
    #[serde(default)]
    tail: i64,
    #[serde(default)]
    follow: bool,
    since: Option<DateTime<Utc>>,
}

pub(super) async fn read(
    State(face): State<Face>,
    Query(request): Query<Request>,
) -> Result<Response, Refusal> {
    let part = if request.instance.is_empty() { &request.name } else { &request.instance };
    let function = function_of(part);
    let is_one = function == request.name && !part.contains('/');
    if !is_one || face.registry.find(function).is_none() {
        return Err(DeployError::Unknown(request.name).into());
    }
    let path = deployments(&face).site().dir.logs().join(format!("{part}.log"));
    let (part, name) = (part.clone(), request.name.clone());
    let message = move |line: &str| {
        let text = json!({
            "name": name,
            "namespace": NAMESPACE,
            "instance": part,
            "timestamp": time_of(line).unwrap_or_else(clock::now),
            "text": line,
        });
        format!("{text}\n")
    };
    let mut reader = Reader::new(path);
    let mut lines = reader.more().await;
    if let Some(since) = request.since {
        lines.retain(|line| time_of(line).is_none_or(|time| since <= time));
    }
    if let Ok(tail @ 1..) = usize::try_from(request.tail) {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let first: String = lines.iter().map(|line| message(line)).collect();
    let body = if request.follow {
        let later = stream::unfold((reader, message), |(mut reader, message)| async move {
            loop {
                let lines = reader.more().await;
                if !lines.is_empty() {
                    let text: String = lines.iter().map(|line| message(line)).collect();
                    return Some((Ok::<_, std::io::Error>(Bytes::from(text)), (reader, message)));
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let first = stream::iter([Ok(Bytes::from(first))]);
        Body::from_stream(futures_util::StreamExt::chain(first, later))
    } else {
        Body::from(first)
    };
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// A file that grows.
struct Reader {
    path: PathBuf,
    position: u64,
    /// A line without its end.
    rest: Vec<u8>,
}

impl Reader {
    fn new(path: PathBuf) -> Self {
        Self { path, position: 0, rest: Vec::new() }
    }

    /// The lines that were written since the last time; of the first time not all where they are many.
    async fn more(&mut self) -> Vec<String> {
        let Ok(bytes) = read_from(&self.path, &mut self.position).await else { return Vec::new() };
        self.rest.extend(bytes);
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // All at once: a drain for each line would move all that is behind it.
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        let text = |line: &[u8]| String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        let whole = whole.strip_suffix(b"\n");
        let mut lines: Vec<String> = whole
            .map(|lines| lines.split(|byte| *byte == b'\n').map(text).collect())
            .unwrap_or_default();
        if LINE_BYTES_MAX < self.rest.len() {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned());
        }
        lines
    }
}

async fn read_from(path: &Path, position: &mut u64) -> std::io::Result<Vec<u8>> {
    let mut file = tokio::fs::File::open(path).await?;
    let length = file.metadata().await?.len();
    if length < *position {
        // It had become long, and was emptied.
        *position = 0;
    }
    let skips = *position == 0 && BEFORE_BYTES_MAX < length;
    if skips {
        *position = length - BEFORE_BYTES_MAX;
    }
    file.seek(SeekFrom::Start(*position)).await?;
    let mut bytes = Vec::new();
    file.take(BEFORE_BYTES_MAX).read_to_end(&mut bytes).await?;
    *position += u64::try_from(bytes.len()).unwrap_or(0);
    if skips {
        // The end of a line is not a line.
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..start);
    }
    Ok(bytes)
}

/// When a line was written: functions log JSON with a time.
fn time_of(line: &str) -> Option<DateTime<Utc>> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("timestamp")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[tokio::test]
    async fn of_a_large_file_the_last_whole_lines_are_read_and_then_what_is_added() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let mut file = std::fs::File::create(&path).unwrap();
        let lines: Vec<String> = (0..200_000).map(|n| format!("line {n}")).collect();
        write!(file, "{}\nhalf", lines.join("\n")).unwrap();
        let mut reader = Reader::new(path);
        let found = reader.more().await;
        assert!((87_000..88_000).contains(&found.len()), "{}", found.len());
        assert_eq!(found, lines[lines.len() - found.len()..]);
        assert!(reader.more().await.is_empty());
        write!(file, " of it\r\n\nnext\n").unwrap();
        assert_eq!(reader.more().await, ["half of it", "", "next"]);
        write!(file, "{}", "x".repeat(LINE_BYTES_MAX + 1)).unwrap();
        assert_eq!(reader.more().await[0].len(), LINE_BYTES_MAX + 1);
        // It was emptied, and others write on.
        let mut file = std::fs::File::create(&reader.path).unwrap();
        writeln!(file, "anew").unwrap();
        assert_eq!(reader.more().await, ["anew"]);
    }
}
