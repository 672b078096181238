//! What of a partner must fit together.

use super::shape;
use crate::problem::Problems;
use serde_yaml_ng::{Mapping, Value};
use std::collections::BTreeMap;

/// What concerns more than one setting of a partner.
pub(super) fn check(place: &str, partner: &Value, problems: &mut Problems) {
    if let Some(sftp @ Value::Mapping(_)) = partner.get("sftp") {
        let secrets = ["private-key-secret", "password-secret"];
        match secrets.iter().filter(|name| sftp.get(**name).is_some()).count() {
            1 => {}
            0 => problems.add(
                format!("{place}.sftp"),
                "needs one of private-key-secret and password-secret",
            ),
            _ => problems.add(
                format!("{place}.sftp"),
                "has both private-key-secret and password-secret; one is needed",
            ),
        }
        if partner.get("file").is_none() {
            problems.add(format!("{place}.file"), "missing; a partner with sftp needs it");
        }
    }
    if let Some(inbox) = partner.get("inbox") {
        same_endings(place, inbox, problems);
    }
    let wants_known = partner.get("rules").and_then(|rules| rules.get("known-products"));
    if wants_known == Some(&Value::Bool(true))
        && partner.get("catalogue").is_none()
        && partner.get("product-ids").is_none()
    {
        let reason = "is true, but there is neither catalogue nor product-ids";
        problems.add(format!("{place}.rules.known-products"), reason);
    }
    let Some(file) = partner.get("file") else { return };
    let delimiter = file.get("delimiter").and_then(Value::as_str).unwrap_or(",");
    let mark = file.get("decimal-mark").and_then(Value::as_str).unwrap_or(".");
    let quote = file.get("quote").and_then(Value::as_str).unwrap_or("\"");
    // In quotes both may be the same.
    if delimiter == mark && quote == "none" {
        problems.add(
            format!("{place}.file.decimal-mark"),
            format!("is {mark:?}, which separates the columns, and quote is none"),
        );
    }
    if delimiter == quote {
        let reason = format!("is {quote:?}, which separates the columns");
        problems.add(format!("{place}.file.quote"), reason);
    }
    if quote == "none" && file.get("quote-escape").is_some() {
        let reason = "says how a quote is written, but quote is none";
        problems.add(format!("{place}.file.quote-escape"), reason);
    }
    if file.get("thousands-mark").and_then(Value::as_str) == Some(mark) {
        problems.add(
            format!("{place}.file.thousands-mark"),
            format!("is {mark:?}, as is decimal-mark"),
        );
    }
    let excluded = ["footer-marker", "footer-lines"].into_iter();
    for other in
        excluded.filter(|other| file.get("trailer").is_some() && file.get(*other).is_some())
    {
        let reason = format!("excludes {other}: the trailer is the last line");
        problems.add(format!("{place}.file.trailer"), reason);
    }
    let decrypt = |key| file.get("decrypt").and_then(|decrypt| decrypt.get(key));
    if decrypt("signer-key-secret").is_some() && decrypt("required") == Some(&Value::Bool(false)) {
        let reason = "is false, but a file that is not encrypted is not signed either";
        problems.add(format!("{place}.file.decrypt.required"), reason);
    }
    made_columns(place, file, problems);
    same_columns(place, file, problems);
    whole_addresses(place, file, problems);
    if let (Some(rules), Some(_)) = (partner.get("rules"), file.get("columns")) {
        known_columns(place, rules, file, problems);
    }
}

/// Most sets of columns that are to be unique: each is remembered by itself.
const UNIQUE_MAX: usize = 4;

/// A rule is about a column that the file has, or that is made.
fn known_columns(place: &str, rules: &Value, file: &Value, problems: &mut Problems) {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_sequence().into_iter().flatten();
        list.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let mut named = Vec::new();
    if let Some(list) = rules.get("required") {
        named.extend(texts(list).into_iter().map(|column| ("required", column)));
    }
    if let Some(Value::Mapping(map)) = rules.get("values") {
        let keys = map.keys().filter_map(|key| key.as_str());
        named.extend(keys.map(|column| ("values", column.to_owned())));
    }
    if let Some(Value::Sequence(sets)) = rules.get("unique") {
        named.extend(sets.iter().flat_map(texts).map(|column| ("unique", column)));
        if UNIQUE_MAX < sets.len() {
            let reason = format!("has {} sets of columns, the limit is {UNIQUE_MAX}", sets.len());
            problems.add(format!("{place}.rules.unique"), reason);
        }
    }
    let is_known = |column: &str| shape::is_column(column);
    for (rule, column) in named {
        let is_named = file.get("columns").is_some_and(|columns| columns.get(&column).is_some());
        if is_known(&column) && !is_named && !is_made(file, &column) {
            let reason = format!("names {column}, which is not among the file's columns");
            problems.add(format!("{place}.rules.{rule}"), reason);
        }
    }
}

/// A column is named or made, and five must be there.
fn made_columns(place: &str, file: &Value, problems: &mut Problems) {
    let Some(Value::Mapping(columns)) = file.get("columns") else { return };
    for key in ["order-id", "product-id", "quantity", "unit-price", "ordered-at"] {
        if !columns.contains_key(key) && !is_made(file, key) {
            problems.add(format!("{place}.file.columns.{key}"), "missing");
        }
    }
    for (key, _) in headers(columns).into_iter().filter(|(key, _)| is_made(file, key)) {
        problems.add(
            format!("{place}.file.transform.columns.{key}"),
            "makes a column that `columns` names as well; one of the two has to go",
        );
    }
}

/// Most lines of a street.
const LINES_MAX: usize = domain::person::ADDRESS_LINES_MAX;

/// An address without these parts could not be placed.
fn whole_addresses(place: &str, file: &Value, problems: &mut Problems) {
    let has = |key: &str| {
        let in_file = key.split('.').try_fold(file.get("columns")?, |value, key| value.get(key));
        (in_file.is_some() || is_made(file, key)).then_some(())
    };
    for address in ["billing", "delivery"] {
        let key = |part: &str| format!("{address}.{part}");
        let parts = ["street", "city", "country"];
        let all = parts.into_iter().chain(["postal-code", "region"]);
        if !all.map(key).any(|key| has(&key).is_some()) {
            continue;
        }
        for key in parts.map(key).iter().filter(|key| has(key).is_none()) {
            problems.add(
                format!("{place}.file.columns.{key}"),
                "missing; an address needs street, city and country, of a column or a transform",
            );
        }
        let street = file.get("columns").and_then(|columns| columns.get(address)?.get("street"));
        let lines = street.and_then(Value::as_sequence).map_or(1, Vec::len);
        if LINES_MAX < lines {
            let reason = format!("has {lines} columns, a street has at most {LINES_MAX} lines");
            problems.add(format!("{place}.file.columns.{}", key("street")), reason);
        }
    }
}

/// Does the file's transform make this column?
fn is_made(file: &Value, key: &str) -> bool {
    let made = file.get("transform").and_then(|transform| transform.get("columns"));
    made.is_some_and(|made| made.get(key).is_some())
}

/// Of two files with one ending nobody could say which is which.
fn same_endings(place: &str, inbox: &Value, problems: &mut Problems) {
    let endings = ["done-marker", "checksum", "manifest"];
    let mut seen = BTreeMap::new();
    for key in endings {
        let Some(ending) = inbox.get(key).and_then(Value::as_str) else { continue };
        if let Some(other) = seen.insert(ending, key) {
            let reason = format!("is {ending:?}, as is {other}");
            problems.add(format!("{place}.inbox.{key}"), reason);
        }
    }
}

/// One column of the file cannot be two things, but for what is said of a person.
fn same_columns(place: &str, file: &Value, problems: &mut Problems) {
    let Some(Value::Mapping(columns)) = file.get("columns") else { return };
    let mut seen: Vec<(String, String)> = Vec::new();
    for (key, names) in headers(columns) {
        for header in names {
            let name = header.trim().to_lowercase();
            let is_same = |(other, taken): &&(String, String)| {
                *taken == name
                    && !(shape::is_person(&key) && *other != key)
                    && !shape::is_person(other)
            };
            if let Some((other, _)) = seen.iter().find(is_same).filter(|(other, _)| *other != key) {
                problems.add(
                    format!("{place}.file.columns.{key}"),
                    format!("is {header:?}, as is {other}"),
                );
            }
            seen.push((key.clone(), name));
        }
    }
}

/// The columns and what each may be called; those of an address by their path.
fn headers(columns: &Mapping) -> Vec<(String, Vec<&str>)> {
    let mut all = Vec::new();
    for (key, value) in columns {
        match (key.as_str(), value) {
            (Some(key), Value::Mapping(parts)) => {
                let part =
                    |(part, value)| Some((format!("{key}.{}", Value::as_str(part)?), texts(value)));
                all.extend(parts.iter().filter_map(part));
            }
            (Some(key), value) => all.push((key.to_owned(), texts(value))),
            (None, _) => {}
        }
    }
    all
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Sequence(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}
