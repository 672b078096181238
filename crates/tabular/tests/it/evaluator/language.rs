//! The language: expressions, how they are generated randomly, and their SQL.

/// Possible cell values.
pub(super) const TEXTS: [&str; 14] = [
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

/// Most decimal places.
pub(super) const PLACES: u32 = 8;

#[derive(Clone, Debug)]
pub(super) enum Text {
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
pub(super) enum Number {
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
pub(super) enum Truth {
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

/// Builds an expression from bytes, so that shrinking the bytes shrinks the expression.
pub(super) struct Choices<'a>(pub(super) std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn pick(&mut self, of: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % of)
    }

    fn whole(&mut self) -> i64 {
        [2, 1, 0, -1, 3, 30][self.pick(6)]
    }

    pub(super) fn text(&mut self, depth: usize) -> Text {
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

    pub(super) fn truth(&mut self, depth: usize) -> Truth {
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

impl Text {
    pub(super) fn sql(&self) -> String {
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
}

impl Number {
    pub(super) fn places(&self) -> u32 {
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

    pub(super) fn sql(&self) -> String {
        match self {
            // With all its decimal places, because the result depends on them.
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
}

impl Truth {
    pub(super) fn sql(&self) -> String {
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
}
