//! Ids in files: their valid forms, and changes made by spreadsheets.

use crate::column::Column;
use crate::fault::{Fault, shown};
use crate::record::Record;
use crate::reject::Rule;
use crate::scanner::Span;
use domain::ids::{ID_BYTES_MAX, visible};
use std::borrow::Cow;

/// Upper-case texts that mean an empty cell. Errors of spreadsheets such as `#REF!` count as well.
const PLACEHOLDERS: [&str; 13] = [
    "NULL",
    "(NULL)",
    "<NULL>",
    "\\N",
    "NIL",
    "NONE",
    "NAN",
    "N/A",
    "#N/A",
    "UNDEFINED",
    "UNKNOWN",
    "ERROR",
    "(BLANK)",
];
/// The longest placeholder and error of a spreadsheet.
const PLACEHOLDER_BYTES_MAX: usize = 16;

/// Why a text is not an id.
pub(crate) enum BadId<'a> {
    Missing,
    TooLong(usize),
    Control,
    /// A spreadsheet has changed a number to `4.51E+12`.
    Shortened(&'a str),
    /// It is a placeholder for a missing id.
    Placeholder(&'a str),
}

impl BadId<'_> {
    pub(crate) fn fault(&self, column: &Column, missing: Rule, bad: Rule) -> Fault {
        match self {
            Self::Missing => Fault::new(missing, column, "is empty"),
            Self::TooLong(len) => {
                let reason = format!("has {len} bytes, the limit is {ID_BYTES_MAX}");
                Fault::new(bad, column, reason)
            }
            Self::Control => Fault::new(bad, column, "contains a control character"),
            Self::Shortened(text) => {
                let reason = format!(
                    "{} is a number that a spreadsheet has shortened, so which id it was is lost; \
                     export the column as text",
                    shown(text)
                );
                Fault::new(bad, column, reason)
            }
            Self::Placeholder(text) => {
                Fault::new(bad, column, format!("{} stands for no id", shown(text)))
            }
        }
    }
}

pub(crate) fn required(id: &str) -> Result<&str, BadId<'_>> {
    if id.is_empty() { Err(BadId::Missing) } else { Ok(id) }
}

/// If no id is required, a placeholder counts as empty.
pub(crate) fn optional<'a>(id: Result<&'a str, BadId<'a>>) -> Result<&'a str, BadId<'a>> {
    match id {
        Err(BadId::Placeholder(_)) => Ok(""),
        id => id,
    }
}

/// `text` without the `'` that spreadsheets put before texts that look like a number or a formula.
pub(crate) fn unguarded(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('\'') else { return text };
    let number = || rest.bytes().all(|byte| byte.is_ascii_digit() || b".,-+ ".contains(&byte));
    match rest.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') => rest,
        Some(b'0'..=b'9') if number() => rest,
        _ => text,
    }
}

/// Checks an id like `domain` does; `17850.0`, a number from a spreadsheet or a float column, becomes
/// `17850`.
pub(crate) fn id(text: &str) -> Result<&str, BadId<'_>> {
    // Most ids consist of digits, and nothing can be wrong with them.
    if text.len() <= ID_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text);
    }
    let text = unguarded(text);
    if text.len() > ID_BYTES_MAX {
        return Err(BadId::TooLong(text.len()));
    }
    let plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if !plain && text.chars().any(char::is_control) {
        return Err(BadId::Control);
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'\'') if has_power(text) && is_shortened(text) => {
            return Err(BadId::Shortened(text));
        }
        Some(b'A'..=b'Z' | b'a'..=b'z' | b'#' | b'\\' | b'(' | b'<') if is_placeholder(text) => {
            return Err(BadId::Placeholder(text));
        }
        _ => {}
    }
    let digits = text.strip_suffix(".0").unwrap_or_default();
    let is_float = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if is_float { digits } else { text })
}

/// Does it contain an `E`? Hardly any id does, so further checks are rarely needed.
#[inline]
fn has_power(text: &str) -> bool {
    text.bytes().any(|byte| byte | 0x20 == b'e')
}

/// Is it like `4.51E+12`, in any locale? `12E5` may be a product number.
#[inline(never)]
fn is_shortened(text: &str) -> bool {
    let text = text.strip_prefix('\'').unwrap_or(text);
    let Some((number, power)) = text.split_once(['E', 'e']) else { return false };
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, places) = match number.split_once(['.', ',']) {
        Some((whole, places)) => (whole, Some(places)),
        None => (number, None),
    };
    let signed = power.starts_with(['+', '-']);
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let places_fit = places.is_none_or(|places| places.is_empty() || digits(places));
    (places.is_some() || signed) && digits(whole) && places_fit && digits(power)
}

#[inline(never)]
pub(crate) fn is_placeholder(text: &str) -> bool {
    if text.len() > PLACEHOLDER_BYTES_MAX {
        return false;
    }
    // A column that is too narrow is displayed, and saved as text, as `#####`.
    let error = |rest: &str| {
        rest.bytes().all(|byte| byte == b'#')
            || (rest.ends_with(['!', '?']) && rest.bytes().any(|byte| byte.is_ascii_alphabetic()))
    };
    PLACEHOLDERS.iter().any(|known| known.eq_ignore_ascii_case(text))
        || text.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && error(rest))
}

/// An id in the form that is compared, without surrounding spaces: ids that look the same are the same.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    match visible(text) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// A record whose ids are cleaned: its text and fields.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    text: String,
    fields: Vec<Span>,
}

impl Cleaned {
    /// `record`, with its ids cleaned if that changes them.
    #[inline]
    pub(crate) fn of<'a>(&'a mut self, record: Record<'a>) -> Record<'a> {
        if record.text.is_ascii() { record } else { self.cleaned(record) }
    }

    #[inline(never)]
    fn cleaned<'a>(&'a mut self, record: Record<'a>) -> Record<'a> {
        let layout = record.layout;
        let columns =
            [Some(&layout.order_id), Some(&layout.product_id), layout.customer_id.as_ref()];
        let columns = columns.into_iter().flatten();
        if columns.clone().all(|column| record.field(column).is_ascii()) {
            return record;
        }
        self.text.clear();
        self.fields.clear();
        for (at, field) in record.fields.iter().enumerate() {
            let text = record.text.get(field.start..field.end).unwrap_or_default();
            let start = self.text.len();
            match columns.clone().find(|column| column.at == at) {
                Some(column) => self.text.push_str(&clean(record.field(column))),
                None => self.text.push_str(text),
            }
            self.fields.push(Span { start, end: self.text.len(), escaped: false });
        }
        Record { layout, text: &self.text, fields: &self.fields }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_numbers_are_distinguished_from_product_numbers() {
        for text in [
            "4.51E+12",
            "4,51E+12",
            "4.51e+12",
            "5E+12",
            "1.2e5",
            "-4.51E+12",
            "4.E+12",
            "'4.51E+12",
            "7E-05",
        ] {
            assert!(matches!(id(text), Err(BadId::Shortened(_))), "{text}");
        }
        for text in
            ["12E5", "85099E", "E+12", "4.51E", "1.2.3E4", "4.51E+1x", "1E2E3", "4.51F+12", "e5"]
        {
            assert!(id(text).is_ok_and(|id| id == text), "{text}");
        }
    }

    #[test]
    fn placeholders_are_not_ids() {
        for text in [
            "NULL", "null", "N/A", "n/a", "#REF!", "#N/A", "#NAME?", "ERROR", "Unknown", "\\N",
            "####",
        ] {
            assert!(matches!(id(text), Err(BadId::Placeholder(_))), "{text}");
            assert!(optional(id(text)).is_ok_and(str::is_empty), "{text}");
        }
        for text in ["NULL1", "#1001", "NA", "#", "ERROR-7", "Nullarbor", "#!x", "N/A1"] {
            assert!(id(text).is_ok_and(|id| id == text), "{text}");
        }
    }

    #[test]
    fn invisible_characters_do_not_count() {
        for text in
            ["\u{FEFF}B2", "B\u{200B}2", "B2\u{200E}", "\u{202A}B2\u{202C}", "B\u{AD}2\u{2060}"]
        {
            assert_eq!(clean(text), "B2", "{text:?}");
        }
        assert_eq!(clean("A\u{308}1"), "Ä1");
        assert_eq!(clean("Ä1"), "Ä1");
        assert_eq!(clean("\u{200B}"), "");
    }
}
