//! Amounts: decimal mark, currency, free articles.

use super::aliases::{Role, words};
use super::columns::Assigned;
use super::table::{Column, Table};
use super::{Guess, Trust};

/// Signs of one column that are shown.
const SIGNS_MAX: usize = 5;
/// Units of an amount in one: four decimals.
const UNITS: i64 = 10_000;
/// Signs of currencies, and codes that are looked for.
const SIGNS: [(char, &str); 5] =
    [('€', "EUR"), ('£', "GBP"), ('$', "USD"), ('¥', "JPY"), ('₹', "INR")];
const CODES: [&str; 20] = [
    "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "CAD", "AUD",
    "NZD", "JPY", "CNY", "INR", "BRL", "MXN", "ZAR",
];

/// What a column of currencies is called.
const CURRENCY: [&str; 8] =
    ["currency", "wahrung", "waehrung", "devise", "moneda", "valuta", "divisa", "waluta"];

/// An amount without the currency and blanks around and in it.
fn bare(text: &str) -> String {
    let is_part = |c: &char| !c.is_whitespace() && !matches!(c, '\'' | '’') && !c.is_alphabetic();
    let is_sign = |c: char| SIGNS.iter().any(|(sign, _)| *sign == c);
    text.chars().filter(is_part).filter(|c| !is_sign(*c)).collect()
}

/// Is it an amount with whatever marks?
pub(super) fn is_amount(text: &str) -> bool {
    let text = bare(text);
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
}

/// A whole number with its sign.
pub(super) fn whole(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// In units of 10⁻⁴. More decimals are no amount.
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

/// Which of `.` and `,` the values use.
pub(super) fn decimal_mark(values: &[String]) -> Guess<char> {
    let (mut dots, mut commas, mut open) = (0_usize, 0_usize, None);
    for value in values {
        let text = bare(value);
        let Some(at) = text.rfind(['.', ',']) else { continue };
        let last = text.get(at..).unwrap_or_default();
        let mark = if last.starts_with(',') { ',' } else { '.' };
        let has_both = text.contains('.') && text.contains(',');
        let is_repeated = text.matches(mark).count() > 1;
        // `1.234` may be either; `1.234.567`, `1,5`, `0.999` and `1234.567` may not.
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

/// The sign between groups of three digits, if a price has one.
pub(super) fn thousands_mark(values: &[String], mark: char) -> Option<Guess<char>> {
    let grouping = |value: &&String| {
        let digits = value.trim_matches(|c: char| !c.is_ascii_digit());
        let is_sign = |c: char| {
            c != mark && matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}')
        };
        is_amount(value).then(|| digits.chars().find(|c| is_sign(*c)))?
    };
    let found: Vec<char> = values.iter().filter_map(|value| grouping(&value)).collect();
    let sign = match *found.first()? {
        '’' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        other => other,
    };
    let why = format!("{} prices group their digits by it", found.len());
    Some(Guess::new(Trust::Likely, sign, why))
}

/// The signs and codes that stand at prices.
pub(super) fn currency_signs(values: &[String]) -> Option<Guess<Vec<String>>> {
    let mut signs: Vec<String> = Vec::new();
    for value in values.iter().filter(|value| is_amount(value)) {
        let is_sign = |c: &char| {
            !c.is_ascii_digit() && !matches!(c, '.' | ',' | '-' | '+' | '\'' | '’' | '(' | ')')
        };
        let sign: String = value.chars().filter(is_sign).filter(|c| !c.is_whitespace()).collect();
        if !sign.is_empty() && !signs.contains(&sign) && signs.len() < SIGNS_MAX {
            signs.push(sign);
        }
    }
    let trust = match signs.len() {
        0 => return None,
        1 => Trust::Sure,
        _ => Trust::Unsure,
    };
    Some(Guess::new(trust, signs, "they stand at prices; a row with another one is rejected"))
}

/// What the prices are in.
pub(super) fn currency(table: &Table, assigned: &Assigned, mark: char) -> Guess<String> {
    if let Some(guess) = from_column(table) {
        return guess;
    }
    let header = assigned.name(table, Role::UnitPrice);
    let values = assigned.values(table, Role::UnitPrice);
    for (text, place) in std::iter::once((header, "the name of the price column"))
        .chain(values.iter().map(|value| (value.as_str(), "a price")))
    {
        let sign = SIGNS.iter().find(|(sign, _)| text.contains(*sign)).map(|(_, code)| *code);
        let upper = text.to_uppercase();
        let is_word = |code: &&&str| upper.split(|c: char| !c.is_alphabetic()).any(|w| w == **code);
        if let Some(code) = sign.or_else(|| CODES.iter().find(is_word).copied()) {
            // Half a dozen countries call theirs dollar.
            let trust = if sign == Some("USD") { Trust::Likely } else { Trust::Sure };
            return Guess::new(trust, code.to_owned(), format!("{place} is {text:?}"));
        }
    }
    let code = if mark == ',' { "EUR" } else { "USD" };
    Guess::new(Trust::Unsure, code.to_owned(), "the file names no currency: please correct it")
}

/// The column that says what prices are in, and the code that most of its rows have.
fn currencies(table: &Table) -> Option<(&Column, &str)> {
    let is_named = |name: &str| words(name).iter().any(|word| CURRENCY.contains(&word.as_str()));
    let column = table.columns.iter().find(|column| is_named(&column.name))?;
    let codes = || column.values.iter().filter(|value| !value.is_empty());
    let rows = |code: &&str| codes().filter(|other| other == code).count();
    let known = CODES.iter().copied().filter(|code| codes().any(|other| other == code));
    Some((column, known.max_by_key(rows)?))
}

/// The name of that column: a row of another currency is other money.
pub(super) fn currency_column(table: &Table) -> Option<Guess<String>> {
    let (column, _) = currencies(table)?;
    let why = "a row that says another currency is rejected";
    Some(Guess::new(Trust::Likely, column.name.clone(), why))
}

/// What a column of currencies says.
fn from_column(table: &Table) -> Option<Guess<String>> {
    let (column, first) = currencies(table)?;
    let codes = column.values.iter().filter(|value| !value.is_empty());
    let others = codes.filter(|code| *code != first).count();
    let name = &column.name;
    let first = first.to_owned();
    Some(match others {
        0 => Guess::new(Trust::Sure, first, format!("column {name:?} says so in every row")),
        n => {
            let why = format!("column {name:?} has {n} rows with another: a partner has one");
            Guess::new(Trust::Unsure, first, why)
        }
    })
}

/// Must prices be above zero?
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
    fn the_mark_is_what_stands_before_the_decimals() {
        check(&["1.50", "2"], '.', Trust::Sure);
        check(&["1,50", "2"], ',', Trust::Sure);
        check(&["1.234,56", "€ 3"], ',', Trust::Sure);
        check(&["1,234.56", "$3"], '.', Trust::Sure);
        check(&["1 234,56"], ',', Trust::Sure);
        check(&["1.234.567"], ',', Trust::Sure);
        check(&["1,234,567"], '.', Trust::Sure);
        check(&["1.234", "0,5"], ',', Trust::Sure);
        // No grouped number begins with 0, or with four digits.
        check(&["0.999", "1.234"], '.', Trust::Sure);
        check(&["1234,567"], ',', Trust::Sure);
        check(&["5", "7"], '.', Trust::Likely);
    }

    #[test]
    fn a_mark_that_may_be_either_is_said_aloud() {
        check(&["1.234", "2.500"], ',', Trust::Unsure);
        check(&["1,234"], '.', Trust::Unsure);
        check(&["1.5", "1,5", "2,5"], ',', Trust::Unsure);
    }

    #[test]
    fn what_groups_digits_and_what_stands_at_prices_is_found() {
        let values = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
        let thousands =
            |texts: &[&str], mark| thousands_mark(&values(texts), mark).map(|g| g.value);
        assert_eq!(thousands(&["12.50", "$1,234.50"], '.'), Some(','));
        assert_eq!(thousands(&["1.234,50 €"], ','), Some('.'));
        assert_eq!(thousands(&["1 234,50 €", "1 234"], ','), Some(' '));
        assert_eq!(thousands(&["1’234.50"], '.'), Some('\''));
        assert_eq!(thousands(&["12.50", "€ 3"], '.'), None);
        let signs =
            |texts: &[&str]| currency_signs(&values(texts)).map(|g| (g.value.join(" "), g.trust));
        assert_eq!(signs(&["$1.50", "$2"]), Some(("$".into(), Trust::Sure)));
        assert_eq!(signs(&["1,50 €", "EUR 2"]), Some(("€ EUR".into(), Trust::Unsure)));
        assert_eq!(signs(&["1.50", "x"]), None);
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
    }
}
