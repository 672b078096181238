//! Telephone numbers.

/// Digits of a number with its country, by E.164.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Without the signs that people put between the digits: blanks, points, hyphens, slashes and brackets.
#[must_use]
pub fn without_separators(text: &str) -> String {
    let is_separator = |c: char| c.is_whitespace() || ".-/()\u{2010}\u{2011}\u{2013}".contains(c);
    text.chars().filter(|c| !is_separator(*c)).collect()
}

/// Is it a number of E.164: `+`, the country, and 7 to 15 digits in all?
#[must_use]
pub fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain && !digits.starts_with('0') && DIGITS.contains(&digits.len())
    })
}

pub(super) fn problem(text: &str) -> Option<String> {
    let needed = "a telephone number is written with its country, as in E.164: +33612345678";
    (!is_e164(text)).then(|| format!("is not +, country and 7 to 15 digits in all; {needed}"))
}

/// Does this customer's number look like a telephone number?
pub(super) fn is_number(id: &str) -> bool {
    let plain = without_separators(id);
    if is_e164(&plain) {
        return true;
    }
    let zeros = plain.bytes().take_while(|byte| *byte == b'0').count();
    let digits = plain.len();
    plain.bytes().all(|byte| byte.is_ascii_digit())
        && match zeros {
            1 => (10..=11).contains(&digits),
            2 => (11..=17).contains(&digits),
            _ => false,
        }
}
