//! Checks of a record before its fields are interpreted.

use crate::fault::Fault;
use crate::piece::Plan;
use crate::reject::Rule;
use crate::scanner::{Defect, Span};
use memchr::memchr;
use std::borrow::Cow;
use std::sync::Arc;

/// Checks a record's number of fields and its bytes. An error also says whether the whole record is
/// affected, or only its first line. `text` is `raw` if that is known to be UTF-8.
pub(crate) fn check_structure<'a>(
    plan: &Plan,
    fields: usize,
    raw: &'a [u8],
    text: Option<&'a str>,
    has_nul: bool,
) -> Result<&'a str, (Fault, bool)> {
    let width = plan.layout.width;
    let fault = |rule, reason: Cow<'static, str>| Fault { rule, column: None, reason };
    if fields != width {
        let rule = if fields < width { Rule::TooFewFields } else { Rule::TooManyFields };
        let reason = format!("has {fields} fields, the header has {width}");
        // An unclosed quote may extend to the first quote of the next row.
        return Err((fault(rule, reason.into()), false));
    }
    if has_nul {
        let reason = format!("byte {} of the record is zero", memchr(0, raw).unwrap_or(0) + 1);
        return Err((fault(Rule::NulByte, reason.into()), true));
    }
    text.map_or_else(|| std::str::from_utf8(raw), Ok).map_err(|error| {
        let at = error.valid_up_to() + 1;
        let reason = match plan.encoding {
            "UTF-8" => format!("byte {at} of the record is not UTF-8"),
            other => format!("byte {at} of the record, in UTF-8, was not {other}"),
        };
        (fault(Rule::InvalidUtf8, reason.into()), true)
    })
}

/// The reason for a defect, for people.
pub(crate) fn broken(defect: Defect, column: Option<Arc<str>>, limit: usize) -> Fault {
    let (rule, reason): (Rule, Cow<'static, str>) = match defect {
        Defect::StrayQuote => (Rule::StrayQuote, "a quote inside a field without quotes".into()),
        Defect::TextAfterQuote => (Rule::TextAfterQuote, "text after a closing quote".into()),
        Defect::UnclosedQuote => {
            let reason = format!("a quote is not closed within {limit} bytes or the file");
            (Rule::UnclosedQuote, reason.into())
        }
        Defect::UnclosedOnLine => (Rule::UnclosedQuote, "a quote is not closed on its line".into()),
        Defect::StrayCarriageReturn => {
            (Rule::StrayCarriageReturn, "a carriage return inside a field without quotes".into())
        }
        Defect::TooLong => (Rule::RecordTooLong, format!("is longer than {limit} bytes").into()),
    };
    let column = column.filter(|_| defect != Defect::TooLong);
    Fault { rule, column, reason }
}

/// A quote that was closed only after further rows.
pub(crate) fn row_in_quotes() -> Fault {
    let reason = "a quote is opened, and before it is closed there is a line that looks like a row; where \
                  quotes are letters, configure quote: none";
    Fault { rule: Rule::RowInQuotes, column: None, reason: reason.into() }
}

/// Does a record have several fields that are all empty?
pub(crate) fn is_empty(fields: &[Span]) -> bool {
    fields.len() > 1 && fields.iter().all(|field| field.start == field.end)
}
