//! A record, and the texts of its fields.

use crate::column::Column;
use crate::header::Layout;
use crate::scanner::Span;

/// A record of the right width, none of whose fields has doubled quotes.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) text: &'a str,
    pub(crate) fields: &'a [Span],
}

impl<'a> Record<'a> {
    /// The text of a column without the blanks around it.
    #[inline]
    pub(crate) fn field(&self, column: &Column) -> &'a str {
        let span = self.fields.get(column.at);
        trim(span.and_then(|span| self.text.get(span.start..span.end)).unwrap_or_default())
    }

    /// The same of a column that the partner may not have.
    pub(crate) fn optional(&self, column: Option<&Column>) -> &'a str {
        column.map(|column| self.field(column)).unwrap_or_default()
    }
}

/// A text without blanks and what is not seen around it, quick for one that has nothing of it; and
/// without `="…"`, by which a spreadsheet is told that it is text.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] | [b'!'..=b'~'] => text,
        [first @ b'!'..=b'~', .., b'!'..=b'~'] if *first != b'=' => text,
        _ => trimmed(text),
    }
}

/// Called for few texts, so it is not to stand in the middle of what is done for all.
#[inline(never)]
fn trimmed(text: &str) -> &str {
    let mut text = text.trim();
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    if ends.into_iter().flatten().any(|byte| !byte.is_ascii()) {
        text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    }
    let inside = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    inside.map_or(text, str::trim)
}

/// A character that is not seen, and is left out around a text.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
