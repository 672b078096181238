//! Reading the header block of a message. NOT IN THE PUBLISHED CRATE: see ../../README.md.
//!
//! nats-server stores and delivers any bytes as a header block. One that cannot be read must not cost the
//! connection, or else the message comes again after every reconnection.

use crate::header::{HeaderMap, HeaderName, HeaderValue, IntoHeaderValue, NATS_SEQUENCE, NATS_STREAM, UNREADABLE};
use crate::status::StatusCode;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use std::str::{self, FromStr};

/// What the names of headers begin with that the server adds to what it stored.
const OF_SERVER: &str = "Nats-";

/// A header block.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) headers: HeaderMap,
    pub(crate) status: Option<StatusCode>,
    pub(crate) description: Option<String>,
}

/// Reads the header block of a message with this reply subject, whatever it is.
///
/// Of a block that is none only the lines are read that the server adds, and [`UNREADABLE`] holds the whole.
/// A stored message with a status is such a one: it would be taken for a word of the server.
pub(crate) fn read(block: &[u8], reply: Option<&str>) -> Block {
    match strict(block) {
        Some(read) if read.status.is_none() => read,
        // A consumer names itself in the reply subject, a direct get its stream in headers.
        Some(read)
            if !reply.is_some_and(|reply| reply.starts_with("$JS.ACK."))
                && !(read.headers.get(NATS_STREAM).is_some()
                    && read.headers.get(NATS_SEQUENCE).is_some()) =>
        {
            read
        }
        _ => unreadable(block),
    }
}

/// Reads the header block of a message that an answer to a request for a stored message holds.
#[cfg(feature = "jetstream")]
pub(crate) fn read_stored(block: &[u8]) -> HeaderMap {
    match strict(block) {
        Some(read) if read.status.is_none() => read.headers,
        _ => unreadable(block).headers,
    }
}

fn strict(block: &[u8]) -> Option<Block> {
    let mut lines = str::from_utf8(block).ok()?.lines().peekable();
    let version = lines.next()?.strip_prefix("NATS/1.0")?.trim();
    let (status, description) = version
        .split_once(' ')
        .map_or((version, ""), |(status, description)| (status.trim(), description.trim()));
    let mut read = Block::default();
    if !status.is_empty() {
        read.status = Some(status.parse().ok()?);
    }
    if !description.is_empty() {
        read.description = Some(description.to_owned());
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_str(name).ok()?;

        // Read the header value, which might have been split into multiple lines
        // `trim_start` and `trim_end` do the same job as doing `value.trim().to_owned()` at the end, but without a reallocation
        let mut value = value.trim_start().to_owned();
        while let Some(v) = lines.next_if(|s| s.starts_with(char::is_whitespace)) {
            value.push_str(v);
        }
        value.truncate(value.trim_end().len());
        // No header value may have one, and making it would end the whole client.
        if value.contains('\r') {
            return None;
        }

        read.headers.append(name, value.into_header_value());
    }
    Some(read)
}

fn unreadable(block: &[u8]) -> Block {
    let lines = block.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    let added = lines.filter(|line| line.starts_with(OF_SERVER));
    let mut headers = HeaderMap::new();
    for (name, value) in added.filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_str(name), HeaderValue::from_str(value.trim()))
        {
            headers.append(name, value);
        }
    }
    headers.insert(UNREADABLE, STANDARD.encode(block));
    Block { headers, ..Block::default() }
}
