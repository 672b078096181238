//! Values of an expression and their types.

use super::number::{self, DIGITS_MAX, PLACES_MAX};
use super::tree::{Case, Expr, Number, NumberKind, Text, Truth};
use sqlparser::ast::{ExactNumberInfo, Value};

/// Digits and decimal places of `DECIMAL`, enough for amounts of money.
const DECIMAL: (u32, u32) = (DIGITS_MAX, 4);

/// A part of an expression, or why it is refused.
pub(super) type Bound<T> = Result<T, String>;

/// Values of a common type, of which one is chosen.
pub(super) enum Alike {
    Texts(Vec<Text>),
    /// All with this number of decimal places.
    Numbers(Vec<Number>, u32),
    Nulls,
}

/// Converts values to a common type.
pub(super) fn alike(values: Vec<Expr>) -> Bound<Alike> {
    let places = values.iter().filter_map(|value| match value {
        Expr::Number(number) => Some(number.places),
        _ => None,
    });
    let places = places.max();
    if let Some(places) = places {
        let numbers = values.into_iter().map(|value| match value {
            Expr::Number(number) if number.places == places => Ok(number),
            Expr::Number(number) => {
                Ok(Number { kind: NumberKind::Rescaled(Box::new(number), DIGITS_MAX), places })
            }
            Expr::Null => Ok(Number { kind: NumberKind::Literal(None), places }),
            Expr::Text(_) | Expr::Truth(_) => {
                Err("gives now a number and now none; CAST(… AS TEXT) makes a text of it"
                    .to_owned())
            }
        });
        return Ok(Alike::Numbers(numbers.collect::<Bound<_>>()?, places));
    }
    if values.iter().all(|value| matches!(value, Expr::Null)) {
        return Ok(Alike::Nulls);
    }
    let texts = values.into_iter().map(|value| match value {
        Expr::Text(text) => Ok(text),
        Expr::Null => Ok(Text::Literal(None)),
        Expr::Number(_) | Expr::Truth(_) => {
            Err("gives what is true or false where a text or number is wanted".to_owned())
        }
    });
    Ok(Alike::Texts(texts.collect::<Bound<_>>()?))
}

pub(super) fn arms<T>(truths: Vec<Truth>, mut values: Vec<T>) -> Bound<Case<T>> {
    let other = values.pop().ok_or("has a CASE without values")?;
    Ok(Case { arms: truths.into_iter().zip(values).collect(), other: Box::new(other) })
}

pub(super) fn literal(value: &Value) -> Bound<Expr> {
    match value {
        Value::SingleQuotedString(text) => {
            Ok(Expr::Text(Text::Literal(Some(text.as_str().into()))))
        }
        Value::Number(text, false) => {
            let parsed = number::parse(text, '.');
            let fits = |(units, places): (i128, u32)| {
                (places <= PLACES_MAX).then_some((number::fitting(units, DIGITS_MAX)?, places))
            };
            let (units, places) = parsed.and_then(fits).ok_or_else(|| {
                format!(
                    "has {text}, which is no decimal number of at most {DIGITS_MAX} digits and \
                     {PLACES_MAX} places"
                )
            })?;
            Ok(Expr::Number(Number { kind: NumberKind::Literal(Some(units)), places }))
        }
        Value::Boolean(truth) => Ok(Expr::Truth(Truth::Literal(Some(*truth)))),
        Value::Null => Ok(Expr::Null),
        other => Err(format!("has {other}, which is not allowed; texts are 'text', numbers 1.50")),
    }
}

/// Digits and decimal places.
pub(super) fn decimal(info: ExactNumberInfo) -> Bound<(u32, u32)> {
    let (digits, places) = match info {
        ExactNumberInfo::None => return Ok(DECIMAL),
        ExactNumberInfo::Precision(digits) => (u32::try_from(digits).ok(), Some(0)),
        ExactNumberInfo::PrecisionAndScale(digits, places) => {
            (u32::try_from(digits).ok(), u32::try_from(places).ok())
        }
    };
    let good = digits.zip(places).filter(|(digits, places)| {
        (1..=DIGITS_MAX).contains(digits) && *places <= PLACES_MAX.min(*digits)
    });
    good.ok_or_else(|| {
        format!(
            "has a DECIMAL{info}; it may have {DIGITS_MAX} digits, of which {PLACES_MAX} are decimal \
             places"
        )
    })
}
