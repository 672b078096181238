//! Control totals: what whoever made a file says it holds, against what it does.

use crate::Money;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Digits behind the decimal mark of a sum of amounts.
const PLACES: u32 = crate::money::DECIMALS;

/// Where something is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A row at the file's end.
    Trailer,
    /// A checksum in a file of its own.
    Checksum,
    /// Figures in a file of their own.
    Manifest,
}

/// What can be stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// How many rows it has, behind the header and without the trailer, whatever is in them.
    Rows,
    /// Sum of the quantities.
    Quantity,
    /// Sum of quantity × unit price.
    Total,
    /// SHA-256 of its bytes as they came.
    Sha256,
}

impl Source {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trailer => "trailer",
            Self::Checksum => "checksum",
            Self::Manifest => "manifest",
        }
    }
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rows, Self::Quantity, Self::Total, Self::Sha256];

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Quantity => "quantity",
            Self::Total => "total",
            Self::Sha256 => "sha256",
        }
    }
}

/// What a file was found to hold. Rows that are rejected count as well, as far as they can be read:
/// whoever made the file counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Rows.
    pub rows: u64,
    /// Sum of the quantities that are numbers.
    pub quantity: i128,
    /// Sum of quantity × unit price, in units of 10⁻⁴, of rows in which both are numbers.
    pub total: i128,
    /// Rows of which one of the two is no number, or that are broken.
    pub unread: u64,
}

impl Sums {
    /// Adds a row, as far as it has numbers.
    pub fn add_row(&mut self, quantity: Option<i64>, unit_price: Option<Money>) {
        let (pieces, price) = (quantity.map(i128::from), unit_price.map(|p| i128::from(p.units())));
        self.quantity += pieces.unwrap_or(0);
        self.total += pieces.zip(price).map_or(0, |(pieces, price)| pieces * price);
        self.unread += u64::from(pieces.is_none() || price.is_none());
    }

    /// Adds those of another part of the file.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.quantity += other.quantity;
        self.total += other.total;
        self.unread += other.unread;
    }
}

/// One thing that was stated, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Where it was stated.
    pub source: Source,
    /// What.
    pub figure: Figure,
    /// As it stands there.
    pub stated: String,
    /// As it is.
    pub found: String,
    /// Are they the same?
    pub agrees: bool,
    /// Rows that the sum does not contain.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub unread: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why what is stated cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {} says {} {stated:?}, which is no number", source_name.as_str(), figure.as_str())]
pub struct Unclear {
    source_name: Source,
    figure: Figure,
    stated: String,
}

/// Compares one thing that was stated with what was found. `mark` is the decimal mark of the text.
///
/// # Errors
/// A figure that is no number.
pub fn compare(
    source: Source,
    figure: Figure,
    stated: &str,
    mark: char,
    sums: &Sums,
    sha256: &str,
) -> Result<Compared, Unclear> {
    let stated = stated.trim();
    let number = |places| {
        decimal(stated, mark, places).ok_or_else(|| Unclear {
            source_name: source,
            figure,
            stated: stated.chars().take(40).collect(),
        })
    };
    let (found, agrees) = match figure {
        Figure::Rows => (sums.rows.to_string(), number(0)? == i128::from(sums.rows)),
        Figure::Quantity => (sums.quantity.to_string(), number(0)? == sums.quantity),
        Figure::Total => (amount(sums.total), number(PLACES)? == sums.total),
        Figure::Sha256 => (sha256.to_owned(), stated.eq_ignore_ascii_case(sha256)),
    };
    let is_sum = matches!(figure, Figure::Quantity | Figure::Total);
    let unread = if is_sum { sums.unread } else { 0 };
    Ok(Compared { source, figure, stated: stated.to_owned(), found, agrees, unread })
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, figure, stated, found, unread, .. } = self;
        write!(f, "the {} says {} {stated}, ", source.as_str(), figure.as_str())?;
        write!(f, "the file has {found}")?;
        if *unread > 0 {
            write!(f, " without {unread} rows that cannot be read")?;
        }
        Ok(())
    }
}

/// Reads `-1234.50` in units of 10^-`places`; what is behind them must be zero.
fn decimal(text: &str, mark: char, places: u32) -> Option<i128> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once(mark).unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || digits.len() > 30 {
        return None;
    }
    let mut units: i128 = whole.parse().ok()?;
    let mut fraction = fraction.bytes();
    for _ in 0..places {
        let digit = fraction.next().map_or(0, |byte| i128::from(byte - b'0'));
        units = units.checked_mul(10)?.checked_add(digit)?;
    }
    let is_exact = fraction.all(|byte| byte == b'0');
    is_exact.then_some(if text.starts_with('-') { -units } else { units })
}

/// An amount in units of 10⁻⁴ as text, with at least two decimals.
fn amount(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let scale = u128::from(crate::money::SCALE.unsigned_abs());
    let (whole, part) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    let part = format!("{part:04}");
    let cut = part.strip_suffix("00").or_else(|| part.strip_suffix('0')).unwrap_or(&part);
    format!("{sign}{whole}.{cut}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMS: Sums = Sums { rows: 3, quantity: -5, total: -1_234_500, unread: 1 };

    #[track_caller]
    fn check(figure: Figure, stated: &str, mark: char, expected: &str) {
        let text = match compare(Source::Trailer, figure, stated, mark, &SUMS, "ab01") {
            Ok(compared) if compared.agrees => "agrees".to_owned(),
            Ok(compared) => compared.to_string(),
            Err(unclear) => unclear.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_stated_is_compared_exactly() {
        for (figure, stated, mark) in [
            (Figure::Rows, "3", '.'),
            (Figure::Rows, "0000003", '.'),
            (Figure::Quantity, " -5 ", '.'),
            (Figure::Total, "-123.45", '.'),
            (Figure::Total, "-123,450000", ','),
            (Figure::Sha256, "AB01", '.'),
        ] {
            check(figure, stated, mark, "agrees");
        }
        check(Figure::Rows, "4", '.', "the trailer says rows 4, the file has 3");
        check(Figure::Sha256, "ab02", '.', "the trailer says sha256 ab02, the file has ab01");
        check(
            Figure::Total,
            "-123.4501",
            '.',
            "the trailer says total -123.4501, the file has -123.45 without 1 rows that cannot be read",
        );
    }

    #[test]
    fn what_is_no_number_is_not_compared() {
        for stated in ["", "-", "x", "1.5", "1,000", "--1", "1e3", &"9".repeat(31)] {
            let expected = format!("the trailer says rows {stated:?}, which is no number");
            check(Figure::Rows, stated, '.', &expected);
        }
        check(Figure::Total, ".5", '.', "the trailer says total \".5\", which is no number");
    }

    #[test]
    fn amounts_have_two_decimals_or_as_many_as_they_need() {
        for (units, expected) in
            [(0, "0.00"), (1, "0.0001"), (-1_230, "-0.123"), (12_500, "1.25"), (10_000, "1.00")]
        {
            assert_eq!(amount(units), expected);
        }
    }
}
