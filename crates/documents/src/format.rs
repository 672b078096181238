//! Numbers, amounts and days as people of a language write them (CLDR 48).

use chrono::{Datelike, NaiveDate};
use domain::Money;
use domain::money::SCALE;
use domain::seller::{Language, Percent};

/// No break here.
const NBSP: char = '\u{a0}';
/// The same, narrow: between groups of digits in French.
const NARROW: char = '\u{202f}';
/// Minus, as wide as a plus.
const MINUS: char = '\u{2212}';

/// How a language writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    language: Language,
    /// Between three digits.
    group: char,
    /// Before decimals.
    mark: char,
    /// How many digits a whole number needs to be grouped.
    grouped_from: usize,
}

impl Format {
    pub(crate) const fn of(language: Language) -> Self {
        let (group, mark, grouped_from) = match language {
            Language::Fr => (NARROW, ',', 4),
            Language::De => ('.', ',', 4),
            // Four digits are not grouped in Spanish.
            Language::Es => ('.', ',', 5),
            Language::En => (',', '.', 4),
        };
        Self { language, group, mark, grouped_from }
    }

    /// A whole number: `12 345`.
    pub(crate) fn number(self, number: i64) -> String {
        let digits = number.unsigned_abs().to_string();
        let count = digits.len();
        let mut text = String::with_capacity(count * 2);
        text.extend((number < 0).then_some(MINUS));
        for (index, digit) in digits.chars().enumerate() {
            let is_group = index != 0 && (count - index).is_multiple_of(3);
            text.extend((is_group && self.grouped_from <= count).then_some(self.group));
            text.push(digit);
        }
        text
    }

    /// An amount with at least so many decimals, and as many as it has: `1 234,50`.
    pub(crate) fn amount(self, amount: Money, decimals: u32) -> String {
        let whole = self.number(amount.units() / SCALE);
        let rest = format!("{:04}", amount.units().unsigned_abs() % SCALE.unsigned_abs());
        let needed = rest.trim_end_matches('0').len().max(decimals as usize);
        let sign = if -SCALE < amount.units() && amount.units() < 0 { "\u{2212}" } else { "" };
        match rest.get(..needed).filter(|rest| !rest.is_empty()) {
            Some(rest) => format!("{sign}{whole}{}{rest}", self.mark),
            None => format!("{sign}{whole}"),
        }
    }

    /// An amount with its currency: `1 234,50 €`, `€1,234.50`.
    pub(crate) fn money(self, amount: Money, decimals: u32, currency: &str) -> String {
        let sign = match currency {
            "EUR" => "€",
            "GBP" => "£",
            // Several countries use `$` and `¥`.
            other => other,
        };
        let number = self.amount(amount.magnitude(), decimals);
        let minus = if amount < Money::ZERO { "\u{2212}" } else { "" };
        match self.language {
            Language::En if sign == currency => format!("{minus}{sign}{NBSP}{number}"),
            Language::En => format!("{minus}{sign}{number}"),
            _ => format!("{minus}{number}{NBSP}{sign}"),
        }
    }

    /// A rate: `5,5 %`.
    pub(crate) fn percent(self, percent: Percent) -> String {
        let number = self.amount(percent.value(), 0);
        match self.language {
            Language::En => format!("{number}%"),
            Language::Fr => format!("{number}{NARROW}%"),
            _ => format!("{number}{NBSP}%"),
        }
    }

    /// A day: `29/11/2026`.
    pub(crate) fn day(self, day: NaiveDate) -> String {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        match self.language {
            Language::Fr | Language::Es => day.format("%d/%m/%Y").to_string(),
            Language::De => day.format("%d.%m.%Y").to_string(),
            // Not in digits: Americans read them in another order.
            Language::En => {
                let month = MONTHS.get(day.month0() as usize).copied().unwrap_or_default();
                format!("{} {month} {}", day.day(), day.year())
            }
        }
    }
}

/// An IBAN in groups of four.
pub(crate) fn iban(text: &str) -> String {
    let mut grouped = String::with_capacity(text.len() * 5 / 4 + 1);
    for (index, c) in text.chars().filter(|c| !c.is_whitespace()).enumerate() {
        grouped.extend((index != 0 && index.is_multiple_of(4)).then_some(NBSP));
        grouped.push(c);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Language; 4] = [Language::Fr, Language::De, Language::Es, Language::En];

    #[track_caller]
    fn check(show: impl Fn(Format) -> String, expected: [&str; 4]) {
        assert_eq!(ALL.map(|language| show(Format::of(language))), expected);
    }

    #[test]
    fn amounts_are_grouped_and_signed() {
        let money = |text: &str| Money::parse(text).unwrap();
        check(
            |f| f.amount(money("1234.5"), 2),
            ["1\u{202f}234,50", "1.234,50", "1234,50", "1,234.50"],
        );
        check(
            |f| f.amount(money("-1234567"), 0),
            ["−1\u{202f}234\u{202f}567", "−1.234.567", "−1.234.567", "−1,234,567"],
        );
        check(|f| f.amount(money("-0.0125"), 2), ["−0,0125", "−0,0125", "−0,0125", "−0.0125"]);
        check(
            |f| f.money(money("-99.9"), 2, "EUR"),
            ["−99,90\u{a0}€", "−99,90\u{a0}€", "−99,90\u{a0}€", "−€99.90"],
        );
        check(
            |f| f.money(money("1000"), 0, "JPY"),
            ["1\u{202f}000\u{a0}JPY", "1.000\u{a0}JPY", "1000\u{a0}JPY", "JPY\u{a0}1,000"],
        );
    }

    #[test]
    fn rates_days_and_accounts() {
        let rate = Percent::try_from(Money::parse("5.5").unwrap()).unwrap();
        check(|f| f.percent(rate), ["5,5\u{202f}%", "5,5\u{a0}%", "5,5\u{a0}%", "5.5%"]);
        let day = "2026-02-01".parse().unwrap();
        check(|f| f.day(day), ["01/02/2026", "01.02.2026", "01/02/2026", "1 February 2026"]);
        assert_eq!(iban("DE8937040044"), "DE89\u{a0}3704\u{a0}0044");
    }
}
