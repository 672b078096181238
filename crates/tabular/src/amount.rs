//! Normalises numbers as people and spreadsheets write them: to a sign, digits and a decimal mark.
//!
//! The meaning of marks is configured and never guessed: `1,234` can be two different numbers.

use domain::Money;
use domain::money::MoneyError;

/// How a partner writes numbers.
#[derive(Clone, Debug)]
pub(crate) struct Notation {
    pub(crate) decimal_mark: u8,
    pub(crate) thousands_mark: Option<char>,
    pub(crate) currency_signs: Vec<String>,
}

impl Notation {
    /// Reads an amount, with or without a currency.
    ///
    /// # Errors
    /// If it is not an amount.
    pub(crate) fn amount(&self, text: &str, scratch: &mut String) -> Result<Money, MoneyError> {
        let parse = |text: &str| Money::parse_bytes(text.as_bytes(), self.decimal_mark);
        parse(text).or_else(|error| match error {
            MoneyError::NotANumber => self.plain(text, true, scratch).map_or(Err(error), parse),
            MoneyError::TooPrecise | MoneyError::TooLarge => Err(error),
        })
    }

    /// Writes `text` as a plain number into `into`; `None` if it is not a number. `currency` is false
    /// for quantities, which have no currency sign.
    pub(crate) fn plain<'a>(
        &self,
        text: &str,
        currency: bool,
        into: &'a mut String,
    ) -> Option<&'a str> {
        // In `'-2` the apostrophe tells a spreadsheet that the cell is text.
        let mut text = text.strip_prefix(['\'', '\u{2019}']).unwrap_or(text);
        // At most one of each: two signs or two currencies are a mistake.
        let mut sign = None;
        let mut money = !currency;
        loop {
            let before = text.len();
            let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            if let (None, Some(inside)) = (sign, inside) {
                (text, sign) = (inside, Some('-'));
            }
            if sign.is_none() {
                text = self.without_dash(text);
                let first = text.chars().next().filter(is_sign);
                let found = first.or_else(|| text.chars().next_back().filter(is_sign));
                if let Some(found) = found {
                    text = match first {
                        Some(_) => text.strip_prefix(found)?,
                        None => text.strip_suffix(found)?,
                    };
                    sign = Some(if found == '+' { '+' } else { '-' });
                }
            }
            if !money && let Some(rest) = self.without_currency(text) {
                (text, money) = (rest, true);
            }
            text = text.trim();
            if text.len() == before {
                break;
            }
        }
        into.clear();
        into.extend(sign);
        self.ungrouped(text, into)?;
        Some(into)
    }

    /// `10,-` without `,-`: the dash stands for zero cents and is not a minus sign.
    fn without_dash<'a>(&self, text: &'a str) -> &'a str {
        let dashed = text.strip_suffix(['-', '\u{2013}', '\u{2014}']);
        let dashed = dashed.map(|text| text.strip_suffix('-').unwrap_or(text));
        let whole = dashed.and_then(|text| text.strip_suffix(char::from(self.decimal_mark)));
        whole.filter(|whole| whole.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(text)
    }

    fn without_currency<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.currency_signs.iter().find_map(|sign| {
            let front = text.get(..sign.len()).filter(|front| front.eq_ignore_ascii_case(sign));
            if front.is_some() {
                return text.get(sign.len()..);
            }
            let at = text.len().checked_sub(sign.len())?;
            text.get(at..).filter(|end| end.eq_ignore_ascii_case(sign))?;
            text.get(..at)
        })
    }

    /// Adds the digits and the decimal mark of `text` without thousands marks.
    fn ungrouped(&self, text: &str, into: &mut String) -> Option<()> {
        let mark = char::from(self.decimal_mark);
        let (whole, places) = match text.split_once(mark) {
            Some((whole, places)) => (whole, Some(places)),
            None => (text, None),
        };
        let groups: Vec<&str> =
            whole.split(|c| self.thousands_mark.is_some_and(|mark| groups(mark, c))).collect();
        let (first, rest) = groups.split_first()?;
        let grouped = !rest.is_empty();
        if let Some((last, between)) = rest.split_last() {
            // `12,34,567`, as in India: groups of two before the last three digits.
            let between_len = between.first().map_or(3, |group| group.len());
            let is_indian =
                self.thousands_mark == Some(',') && between_len == 2 && first.len() <= 2;
            let as_long = between.iter().all(|group| group.len() == between_len);
            let fits = last.len() == 3 && as_long && (between_len == 3 || is_indian);
            fits.then_some(())?;
        }
        groups.iter().for_each(|group| into.push_str(group));
        // `0.999` is never grouped: its mark is a decimal mark.
        if grouped && (!(1..=3).contains(&first.len()) || first.starts_with('0')) {
            return None;
        }
        if let Some(places) = places {
            into.push(mark);
            into.push_str(places);
        }
        Some(())
    }
}

fn is_sign(c: &char) -> bool {
    matches!(c, '-' | '+' | '\u{2212}')
}

/// Does `c` match the configured `mark`?
fn groups(mark: char, c: char) -> bool {
    match mark {
        // The spaces that number formats use: no-break, thin and narrow no-break.
        ' ' => matches!(c, ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}'),
        '\'' => matches!(c, '\'' | '\u{2019}'),
        _ => c == mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(decimal: char, thousands: Option<char>, text: &str, expected: Option<&str>) {
        let notation = Notation {
            decimal_mark: u8::try_from(decimal).unwrap(),
            thousands_mark: thousands,
            currency_signs: vec!["£".into(), "GBP".into(), "US$".into()],
        };
        assert_eq!(notation.plain(text, true, &mut String::new()), expected, "for {text:?}");
    }

    #[test]
    fn thousands_are_grouped_by_three_with_the_configured_mark() {
        check('.', Some(','), "1,234.56", Some("1234.56"));
        check('.', Some(','), "1,234,567", Some("1234567"));
        check(',', Some('.'), "1.234,56", Some("1234,56"));
        for blank in [' ', '\u{A0}', '\u{202F}', '\u{2009}'] {
            check(',', Some(' '), &format!("1{blank}234,56"), Some("1234,56"));
        }
        check('.', Some('\''), "1'234.50", Some("1234.50"));
        check('.', Some('\''), "1’234.50", Some("1234.50"));
    }

    #[test]
    fn numbers_not_grouped_by_three_are_refused() {
        for text in [
            "12,50",
            "1,23,4567",
            "123,45,678",
            "1,234,56,789",
            "12,34",
            "1234,567",
            ",123",
            "1,234,",
            "1,,234",
            "0,999",
            "00,999",
            "-0,123",
        ] {
            check('.', Some(','), text, None);
        }
        // Marks among the decimals are left to the parser of the plain number, which refuses them.
        check('.', Some(','), "1.234,5", Some("1.234,5"));
        check('.', None, "1,234", Some("1,234"));
    }

    #[test]
    fn in_india_thousands_are_grouped_by_two_before_the_last_three_digits() {
        check('.', Some(','), "1,23,456.00", Some("123456.00"));
        check('.', Some(','), "12,34,56,789", Some("123456789"));
        check(',', Some('.'), "1.23.456", None);
    }

    #[test]
    fn a_dash_for_the_places_is_no_sign() {
        for text in ["10,-", "10,--", "10,–", "£10,-", "10,- £"] {
            check(',', None, text, Some("10"));
        }
        check(',', None, "-10,-", Some("-10"));
        check(',', None, "10-", Some("-10"));
        check('.', None, "10,-", Some("-10,"));
    }

    #[test]
    fn an_apostrophe_that_keeps_a_cell_as_text_is_no_part_of_it() {
        check('.', None, "'-2", Some("-2"));
        check('.', None, "’12.50", Some("12.50"));
        check('.', None, "''2", Some("'2"));
    }

    #[test]
    fn a_configured_currency_may_be_at_either_end() {
        for text in ["£12.50", "12.50 £", "GBP 12.50", "12.50gbp", "+£12.50", "US$\u{A0}12.50"] {
            let sign = if text.starts_with('+') { "+" } else { "" };
            check('.', None, text, Some(&format!("{sign}12.50")));
        }
        check('.', None, "€12.50", Some("€12.50"));
        check('.', None, "££12.50", Some("£12.50"));
    }

    #[test]
    fn a_negative_amount_has_one_sign() {
        for text in
            ["-12.50", "12.50-", "(12.50)", "(£12.50)", "-£12.50", "£-12.50", "−12.50", "£(12.50)"]
        {
            check('.', None, text, Some("-12.50"));
        }
        check('.', None, "(-12.50)", Some("--12.50"));
        check('.', None, "--12.50", Some("--12.50"));
    }
}
