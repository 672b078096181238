//! Evaluates expressions for all rows of a batch at once, as columns of polars.
//!
//! Nothing here starts a thread or waits for one: it runs in the thread of the batch. A row that cannot
//! be evaluated is recorded with its reason and is NULL from there on, but not if a `CASE` skips it.

use super::number;
use super::texts;
use super::tree::{Case, Comparison, Expr, Number, NumberKind, Table, Text, TextFunction, Truth};
use crate::amount::Notation;
use crate::batch::TextColumn;
use polars::prelude::{
    BooleanChunked, ChunkCompareEq, ChunkCompareIneq, Int64Chunked, NewChunkedArray as _,
    PlSmallStr, StringChunked,
};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// Why rows cannot be evaluated; for each row the first reason.
pub(super) type Faults = BTreeMap<usize, Cow<'static, str>>;

/// Some rows of a batch.
pub(super) struct Columns<'a> {
    columns: Vec<StringChunked>,
    rows: usize,
    notation: &'a Notation,
}

impl<'a> Columns<'a> {
    pub(super) fn new(columns: &[TextColumn], rows: Range<usize>, notation: &'a Notation) -> Self {
        let column = |texts: &TextColumn| {
            let texts = rows.clone().map(|row| texts.get(row).unwrap_or_default());
            StringChunked::from_iter_values(PlSmallStr::EMPTY, texts)
        };
        Self { columns: columns.iter().map(column).collect(), rows: rows.len(), notation }
    }

    /// Evaluates a text for each row.
    pub(super) fn text(&self, text: &Text, faults: &mut Faults) -> StringChunked {
        match text {
            Text::Column(at) => self.columns.get(*at).expect("columns are those in use").clone(),
            Text::Literal(text) => self.every(|_| text.as_deref()),
            Text::Concat(left, right) => {
                let (left, right) = (self.text(left, faults), self.text(right, faults));
                let joined = |row| Some(texts::joined(left.get(row)?, right.get(row)?));
                self.noted(faults, joined)
            }
            Text::Call { function, texts, numbers } => self.call(*function, texts, numbers, faults),
            Text::LookUp(table, key) => self.look_up(table, key, faults),
            Text::OfNumber(number) => {
                let (units, mark) = (self.number(number, faults), self.notation.decimal_mark);
                self.every(|row| Some(number::show(units.get(row)?, number.places, mark)))
            }
            Text::Case(case) => {
                let (picked, values) = self.case(case, faults, Self::text);
                self.every(|row| values.get(*picked.get(row)?)?.get(row))
            }
            Text::Coalesce(all) => {
                let values =
                    self.first(all, faults, Self::text, |values, row| values.get(row).is_some());
                self.every(|row| values.iter().find_map(|values| values.get(row)))
            }
        }
    }

    /// Evaluates a number for each row, in units of the last decimal place.
    fn number(&self, number: &Number, faults: &mut Faults) -> Int64Chunked {
        match &number.kind {
            NumberKind::Literal(units) => self.every(|_| *units),
            NumberKind::OfText(text, digits) => {
                let text = self.text(text, faults);
                let read =
                    |row| Some(number::read(text.get(row)?, *digits, number.places, self.notation));
                self.noted(faults, read)
            }
            NumberKind::Length(text) => {
                let text = self.text(text, faults);
                self.every(|row| i64::try_from(text.get(row)?.chars().count()).ok())
            }
            NumberKind::Rescaled(of, digits) => {
                let units = self.number(of, faults);
                let (from, to) = (of.places, number.places);
                self.noted(faults, |row| Some(number::rescaled(units.get(row)?, from, to, *digits)))
            }
            NumberKind::Negated(of) => {
                let units = self.number(of, faults);
                self.every(|row| Some(-units.get(row)?))
            }
            NumberKind::Absolute(of) => {
                let units = self.number(of, faults);
                self.every(|row| Some(units.get(row)?.abs()))
            }
            NumberKind::Arithmetic(operator, left, right) => {
                let (l, r) = (self.number(left, faults), self.number(right, faults));
                self.noted(faults, |row| {
                    let (l, r) = ((l.get(row)?, left.places), (r.get(row)?, right.places));
                    Some(number::calculated(*operator, l, r))
                })
            }
            NumberKind::Case(case) => {
                let (picked, values) = self.case(case, faults, Self::number);
                self.every(|row| values.get(*picked.get(row)?)?.get(row))
            }
            NumberKind::Coalesce(all) => {
                let values =
                    self.first(all, faults, Self::number, |values, row| values.get(row).is_some());
                self.every(|row| values.iter().find_map(|values| values.get(row)))
            }
        }
    }

    /// Evaluates a condition for each row.
    pub(super) fn truth(&self, truth: &Truth, faults: &mut Faults) -> BooleanChunked {
        match truth {
            Truth::Literal(truth) => self.every(|_| *truth),
            Truth::CompareTexts(op, left, right) => {
                compared(*op, &self.text(left, faults), &self.text(right, faults))
            }
            Truth::CompareNumbers(op, left, right) => {
                let (l, r) = (self.number(left, faults), self.number(right, faults));
                if left.places == right.places {
                    return compared(*op, &l, &r);
                }
                let units = |units: i64, places: u32| {
                    i128::from(units) * 10_i128.pow(number::PLACES_MAX - places)
                };
                self.every(|row| {
                    let (l, r) =
                        (units(l.get(row)?, left.places), units(r.get(row)?, right.places));
                    Some(holds(*op, l.cmp(&r)))
                })
            }
            Truth::OneOf(text, texts) => {
                let text = self.text(text, faults);
                self.every(|row| Some(texts.contains(text.get(row)?)))
            }
            Truth::Like { text, pattern, any_case } => {
                let text = self.text(text, faults);
                self.every(|row| {
                    let text = text.get(row)?;
                    Some(match any_case {
                        true => texts::like(&text.to_lowercase(), pattern),
                        false => texts::like(text, pattern),
                    })
                })
            }
            Truth::IsNull(of) => match &**of {
                Expr::Text(text) => self.text(text, faults).is_null(),
                Expr::Number(number) => self.number(number, faults).is_null(),
                Expr::Truth(truth) => self.truth(truth, faults).is_null(),
                Expr::Null => self.every(|_| Some(true)),
            },
            Truth::Not(truth) => !self.truth(truth, faults),
            Truth::And(left, right) => {
                let (left, right) = self.both(left, right, false, faults);
                left & right
            }
            Truth::Or(left, right) => {
                let (left, right) = self.both(left, right, true, faults);
                left | right
            }
        }
    }

    /// Evaluates two conditions. A row for which the left one `decides` cannot fail in the right one.
    fn both(
        &self,
        left: &Truth,
        right: &Truth,
        decides: bool,
        faults: &mut Faults,
    ) -> (BooleanChunked, BooleanChunked) {
        let left = self.truth(left, faults);
        let mut inner = Faults::new();
        let right = self.truth(right, &mut inner);
        add(faults, inner, |row| left.get(row) != Some(decides));
        (left, right)
    }

    /// For each row the index of the matching value, and all values.
    fn case<T, C>(
        &self,
        case: &Case<T>,
        faults: &mut Faults,
        evaluate: impl Fn(&Self, &T, &mut Faults) -> C,
    ) -> (Vec<usize>, Vec<C>) {
        let mut picked = vec![usize::MAX; self.rows];
        let mut values = Vec::with_capacity(case.arms.len() + 1);
        for (at, (condition, value)) in case.arms.iter().enumerate() {
            let mut inner = Faults::new();
            let holds = self.truth(condition, &mut inner);
            add(faults, inner, |row| picked.get(row) == Some(&usize::MAX));
            for (picked, holds) in picked.iter_mut().zip(holds.iter()) {
                if *picked == usize::MAX && holds == Some(true) {
                    *picked = at;
                }
            }
            let mut inner = Faults::new();
            values.push(evaluate(self, value, &mut inner));
            add(faults, inner, |row| picked.get(row) == Some(&at));
        }
        let mut inner = Faults::new();
        let other = values.len();
        values.push(evaluate(self, &case.other, &mut inner));
        picked.iter_mut().filter(|picked| **picked == usize::MAX).for_each(|open| *open = other);
        add(faults, inner, |row| picked.get(row) == Some(&other));
        (picked, values)
    }

    /// Values of which the first non-NULL one counts; later ones cannot fail.
    fn first<T, C>(
        &self,
        all: &[T],
        faults: &mut Faults,
        evaluate: impl Fn(&Self, &T, &mut Faults) -> C,
        is_there: impl Fn(&C, usize) -> bool,
    ) -> Vec<C> {
        let mut values: Vec<C> = Vec::with_capacity(all.len());
        for value in all {
            let mut inner = Faults::new();
            let next = evaluate(self, value, &mut inner);
            add(faults, inner, |row| !values.iter().any(|values| is_there(values, row)));
            values.push(next);
        }
        values
    }

    fn call(
        &self,
        function: TextFunction,
        texts: &[Text],
        numbers: &[Number],
        faults: &mut Faults,
    ) -> StringChunked {
        let texts: Vec<_> = texts.iter().map(|text| self.text(text, faults)).collect();
        let numbers: Vec<_> = numbers.iter().map(|number| self.number(number, faults)).collect();
        self.noted(faults, |row| {
            let texts = texts.iter().map(|text| text.get(row)).collect::<Option<Vec<_>>>()?;
            let numbers = numbers.iter().map(|n| n.get(row)).collect::<Option<Vec<_>>>()?;
            Some(texts::apply(function, &texts, &numbers).map(Cow::into_owned))
        })
    }

    fn look_up(&self, table: &Table, key: &Text, faults: &mut Faults) -> StringChunked {
        let key = self.text(key, faults);
        self.every(|row| table.get(key.get(row)?).map(String::as_str))
    }

    /// A column with the result of `value` for each row.
    fn every<T, C: FromIterator<Option<T>>>(&self, value: impl Fn(usize) -> Option<T>) -> C {
        (0..self.rows).map(value).collect()
    }

    /// The same for a function that may fail.
    fn noted<T, C: FromIterator<Option<T>>>(
        &self,
        faults: &mut Faults,
        value: impl Fn(usize) -> Option<Result<T, Cow<'static, str>>>,
    ) -> C {
        let value = |row| match value(row)? {
            Ok(value) => Some(value),
            Err(reason) => {
                faults.entry(row).or_insert(reason);
                None
            }
        };
        (0..self.rows).map(value).collect()
    }
}

/// Adds the faults of the rows for which `count` is true.
fn add(faults: &mut Faults, inner: Faults, count: impl Fn(usize) -> bool) {
    for (row, reason) in inner.into_iter().filter(|(row, _)| count(*row)) {
        faults.entry(row).or_insert(reason);
    }
}

fn compared<C>(op: Comparison, left: &C, right: &C) -> BooleanChunked
where
    C: for<'a> ChunkCompareEq<&'a C, Item = BooleanChunked>
        + for<'a> ChunkCompareIneq<&'a C, Item = BooleanChunked>,
{
    match op {
        Comparison::Equal => left.equal(right),
        Comparison::NotEqual => left.not_equal(right),
        Comparison::Less => left.lt(right),
        Comparison::LessOrEqual => left.lt_eq(right),
        Comparison::Greater => left.gt(right),
        Comparison::GreaterOrEqual => left.gt_eq(right),
    }
}

fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
