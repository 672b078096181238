//! Exact decimal numbers: integers in units of the last decimal place, with at most 18 digits. A larger
//! number is an error, and nothing is rounded implicitly except the eighth decimal place of a quotient.

use super::tree::Operator;
use crate::amount::Notation;
use crate::fault::shown;
use std::borrow::Cow;

/// Most decimal places.
pub(super) const PLACES_MAX: u32 = 8;
/// Most digits of a number.
pub(super) const DIGITS_MAX: u32 = 18;
/// Decimal places of a quotient, rounded half away from zero.
pub(super) const QUOTIENT_PLACES: u32 = PLACES_MAX;

const TOO_LARGE: &str = "a number is larger than can be calculated with";

/// Reads a number as the partner writes it, with or without a currency.
pub(super) fn read(
    text: &str,
    digits_max: u32,
    places: u32,
    notation: &Notation,
) -> Result<i64, Cow<'static, str>> {
    let mut plain = String::new();
    let plain = notation.plain(text, true, &mut plain);
    let found = plain.and_then(|plain| parse(plain, char::from(notation.decimal_mark)));
    let (mut units, mut found_places) =
        found.ok_or_else(|| format!("{} is not a number", shown(text)))?;
    while found_places > places && units % 10 == 0 {
        (units, found_places) = (units / 10, found_places - 1);
    }
    if found_places > places {
        return Err(format!("{} has more than {places} decimal places", shown(text)).into());
    }
    let units = units.checked_mul(10_i128.pow(places - found_places));
    units.and_then(|units| fitting(units, digits_max)).ok_or_else(|| {
        let whole = digits_max.saturating_sub(places);
        format!("{} has more than {whole} digits before the decimal mark", shown(text)).into()
    })
}

/// `units`, if it has at most this many digits.
pub(super) fn fitting(units: i128, digits_max: u32) -> Option<i64> {
    let fits = units.unsigned_abs() < 10_u128.pow(digits_max.min(DIGITS_MAX));
    i64::try_from(units).ok().filter(|_| fits)
}

/// The units of the last decimal place, and the number of decimal places.
pub(super) fn parse(text: &str, mark: char) -> Option<(i128, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, places) = digits.split_once(mark).unwrap_or((digits, ""));
    if whole.is_empty() || (places.is_empty() && digits.contains(mark)) {
        return None;
    }
    let mut units = 0_i128;
    for digit in whole.chars().chain(places.chars()) {
        let digit = i128::from(digit.to_digit(10)?);
        units = units.checked_mul(10)?.checked_add(digit)?;
    }
    Some((sign * units, u32::try_from(places.len()).ok()?))
}

/// `units` converted to another number of decimal places, with at most this many digits; rounded half
/// away from zero.
pub(super) fn rescaled(
    units: i64,
    from: u32,
    to: u32,
    digits_max: u32,
) -> Result<i64, Cow<'static, str>> {
    let scaled = if from <= to {
        i128::from(units).checked_mul(10_i128.pow(to - from))
    } else {
        divided(i128::from(units), 10_i128.pow(from - to))
    };
    scaled.and_then(|units| fitting(units, digits_max)).ok_or(TOO_LARGE.into())
}

/// Decimal places of the result of `operator`.
pub(super) fn places(operator: Operator, left: u32, right: u32) -> u32 {
    match operator {
        Operator::Plus | Operator::Minus => left.max(right),
        Operator::Times => left + right,
        Operator::Divided => QUOTIENT_PLACES,
    }
}

/// Calculates with two numbers, each with its decimal places; [`places`] gives those of the result.
pub(super) fn calculated(
    operator: Operator,
    (left, left_places): (i64, u32),
    (right, right_places): (i64, u32),
) -> Result<i64, Cow<'static, str>> {
    let to = places(operator, left_places, right_places);
    let up = |units: i64, by: u32| i128::from(units).checked_mul(10_i128.pow(by));
    let units = match operator {
        Operator::Plus | Operator::Minus => {
            let right =
                up(if operator == Operator::Plus { right } else { -right }, to - right_places);
            up(left, to - left_places).zip(right).and_then(|(l, r)| l.checked_add(r))
        }
        Operator::Times => i128::from(left).checked_mul(i128::from(right)),
        Operator::Divided if right == 0 => return Err("a division by zero".into()),
        Operator::Divided => {
            up(left, to + right_places - left_places).and_then(|l| divided(l, i128::from(right)))
        }
    };
    units.and_then(|units| fitting(units, DIGITS_MAX)).ok_or(TOO_LARGE.into())
}

/// Division, rounded half away from zero.
fn divided(left: i128, right: i128) -> Option<i128> {
    let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
    let up = rest.unsigned_abs() >= right.unsigned_abs() - rest.unsigned_abs();
    let sign = if (left < 0) == (right < 0) { 1 } else { -1 };
    Some(if up && rest != 0 { quotient + sign } else { quotient })
}

/// The number as text, without trailing zeros among the decimals.
pub(super) fn show(units: i64, places: u32, mark: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let all = units.unsigned_abs();
    let unit = 10_u64.pow(places);
    let (whole, mut rest, mut width) = (all / unit, all % unit, places);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    while rest % 10 == 0 {
        (rest, width) = (rest / 10, width - 1);
    }
    let width = usize::try_from(width).unwrap_or(0);
    format!("{sign}{whole}{}{rest:0width$}", char::from(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let notation = Notation {
            decimal_mark: b',',
            thousands_mark: Some('.'),
            currency_signs: vec!["€".into()],
        };
        let read = read(text, 9, 4, &notation);
        let shown = read.map_or_else(Cow::into_owned, |units| show(units, 4, b','));
        assert_eq!(shown, expected, "for {text:?}");
    }

    #[test]
    fn numbers_are_read_as_the_partner_writes_them() {
        check("12", "12");
        check("1.234,50 €", "1234,5");
        check("(0,0100)", "-0,01");
        check("-0,123400", "-0,1234");
        check("+12345,0000", "12345");
    }

    #[test]
    fn texts_that_are_no_exact_numbers_are_reported() {
        for text in ["", "abc", "1,", ",5", "1.5", "1e3", "--1", "$5"] {
            check(text, &format!("{text:?} is not a number"));
        }
        check("0,12345", "\"0,12345\" has more than 4 decimal places");
        check("123456", "\"123456\" has more than 5 digits before the decimal mark");
        let digits = "9".repeat(60);
        check(&digits, &format!("{:?}… is not a number", "9".repeat(40)));
    }

    #[track_caller]
    fn calculates(left: (i64, u32), operator: Operator, right: (i64, u32), expected: &str) {
        let places = places(operator, left.1, right.1);
        let units = calculated(operator, left, right);
        let text = units.map_or_else(Cow::into_owned, |units| show(units, places, b'.'));
        assert_eq!(text, expected);
    }

    #[test]
    fn sums_and_products_are_exact_and_quotients_have_eight_places() {
        use Operator::{Divided, Minus, Plus, Times};
        calculates((125, 2), Plus, (5, 0), "6.25");
        calculates((125, 2), Minus, (12_501, 4), "-0.0001");
        calculates((-125, 2), Times, (25, 1), "-3.125");
        calculates((12_345, 0), Divided, (100, 0), "123.45");
        calculates((10, 0), Divided, (3, 0), "3.33333333");
        calculates((-2, 0), Divided, (3, 0), "-0.66666667");
        calculates((1, 4), Divided, (-20_000, 0), "-0.00000001");
    }

    #[test]
    fn a_too_large_result_is_an_error_and_never_another_number() {
        use Operator::{Divided, Minus, Plus, Times};
        const MOST: i64 = 999_999_999_999_999_999;
        for (left, operator, right) in [
            ((MOST, 0), Plus, (1, 0)),
            ((-MOST, 0), Minus, (1, 0)),
            ((MOST, 4), Times, (2, 0)),
            ((MOST, 0), Divided, (1, 0)),
            ((MOST, 0), Plus, (1, 8)),
        ] {
            calculates(left, operator, right, TOO_LARGE);
        }
        calculates((MOST - 1, 0), Plus, (1, 0), "999999999999999999");
        calculates((-1, 0), Minus, (-MOST, 0), "999999999999999998");
        calculates((1, 0), Divided, (0, 4), "a division by zero");
        assert!(rescaled(MOST, 0, 1, DIGITS_MAX).is_err());
        assert!(rescaled(MOST, 8, 8, 17).is_err());
    }

    #[test]
    fn half_is_rounded_away_from_zero() {
        for (units, expected) in [(149, 1), (150, 2), (-149, -1), (-150, -2), (50, 1), (49, 0)] {
            assert_eq!(rescaled(units, 2, 0, DIGITS_MAX), Ok(expected));
        }
        assert_eq!(rescaled(-15, 1, 3, 4), Ok(-1_500));
    }
}
