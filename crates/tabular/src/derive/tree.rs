//! A checked expression: every part has a type and can be evaluated for a single row.
//!
//! There are no nodes for other rows, the time or random numbers, so no expression can use them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The result for each text of a look-up.
pub(super) type Table = Arc<BTreeMap<String, String>>;

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Text(Text),
    Number(Number),
    Truth(Truth),
    /// Without a type yet.
    Null,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    /// A column of the file, by its index among the used ones.
    Column(usize),
    /// `None` is NULL.
    Literal(Option<Box<str>>),
    Concat(Box<Text>, Box<Text>),
    Call {
        function: TextFunction,
        texts: Vec<Text>,
        numbers: Vec<Number>,
    },
    LookUp(Table, Box<Text>),
    OfNumber(Box<Number>),
    Case(Case<Text>),
    Coalesce(Vec<Text>),
}

/// Functions from texts and integers to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFunction {
    Upper,
    Lower,
    Trim,
    TrimStart,
    TrimEnd,
    Left,
    Right,
    Substring,
    Replace,
    SplitPart,
    PadStart,
    PadEnd,
}

/// A decimal number. Its number of decimal places is known before the first row.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) places: u32,
}

#[derive(Clone, Debug)]
pub(super) enum NumberKind {
    /// In units of the last decimal place; `None` is NULL.
    Literal(Option<i64>),
    /// A text parsed as a number in the partner's notation, with at most this many digits.
    OfText(Box<Text>, u32),
    Length(Box<Text>),
    /// Converted to more decimal places, or rounded to fewer, with at most this many digits.
    Rescaled(Box<Number>, u32),
    Negated(Box<Number>),
    Absolute(Box<Number>),
    Arithmetic(Operator, Box<Number>, Box<Number>),
    Case(Case<Number>),
    Coalesce(Vec<Number>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Divided,
}

#[derive(Clone, Debug)]
pub(super) enum Truth {
    /// `None` is NULL.
    Literal(Option<bool>),
    CompareTexts(Comparison, Box<Text>, Box<Text>),
    CompareNumbers(Comparison, Box<Number>, Box<Number>),
    /// Is the text one of these?
    OneOf(Box<Text>, BTreeSet<Box<str>>),
    Like {
        text: Box<Text>,
        pattern: Vec<char>,
        any_case: bool,
    },
    IsNull(Box<Expr>),
    Not(Box<Truth>),
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The value of the first arm whose condition is true.
#[derive(Clone, Debug)]
pub(super) struct Case<T> {
    pub(super) arms: Vec<(Truth, T)>,
    pub(super) other: Box<T>,
}
