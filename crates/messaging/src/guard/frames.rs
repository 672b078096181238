//! What nats-server sends, cut into what can be passed on and what has to be changed.

use super::readable;
use memchr::memchr;

/// Longest line of the protocol that is looked at; nats-server's own limit is 4 KiB, but for INFO.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Where in what the server sends we are.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of a message that are still to be passed on.
    rest: usize,
}

/// What to do with the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many are as they should be.
    Pass(usize),
    /// So many are a line about the server itself, and are passed on.
    Info(usize),
    /// Something else instead of so many.
    Instead {
        /// How many.
        bytes: usize,
        /// What.
        by: Vec<u8>,
    },
    /// More are needed.
    More,
}

impl Frames {
    /// Looks at `bytes`, which follow on what was passed on or changed before.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.is_empty() {
            return Step::More;
        }
        if 0 < self.rest {
            let now = self.rest.min(bytes.len());
            self.rest -= now;
            return Step::Pass(now);
        }
        let Some(end) = memchr(b'\n', bytes) else {
            return if bytes.len() < LINE_BYTES_MAX { Step::More } else { Step::Pass(bytes.len()) };
        };
        let (line, len) = (bytes.get(..end).unwrap_or_default(), end + 1);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"HMSG ") {
            return self.with_headers(line, len, bytes);
        }
        if line.starts_with(b"MSG ") {
            let (_, size) = last_number(line);
            self.rest = size.map_or(0, |size| size + 2);
        }
        match std::str::from_utf8(line) {
            Ok(_) if line.starts_with(b"INFO ") => Step::Info(len),
            Ok(_) => Step::Pass(len),
            Err(_) => Step::Instead { bytes: len, by: [&text(line), "\r\n"].concat().into() },
        }
    }

    /// A message with headers, whose line has `len` bytes.
    fn with_headers(&mut self, line: &[u8], len: usize, bytes: &[u8]) -> Step {
        let (before, total) = last_number(line);
        let (before, head) = last_number(before);
        let (Some(head), Some(total)) = (head, total) else { return Step::Pass(len) };
        let Some(payload) = total.checked_sub(head) else { return Step::Pass(len) };
        let Some(block) = bytes.get(len..len + head) else { return Step::More };
        // `HMSG subject sid reply`, or none: then nothing names a consumer.
        let reply = before.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let is_good = readable::is_readable(block, reply);
        // The client takes every kind of white space for the end of a word.
        if is_good && line.is_ascii() {
            self.rest = payload + 2;
            return Step::Pass(len + head);
        }
        let block = if is_good { block.to_vec() } else { readable::instead(block) };
        let head = block.len();
        let line = format!("{} {head} {}\r\n", text(before), head + payload);
        self.rest = payload + 2;
        let by = [line.as_bytes(), &block].concat();
        Step::Instead { bytes: len + (total - payload), by }
    }
}

/// The number at the end of a line, and what is before it.
fn last_number(line: &[u8]) -> (&[u8], Option<usize>) {
    let Some(at) = line.iter().rposition(|byte| *byte == b' ') else { return (line, None) };
    let (before, number) = line.split_at(at);
    let number = std::str::from_utf8(number).ok().and_then(|text| text.trim_start().parse().ok());
    (before, number)
}

/// The line as text in which words are separated by blanks alone.
fn text(line: &[u8]) -> String {
    let strange = |c: char| !c.is_ascii() && c.is_whitespace();
    String::from_utf8_lossy(line).replace(strange, "\u{FFFD}")
}
