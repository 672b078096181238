//! Amounts as people of a language write them.

use super::language::base;
use domain::Money;
use domain::currency::Currency;
use domain::money::DECIMALS;

/// `€1,234.50`, `1 234,50 €`, `CHF 12.00`. All decimals that a price has are shown, and at least those of the
/// currency (ISO 4217).
pub(super) fn amount(money: Money, currency: &str, language: &str) -> String {
    let digits = usize::try_from(DECIMALS).unwrap_or(0);
    let least = Currency::parse(currency).map_or(2, Currency::decimals);
    let least = usize::try_from(least).unwrap_or(2).min(digits);
    let magnitude = money.units().unsigned_abs();
    let scale = 10_u64.pow(DECIMALS);
    let mut decimals = format!("{:0digits$}", magnitude % scale);
    while least < decimals.len() && decimals.ends_with('0') {
        decimals.pop();
    }
    let (group, mark) = match base(language) {
        "fr" => ("\u{202f}", ","),
        "de" | "es" => (".", ","),
        "en" => (",", "."),
        _ => ("", "."),
    };
    let whole = grouped(magnitude / scale, group);
    let number = if decimals.is_empty() { whole } else { format!("{whole}{mark}{decimals}") };
    let sign = if money.units() < 0 { "-" } else { "" };
    let symbol = match currency {
        "EUR" => "€",
        "GBP" => "£",
        "USD" => "$",
        code => code,
    };
    match base(language) {
        "fr" | "de" | "es" => format!("{sign}{number}\u{a0}{symbol}"),
        _ if symbol == currency => format!("{sign}{currency}\u{a0}{number}"),
        _ => format!("{sign}{symbol}{number}"),
    }
}

fn grouped(number: u64, mark: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push_str(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(units: &str, currency: &str, language: &str, expected: &str) {
        assert_eq!(amount(Money::parse(units).unwrap(), currency, language), expected);
    }

    #[test]
    fn amounts_look_as_in_the_language() {
        check("1234.5", "EUR", "en", "€1,234.50");
        check("1234567.5", "EUR", "fr-CA", "1\u{202f}234\u{202f}567,50\u{a0}€");
        check("-1234.5", "EUR", "de", "-1.234,50\u{a0}€");
        check("0.0025", "USD", "en", "$0.0025");
        check("1200", "JPY", "en", "JPY\u{a0}1,200");
        check("3", "GBP", "it", "£3.00");
    }
}
