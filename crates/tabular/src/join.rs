//! Puts pieces together in file order: checks where each began, finds duplicates, counts.

use crate::duplicates::Seen;
use crate::header::FileError;
use crate::piece::{Block, Piece, Plan, Point, Reader, cut};
use crate::profile::Profile;
use crate::reject::{Reject, Rule};
use crate::rules;
use crate::scanner::part;
use crate::transform::{Part, Summary};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file up to some place.
#[derive(Debug)]
pub(crate) struct Join {
    plan: Arc<Plan>,
    /// Reads what no guess was right about.
    reader: Reader,
    /// Where the file goes on, from the start of the next block.
    point: Point,
    /// Physical line there.
    line: u64,
    seen: Option<Seen>,
    rows: u64,
    accepted: u64,
    rejected: BTreeMap<Rule, u64>,
    profile: Profile,
}

impl Join {
    /// At the first line behind the header.
    pub(crate) fn new(plan: Arc<Plan>, line: u64) -> Self {
        Self {
            reader: Reader::new(plan.clone()),
            point: Point::record(0),
            line,
            seen: plan.config.reject_duplicates.then(Seen::default),
            rows: 0,
            accepted: 0,
            rejected: BTreeMap::new(),
            profile: Profile::default(),
            plan,
        }
    }

    /// Adds the next block. `guessed` was read from a place in it that may be wrong; it counts only
    /// if what is before that place ends there.
    pub(crate) fn add(
        &mut self,
        block: &Block,
        guessed: Option<Piece>,
        into: &mut Vec<Part>,
    ) -> Result<(), FileError> {
        if let Some(guessed) = guessed {
            if self.point.at < guessed.from.at {
                let before = self.reader.read(block, self.point, guessed.from.at);
                self.take(block, before, into)?;
            }
            if self.point == guessed.from {
                self.take(block, guessed, into)?;
            }
        }
        if self.point.at < block.len {
            let rest = self.reader.read(block, self.point, block.len);
            self.take(block, rest, into)?;
        }
        self.point.at -= block.len;
        Ok(())
    }

    /// What the file held.
    pub(crate) fn finish(self) -> Summary {
        let by_rule = self.rejected.into_iter();
        Summary {
            rows: self.rows,
            accepted: self.accepted,
            rejected_by_rule: by_rule.map(|(rule, n)| (rule.code().to_owned(), n)).collect(),
            profile: self.profile.finish(),
        }
    }

    /// Adds a piece that begins where the file goes on.
    fn take(
        &mut self,
        block: &Block,
        mut piece: Piece,
        into: &mut Vec<Part>,
    ) -> Result<(), FileError> {
        self.rows += (piece.batch.len() + piece.rejects.len()) as u64;
        let max = self.plan.config.limits.rows_max;
        if self.rows > max {
            return Err(FileError::TooManyRows { max });
        }
        self.remove_duplicates(block, &mut piece);
        let Piece { to, lines, mut batch, mut rejects, profile, .. } = piece;
        batch.line.iter_mut().for_each(|line| *line += self.line);
        for reject in &mut rejects {
            reject.line += self.line;
            *self.rejected.entry(reject.rule).or_default() += 1;
        }
        self.point = to;
        self.line += lines;
        self.accepted += batch.len() as u64;
        self.profile.add(profile);
        if !batch.is_empty() || !rejects.is_empty() {
            into.push(Part { batch, rejects });
        }
        Ok(())
    }

    /// Makes rejects of the rows that an earlier row equals.
    fn remove_duplicates(&mut self, block: &Block, piece: &mut Piece) {
        let Some(seen) = &mut self.seen else { return };
        let mut out = Vec::new();
        for (i, origin) in piece.origins.iter().enumerate() {
            if seen.insert(origin.fingerprint) {
                continue;
            }
            let Some(row) = piece.batch.row(i) else { continue };
            piece.profile.forget(&row);
            piece.rejects.push(Reject {
                line: row.line,
                column: None,
                rule: Rule::Duplicate,
                reason: rules::DUPLICATE.into(),
                raw: cut(part(&block.bytes, origin.start, origin.end), &self.plan.config),
                order_id: Some(row.order_id.to_owned()),
            });
            out.push(i);
        }
        if !out.is_empty() {
            piece.batch = piece.batch.without(&out);
            piece.rejects.sort_by_key(|reject| reject.line);
        }
    }
}
