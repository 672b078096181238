//! The functions that an expression may call.

use super::bind::Binder;
use super::number::{DIGITS_MAX, PLACES_MAX};
use super::tree::{Case, Comparison, Expr, Number, NumberKind, Text, TextFunction};
use super::values::{Alike, Bound, alike};
use crate::listed::listed;
use sqlparser::ast::{
    Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TrimWhereField,
};

/// The functions that an error message lists.
const KNOWN: &str = "ABS COALESCE CONCAT LEFT LENGTH LOOKUP LOWER LPAD LTRIM NULLIF REPLACE RIGHT ROUND \
                     RPAD RTRIM SPLIT_PART SUBSTR TRIM UPPER";

/// Functions of texts: name, function, and for each argument whether it is a text (t) or an integer
/// (n).
const TEXT_FUNCTIONS: &[(&str, TextFunction, &str)] = &[
    ("upper", TextFunction::Upper, "t"),
    ("lower", TextFunction::Lower, "t"),
    ("btrim", TextFunction::Trim, "t"),
    ("ltrim", TextFunction::TrimStart, "t"),
    ("rtrim", TextFunction::TrimEnd, "t"),
    ("left", TextFunction::Left, "tn"),
    ("right", TextFunction::Right, "tn"),
    ("substr", TextFunction::Substring, "tn"),
    ("substr", TextFunction::Substring, "tnn"),
    ("replace", TextFunction::Replace, "ttt"),
    ("split_part", TextFunction::SplitPart, "ttn"),
    ("lpad", TextFunction::PadStart, "tn"),
    ("lpad", TextFunction::PadStart, "tnt"),
    ("rpad", TextFunction::PadEnd, "tn"),
    ("rpad", TextFunction::PadEnd, "tnt"),
];

/// Converts a call of a known function; any other is refused.
pub(super) fn call(binder: &mut Binder<'_>, sql: &Sql) -> Bound<Expr> {
    match sql {
        Sql::Function(function) => {
            let (name, args) = plain(function).ok_or_else(|| refused(sql))?;
            named(binder, &name, &args).unwrap_or_else(|| Err(refused(sql)))
        }
        // The parser has separate nodes for these functions.
        Sql::Substring { expr, substring_from: Some(from), substring_for: len, .. } => {
            let args: Vec<&Sql> = [&**expr, &**from].into_iter().chain(len.as_deref()).collect();
            named(binder, "substr", &args).unwrap_or_else(|| Err(refused(sql)))
        }
        Sql::Trim { trim_where, trim_what: None, expr, trim_characters: None } => {
            let name = match trim_where {
                None | Some(TrimWhereField::Both) => "btrim",
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
            };
            named(binder, name, &[expr]).unwrap_or_else(|| Err(refused(sql)))
        }
        other => Err(refused(other)),
    }
}

fn refused(sql: &Sql) -> String {
    let text: String = sql.to_string().chars().take(80).collect();
    format!(
        "has {text}, which is not allowed: a transform sees one row and nothing else; its functions \
         are {KNOWN}"
    )
}

/// Name and arguments of a call without the clauses of aggregates, windows and table functions.
fn plain(function: &Function) -> Option<(String, Vec<&Sql>)> {
    let Function {
        name,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group,
        ..
    } = function
    else {
        return None;
    };
    if !within_group.is_empty() || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let [name] = name.0.as_slice() else { return None };
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => Some(arg),
        _ => None,
    });
    Some((name.as_ident()?.value.to_lowercase(), args.collect::<Option<_>>()?))
}

/// `None` if there is no such function with this number of arguments.
fn named(binder: &mut Binder<'_>, name: &str, args: &[&Sql]) -> Option<Bound<Expr>> {
    Some(match (name, args) {
        ("length" | "char_length" | "character_length", [text]) => binder.text(text).map(|text| {
            Expr::Number(Number { kind: NumberKind::Length(Box::new(text)), places: 0 })
        }),
        ("abs", [number]) => binder.number(number).map(|number| {
            let places = number.places;
            Expr::Number(Number { kind: NumberKind::Absolute(Box::new(number)), places })
        }),
        ("round", [number]) => rounded(binder, number, None),
        ("round", [number, places]) => rounded(binder, number, Some(places)),
        ("concat", [_, ..]) => concat(binder, args),
        ("coalesce", [_, ..]) => coalesce(binder, args),
        ("nullif", [value, null]) => null_if(binder, value, null),
        ("lookup", [table, key]) => look_up(binder, table, key),
        _ => text_function(binder, name, args)?,
    })
}

fn text_function(binder: &mut Binder<'_>, name: &str, args: &[&Sql]) -> Option<Bound<Expr>> {
    let known = TEXT_FUNCTIONS.iter();
    let (_, function, kinds) =
        known.into_iter().find(|(known, _, kinds)| *known == name && kinds.len() == args.len())?;
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for (kind, arg) in kinds.chars().zip(args) {
        if kind == 't' {
            match binder.text(arg) {
                Ok(text) => texts.push(text),
                Err(reason) => return Some(Err(reason)),
            }
        } else {
            match binder.number(arg) {
                Ok(number) if number.places == 0 => numbers.push(number),
                Ok(_) => return Some(Err(format!("has {arg} where a whole number is wanted"))),
                Err(reason) => return Some(Err(reason)),
            }
        }
    }
    Some(Ok(Expr::Text(Text::Call { function: *function, texts, numbers })))
}

fn rounded(binder: &mut Binder<'_>, number: &Sql, places: Option<&Sql>) -> Bound<Expr> {
    let number = Box::new(binder.number(number)?);
    let places = match places {
        None => 0,
        Some(places) => {
            let bound = binder.number(places)?;
            let value = match (bound.kind, bound.places) {
                (NumberKind::Literal(Some(value)), 0) => u32::try_from(value).ok(),
                _ => None,
            };
            value.filter(|value| *value <= PLACES_MAX).ok_or_else(|| {
                format!("rounds to {places} places; a number from 0 to {PLACES_MAX} is wanted")
            })?
        }
    };
    Ok(Expr::Number(Number { kind: NumberKind::Rescaled(number, DIGITS_MAX), places }))
}

/// Like `||`, but NULL is treated as an empty text.
fn concat(binder: &mut Binder<'_>, args: &[&Sql]) -> Bound<Expr> {
    let mut all: Option<Text> = None;
    for arg in args {
        let part = Text::Coalesce(vec![binder.part(arg)?, Text::Literal(Some("".into()))]);
        all = Some(match all {
            None => part,
            Some(all) => Text::Concat(Box::new(all), Box::new(part)),
        });
    }
    all.map(Expr::Text).ok_or_else(|| "has a CONCAT of nothing".to_owned())
}

fn coalesce(binder: &mut Binder<'_>, args: &[&Sql]) -> Bound<Expr> {
    let values = args.iter().map(|arg| binder.expr(arg)).collect::<Bound<Vec<_>>>()?;
    Ok(match alike(values)? {
        Alike::Texts(texts) => Expr::Text(Text::Coalesce(texts)),
        Alike::Numbers(numbers, places) => {
            Expr::Number(Number { kind: NumberKind::Coalesce(numbers), places })
        }
        Alike::Nulls => Expr::Null,
    })
}

fn null_if(binder: &mut Binder<'_>, value: &Sql, null: &Sql) -> Bound<Expr> {
    let equal = binder.compared(Comparison::Equal, value, null)?;
    Ok(match binder.expr(value)? {
        Expr::Text(text) => {
            let null = Text::Literal(None);
            Expr::Text(Text::Case(Case { arms: vec![(equal, null)], other: Box::new(text) }))
        }
        Expr::Number(number) => {
            let places = number.places;
            let null = Number { kind: NumberKind::Literal(None), places };
            let case = Case { arms: vec![(equal, null)], other: Box::new(number) };
            Expr::Number(Number { kind: NumberKind::Case(case), places })
        }
        Expr::Truth(_) | Expr::Null => return Err(format!("has {value} in a NULLIF")),
    })
}

fn look_up(binder: &mut Binder<'_>, table: &Sql, key: &Sql) -> Bound<Expr> {
    let Expr::Text(Text::Literal(Some(name))) = binder.expr(table)? else {
        return Err(format!("looks up in {table}; the name of a look-up stands in quotes"));
    };
    let Some(table) = binder.look_ups.get(&*name).cloned() else {
        let known: Vec<&str> = binder.look_ups.keys().map(String::as_str).collect();
        return Err(format!("looks up in {name:?}; look-ups are {}", listed(&known)));
    };
    Ok(Expr::Text(Text::LookUp(table, Box::new(binder.part(key)?))))
}
