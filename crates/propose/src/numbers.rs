//! Amounts: decimal mark, thousands mark, and free articles.

use super::guess::{Guess, Trust};

/// Units per 1.0 of an amount: four decimals.
const UNITS: i64 = 10_000;

/// Is it a currency sign other than a letter?
pub(super) fn is_currency_sign(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '¢' | '￥' | '฿' | '\u{20A0}'..='\u{20CF}')
}

/// The text before the first digit, from the first to the last digit, and after the last digit.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    Some((text.get(..first)?, text.get(first..end)?, text.get(end..)?))
}

/// Texts next to the digits of an amount that are not part of the number: mostly currency signs.
pub(super) fn beside(text: &str) -> Vec<&str> {
    let is_part = |c: char| {
        c.is_whitespace()
            || matches!(c, '.' | ',' | '-' | '+' | '\u{2212}' | '\'' | '’' | '(' | ')')
    };
    let is_mark = |c: char| c.is_ascii_digit() || c.is_whitespace() || ".,'’".contains(c);
    let is_number = |parts: &(&str, &str, &str)| parts.1.chars().all(is_mark);
    let (front, _, behind) = parts(text).filter(is_number).unwrap_or_default();
    [front, behind]
        .map(|part| part.trim_matches(is_part))
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect()
}

/// An amount without currency and spaces. A text with letters between its digits, such as `1e2`, is not
/// changed, because it is not an amount.
fn bare(text: &str) -> String {
    let is_foreign = |c: char| c.is_alphabetic() || is_currency_sign(c);
    if parts(text).is_some_and(|(_, digits, _)| digits.contains(is_foreign)) {
        return text.to_owned();
    }
    let is_part = |c: &char| !c.is_whitespace() && !matches!(c, '\'' | '’') && !is_foreign(*c);
    text.chars().filter(is_part).collect()
}

/// Is it an amount, with any marks?
pub(super) fn is_amount(text: &str) -> bool {
    let text = bare(text);
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
}

/// An integer with its sign, also with places that are all zero.
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = text.strip_prefix(['\'', '’']).unwrap_or(text);
    let whole = match text.split_once(['.', ',']) {
        // Three zeros may be thousands.
        Some((whole, places)) if places.len() != 3 && places.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok()
}

/// The amount in units of 10⁻⁴; `None` if it has more decimals.
pub(super) fn amount(text: &str, mark: char) -> Option<i64> {
    let other = if mark == ',' { '.' } else { ',' };
    let text = bare(text).replace(other, "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.as_str()),
    };
    let (whole, places) = digits.split_once(mark).unwrap_or((digits, ""));
    let places = format!("{places:0<4}");
    if places.len() != 4 || whole.is_empty() {
        return None;
    }
    let units = whole.parse::<i64>().ok()?.checked_mul(UNITS)?;
    units.checked_add(places.parse::<i64>().ok()?).map(|units| sign * units)
}

/// Whether the values use `.` or `,` as decimal mark.
pub(super) fn decimal_mark(values: &[String]) -> Guess<char> {
    let (mut dots, mut commas, mut open) = (0_usize, 0_usize, None);
    for value in values {
        let text = bare(value);
        if text.contains(char::is_alphabetic) {
            continue;
        }
        let Some(at) = text.rfind(['.', ',']) else { continue };
        let last = text.get(at..).unwrap_or_default();
        let mark = if last.starts_with(',') { ',' } else { '.' };
        let has_both = text.contains('.') && text.contains(',');
        let is_repeated = text.matches(mark).count() > 1;
        // `1.234` is ambiguous; `1.234.567`, `1,5`, `0.999` and `1234.567` are not.
        let decimals = if is_repeated { 3 } else { last.len() - 1 };
        let whole = text.get(..at).unwrap_or_default().trim_start_matches(['-', '+']);
        let may_be_group = !whole.starts_with('0') && (1..=3).contains(&whole.len());
        match (mark, decimals == 3 && !has_both && (may_be_group || is_repeated), is_repeated) {
            (_, true, false) => open = open.or(Some((mark, value))),
            ('.', false, _) | (',', _, true) => dots += 1,
            _ => commas += 1,
        }
    }
    match (dots, commas, open) {
        (0, 0, None) => Guess::new(Trust::Likely, '.', "no price has decimals"),
        (0, 0, Some((mark, value))) => {
            let why = format!("{value} may be thousands as well: please look");
            Guess::new(Trust::Unsure, if mark == ',' { '.' } else { ',' }, why)
        }
        (dots, 0, _) => {
            Guess::new(Trust::Sure, '.', format!("{dots} prices have decimals behind a dot"))
        }
        (0, commas, _) => {
            Guess::new(Trust::Sure, ',', format!("{commas} prices have decimals behind a comma"))
        }
        (dots, commas, _) => {
            let mark = if commas > dots { ',' } else { '.' };
            let why = format!("{dots} prices say dot, {commas} comma: the file mixes both");
            Guess::new(Trust::Unsure, mark, why)
        }
    }
}

/// The thousands mark, if a price or a quantity has one.
pub(super) fn thousands_mark<'a>(
    values: impl Iterator<Item = &'a String>,
    mark: char,
) -> Option<Guess<char>> {
    let grouping = |value: &&String| {
        let digits = value.trim_matches(|c: char| !c.is_ascii_digit());
        let is_sign = |c: char| {
            c != mark && matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}')
        };
        is_amount(value).then(|| digits.chars().find(|c| is_sign(*c)))?
    };
    let found: Vec<char> = values.filter_map(|value| grouping(&value)).collect();
    let sign = match *found.first()? {
        '’' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        other => other,
    };
    let why = format!("{} numbers group their digits by it", found.len());
    Some(Guess::new(Trust::Likely, sign, why))
}

/// Must prices be positive?
pub(super) fn price_positive(values: &[String]) -> Guess<bool> {
    let is_zero =
        |value: &&String| is_amount(value) && !value.contains(|c: char| matches!(c, '1'..='9'));
    match values.iter().filter(is_zero).count() {
        0 => Guess::new(Trust::Likely, true, "no price is zero"),
        n => {
            let why = format!("{n} rows cost nothing; true would reject them");
            Guess::new(Trust::Unsure, false, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: char, trust: Trust) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let guess = decimal_mark(&values);
        assert_eq!((guess.value, guess.trust), (expected, trust), "{values:?}: {}", guess.why);
    }

    #[test]
    fn the_mark_is_the_sign_before_the_decimals() {
        check(&["1.50", "2"], '.', Trust::Sure);
        check(&["1,50", "2"], ',', Trust::Sure);
        check(&["1.234,56", "€ 3"], ',', Trust::Sure);
        check(&["1,234.56", "$3"], '.', Trust::Sure);
        check(&["1 234,56"], ',', Trust::Sure);
        check(&["1.234.567"], ',', Trust::Sure);
        check(&["1,234,567"], '.', Trust::Sure);
        check(&["1.234", "0,5"], ',', Trust::Sure);
        // A number with a thousands mark begins neither with 0 nor with four digits.
        check(&["0.999", "1.234"], '.', Trust::Sure);
        check(&["1234,567"], ',', Trust::Sure);
        check(&["5", "7"], '.', Trust::Likely);
    }

    #[test]
    fn an_ambiguous_mark_is_reported() {
        check(&["1.234", "2.500"], ',', Trust::Unsure);
        check(&["1,234"], '.', Trust::Unsure);
        check(&["1.5", "1,5", "2,5"], ',', Trust::Unsure);
    }

    #[test]
    fn the_thousands_mark_is_found() {
        let values = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
        let thousands =
            |texts: &[&str], mark| thousands_mark(values(texts).iter(), mark).map(|g| g.value);
        assert_eq!(thousands(&["12.50", "$1,234.50"], '.'), Some(','));
        assert_eq!(thousands(&["1.234,50 €"], ','), Some('.'));
        assert_eq!(thousands(&["1 234,50 €", "1 234"], ','), Some(' '));
        assert_eq!(thousands(&["1’234.50"], '.'), Some('\''));
        assert_eq!(thousands(&["12.50", "€ 3"], '.'), None);
    }

    #[test]
    fn amounts_are_read_with_their_signs_and_blanks() {
        for (text, mark, expected) in [
            ("1.50", '.', Some(15_000)),
            ("-1,5", ',', Some(-15_000)),
            ("1.234,56 €", ',', Some(12_345_600)),
            ("$1,234", '.', Some(12_340_000)),
            ("1.23456", '.', None),
            ("x", '.', None),
            ("", '.', None),
        ] {
            assert_eq!(amount(text, mark), expected, "{text}");
            assert_eq!(is_amount(text), expected.is_some() || text == "1.23456", "{text}");
        }
        assert!(!is_amount("2011-12-09") && !is_amount("12:30"));
        for text in ["1e2", "1.5E+3", "1€2", "3x4"] {
            assert!(!is_amount(text) && amount(text, '.').is_none(), "{text}");
        }
    }

    #[test]
    fn signs_next_to_an_amount_are_distinguished_from_its_marks() {
        for (text, expected) in [
            ("-$ 1,234.50", &["$"][..]),
            ("(1.234,50 €)", &["€"]),
            ("US$5 net", &["US$", "net"]),
            ("1e2", &[]),
            ("5,-", &[]),
            ("x", &[]),
        ] {
            assert_eq!(beside(text), expected, "{text}");
        }
    }
}
