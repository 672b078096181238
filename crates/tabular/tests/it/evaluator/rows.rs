//! Evaluates an expression for one row.

use super::language::{Number, PLACES, Text, Truth};

/// The limit for units of the last decimal place.
const UNITS: i128 = 1_000_000_000_000_000_000;

/// A value, NULL, or an error if it cannot be calculated.
type Made<T> = Result<Option<T>, ()>;

/// The value of the first matching arm; others are not evaluated.
fn case<T, V>(
    arms: &[(Truth, T)],
    other: Option<&T>,
    row: &[&str],
    of: impl Fn(&T) -> Made<V>,
) -> Made<V> {
    for (truth, value) in arms {
        if truth.of(row)? == Some(true) {
            return of(value);
        }
    }
    other.map_or(Ok(None), of)
}

fn first<T, V>(all: &[T], of: impl Fn(&T) -> Made<V>) -> Made<V> {
    for one in all {
        if let Some(value) = of(one)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

impl Text {
    pub(super) fn of(&self, row: &[&str]) -> Made<String> {
        match self {
            Self::Column(at) => Ok(Some(row[*at].to_owned())),
            Self::Literal(text) => Ok(Some((*text).to_owned())),
            Self::Null => Ok(None),
            Self::Concat(l, r) => {
                let (l, r) = (l.of(row)?, r.of(row)?);
                Ok(l.zip(r).map(|(l, r)| l + &r))
            }
            Self::OfNumber(number) => {
                Ok(number.of(row)?.map(|units| shown(units, number.places())))
            }
            Self::Call(name, texts, numbers) => {
                let texts = texts.iter().map(|text| text.of(row)).collect::<Result<Vec<_>, _>>()?;
                let texts: Option<Vec<String>> = texts.into_iter().collect();
                texts.map(|texts| called(name, &texts, numbers)).transpose()
            }
            Self::Case(arms, other) => case(arms, other.as_deref(), row, |text| text.of(row)),
            Self::Coalesce(all) => first(all, |text| text.of(row)),
            Self::NullIf(l, r) => {
                let (l, r) = (l.of(row)?, r.of(row)?);
                Ok(if l.is_some() && l == r { None } else { l })
            }
        }
    }
}

fn called(name: &str, texts: &[String], numbers: &[i64]) -> Result<String, ()> {
    let chars: Vec<char> = texts[0].chars().collect();
    let len = i64::try_from(chars.len()).unwrap();
    let cut = |from: i64, to: i64| -> String {
        let at = |place: i64| usize::try_from(place.clamp(0, len)).unwrap();
        chars.get(at(from)..at(to)).unwrap_or_default().iter().collect()
    };
    let number = numbers.first().copied().unwrap_or(0);
    let below_zero = |number: i64| if number < 0 { Err(()) } else { Ok(number) };
    Ok(match name {
        "UPPER" => texts[0].to_uppercase(),
        "LOWER" => texts[0].to_lowercase(),
        "TRIM" => texts[0].trim().to_owned(),
        "LEFT" => cut(0, below_zero(number)?),
        "RIGHT" => cut(len - below_zero(number)?, len),
        "SUBSTR" => match numbers {
            [from, count] => cut(from - 1, from - 1 + below_zero(*count)?),
            _ => cut(number - 1, len),
        },
        "LPAD" => {
            let (width, fill) = (below_zero(number)?, &texts[1]);
            if width <= len || fill.is_empty() {
                return Ok(cut(0, width));
            }
            let fill = fill.chars().cycle().take(usize::try_from(width - len).unwrap());
            fill.chain(chars.iter().copied()).collect()
        }
        "SPLIT_PART" if number < 1 => return Err(()),
        "SPLIT_PART" if texts[1].is_empty() => match number {
            1 => texts[0].clone(),
            _ => String::new(),
        },
        "SPLIT_PART" => {
            let parts: Vec<&str> = texts[0].split(texts[1].as_str()).collect();
            let part = parts.get(usize::try_from(number - 1).unwrap());
            (*part.unwrap_or(&"")).to_owned()
        }
        "REPLACE" if texts[1].is_empty() => texts[0].clone(),
        "REPLACE" => texts[0].split(texts[1].as_str()).collect::<Vec<_>>().join(&texts[2]),
        other => panic!("{other}"),
    })
}

/// A number as text, without trailing zeros among the decimals.
fn shown(units: i128, places: u32) -> String {
    let (sign, units) = if units < 0 { ("-", -units) } else { ("", units) };
    let digits = format!("{units:0>width$}", width = places as usize + 1);
    let (whole, rest) = digits.split_at(digits.len() - places as usize);
    let rest = rest.trim_end_matches('0');
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{sign}{whole}{dot}{rest}")
}

fn fitting(units: i128, limit: i128) -> Result<i128, ()> {
    if -limit < units && units < limit { Ok(units) } else { Err(()) }
}

/// The nearest integer, rounded half away from zero.
fn quotient(l: i128, r: i128) -> i128 {
    let sign = if (l < 0) == (r < 0) { 1 } else { -1 };
    sign * ((l.abs() * 2 + r.abs()) / (r.abs() * 2))
}

fn number(text: &str, digits: u32, places: u32) -> Result<i128, ()> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = match unsigned.split_once('.') {
        Some((_, "")) => return Err(()),
        Some((whole, rest)) => (whole, rest.trim_end_matches('0')),
        None => (unsigned, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(rest) || rest.len() > places as usize {
        return Err(());
    }
    let units: i128 = format!("{whole}{rest:0<width$}", width = places as usize).parse().unwrap();
    let units = if text.starts_with('-') { -units } else { units };
    fitting(units, 10_i128.pow(digits))
}

impl Number {
    pub(super) fn of(&self, row: &[&str]) -> Made<i128> {
        let to = |value: &Self, places: u32| -> Made<i128> {
            let Some(units) = value.of(row)? else { return Ok(None) };
            fitting(units * 10_i128.pow(places - value.places()), UNITS).map(Some)
        };
        match self {
            Self::Literal(units, _) => Ok(Some(*units)),
            Self::OfText(text, digits, places) => {
                text.of(row)?.map(|text| number(&text, *digits, *places)).transpose()
            }
            Self::Length(text) => Ok(text.of(row)?.map(|text| text.chars().count() as i128)),
            Self::Negated(of) => Ok(of.of(row)?.map(|units| -units)),
            Self::Absolute(of) => Ok(of.of(row)?.map(i128::abs)),
            Self::Arithmetic(sign, l, r) => {
                let (left, right) = (l.of(row)?, r.of(row)?);
                let Some((left, right)) = left.zip(right) else { return Ok(None) };
                let up = |units: i128, from: u32, to: u32| units * 10_i128.pow(to - from);
                let (lp, rp, to) = (l.places(), r.places(), self.places());
                let units = match sign {
                    '*' => left * right,
                    '/' if right == 0 => return Err(()),
                    '/' => quotient(up(left, lp, to + rp), right),
                    '+' => up(left, lp, to) + up(right, rp, to),
                    _ => up(left, lp, to) - up(right, rp, to),
                };
                fitting(units, UNITS).map(Some)
            }
            Self::Round(of, places) if of.places() <= *places => to(of, *places),
            Self::Round(of, places) => {
                let by = 10_i128.pow(of.places() - places);
                Ok(of.of(row)?.map(|units| quotient(units, by)))
            }
            Self::Cast(of, digits, places) => {
                to(of, *places)?.map(|units| fitting(units, 10_i128.pow(*digits))).transpose()
            }
            Self::Case(arms, other) => {
                case(arms, other.as_deref(), row, |value| to(value, self.places()))
            }
            Self::Coalesce(all) => first(all, |value| to(value, self.places())),
        }
    }
}

fn holds<T: Ord>(sign: &str, l: &T, r: &T) -> bool {
    match sign {
        "=" => l == r,
        "<>" => l != r,
        "<" => l < r,
        "<=" => l <= r,
        ">" => l > r,
        _ => l >= r,
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['%', rest @ ..], _) => (0..=text.len()).any(|at| like(&text[at..], rest)),
        ([sign, rest @ ..], [c, behind @ ..]) => (*sign == '_' || sign == c) && like(behind, rest),
        _ => false,
    }
}

impl Truth {
    pub(super) fn of(&self, row: &[&str]) -> Made<bool> {
        match self {
            Self::Texts(sign, l, r) => {
                let (l, r) = (l.of(row)?, r.of(row)?);
                Ok(l.zip(r).map(|(l, r)| holds(sign, &l.as_bytes(), &r.as_bytes())))
            }
            Self::Numbers(sign, l, r) => {
                let (left, right) = (l.of(row)?, r.of(row)?);
                let up = |units: i128, from: u32| units * 10_i128.pow(PLACES - from);
                let both = left.zip(right);
                Ok(both.map(|(a, b)| holds(sign, &up(a, l.places()), &up(b, r.places()))))
            }
            Self::Between(of, low, high) => {
                let low = Self::Numbers(">=", of.clone(), low.clone());
                let high = Self::Numbers("<=", of.clone(), high.clone());
                Self::And(low.into(), high.into()).of(row)
            }
            Self::In(text, texts) => Ok(text.of(row)?.map(|text| texts.contains(&text.as_str()))),
            Self::InNumbers(of, all) => {
                let mut any = Some(false);
                for one in all {
                    match Self::Numbers("=", of.clone(), one.clone().into()).of(row)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => any = None,
                    }
                }
                Ok(any)
            }
            Self::Like(text, pattern) => Ok(text.of(row)?.map(|text| {
                let chars = |text: &str| text.chars().collect::<Vec<_>>();
                like(&chars(&text), &chars(pattern))
            })),
            Self::IsNull(text) => Ok(Some(text.of(row)?.is_none())),
            Self::Not(truth) => Ok(truth.of(row)?.map(|truth| !truth)),
            Self::And(l, r) => Ok(match l.of(row)? {
                Some(false) => Some(false),
                left => match (left, r.of(row)?) {
                    (_, Some(false)) => Some(false),
                    (left, right) => left.zip(right).map(|_| true),
                },
            }),
            Self::Or(l, r) => Ok(match l.of(row)? {
                Some(true) => Some(true),
                left => match (left, r.of(row)?) {
                    (_, Some(true)) => Some(true),
                    (left, right) => left.zip(right).map(|_| false),
                },
            }),
        }
    }
}
