//! Why a row is rejected.

use crate::column::Column;
use crate::reject::Rule;
use std::borrow::Cow;
use std::sync::Arc;

/// Most characters of a value that a reason repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// A rule that a record broke.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) rule: Rule,
    pub(crate) column: Option<Arc<str>>,
    pub(crate) reason: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(rule: Rule, column: &Column, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { rule, column: Some(column.name.clone()), reason: reason.into() }
    }
}

/// A value for people: quoted, escaped and shortened.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() == text.len() { format!("{text:?}") } else { format!("{cut:?}…") }
}
