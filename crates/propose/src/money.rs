//! Finds the currency of prices, and the currency signs next to them. Amounts in another currency must
//! not be read as the partner's.

use tabular::currency::{is_column, meanings};

use super::aliases::{Role, words};
use super::assigned::Assigned;
use super::guess::{Guess, Trust};
use super::numbers;
use super::table::{Column, Table};

/// Most signs that are proposed, and that a reason shows.
const SIGNS_MAX: usize = 5;
/// An unknown sign is proposed only if at least this many rows have it.
const ROWS_MIN: usize = 2;
/// Words in the name of a currency column.
const CURRENCY: [&str; 10] = [
    "currency", "ccy", "wahrung", "waehrung", "devise", "moneda", "valuta", "divisa", "waluta",
    "moeda",
];

/// What the file says about currencies.
#[derive(Debug)]
pub(super) struct Money {
    pub(super) currency: Guess<String>,
    pub(super) signs: Option<Guess<Vec<String>>>,
    /// The name of the currency column.
    pub(super) column: Option<Guess<String>>,
}

/// Texts with the number of rows that contain them, the most frequent first.
type Counted<'a> = Vec<(&'a str, usize)>;

fn add<'a>(text: &'a str, into: &mut Counted<'a>) {
    match into.iter_mut().find(|(known, _)| *known == text) {
        Some((_, rows)) => *rows += 1,
        None => into.push((text, 1)),
    }
}

fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> Counted<'a> {
    let mut found = Vec::new();
    texts.for_each(|text| add(text, &mut found));
    found.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    found
}

/// Can `text` mean the currency `code`?
fn means(text: &str, code: &str) -> bool {
    text.eq_ignore_ascii_case(code) || meanings(text).contains(&code)
}

/// `SEK (2 rows), GBP (1 row)`.
fn shown(texts: &[(&str, usize)]) -> String {
    let rows = |n: usize| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
    let all = texts.iter().take(SIGNS_MAX).map(|(text, n)| format!("{text:?} ({})", rows(*n)));
    let more = if SIGNS_MAX < texts.len() { ", …" } else { "" };
    all.collect::<Vec<_>>().join(", ") + more
}

/// The currency that most rows name. An ambiguous sign counts for its most common currency.
fn most(texts: &[(&str, usize)]) -> Option<String> {
    let mut codes: Vec<(&str, usize)> = Vec::new();
    for (text, rows) in texts {
        let Some(code) = meanings(text).first() else { continue };
        match codes.iter_mut().find(|(known, _)| known == code) {
            Some((_, sum)) => *sum += rows,
            None => codes.push((code, *rows)),
        }
    }
    codes.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    codes.first().map(|(code, _)| (*code).to_owned())
}

/// Finds the currency of the prices.
pub(super) fn find(table: &Table, assigned: &Assigned, decimal_mark: char) -> Money {
    let column = column(table, assigned);
    let prices = assigned.values(table, Role::UnitPrice);
    let marked: Counted<'_> = counted(prices.iter().flat_map(|price| numbers::beside(price)));
    let known: Counted<'_> =
        marked.iter().copied().filter(|(sign, _)| !meanings(sign).is_empty()).collect();
    let header = assigned.name(table, Role::UnitPrice);
    let from_column = column.and_then(of_column);
    let mut currency = from_column
        .or_else(|| of_header(header))
        .or_else(|| of_signs(&known))
        .unwrap_or_else(|| {
            let code = if decimal_mark == ',' { "EUR" } else { "USD" };
            Guess::new(
                Trust::Unsure,
                code.to_owned(),
                "the file names no currency: please correct it",
            )
        });
    let foreign: Vec<_> =
        known.iter().copied().filter(|(sign, _)| !means(sign, &currency.value)).collect();
    if !foreign.is_empty() {
        currency.trust = Trust::Unsure;
        currency.why = format!(
            "{}, but other money stands at prices too: {}; those rows are rejected, a partner has one currency",
            currency.why,
            shown(&foreign)
        );
    }
    let signs = signs(&marked, &currency.value, prices.len());
    let column = column.map(|column| {
        let why = "a row that says another currency is rejected";
        Guess::new(Trust::Likely, column.name.clone(), why)
    });
    Money { currency, signs, column }
}

/// The signs at prices that mean `code`; the reason names the other signs.
fn signs(marked: &[(&str, usize)], code: &str, prices: usize) -> Option<Guess<Vec<String>>> {
    // An unknown sign may be a unit or a typing mistake.
    let is_usual = |rows: usize| ROWS_MIN <= rows && prices <= rows * 2;
    let is_ours = |(sign, rows): &(&str, usize)| {
        means(sign, code) || (meanings(sign).is_empty() && is_usual(*rows))
    };
    let can_be_sign = |sign: &str| {
        !sign.contains(|c: char| c.is_numeric() || c.is_whitespace() || "+-()',".contains(c))
    };
    let (ours, others): (Vec<_>, Vec<_>) =
        marked.iter().copied().partition(|found| can_be_sign(found.0) && is_ours(found));
    let (ours, rest) = ours.split_at(SIGNS_MAX.min(ours.len()));
    let others = [rest, &others].concat();
    let mut value: Vec<String> = ours.iter().map(|(sign, _)| (*sign).to_owned()).collect();
    // The reader uses the first sign that matches, so `US$` must come before `$`.
    value.sort_by_key(|sign| std::cmp::Reverse(sign.chars().count()));
    let guessed = ours.iter().find(|(sign, _)| !means(sign, code));
    let (trust, why) = match (guessed, others.as_slice()) {
        _ if value.is_empty() && others.is_empty() => return None,
        (_, [_, ..]) => {
            let why =
                format!("rows with anything else at their price are rejected: {}", shown(&others));
            (Trust::Unsure, why)
        }
        (Some((sign, _)), []) => {
            (Trust::Unsure, format!("{sign:?} stands at prices; does it mean {code}? please look"))
        }
        (None, []) => {
            let why =
                format!("they stand at prices and mean {code}; a row with another one is rejected");
            (Trust::Sure, why)
        }
    };
    Some(Guess::new(trust, value, why))
}

/// The currency that a text names, and how certain that is.
fn said(text: &str) -> Option<(Trust, String)> {
    match meanings(text) {
        [] => None,
        [code] => Some((Trust::Sure, (*code).to_owned())),
        // A dollar sign mostly means US dollars; kronor and crowns exist in several countries.
        [code, ..] if *code == "USD" => Some((Trust::Likely, "USD".to_owned())),
        [code, ..] => Some((Trust::Unsure, (*code).to_owned())),
    }
}

fn of_signs(known: &[(&str, usize)]) -> Option<Guess<String>> {
    let code = most(known)?;
    let ours = || known.iter().filter(|(sign, _)| means(sign, &code));
    let trust = ours().filter_map(|(sign, _)| said(sign)).map(|(trust, _)| trust).max()?;
    let shown = shown(&ours().copied().collect::<Vec<_>>());
    let others: Vec<&str> = ours().flat_map(|(sign, _)| meanings(sign)).copied().collect();
    let may_be = if trust == Trust::Unsure {
        format!("; may be {}", others.join(", "))
    } else {
        String::new()
    };
    Some(Guess::new(trust, code, format!("prices have {shown}{may_be}")))
}

/// The currency in the name of the price column.
fn of_header(header: &str) -> Option<Guess<String>> {
    let is_end = |c: char| c.is_whitespace() || "()[]{}/,:;_-|".contains(c);
    let words = header.split(is_end).filter(|word| !word.is_empty());
    let signs =
        header.split(|c: char| !numbers::is_currency_sign(c)).filter(|sign| !sign.is_empty());
    let (trust, code) = words.chain(signs).find_map(said)?;
    Some(Guess::new(trust, code, format!("the name of the price column is {header:?}")))
}

/// The currency column: found by its name, or because it contains only codes.
fn column<'a>(table: &'a Table, assigned: &Assigned) -> Option<&'a Column> {
    let is_word = |name: &str| words(name).iter().any(|word| CURRENCY.contains(&word.as_str()));
    let filled = |column: &'a Column| column.values.iter().filter(|value| !value.is_empty());
    let speaks = |column: &&Column| {
        column.values.iter().any(|value| is_code(value) || !meanings(value).is_empty())
    };
    let free = || assigned.free(table);
    let named = free().filter(|column| is_column(&column.name) || is_word(&column.name));
    let is_codes = |column: &&'a Column| {
        let is_known = |value: &String| value.len() == 3 && !meanings(value).is_empty();
        filled(column).next().is_some() && filled(column).all(is_known)
    };
    named.into_iter().find(speaks).or_else(|| free().find(is_codes))
}

/// Whether it looks like a code of ISO 4217.
fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The currency in a currency column.
fn of_column(column: &Column) -> Option<Guess<String>> {
    let texts = counted(column.values.iter().map(String::as_str).filter(|text| !text.is_empty()));
    let unlisted = || texts.iter().map(|(text, _)| *text).find(|text| is_code(text));
    let code = most(&texts).or_else(|| unlisted().map(ToOwned::to_owned))?;
    let name = &column.name;
    let others: Vec<_> = texts.iter().copied().filter(|(text, _)| !means(text, &code)).collect();
    if !others.is_empty() {
        let why = format!(
            "column {name:?} has other money too: {}; those rows are rejected, a partner has one currency",
            shown(&others)
        );
        return Some(Guess::new(Trust::Unsure, code, why));
    }
    let trust = texts.iter().filter_map(|(text, _)| said(text)).map(|(trust, _)| trust).max();
    let why = format!("column {name:?} says so in every row: {}", shown(&texts));
    Some(Guess::new(trust.unwrap_or(Trust::Likely), code, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        header: &str,
        prices: &[&str],
        code: (&str, Trust),
        signs: Option<(&str, Trust)>,
    ) -> Money {
        let rows = prices.iter().map(|price| format!("1;A;2;{price};2024-01-01\n"));
        let text = format!("order;sku;qty;{header};date\n{}", rows.collect::<String>());
        let (table, _) = Table::read(&text, true).unwrap();
        let named = [(Role::UnitPrice, header.to_owned())];
        let assigned = super::super::columns::assign(&table, &named).unwrap();
        let money = find(&table, &assigned, '.');
        let currency = (money.currency.value.as_str(), money.currency.trust);
        assert_eq!(currency, code, "{prices:?}: {}", money.currency.why);
        let found = money.signs.as_ref().map(|signs| (signs.value.join(" "), signs.trust));
        let found = found.as_ref().map(|(signs, trust)| (signs.as_str(), *trust));
        assert_eq!(found, signs, "{prices:?}");
        money
    }

    #[test]
    fn only_signs_of_the_partners_currency_are_proposed() {
        use Trust::{Likely, Sure, Unsure};
        check("price", &["€ 1.50", "2 EUR"], ("EUR", Sure), Some(("EUR €", Sure)));
        check("price", &["$1", "US$2", "USD 3"], ("USD", Sure), Some(("US$ USD $", Sure)));
        check("price", &["$1", "$2"], ("USD", Likely), Some(("$", Sure)));
        check("price", &["1 kr", "2 kr"], ("SEK", Unsure), Some(("kr", Sure)));
        check("price CAD", &["$1", "C$2"], ("CAD", Sure), Some(("C$ $", Sure)));
        check("price", &["1.50", "2"], ("USD", Unsure), None);
        check("Prix (€)", &["1.50", "2"], ("EUR", Sure), None);
        check("Prix (€)", &["£1.50", "2"], ("EUR", Unsure), Some(("", Unsure)));
        let money = check(
            "price",
            &["1.50 €", "€2", "€3", "($ 12.50)", "£12.50"],
            ("EUR", Unsure),
            Some(("€", Unsure)),
        );
        for why in [money.currency.why, money.signs.unwrap().why] {
            assert!(why.contains("\"$\" (1 row), \"£\" (1 row)"), "{why}");
        }
        let dollars = ["$1", "$2", "US$3", "A$4", "C$5", "6 kr"];
        let money = check("price", &dollars, ("USD", Unsure), Some(("US$ $", Unsure)));
        assert!(money.currency.why.contains("\"A$\" (1 row), \"C$\" (1 row), \"kr\" (1 row)"));
    }

    #[test]
    fn letters_of_one_cell_or_of_an_exponent_are_no_sign() {
        use Trust::Unsure;
        check("price", &["1e2", "2.5E+3", "3", "4"], ("USD", Unsure), None);
        check("price", &["5e", "3", "4", "5"], ("USD", Unsure), Some(("", Unsure)));
        // A sign at every price is intended.
        check("price", &["5e", "3e", "4.50e"], ("USD", Unsure), Some(("e", Unsure)));
    }
}
