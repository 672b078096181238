//! From blocks of bytes to batches and rejects.

use crate::batch::Batch;
use crate::config::{Config, ConfigError, Limits};
use crate::header::{FileError, Layout};
use crate::join::Join;
use crate::piece::{Block, Plan, broken};
use crate::pool::{Pending, Pool};
use crate::profile::ColumnProfile;
use crate::reject::Reject;
use crate::scanner::{Scanner, Span, Step, part, rest};
use domain::partner::{FileFormat, Rules};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads one file, block by block.
///
/// With [`Limits::workers`] above 1 that many threads read blocks ahead, and the thread that pushes
/// only puts together what they found. Rows, rejects and figures are the same for any number.
#[derive(Debug)]
pub struct Transform {
    state: State,
    windows_1252: bool,
    block_bytes: usize,
    /// Bytes behind a block that its last record may need.
    behind_bytes: usize,
    /// Bytes that are in no block yet.
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// The header was not read yet.
    Head(Box<Head>),
    Body(Box<Body>),
    /// The file is unreadable.
    Failed(FileError),
}

/// Before the first row.
#[derive(Debug)]
struct Head {
    config: Config,
    scanner: Scanner,
    /// A byte order mark may still come.
    start: bool,
    /// Physical line of the first byte in the buffer.
    line: u64,
}

/// Behind the header.
#[derive(Debug)]
struct Body {
    join: Join,
    pool: Option<Pool>,
    pending: VecDeque<Pending>,
}

/// Rows and rejects of a stretch of the file, each in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Accepted rows.
    pub batch: Batch,
    /// Rejected rows.
    pub rejects: Vec<Reject>,
}

/// What a file held. `rows` is always `accepted` and all of `rejected_by_rule` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows behind the header; blank lines are none.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows rejected, by the code of the rule.
    pub rejected_by_rule: BTreeMap<String, u64>,
    /// What the accepted rows hold, column by column.
    pub profile: Vec<ColumnProfile>,
}

impl Summary {
    /// Rows rejected by any rule.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected_by_rule.values().sum()
    }
}

impl Transform {
    /// Makes ready to read one file of a partner. `time_zone` is its IANA name.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn new(
        format: &FileFormat,
        rules: &Rules,
        time_zone: &str,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        let config = Config::new(format, rules, time_zone, limits)?;
        Ok(Self {
            windows_1252: config.windows_1252,
            block_bytes: limits.block_bytes,
            behind_bytes: limits.record_bytes_max + 1,
            buffer: Vec::new(),
            state: State::Head(Box::new(Head {
                scanner: Scanner::new(config.delimiter, limits.record_bytes_max),
                start: true,
                line: 1,
                config,
            })),
        })
    }

    /// Reads on: `bytes` is any piece of the file. What is returned are the rows that are done by
    /// now, of earlier bytes mostly; all parts, taken together, do not depend on where the pieces
    /// were cut.
    ///
    /// # Errors
    /// Why the file is unreadable as a whole; every later call says the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Part>, FileError> {
        let mut parts = Vec::new();
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if let State::Failed(error) = &self.state {
                return Err(error.clone());
            }
            let room = (self.block_bytes + self.behind_bytes).saturating_sub(self.buffer.len());
            let (now, later) = bytes.split_at(room.max(1).min(bytes.len()));
            bytes = later;
            if self.windows_1252 {
                let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(now);
                self.buffer.extend_from_slice(text.as_bytes());
            } else {
                self.buffer.extend_from_slice(now);
            }
            if let Err(error) = self.advance(&mut parts) {
                return Err(self.fail(error));
            }
        }
        Ok(parts)
    }

    /// The file ends here.
    ///
    /// # Errors
    /// As [`Transform::push`].
    pub fn finish(mut self) -> Result<(Vec<Part>, Summary), FileError> {
        let mut parts = Vec::new();
        if let State::Head(head) = &mut self.state
            && let Some(body) = head.read(&mut self.buffer, true)?
        {
            self.state = State::Body(Box::new(body));
        }
        match self.state {
            State::Failed(error) => Err(error),
            State::Head(_) => Err(FileError::Empty),
            State::Body(mut body) => {
                let (len, bytes) = (self.buffer.len(), self.buffer);
                body.add(Block { bytes, len, end: true }, &mut parts)?;
                body.settle(0, &mut parts)?;
                Ok((parts, body.join.finish()))
            }
        }
    }

    fn fail(&mut self, error: FileError) -> FileError {
        self.state = State::Failed(error.clone());
        self.buffer = Vec::new();
        error
    }

    /// Makes blocks of the buffer.
    fn advance(&mut self, parts: &mut Vec<Part>) -> Result<(), FileError> {
        if let State::Head(head) = &mut self.state {
            let Some(body) = head.read(&mut self.buffer, false)? else { return Ok(()) };
            self.state = State::Body(Box::new(body));
        }
        let State::Body(body) = &mut self.state else { return Ok(()) };
        while self.buffer.len() >= self.block_bytes + self.behind_bytes {
            // Copied is only what is needed twice.
            let mut next = Vec::with_capacity(self.block_bytes + self.behind_bytes);
            next.extend_from_slice(rest(&self.buffer, self.block_bytes));
            let bytes = std::mem::replace(&mut self.buffer, next);
            body.add(Block { bytes, len: self.block_bytes, end: false }, parts)?;
        }
        Ok(())
    }
}

impl Body {
    fn new(config: Config, layout: Layout, line: u64) -> Self {
        let workers = config.limits.workers;
        let plan = Arc::new(Plan { config, layout });
        Self {
            pool: (workers > 1).then(|| Pool::new(&plan, workers)),
            join: Join::new(plan, line),
            pending: VecDeque::new(),
        }
    }

    fn add(&mut self, block: Block, parts: &mut Vec<Part>) -> Result<(), FileError> {
        let Some(pool) = &self.pool else { return self.join.add(&block, None, parts) };
        let left = pool.blocks_max() - 1;
        self.pending.push_back(pool.read(block));
        self.settle(left, parts)
    }

    /// Joins blocks until at most `left` are pending.
    fn settle(&mut self, left: usize, parts: &mut Vec<Part>) -> Result<(), FileError> {
        while self.pending.len() > left {
            let Some(pending) = self.pending.pop_front() else { return Ok(()) };
            let (block, guessed) = pending.wait();
            self.join.add(&block, guessed, parts)?;
        }
        Ok(())
    }
}

impl Head {
    /// Reads the header from the start of `buffer`, and takes it out. Nothing if more bytes are
    /// needed.
    fn read(&mut self, buffer: &mut Vec<u8>, end: bool) -> Result<Option<Body>, FileError> {
        if self.start {
            if buffer.len() < BOM.len() && BOM.starts_with(buffer) && !end {
                return Ok(None);
            }
            if buffer.starts_with(BOM) {
                buffer.drain(..BOM.len());
            }
            self.start = false;
        }
        let mut at = 0;
        let found = loop {
            match self.scanner.scan(rest(buffer, at), end) {
                Step::Need => break None,
                Step::Blank { len } => {
                    at += len;
                    self.line += 1;
                }
                step => break Some(step),
            }
        };
        let Some(step) = found else {
            buffer.drain(..at);
            return Ok(None);
        };
        let layout = header(&self.config, &self.scanner, self.line, rest(buffer, at), step)?;
        if let Step::Record { len, lines, .. } = step {
            at += len;
            self.line += lines;
        }
        buffer.drain(..at);
        Ok(Some(Body::new(self.config.clone(), layout, self.line)))
    }
}

/// Reads the header from the first record.
fn header(
    config: &Config,
    scanner: &Scanner,
    line: u64,
    bytes: &[u8],
    step: Step,
) -> Result<Layout, FileError> {
    let unreadable = |reason: Cow<'static, str>| FileError::HeaderUnreadable {
        line,
        reason: reason.into_owned(),
    };
    let raw = match step {
        Step::Record { raw, .. } => part(bytes, 0, raw),
        Step::Bad { defect, .. } => {
            return Err(unreadable(broken(defect, None, config.limits.record_bytes_max).reason));
        }
        Step::Need | Step::Blank { .. } => b"",
    };
    if memchr(0, raw).is_some() {
        return Err(unreadable("it has a zero byte; is it a CSV file?".into()));
    }
    let text = std::str::from_utf8(raw).map_err(|_| FileError::HeaderNotUtf8 { line })?;
    let name =
        |span: &Span| text.get(span.start..span.end).unwrap_or_default().replace("\"\"", "\"");
    Layout::new(config, &scanner.fields.iter().map(name).collect::<Vec<_>>())
}
