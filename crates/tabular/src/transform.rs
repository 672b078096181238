//! Converts blocks of bytes to batches and rejects.

use crate::block::Block;
use crate::config::{Config, Limits};
use crate::config_error::ConfigError;
use crate::encoding::Decode;
use crate::file_error::FileError;
use crate::head::{Detected, Head, Start};
use crate::join::Join;
use crate::piece::Plan;
use crate::pool::{Pending, Pool};
use crate::scanner::rest;
use crate::spill::Scratch;
use crate::summary::{Part, Summary};
use crate::trailer::footer_start;
use domain::partner::{FileFormat, Products, Rules};
use std::collections::VecDeque;
use std::sync::Arc;

/// Reads one file, block by block.
///
/// With [`Limits::workers`] above 1, that many threads read blocks ahead, and the thread that calls
/// `push` only joins their results. Rows, rejects and statistics do not depend on the number of
/// workers.
#[derive(Debug)]
pub struct Transform {
    state: State,
    decode: Decode,
    block_bytes: usize,
    /// Bytes after a block that its last record may need.
    behind_bytes: usize,
    /// Lines of a footer, and most bytes of it at the end of the buffer.
    footer_lines: usize,
    footer_bytes: usize,
    /// Bytes that do not belong to a block yet.
    buffer: Vec<u8>,
    scratch: Option<Arc<dyn Scratch>>,
}

#[derive(Debug)]
enum State {
    /// Before the end of the header.
    Head(Box<Head>),
    Body(Box<Body>),
    /// The file is unreadable.
    Failed(FileError),
}

/// The state after the header.
#[derive(Debug)]
struct Body {
    join: Join,
    detected: Detected,
    pool: Option<Pool>,
    pending: VecDeque<Pending>,
}

impl Transform {
    /// Prepares to read one file of a partner. `time_zone` is an IANA name.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn new(
        format: &FileFormat,
        rules: &Rules,
        time_zone: &str,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        let config = Config::new(format, rules, time_zone, limits)?;
        Ok(Self {
            decode: Decode::new(config.encoding),
            block_bytes: limits.block_bytes,
            behind_bytes: limits.record_bytes_max + 1,
            footer_lines: config.footer_lines,
            footer_bytes: config.footer_lines * limits.record_bytes_max,
            buffer: Vec::new(),
            scratch: None,
            state: State::Head(Box::new(Head::new(config))),
        })
    }

    /// Sums quantities and totals of all rows, including rejected ones.
    #[must_use]
    pub fn with_sums(mut self) -> Self {
        if let State::Head(head) = &mut self.state {
            head.sum();
        }
        self
    }

    /// Rejects rows in another currency than this one, an ISO 4217 code. Without it, currencies in the
    /// file are ignored.
    #[must_use]
    pub fn with_currency(mut self, currency: &str) -> Self {
        if let State::Head(head) = &mut self.state {
            head.priced_in(currency);
        }
        self
    }

    /// Looks up product ids: rows with an unknown product are rejected.
    #[must_use]
    pub fn with_products(mut self, products: Arc<Products>) -> Self {
        if let State::Head(head) = &mut self.state {
            head.look_up(products);
        }
        self
    }

    /// Sets the storage for data that [`Limits::seen_bytes_max`] does not allow in memory; without it,
    /// such a file is refused.
    #[must_use]
    pub fn with_scratch(self, scratch: Arc<dyn Scratch>) -> Self {
        Self { scratch: Some(scratch), ..self }
    }

    /// Reads `bytes`, the next piece of the file. Returns the rows that are finished, mostly of earlier
    /// pieces; all parts together do not depend on where the pieces were cut.
    ///
    /// # Errors
    /// If the file is unreadable as a whole; every later call returns the same error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Part>, FileError> {
        let mut parts = Vec::new();
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let room = self.full().saturating_sub(self.buffer.len());
            let (now, later) = bytes.split_at(room.max(1).min(bytes.len()));
            bytes = later;
            if let Err(error) = self.add(now, false, &mut parts) {
                self.state = State::Failed(error.clone());
                self.buffer = Vec::new();
                return Err(error);
            }
        }
        Ok(parts)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Like [`Transform::push`].
    pub fn finish(mut self) -> Result<(Vec<Part>, Summary), FileError> {
        let mut parts = Vec::new();
        self.add(b"", true, &mut parts)?;
        match self.state {
            State::Failed(error) => Err(error),
            State::Head(_) => Err(FileError::Empty),
            State::Body(mut body) => {
                let mut bytes = self.buffer;
                let len = footer_start(&bytes, self.footer_lines, self.footer_bytes);
                // If there is no footer, the last rows must not be lost.
                let len = len + body.join.rows_in(rest(&bytes, len));
                let tail = bytes.split_off(len);
                body.add(Block { bytes, len, end: true }, &mut parts)?;
                body.settle(0, &mut parts)?;
                let summary = body.join.finish(body.detected, &tail)?;
                Ok((parts, summary))
            }
        }
    }

    /// Number of buffered bytes from which a block can be made.
    fn full(&self) -> usize {
        self.block_bytes + self.behind_bytes + self.footer_bytes
    }

    /// Adds bytes to the buffer, and makes blocks of it.
    fn add(&mut self, bytes: &[u8], end: bool, parts: &mut Vec<Part>) -> Result<(), FileError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let encoding = self.decode.push(bytes, end, &mut self.buffer)?;
        if let State::Head(head) = &mut self.state {
            encoding.into_iter().for_each(|found| head.encoding(found));
            let Some(start) = head.read(&mut self.buffer, end)? else { return Ok(()) };
            self.state = State::Body(Box::new(Body::new(head, start, self.scratch.clone())));
        }
        let full = self.full();
        let State::Body(body) = &mut self.state else { return Ok(()) };
        while full <= self.buffer.len() {
            // Only bytes that are needed twice are copied.
            let mut next = Vec::with_capacity(full);
            next.extend_from_slice(rest(&self.buffer, self.block_bytes));
            let mut bytes = std::mem::replace(&mut self.buffer, next);
            bytes.truncate(self.block_bytes + self.behind_bytes);
            body.add(Block { bytes, len: self.block_bytes, end: false }, parts)?;
        }
        Ok(())
    }
}

impl Body {
    fn new(head: &Head, start: Start, scratch: Option<Arc<dyn Scratch>>) -> Self {
        let Start { layout, delimiter, line, detected } = start;
        let config = head.config().clone();
        let workers = config.limits.workers;
        let plan = Arc::new(Plan { config, delimiter, encoding: head.encoding_name(), layout });
        Self {
            pool: (workers > 1).then(|| Pool::new(&plan, workers)),
            join: Join::new(plan, line, scratch),
            detected,
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
