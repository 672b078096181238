//! Applies a partner's transform to the rows of a block: collects all rows, evaluates the expressions
//! at once, then returns each row with its computed columns.

use crate::batch::TextColumn;
use crate::derive::{Derivation, Derived, Verdict};
use crate::fault::Fault;
use crate::header::{Layout, by_transform};
use crate::record::Record;
use crate::reject::Rule;
use crate::scanner::Span;

#[derive(Debug, Default)]
pub(crate) struct Making {
    /// The columns of the file that expressions use, and their number of rows.
    gathered: Vec<TextColumn>,
    rows: usize,
    /// `None` while rows are collected.
    derived: Option<Derived>,
    /// Number of rows that were returned.
    taken: usize,
    /// A record with its computed columns appended, and its fields.
    text: String,
    fields: Vec<Span>,
}

impl Making {
    /// Begins to collect rows.
    pub(crate) fn begin(&mut self) {
        (self.rows, self.taken, self.derived) = (0, 0, None);
        self.gathered.clear();
    }

    pub(crate) fn is_gathering(&self) -> bool {
        self.derived.is_none()
    }

    pub(crate) fn gather(&mut self, record: &Record<'_>) {
        let inputs = &record.layout.inputs;
        self.gathered.resize_with(inputs.len(), TextColumn::default);
        for (texts, column) in self.gathered.iter_mut().zip(inputs) {
            texts.push(record.field(column));
        }
        self.rows += 1;
    }

    /// Evaluates the expressions; no more rows are collected before all were returned.
    pub(crate) fn calculate(&mut self, derivation: &Derivation) {
        self.derived = Some(match self.rows {
            0 => Derived::default(),
            rows => derivation.evaluate(&self.gathered, rows),
        });
        self.gathered.clear();
    }

    /// The next row, in the order in which rows were collected, with its computed columns; and the
    /// verdict if it is not processed further.
    pub(crate) fn take<'a>(&'a mut self, record: &Record<'a>) -> (Record<'a>, Option<Verdict>) {
        let row = self.taken;
        self.taken += 1;
        let derived = self.derived.as_ref().expect("rows are taken once they were calculated");
        self.text.clear();
        self.text.push_str(record.text);
        self.fields.clear();
        self.fields.extend_from_slice(record.fields);
        for texts in &derived.columns {
            let start = self.text.len();
            self.text.push_str(texts.get(row).unwrap_or_default());
            self.fields.push(Span { start, end: self.text.len(), escaped: false });
        }
        let record = Record { layout: record.layout, text: &self.text, fields: &self.fields };
        (record, derived.verdicts.get(&row).cloned())
    }
}

impl Verdict {
    pub(crate) fn fault(self, layout: &Layout) -> Fault {
        match self {
            Self::Filtered => Fault {
                rule: Rule::Filtered,
                column: None,
                reason: "is left out by the partner's transform".into(),
            },
            Self::Failed(made, reason) => {
                let column = made.and_then(|made| layout.made.get(made)).cloned();
                let column = column.unwrap_or_else(|| by_transform("where"));
                Fault { rule: Rule::TransformFailed, column: Some(column), reason }
            }
        }
    }
}
