//! A record, and the texts of its fields.

use crate::column::Column;
use crate::header::Layout;
use crate::scanner::Span;

/// A record with the right number of fields and without escaped quotes.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) text: &'a str,
    pub(crate) fields: &'a [Span],
}

impl<'a> Record<'a> {
    /// The text of a column without surrounding spaces.
    #[inline]
    pub(crate) fn field(&self, column: &Column) -> &'a str {
        let span = self.fields.get(column.at);
        trim(span.and_then(|span| self.text.get(span.start..span.end)).unwrap_or_default())
    }

    /// The same for an optional column.
    pub(crate) fn optional(&self, column: Option<&Column>) -> &'a str {
        column.map(|column| self.field(column)).unwrap_or_default()
    }
}

/// A text without surrounding spaces and invisible characters, and without `="…"`, which tells a
/// spreadsheet that it is text; quick if there is nothing to remove.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] | [b'!'..=b'~'] => text,
        [first @ b'!'..=b'~', .., b'!'..=b'~'] if *first != b'=' => text,
        _ => trimmed(text),
    }
}

/// A separate function, because few texts need it and the common path must stay short.
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

/// An invisible character that is removed around a text.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
