//! Converts SQL to a checked expression.
//!
//! Everything that is not explicitly supported is refused. An expression is computed from a single row,
//! so there are no aggregates, windows, sub-queries, clock or random numbers.

use super::number::{self, PLACES_MAX};
use super::tree::{Comparison, Expr, Number, NumberKind, Operator, Table, Text, Truth};
use super::values::{Alike, Bound, alike, arms, decimal, literal};
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr as Sql, Ident, UnaryOperator, Value,
    ValueWithSpan,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

/// Limits of an expression: bytes, tokens, nesting depth, and parts.
const BYTES_MAX: usize = 8 << 10;
const TOKENS_MAX: usize = 1_000;
const DEPTH_MAX: usize = 40;
const PARTS_MAX: usize = 2_000;
/// Bytes of stack for parsing an expression. The parser, and the formatter of parts of an expression,
/// recurse for each level of nesting, and in a chain (`a + b + c`) for each link, with up to 100 KB for
/// a `CASE` and 16 KB for a link: more than the default stack of a thread.
const STACK_BYTES: usize = 64 << 20;

/// Converts a function call, and everything else that this module does not handle itself.
pub(super) type Call = fn(&mut Binder<'_>, &Sql) -> Bound<Expr>;

/// State shared by the expressions of a partner.
pub(super) struct Binder<'a> {
    /// The used columns of the file, as written in the expressions.
    pub(super) columns: Vec<String>,
    pub(super) look_ups: &'a BTreeMap<String, Table>,
    pub(super) call: Call,
    /// Parts of the expression so far: a part that is written once may be needed for each value of a
    /// list.
    pub(super) parts: usize,
}

impl Binder<'_> {
    /// Parses an expression for one of our columns.
    pub(super) fn column(&mut self, sql: &str) -> Bound<Text> {
        match self.parse(sql)? {
            Expr::Text(text) => Ok(text),
            Expr::Number(number) => Ok(Text::OfNumber(Box::new(number))),
            Expr::Truth(_) => Err("is true or false, and no text or number".into()),
            Expr::Null => Err("is always NULL".into()),
        }
    }

    /// Parses the filter expression.
    pub(super) fn condition(&mut self, sql: &str) -> Bound<Truth> {
        match self.parse(sql)? {
            Expr::Truth(truth) => Ok(truth),
            Expr::Text(_) | Expr::Number(_) | Expr::Null => Err("is neither true nor false".into()),
        }
    }

    fn parse(&mut self, sql: &str) -> Bound<Expr> {
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            let thread = thread.spawn_scoped(scope, || self.parse_here(sql));
            let thread = thread.map_err(|error| format!("cannot be read now: {error}"))?;
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn parse_here(&mut self, sql: &str) -> Bound<Expr> {
        if sql.len() > BYTES_MAX {
            return Err(format!("has {} bytes, the limit is {BYTES_MAX}", sql.len()));
        }
        let dialect = PostgreSqlDialect {};
        let tokens = Tokenizer::new(&dialect, sql).tokenize_with_location();
        let tokens = tokens.map_err(|error| error.to_string())?;
        let count = tokens.iter().filter(|it| !matches!(it.token, Token::Whitespace(_))).count();
        if count > TOKENS_MAX {
            return Err(format!("has {count} words and signs, the limit is {TOKENS_MAX}"));
        }
        let mut parser = Parser::new(&dialect)
            .with_recursion_limit(DEPTH_MAX)
            .with_tokens_with_locations(tokens);
        let parsed = parser.parse_expr().map_err(|error| error.to_string())?;
        let rest = parser.peek_token().token;
        if rest != Token::EOF {
            return Err(format!("has {rest} behind its end; one expression is wanted"));
        }
        self.parts = 0;
        self.expr(&parsed)
    }

    pub(super) fn expr(&mut self, sql: &Sql) -> Bound<Expr> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(format!("has more than {PARTS_MAX} parts"));
        }
        match sql {
            Sql::Identifier(name) => Ok(Expr::Text(self.of_file(name))),
            Sql::Value(value) => literal(&value.value),
            Sql::Nested(inner) => self.expr(inner),
            Sql::UnaryOp { op, expr } => self.unary(*op, expr),
            Sql::BinaryOp { left, op, right } => self.binary(left, op, right),
            Sql::IsNull(inner) => Ok(Expr::Truth(self.is_null(inner)?)),
            Sql::IsNotNull(inner) => Ok(Expr::Truth(not(self.is_null(inner)?))),
            Sql::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Sql::Between { expr, negated, low, high } => {
                let low = self.compared(Comparison::GreaterOrEqual, expr, low)?;
                let high = self.compared(Comparison::LessOrEqual, expr, high)?;
                Ok(Expr::Truth(negated_if(*negated, and(low, high))))
            }
            Sql::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, *negated, false)
            }
            Sql::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, *negated, true)
            }
            Sql::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
                ..
            } => self.cast(expr, data_type),
            Sql::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            other => (self.call)(self, other),
        }
    }

    /// A column of the file.
    fn of_file(&mut self, name: &Ident) -> Text {
        let known = self.columns.iter().position(|column| *column == name.value);
        Text::Column(known.unwrap_or_else(|| {
            self.columns.push(name.value.clone());
            self.columns.len() - 1
        }))
    }

    pub(super) fn text(&mut self, sql: &Sql) -> Bound<Text> {
        match self.expr(sql)? {
            Expr::Text(text) => Ok(text),
            Expr::Null => Ok(Text::Literal(None)),
            Expr::Number(_) | Expr::Truth(_) => Err(format!(
                "has {sql} where a text is wanted; CAST(… AS TEXT) makes one of a number"
            )),
        }
    }

    pub(super) fn number(&mut self, sql: &Sql) -> Bound<Number> {
        match self.expr(sql)? {
            Expr::Number(number) => Ok(number),
            Expr::Null => Ok(Number { kind: NumberKind::Literal(None), places: 0 }),
            Expr::Text(_) | Expr::Truth(_) => Err(format!(
                "has {sql} where a number is wanted; CAST({sql} AS DECIMAL(18,4)) makes one of a text"
            )),
        }
    }

    fn truth(&mut self, sql: &Sql) -> Bound<Truth> {
        match self.expr(sql)? {
            Expr::Truth(truth) => Ok(truth),
            Expr::Null => Ok(Truth::Literal(None)),
            Expr::Text(_) | Expr::Number(_) => {
                Err(format!("has {sql} where something true or false is wanted"))
            }
        }
    }

    fn is_null(&mut self, sql: &Sql) -> Bound<Truth> {
        Ok(Truth::IsNull(Box::new(self.expr(sql)?)))
    }

    fn unary(&mut self, op: UnaryOperator, sql: &Sql) -> Bound<Expr> {
        match op {
            UnaryOperator::Not => Ok(Expr::Truth(not(self.truth(sql)?))),
            UnaryOperator::Plus => Ok(Expr::Number(self.number(sql)?)),
            UnaryOperator::Minus => {
                let number = self.number(sql)?;
                let places = number.places;
                Ok(Expr::Number(Number { kind: NumberKind::Negated(Box::new(number)), places }))
            }
            other => Err(format!("has the operator {other}, which is not allowed")),
        }
    }

    fn binary(&mut self, left: &Sql, op: &BinaryOperator, right: &Sql) -> Bound<Expr> {
        let compare = match op {
            BinaryOperator::Plus => return self.calculated(Operator::Plus, left, right),
            BinaryOperator::Minus => return self.calculated(Operator::Minus, left, right),
            BinaryOperator::Multiply => return self.calculated(Operator::Times, left, right),
            BinaryOperator::Divide => return self.calculated(Operator::Divided, left, right),
            BinaryOperator::StringConcat => {
                let (left, right) = (self.part(left)?, self.part(right)?);
                return Ok(Expr::Text(Text::Concat(Box::new(left), Box::new(right))));
            }
            BinaryOperator::And => {
                return Ok(Expr::Truth(and(self.truth(left)?, self.truth(right)?)));
            }
            BinaryOperator::Or => {
                return Ok(Expr::Truth(or(self.truth(left)?, self.truth(right)?)));
            }
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::NotEqual,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::LessOrEqual,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::GreaterOrEqual,
            other => return Err(format!("has the operator {other}, which is not allowed")),
        };
        Ok(Expr::Truth(self.compared(compare, left, right)?))
    }

    /// A value that may be concatenated.
    pub(super) fn part(&mut self, sql: &Sql) -> Bound<Text> {
        match self.expr(sql)? {
            Expr::Number(number) => Ok(Text::OfNumber(Box::new(number))),
            Expr::Text(text) => Ok(text),
            Expr::Null => Ok(Text::Literal(None)),
            Expr::Truth(_) => Err(format!("has {sql} where a text is wanted")),
        }
    }

    fn calculated(&mut self, operator: Operator, left: &Sql, right: &Sql) -> Bound<Expr> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        let places = number::places(operator, left.places, right.places);
        if places > PLACES_MAX {
            return Err(format!(
                "has a product of {places} decimal places, the limit is {PLACES_MAX}; ROUND(…, 4) \
                 one of its factors"
            ));
        }
        let kind = NumberKind::Arithmetic(operator, Box::new(left), Box::new(right));
        Ok(Expr::Number(Number { kind, places }))
    }

    pub(super) fn compared(&mut self, op: Comparison, left: &Sql, right: &Sql) -> Bound<Truth> {
        match (self.expr(left)?, self.expr(right)?) {
            (Expr::Text(l), Expr::Text(r)) => Ok(Truth::CompareTexts(op, Box::new(l), Box::new(r))),
            (Expr::Number(l), Expr::Number(r)) => {
                Ok(Truth::CompareNumbers(op, Box::new(l), Box::new(r)))
            }
            (Expr::Null, _) | (_, Expr::Null) => {
                Err("compares with NULL, which is never true; IS NULL asks for it".into())
            }
            _ => Err(format!(
                "compares {left} with {right}, which are not both texts or both numbers; \
                 CAST(… AS DECIMAL(18,4)) makes a number of a text"
            )),
        }
    }

    fn in_list(&mut self, sql: &Sql, list: &[Sql], negated: bool) -> Bound<Expr> {
        if let (Some(texts), Expr::Text(text)) = (texts(list), self.expr(sql)?) {
            let one_of = Truth::OneOf(Box::new(text), texts);
            return Ok(Expr::Truth(negated_if(negated, one_of)));
        }
        let mut any: Option<Truth> = None;
        for one in list {
            let equal = self.compared(Comparison::Equal, sql, one)?;
            any = Some(any.map_or(equal.clone(), |any| or(any, equal)));
        }
        let any = any.ok_or("has an IN without values")?;
        Ok(Expr::Truth(negated_if(negated, any)))
    }

    fn like(&mut self, sql: &Sql, pattern: &Sql, negated: bool, any_case: bool) -> Bound<Expr> {
        let text = Box::new(self.text(sql)?);
        let Expr::Text(Text::Literal(Some(pattern))) = self.expr(pattern)? else {
            return Err(format!("has the pattern {pattern}; a pattern is a text in quotes"));
        };
        let pattern = if any_case { pattern.to_lowercase() } else { pattern.into_string() };
        let like = Truth::Like { text, pattern: pattern.chars().collect(), any_case };
        Ok(Expr::Truth(negated_if(negated, like)))
    }

    fn cast(&mut self, sql: &Sql, to: &DataType) -> Bound<Expr> {
        let (digits, places) = match to {
            DataType::Text
            | DataType::Varchar(None)
            | DataType::CharVarying(None)
            | DataType::CharacterVarying(None) => return Ok(Expr::Text(self.part(sql)?)),
            DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
                decimal(*info)?
            }
            DataType::SmallInt(None)
            | DataType::Int(None)
            | DataType::Integer(None)
            | DataType::BigInt(None) => (number::DIGITS_MAX, 0),
            DataType::Real
            | DataType::Float(_)
            | DataType::Double(_)
            | DataType::DoublePrecision
            | DataType::Float4
            | DataType::Float8 => {
                return Err(format!(
                    "has a {to}, which is not exact; CAST({sql} AS DECIMAL(18,4)) is"
                ));
            }
            DataType::Date | DataType::Timestamp(..) | DataType::Datetime(_) => {
                return Err(format!(
                    "has a {to}; what it makes is read by the formats in `dates`, so a text is wanted"
                ));
            }
            other => return Err(format!("has the type {other}; known are TEXT INTEGER DECIMAL")),
        };
        let kind = match self.expr(sql)? {
            Expr::Text(text) => NumberKind::OfText(Box::new(text), digits),
            Expr::Number(number) if number.places <= places => {
                NumberKind::Rescaled(Box::new(number), digits)
            }
            Expr::Number(_) => {
                return Err(format!("has a CAST that would round; ROUND({sql}, {places}) says so"));
            }
            Expr::Null => NumberKind::Literal(None),
            Expr::Truth(_) => return Err(format!("has {sql} where a text or number is wanted")),
        };
        Ok(Expr::Number(Number { kind, places }))
    }

    fn case(
        &mut self,
        operand: Option<&Sql>,
        conditions: &[CaseWhen],
        other: Option<&Sql>,
    ) -> Bound<Expr> {
        let mut truths = Vec::with_capacity(conditions.len());
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for CaseWhen { condition, result } in conditions {
            truths.push(match operand {
                Some(operand) => self.compared(Comparison::Equal, operand, condition)?,
                None => self.truth(condition)?,
            });
            values.push(self.expr(result)?);
        }
        values.push(other.map_or(Ok(Expr::Null), |other| self.expr(other))?);
        Ok(match alike(values)? {
            Alike::Texts(texts) => Expr::Text(Text::Case(arms(truths, texts)?)),
            Alike::Numbers(numbers, places) => {
                Expr::Number(Number { kind: NumberKind::Case(arms(truths, numbers)?), places })
            }
            Alike::Nulls => Expr::Null,
        })
    }
}

/// A list of only texts.
fn texts(list: &[Sql]) -> Option<BTreeSet<Box<str>>> {
    let texts = list.iter().map(|sql| match sql {
        Sql::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
            Some(text.as_str().into())
        }
        _ => None,
    });
    texts.collect::<Option<BTreeSet<_>>>().filter(|texts| !texts.is_empty())
}

fn and(left: Truth, right: Truth) -> Truth {
    Truth::And(Box::new(left), Box::new(right))
}

fn or(left: Truth, right: Truth) -> Truth {
    Truth::Or(Box::new(left), Box::new(right))
}

fn not(truth: Truth) -> Truth {
    Truth::Not(Box::new(truth))
}

fn negated_if(negated: bool, truth: Truth) -> Truth {
    if negated { not(truth) } else { truth }
}
