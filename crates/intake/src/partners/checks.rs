//! What a single text must be, and what must fit together.

use crate::host_key::HostKey;
use chrono::format::{Item, StrftimeItems};
use chrono::{TimeZone as _, Utc};
use domain::WarehouseId;
use domain::partner::{Encoding, Expected, QuietHours};
use domain::person::email_problem;
use std::fmt::Write as _;

pub(super) fn text(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("is empty".to_owned());
    }
    text.chars().any(char::is_control).then(|| "contains a control character".to_owned())
}

/// Line ends may stand in it.
pub(super) fn expression(expression: &str) -> Option<String> {
    expression.trim().is_empty().then(|| "is empty".to_owned())
}

/// A host or login: no blanks either.
pub(super) fn word(word: &str) -> Option<String> {
    let blank = || word.contains(char::is_whitespace).then(|| "contains a blank".to_owned());
    text(word).or_else(blank)
}

pub(super) fn warehouse(name: &str) -> Option<String> {
    WarehouseId::parse(name).err().map(|error| error.to_string())
}

pub(super) fn currency(code: &str) -> Option<String> {
    let good = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    (!good).then(|| format!("is {code:?}, not three capitals as in ISO 4217"))
}

pub(super) fn time_zone(name: &str) -> Option<String> {
    let known = name.parse::<chrono_tz::Tz>().is_ok();
    (!known).then(|| format!("is {name:?}, which is no IANA time zone"))
}

pub(super) fn expected(text: &str) -> Option<String> {
    text.parse::<Expected>().err().map(|error| error.to_string())
}

/// `orders@example.org`, or `Lamps Ltd <orders@example.org>`.
pub(super) fn mailbox(sender: &str) -> Option<String> {
    let address = match sender.split_once('<') {
        Some((_, rest)) => rest.trim().strip_suffix('>').unwrap_or_default(),
        None => sender.trim(),
    };
    let wrong = "names no e-mail address as in `Lamps Ltd <orders@example.org>`";
    text(sender).or_else(|| email_problem(address).map(|_| wrong.to_owned()))
}

pub(super) fn quiet_hours(text: &str) -> Option<String> {
    text.parse::<QuietHours>().err().map(|error| error.to_string())
}

pub(super) fn host_key(key: &str) -> Option<String> {
    HostKey::parse(key).err().map(|error| error.to_string())
}

/// The name is a file name in the folder of secrets.
pub(super) fn secret_name(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(plain);
    (!good).then(|| format!("is {name:?}; allowed are A-Z a-z 0-9 - _ . and no dot in front"))
}

/// A CSV in the folder of the configuration.
pub(super) fn table_name(name: &str) -> Option<String> {
    let ending = || (!name.ends_with(".csv")).then(|| format!("is {name:?}, which is no .csv"));
    secret_name(name).or_else(ending)
}

pub(super) fn path(path: &str) -> Option<String> {
    let up = || path.split('/').any(|part| part == "..").then(|| "contains `..`".to_owned());
    text(path).or_else(up)
}

pub(super) fn marker(marker: &str) -> Option<String> {
    let slash = || marker.contains('/').then(|| "contains `/`".to_owned());
    let long = || (32 < marker.len()).then(|| "is longer than 32 bytes".to_owned());
    text(marker).or_else(slash).or_else(long)
}

/// An ending or, with a `*`, a beginning of names.
pub(super) fn temporary(part: &str) -> Option<String> {
    let fixed = part.strip_suffix('*').unwrap_or(part);
    let star = || fixed.contains('*').then(|| "has a `*` that is not at its end".to_owned());
    let all = || fixed.is_empty().then(|| "would be every name".to_owned());
    text(part).or_else(all).or_else(star).or_else(|| marker(fixed))
}

/// A sign or code of a currency, which must not look like part of a number.
pub(super) fn currency_sign(sign: &str) -> Option<String> {
    let number = |c: char| c.is_numeric() || c.is_whitespace() || "+-()',".contains(c);
    let bad = || {
        sign.contains(number)
            .then(|| format!("is {sign:?}; it has a digit, a blank or one of + - ( ) ' ,"))
    };
    text(sign).or_else(bad)
}

pub(super) fn delimiter(delimiter: &str) -> Option<String> {
    if matches!(delimiter, "auto" | "tab") {
        return None;
    }
    let mut chars = delimiter.chars();
    let (Some(first), None) = (chars.next(), chars.next()) else {
        return Some(format!("is {delimiter:?}, neither one character nor tab or auto"));
    };
    let visible = first.is_ascii_punctuation() || matches!(first, '\t' | ' ');
    let good = visible && !matches!(first, '"' | '.' | '-' | '\'');
    (!good)
        .then(|| format!("is {first:?}; allowed are tab, blank and ASCII signs but . - ' and \""))
}

pub(super) fn encoding(name: &str) -> Option<String> {
    Encoding::parse(name).err().map(|error| error.to_string())
}

pub(super) fn quote(quote: &str) -> Option<String> {
    let sign = |c: char| c.is_ascii_punctuation() && !matches!(c, '.' | '-' | '\\');
    let mut chars = quote.chars();
    let good = match (chars.next(), chars.next()) {
        (Some(first), None) => sign(first),
        _ => quote == "none",
    };
    (!good).then(|| format!("is {quote:?}; allowed are none and one ASCII sign but . - and \\"))
}

/// Every item is known, and the text names a day.
pub(super) fn date_format(format: &str) -> Option<String> {
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Some(format!("is {format:?}, which is no strftime format"));
    }
    let print = |year, month, day| {
        let time = Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).single();
        let mut text = String::new();
        // Some formats can only be read; `to_string` would panic.
        write!(text, "{}", time.expect("these days exist").format(format)).ok()?;
        Some(text)
    };
    if print(2024, 3, 4).is_none() {
        return Some(format!("is {format:?}, which cannot be written"));
    }
    // The weekday and the day of the year follow from the day; these days differ in one part each.
    let base = print(2024, 3, 4);
    let parts =
        [("year", print(2018, 3, 4)), ("month", print(2024, 4, 4)), ("day", print(2024, 3, 5))];
    let lacking = parts.iter().find(|(_, other)| *other == base);
    lacking.map(|(part, _)| format!("is {format:?}, which does not name the {part}"))
}
