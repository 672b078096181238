//! An expression that was checked: every part of it has a type, and works on one row by itself.
//!
//! There is nothing here for what would need other rows, the time or chance, so no expression can.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What each text of a look-up becomes.
pub(super) type Table = Arc<BTreeMap<String, String>>;

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Text(Text),
    Number(Number),
    Truth(Truth),
    /// Of no type yet.
    Null,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Of the file, by its place among those in use.
    Column(usize),
    /// Nothing is NULL.
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

/// Functions from texts and whole numbers to a text.
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

/// A decimal number. How many places it has is known before the first row.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) places: u32,
}

#[derive(Clone, Debug)]
pub(super) enum NumberKind {
    /// In units of the last place; nothing is NULL.
    Literal(Option<i64>),
    /// A text as the partner writes numbers, of at most so many digits.
    OfText(Box<Text>, u32),
    Length(Box<Text>),
    /// To more places, or rounded to fewer, of at most so many digits.
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
    /// Nothing is NULL.
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
