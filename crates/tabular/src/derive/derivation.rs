//! A partner's transform, prepared for use.

use super::bind::Binder;
use super::columns::{Columns, Faults};
use super::functions;
use super::tree::{Text, Truth};
use super::{Derived, Verdict};
use crate::amount::Notation;
use crate::batch::TextColumn;
use crate::config_error::ConfigError;
use domain::partner::{Column, LookUp, Transform};
use polars::prelude::BooleanChunked;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each part of an expression temporarily becomes a column of this many rows.
const ROWS_AT_ONCE: usize = 1 << 10;

/// A partner's transform, prepared for use.
#[derive(Clone, Debug)]
pub(crate) struct Derivation {
    columns: Vec<(Column, Text)>,
    condition: Option<Truth>,
    inputs: Vec<String>,
    notation: Notation,
}

impl Derivation {
    pub(crate) fn new(transform: &Transform, notation: &Notation) -> Result<Self, ConfigError> {
        // The type of an expression does not depend on the content of a table.
        let look_ups = transform.look_ups.iter().map(|(name, look_up)| match look_up {
            LookUp::Table(table) => (name.clone(), table.clone()),
            LookUp::File(_) => (name.clone(), Arc::default()),
        });
        let look_ups = look_ups.collect();
        let mut binder =
            Binder { columns: Vec::new(), look_ups: &look_ups, call: functions::call, parts: 0 };
        let error = |key: String, expression: &str, reason: String| ConfigError::Transform {
            key,
            expression: expression.to_owned(),
            reason,
        };
        let mut columns = Vec::with_capacity(transform.columns.len());
        for (role, sql) in &transform.columns {
            let text = binder.column(sql);
            let key = || format!("columns.{}", role.key());
            columns.push((*role, text.map_err(|reason| error(key(), sql, reason))?));
        }
        let condition = transform
            .condition
            .as_ref()
            .map(|sql| binder.condition(sql).map_err(|reason| error("where".into(), sql, reason)));
        let condition = condition.transpose()?;
        Ok(Self { columns, condition, inputs: binder.columns, notation: notation.clone() })
    }

    /// The computed columns.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().map(|(role, _)| *role)
    }

    /// The required columns of the file, as written in the expressions.
    pub(crate) fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Evaluates `rows` rows; `inputs` contains the used columns of the file.
    pub(crate) fn evaluate(&self, inputs: &[TextColumn], rows: usize) -> Derived {
        let mut columns = vec![TextColumn::default(); self.columns.len()];
        let mut verdicts = BTreeMap::new();
        for start in (0..rows).step_by(ROWS_AT_ONCE) {
            let end = rows.min(start + ROWS_AT_ONCE);
            let batch = Columns::new(inputs, start..end, &self.notation);
            let mut faults = Faults::new();
            let holds = self.condition.as_ref().map(|it| batch.truth(it, &mut faults));
            note(&mut verdicts, start, None, faults);
            let holds = holds.iter().flat_map(BooleanChunked::iter).enumerate();
            for (row, _) in holds.filter(|(_, holds)| *holds != Some(true)) {
                verdicts.entry(start + row).or_insert(Verdict::Filtered);
            }
            for (at, ((_, text), column)) in self.columns.iter().zip(&mut columns).enumerate() {
                let mut faults = Faults::new();
                let texts = batch.text(text, &mut faults);
                texts.iter().for_each(|text| column.push(text.unwrap_or_default()));
                note(&mut verdicts, start, Some(at), faults);
            }
        }
        Derived { columns, verdicts }
    }
}

/// Records the first fault of each row that failed; filtered rows have none.
fn note(
    verdicts: &mut BTreeMap<usize, Verdict>,
    start: usize,
    column: Option<usize>,
    faults: Faults,
) {
    for (row, reason) in faults {
        verdicts.entry(start + row).or_insert(Verdict::Failed(column, reason));
    }
}
