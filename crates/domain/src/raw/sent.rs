//! Numbers as they were sent. A number with a point, or of more than 64 bits, is rounded when it is read; who sent
//! it is shown the digits that it wrote.

use super::shown;
use crate::problem::Problem;
use serde_json::Number;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a reason about a value begins with.
const IS: &str = "is ";

/// The problem of the order in `json`, with the number that was sent where its reason begins with a number.
pub(super) fn as_sent(json: &[u8], problem: Problem) -> Problem {
    let Problem { field, reason } = problem;
    let reason = rewritten(json, &field, &reason).unwrap_or(reason);
    Problem { field, reason }
}

fn rewritten(json: &[u8], field: &str, reason: &str) -> Option<String> {
    let is_number = |said: &&str| said.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let said = reason.strip_prefix(IS).filter(is_number)?;
    let sent = at(json, field)?;
    let read: Number = serde_json::from_str(sent).ok()?;
    // An amount is said with two decimals, and exact.
    let rest = said.strip_prefix(read.to_string().as_str())?;
    let is_all = !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    is_all.then(|| format!("{IS}{}{rest}", shown::cut(sent)))
}

/// The JSON at a path such as `lines[1].quantity`; nothing where a name holds a point or bracket.
fn at<'a>(json: &'a [u8], path: &str) -> Option<&'a str> {
    let mut here: &RawValue = serde_json::from_slice(json).ok()?;
    for step in path.split(['.', '[']) {
        let text = here.get();
        here = match step.strip_suffix(']') {
            Some(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                items.get(index.parse::<usize>().ok()?)?
            }
            None => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                members.get(step)?
            }
        };
    }
    Some(here.get())
}
