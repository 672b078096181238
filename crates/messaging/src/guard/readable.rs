//! Header blocks that the client library can read, and what it gets instead of others.

use super::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the names of headers begin with that the server adds to what it stored.
const OF_SERVER: &str = "Nats-";
/// What the client expects first.
const VERSION: &str = "NATS/1.0";

/// Can the client read the header block of a message with this reply subject?
///
/// A stored message with a status is not readable: the client would take it for a word of the server.
pub(super) fn is_readable(block: &[u8], reply: &[u8]) -> bool {
    std::str::from_utf8(block).ok().and_then(status).is_some_and(|status| {
        // A consumer names itself in the reply subject, a direct get its stream in headers.
        let has = |name: &[u8]| block.windows(name.len()).any(|part| part == name);
        !status
            || !(reply.starts_with(b"$JS.ACK.")
                || has(b"\nNats-Stream:") && has(b"\nNats-Sequence:"))
    })
}

/// The headers of a stored message.
pub(crate) fn stored(block: &[u8]) -> async_nats::HeaderMap {
    let text = std::str::from_utf8(block).ok().filter(|text| status(text) == Some(false));
    let instead;
    let text = match text {
        Some(text) => text,
        None => {
            instead = self::instead(block);
            std::str::from_utf8(&instead).unwrap_or_default()
        }
    };
    let mut headers = async_nats::HeaderMap::new();
    let mut lines = text.lines().skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        if let (Ok(name), Ok(value)) =
            (name.parse::<async_nats::HeaderName>(), value.trim_end().parse())
        {
            headers.append::<_, async_nats::HeaderValue>(name, value);
        }
    }
    headers
}

/// Does the block have a status? Nothing if it cannot be read: these are the client's own rules
/// (async-nats 0.51, `Connection::try_read_op`), and no header value may have a carriage return.
fn status(block: &str) -> Option<bool> {
    let mut lines = block.lines().peekable();
    let status = lines.next()?.strip_prefix(VERSION)?.trim();
    let code = status.split_once(' ').map_or(status, |(code, _)| code);
    if !code.is_empty() && !matches!(code.as_bytes(), [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']) {
        return None;
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let mut value = std::iter::once(value).chain(std::iter::from_fn(|| {
            lines.next_if(|line| line.starts_with(char::is_whitespace))
        }));
        if !is_name(name) || value.any(|part| part.contains('\r')) {
            return None;
        }
    }
    Some(!code.is_empty())
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A block that says what stood there: the whole in [`header::UNREADABLE`], and the lines that the server
/// added.
pub(super) fn instead(block: &[u8]) -> Vec<u8> {
    let lines =
        block.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let mut text = format!("{VERSION}\r\n");
    for line in lines.map(|line| line.trim_end_matches('\r')) {
        let added = line.starts_with(OF_SERVER) && !line.contains('\r');
        let named = line.split_once(':').is_some_and(|(name, _)| is_name(name));
        if added && named {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    text.push_str(&format!("{}: {}\r\n\r\n", header::UNREADABLE, STANDARD.encode(block)));
    text.into_bytes()
}
