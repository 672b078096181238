//! Random expressions over random rows, beside an evaluator that goes row by row and only where it
//! has to, and shares nothing with the one that is tested.

use crate::support::plain;
use crate::transform::made;
use domain::partner::{Column as Role, Names};
use proptest::prelude::*;

/// What may stand in a row.
const TEXTS: [&str; 14] = [
    "",
    "0",
    "7",
    "-3",
    "2.50",
    "19.99",
    "+100000000",
    "0.0001",
    "999999999999999999",
    "abc",
    "Ab",
    "a%b_",
    "Größe",
    "1.5.2",
];
const PATTERNS: [&str; 7] = ["%", "a%", "_b", "%b_%", "%ö%e", "", "A_%"];
/// Most places, and the limit of units of the last place.
const PLACES: u32 = 8;
const UNITS: i128 = 1_000_000_000_000_000_000;

/// A value, NULL, or nothing where it cannot be calculated.
type Made<T> = Result<Option<T>, ()>;

#[derive(Clone, Debug)]
enum Text {
    Column(usize),
    Literal(&'static str),
    Null,
    Concat(Box<Text>, Box<Text>),
    OfNumber(Box<Number>),
    Call(&'static str, Vec<Text>, Vec<i64>),
    Case(Vec<(Truth, Text)>, Option<Box<Text>>),
    Coalesce(Vec<Text>),
    NullIf(Box<Text>, Box<Text>),
}

#[derive(Clone, Debug)]
enum Number {
    Literal(i128, u32),
    OfText(Box<Text>, u32, u32),
    Length(Box<Text>),
    Negated(Box<Number>),
    Absolute(Box<Number>),
    Arithmetic(char, Box<Number>, Box<Number>),
    Round(Box<Number>, u32),
    Cast(Box<Number>, u32, u32),
    Case(Vec<(Truth, Number)>, Option<Box<Number>>),
    Coalesce(Vec<Number>),
}

#[derive(Clone, Debug)]
enum Truth {
    Texts(&'static str, Box<Text>, Box<Text>),
    Numbers(&'static str, Box<Number>, Box<Number>),
    Between(Box<Number>, Box<Number>, Box<Number>),
    In(Box<Text>, Vec<&'static str>),
    InNumbers(Box<Number>, Vec<Number>),
    Like(Box<Text>, &'static str),
    IsNull(Box<Text>),
    Not(Box<Truth>),
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
}

/// Makes an expression of bytes, so that it gets smaller with them.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn pick(&mut self, of: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % of)
    }

    fn whole(&mut self) -> i64 {
        [2, 1, 0, -1, 3, 30][self.pick(6)]
    }

    fn text(&mut self, depth: usize) -> Text {
        if depth == 0 {
            return match self.pick(3) {
                0 => Text::Column(self.pick(3)),
                1 => Text::Literal(TEXTS[self.pick(TEXTS.len())]),
                _ => Text::Null,
            };
        }
        let d = depth - 1;
        match self.pick(9) {
            0 => self.text(0),
            1 => Text::Concat(self.text(d).into(), self.text(d).into()),
            2 => Text::OfNumber(self.number(d).into()),
            3 => {
                let name = ["UPPER", "LOWER", "TRIM"][self.pick(3)];
                Text::Call(name, vec![self.text(d)], vec![])
            }
            4 => {
                let name = ["LEFT", "RIGHT", "SUBSTR"][self.pick(3)];
                Text::Call(name, vec![self.text(d)], vec![self.whole()])
            }
            5 => match self.pick(4) {
                0 => Text::Call("SUBSTR", vec![self.text(d)], vec![self.whole(), self.whole()]),
                1 => Text::Call("LPAD", vec![self.text(d), self.text(d)], vec![self.whole()]),
                2 => Text::Call("SPLIT_PART", vec![self.text(d), self.text(d)], vec![self.whole()]),
                _ => Text::Call("REPLACE", (0..3).map(|_| self.text(d)).collect(), vec![]),
            },
            6 => {
                let arms = (0..=self.pick(2)).map(|_| (self.truth(d), self.text(d))).collect();
                Text::Case(arms, (self.pick(2) == 0).then(|| self.text(d).into()))
            }
            7 => Text::Coalesce((0..=self.pick(3)).map(|_| self.text(d)).collect()),
            _ => Text::NullIf(self.text(d).into(), self.text(d).into()),
        }
    }

    fn number(&mut self, depth: usize) -> Number {
        if depth == 0 {
            return match self.pick(3) {
                0 => Number::OfText(self.text(0).into(), 18, 4),
                1 => Number::Literal([1, 0, 3, 250, 19_990][self.pick(5)], [0, 1, 4][self.pick(3)]),
                _ => Number::Length(self.text(0).into()),
            };
        }
        let d = depth - 1;
        match self.pick(9) {
            0 => self.number(0),
            1 => {
                let (digits, places) = [(18, 0), (18, 8), (5, 2)][self.pick(3)];
                Number::OfText(self.text(d).into(), digits, places)
            }
            2 => Number::Negated(self.number(d).into()),
            3 => Number::Absolute(self.number(d).into()),
            4 => {
                let sign = ['+', '-', '*', '/'][self.pick(4)];
                let (mut l, mut r) = (self.number(d), self.number(d));
                if sign == '*' && l.places() + r.places() > PLACES {
                    (l, r) = (Number::Round(l.into(), 4), Number::Round(r.into(), 4));
                }
                Number::Arithmetic(sign, l.into(), r.into())
            }
            5 => Number::Round(self.number(d).into(), [2, 0, 8][self.pick(3)]),
            6 => {
                let number = self.number(d);
                let places = number.places().max([0, 4][self.pick(2)]);
                Number::Cast(number.into(), [18, 9][self.pick(2)], places)
            }
            7 => {
                let arms = (0..=self.pick(2)).map(|_| (self.truth(d), self.number(d))).collect();
                Number::Case(arms, (self.pick(2) == 0).then(|| self.number(d).into()))
            }
            _ => Number::Coalesce((0..=self.pick(3)).map(|_| self.number(d)).collect()),
        }
    }

    fn truth(&mut self, depth: usize) -> Truth {
        let d = depth.saturating_sub(1);
        let sign = ["=", "<>", "<", "<=", ">", ">="][self.pick(6)];
        match self.pick(if depth == 0 { 5 } else { 10 }) {
            0 => Truth::Texts(sign, self.text(d).into(), self.text(d).into()),
            1 => Truth::Numbers(sign, self.number(d).into(), self.number(d).into()),
            2 => Truth::In(
                self.text(d).into(),
                (0..=self.pick(3)).map(|_| TEXTS[self.pick(TEXTS.len())]).collect(),
            ),
            3 => Truth::Like(self.text(d).into(), PATTERNS[self.pick(PATTERNS.len())]),
            4 => Truth::IsNull(self.text(d).into()),
            5 => Truth::Not(self.truth(d).into()),
            6 => Truth::And(self.truth(d).into(), self.truth(d).into()),
            7 => Truth::Or(self.truth(d).into(), self.truth(d).into()),
            8 => {
                let (low, high) = (self.number(0), self.number(0));
                Truth::Between(self.number(d).into(), low.into(), high.into())
            }
            _ => Truth::InNumbers(
                self.number(d).into(),
                (0..=self.pick(2)).map(|_| self.number(0)).collect(),
            ),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn list<T>(all: &[T], sql: impl Fn(&T) -> String) -> String {
    all.iter().map(sql).collect::<Vec<_>>().join(", ")
}

fn case_sql<T>(arms: &[(Truth, T)], other: Option<&T>, sql: impl Fn(&T) -> String) -> String {
    let arms: String = arms
        .iter()
        .map(|(truth, value)| format!(" WHEN {} THEN {}", truth.sql(), sql(value)))
        .collect();
    let other = other.map(|other| format!(" ELSE {}", sql(other))).unwrap_or_default();
    format!("CASE{arms}{other} END")
}

/// The value of the first arm that holds; no other is looked at.
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
    fn sql(&self) -> String {
        match self {
            Self::Column(at) => ["a", "b", "c"][*at].to_owned(),
            Self::Literal(text) => quoted(text),
            // A bare NULL cannot be compared.
            Self::Null => "NULLIF('x', 'x')".to_owned(),
            Self::Concat(l, r) => format!("({} || {})", l.sql(), r.sql()),
            Self::OfNumber(number) => format!("CAST({} AS TEXT)", number.sql()),
            Self::Call(name, texts, numbers) => {
                let mut args: Vec<String> = texts.iter().map(Self::sql).collect();
                let at = if *name == "LPAD" { 1 } else { args.len() };
                args.splice(at..at, numbers.iter().map(ToString::to_string));
                format!("{name}({})", args.join(", "))
            }
            Self::Case(arms, other) => case_sql(arms, other.as_deref(), Self::sql),
            Self::Coalesce(all) => format!("COALESCE({})", list(all, Self::sql)),
            Self::NullIf(l, r) => format!("NULLIF({}, {})", l.sql(), r.sql()),
        }
    }

    fn of(&self, row: &[&str]) -> Made<String> {
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

/// A number as a text, without zeros at the end of its places.
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

/// The nearest whole number; of two the one away from zero.
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
    fn places(&self) -> u32 {
        match self {
            Self::Literal(_, places)
            | Self::OfText(_, _, places)
            | Self::Round(_, places)
            | Self::Cast(_, _, places) => *places,
            Self::Length(_) => 0,
            Self::Negated(of) | Self::Absolute(of) => of.places(),
            Self::Arithmetic('/', ..) => PLACES,
            Self::Arithmetic('*', l, r) => l.places() + r.places(),
            Self::Arithmetic(_, l, r) => l.places().max(r.places()),
            Self::Case(arms, other) => {
                let values = arms.iter().map(|(_, value)| value).chain(other.as_deref());
                values.map(Self::places).max().unwrap_or(0)
            }
            Self::Coalesce(all) => all.iter().map(Self::places).max().unwrap_or(0),
        }
    }

    fn sql(&self) -> String {
        match self {
            // With all its places, which the result depends on.
            Self::Literal(units, 0) => units.to_string(),
            Self::Literal(units, places) => {
                let digits = format!("{units:0>width$}", width = *places as usize + 1);
                let (whole, rest) = digits.split_at(digits.len() - *places as usize);
                format!("{whole}.{rest}")
            }
            Self::OfText(text, digits, places) => {
                format!("CAST({} AS DECIMAL({digits},{places}))", text.sql())
            }
            Self::Length(text) => format!("LENGTH({})", text.sql()),
            Self::Negated(of) => format!("(- {})", of.sql()),
            Self::Absolute(of) => format!("ABS({})", of.sql()),
            Self::Arithmetic(sign, l, r) => format!("({} {sign} {})", l.sql(), r.sql()),
            Self::Round(of, places) => format!("ROUND({}, {places})", of.sql()),
            Self::Cast(of, digits, places) => {
                format!("CAST({} AS DECIMAL({digits},{places}))", of.sql())
            }
            Self::Case(arms, other) => case_sql(arms, other.as_deref(), Self::sql),
            Self::Coalesce(all) => format!("COALESCE({})", list(all, Self::sql)),
        }
    }

    fn of(&self, row: &[&str]) -> Made<i128> {
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
    fn sql(&self) -> String {
        match self {
            Self::Texts(sign, l, r) => format!("({} {sign} {})", l.sql(), r.sql()),
            Self::Numbers(sign, l, r) => format!("({} {sign} {})", l.sql(), r.sql()),
            Self::Between(of, low, high) => {
                format!("({} BETWEEN {} AND {})", of.sql(), low.sql(), high.sql())
            }
            Self::In(text, texts) => {
                format!("({} IN ({}))", text.sql(), list(texts, |text| quoted(text)))
            }
            Self::InNumbers(of, all) => format!("({} IN ({}))", of.sql(), list(all, Number::sql)),
            Self::Like(text, pattern) => format!("({} LIKE {})", text.sql(), quoted(pattern)),
            Self::IsNull(text) => format!("({} IS NULL)", text.sql()),
            Self::Not(truth) => format!("(NOT {})", truth.sql()),
            Self::And(l, r) => format!("({} AND {})", l.sql(), r.sql()),
            Self::Or(l, r) => format!("({} OR {})", l.sql(), r.sql()),
        }
    }

    fn of(&self, row: &[&str]) -> Made<bool> {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_calculated_as_each_of_its_rows(
        choices in prop::collection::vec(any::<u8>(), 0..120),
        rows in prop::collection::vec(prop::array::uniform3(prop::sample::select(TEXTS.to_vec())), 1..20),
    ) {
        let mut choices = Choices(choices.iter());
        let (text, truth) = (choices.text(4), choices.truth(3));
        // NULL is to be told from an empty text, and no text is to be trimmed.
        let sql = format!("'<' || COALESCE({}, 'NULL') || '>'", text.sql());
        let mut setting = made(&[(Role::Description, &sql)], Some(&truth.sql()));
        setting.format.columns = plain().format.columns;
        setting.format.columns.description = None;
        setting.format.columns.order_id = Names::from("order");
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["order", "sku", "qty", "price", "date", "customer", "a", "b", "c"]).unwrap();
        let mut expected = Vec::new();
        for (n, row) in rows.iter().enumerate() {
            let id = format!("A{n}");
            let [a, b, c] = row;
            file.write_record([&id, "P1", "1", "2", "2026-11-22", "c1", a, b, c]).unwrap();
            let made = match truth.of(row) {
                Err(()) => "transform_failed".to_owned(),
                Ok(None | Some(false)) => "filtered".to_owned(),
                Ok(Some(true)) => match text.of(row) {
                    Err(()) => "transform_failed".to_owned(),
                    Ok(text) => match format!("<{}>", text.as_deref().unwrap_or("NULL")) {
                        text if text.len() > 4_096 => "transform_failed".to_owned(),
                        text if text.len() > 512 => "too_long".to_owned(),
                        text => text,
                    },
                },
            };
            expected.push((n as u64 + 2, made));
        }
        let (part, _) = setting.read(&file.into_inner().unwrap(), usize::MAX).unwrap();
        let accepted = part.batch.rows().map(|row| (row.line, row.description.to_owned()));
        let rejected = part.rejects.iter().map(|reject| (reject.line, reject.rule.to_string()));
        let mut found: Vec<(u64, String)> = accepted.chain(rejected).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected, "{} WHERE {}", sql, truth.sql());
    }
}
