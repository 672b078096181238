//! What a partner looks like in the configuration.

use super::checks;
use super::problem::Problems;
use serde_yaml_ng::Value;

/// Gives the reason why a text is not good, if it is not.
type Check = fn(&str) -> Option<String>;

pub(super) enum Shape {
    Map(&'static [Field]),
    Text(Check),
    Texts(Check),
    /// One text, or a list of them.
    Names(Check),
    OneOf(&'static [&'static str]),
    /// A list of these.
    List(&'static Shape),
    Flag,
    Whole {
        min: u64,
        max: u64,
    },
    Percent,
    /// A map from texts, each to one of these.
    Choices(&'static [&'static str]),
    /// Maps from texts to texts, or tables in files, each with a name of its own.
    Tables,
}

/// Name, whether it must be there, and what it must be.
pub(super) struct Field(pub(super) &'static str, pub(super) bool, pub(super) Shape);

const REQUIRED: bool = true;
const OPTIONAL: bool = false;

pub(super) static PARTNER: Shape = Shape::Map(&[
    Field("warehouse", OPTIONAL, Shape::Text(checks::warehouse)),
    Field("currency", REQUIRED, Shape::Text(checks::currency)),
    Field("seller", OPTIONAL, Shape::Text(checks::text)),
    Field("time-zone", OPTIONAL, Shape::Text(checks::time_zone)),
    Field("stock", OPTIONAL, Shape::OneOf(&["enforce", "if-known", "backorder", "ignore"])),
    Field("prices", OPTIONAL, Shape::OneOf(&["off", "warn", "refuse"])),
    Field("price-tolerance", OPTIONAL, Shape::Percent),
    Field("sftp", OPTIONAL, Shape::Map(SFTP)),
    Field("inbox", OPTIONAL, Shape::Map(INBOX)),
    Field("expected", OPTIONAL, Shape::Text(checks::expected)),
    Field("file", OPTIONAL, Shape::Map(FILE)),
    Field("catalogue", OPTIONAL, Shape::Text(checks::table_name)),
    Field("product-ids", OPTIONAL, Shape::Text(checks::table_name)),
    Field("rules", OPTIONAL, Shape::Map(RULES)),
]);

const SFTP: &[Field] = &[
    Field("host", REQUIRED, Shape::Text(checks::word)),
    Field("port", OPTIONAL, Shape::Whole { min: 1, max: 65_535 }),
    Field("user", REQUIRED, Shape::Text(checks::word)),
    Field("host-key", REQUIRED, Shape::Text(checks::host_key)),
    Field("private-key-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("password-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("path", OPTIONAL, Shape::Text(checks::path)),
];

const INBOX: &[Field] = &[
    Field("done-marker", OPTIONAL, Shape::Text(checks::marker)),
    Field("checksum", OPTIONAL, Shape::Text(checks::marker)),
    Field("manifest", OPTIONAL, Shape::Text(checks::marker)),
    Field("side-files", OPTIONAL, Shape::OneOf(&["required", "optional"])),
    Field("temporary", OPTIONAL, Shape::Texts(checks::temporary)),
    Field("min-age-seconds", OPTIONAL, Shape::Whole { min: 0, max: 86_400 }),
    Field("max-bytes", OPTIONAL, Shape::Whole { min: 1, max: 1 << 40 }),
];

const FILE: &[Field] = &[
    Field("delimiter", OPTIONAL, Shape::Text(checks::delimiter)),
    Field("encoding", OPTIONAL, Shape::Text(checks::encoding)),
    Field("quote", OPTIONAL, Shape::Text(checks::quote)),
    Field("quote-escape", OPTIONAL, Shape::OneOf(&["doubled", "backslash"])),
    Field("line-ends-in-fields", OPTIONAL, Shape::Flag),
    Field("decimal-mark", OPTIONAL, Shape::OneOf(&[".", ","])),
    Field("thousands-mark", OPTIONAL, Shape::OneOf(&[".", ",", " ", "'"])),
    Field("currency-signs", OPTIONAL, Shape::Texts(checks::currency_sign)),
    Field("dates", OPTIONAL, Shape::Texts(checks::date_format)),
    Field("preamble-lines", OPTIONAL, Shape::Whole { min: 0, max: 1_000 }),
    Field("footer-lines", OPTIONAL, Shape::Whole { min: 0, max: 20 }),
    Field("footer-marker", OPTIONAL, Shape::Text(checks::text)),
    Field("trailer", OPTIONAL, Shape::Map(TRAILER)),
    Field("continued-rows", OPTIONAL, Shape::Flag),
    Field("decrypt", OPTIONAL, Shape::Map(DECRYPT)),
    Field("columns", REQUIRED, Shape::Map(COLUMNS)),
    Field("charges", OPTIONAL, Shape::Choices(CHARGES)),
    Field("transform", OPTIONAL, Shape::Map(TRANSFORM)),
];

/// What a row with a product code may be that is no product.
const CHARGES: &[&str] = &["shipping", "discount", "fee", "gift_wrap", "rounding", "other", "tax"];

const DECRYPT: &[Field] = &[
    Field("private-key-secret", REQUIRED, Shape::Text(checks::secret_name)),
    Field("passphrase-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("signer-key-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("required", OPTIONAL, Shape::Flag),
];

const TRAILER: &[Field] = &[
    Field("marker", REQUIRED, Shape::Text(checks::text)),
    Field("rows", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("quantity", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("total", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("required", OPTIONAL, Shape::Flag),
];

/// Five of them must be here or in [`MADE`], which [`super::across`] looks at.
const COLUMNS: &[Field] = &[
    Field("order-id", OPTIONAL, Shape::Names(checks::text)),
    Field("product-id", OPTIONAL, Shape::Names(checks::text)),
    Field("quantity", OPTIONAL, Shape::Names(checks::text)),
    Field("unit-price", OPTIONAL, Shape::Names(checks::text)),
    Field("ordered-at", OPTIONAL, Shape::Names(checks::text)),
    Field("customer-id", OPTIONAL, Shape::Names(checks::text)),
    Field("description", OPTIONAL, Shape::Names(checks::text)),
    Field("region", OPTIONAL, Shape::Names(checks::text)),
    Field("category", OPTIONAL, Shape::Names(checks::text)),
    Field("currency", OPTIONAL, Shape::Names(checks::text)),
    Field("line-discount", OPTIONAL, Shape::Names(checks::text)),
    Field("tax-category", OPTIONAL, Shape::Names(checks::text)),
    Field("shipping", OPTIONAL, Shape::Names(checks::text)),
    Field("discount", OPTIONAL, Shape::Names(checks::text)),
    Field("tax-given", OPTIONAL, Shape::Names(checks::text)),
];

const COLUMN: Shape = Shape::OneOf(&[
    "order-id",
    "product-id",
    "quantity",
    "unit-price",
    "ordered-at",
    "customer-id",
    "description",
    "region",
    "category",
]);

const VALUES: &[Field] = &[
    Field("product-id", OPTIONAL, Shape::Texts(checks::text)),
    Field("description", OPTIONAL, Shape::Texts(checks::text)),
    Field("region", OPTIONAL, Shape::Texts(checks::text)),
    Field("category", OPTIONAL, Shape::Texts(checks::text)),
];

/// What expressions are, only `tabular` knows.
const TRANSFORM: &[Field] = &[
    Field("columns", OPTIONAL, Shape::Map(MADE)),
    Field("where", OPTIONAL, Shape::Text(checks::expression)),
    Field("look-ups", OPTIONAL, Shape::Tables),
];

const MADE: &[Field] = &[
    Field("order-id", OPTIONAL, Shape::Text(checks::expression)),
    Field("product-id", OPTIONAL, Shape::Text(checks::expression)),
    Field("quantity", OPTIONAL, Shape::Text(checks::expression)),
    Field("unit-price", OPTIONAL, Shape::Text(checks::expression)),
    Field("ordered-at", OPTIONAL, Shape::Text(checks::expression)),
    Field("customer-id", OPTIONAL, Shape::Text(checks::expression)),
    Field("description", OPTIONAL, Shape::Text(checks::expression)),
    Field("region", OPTIONAL, Shape::Text(checks::expression)),
    Field("category", OPTIONAL, Shape::Text(checks::expression)),
    Field("currency", OPTIONAL, Shape::Text(checks::expression)),
    Field("line-discount", OPTIONAL, Shape::Text(checks::expression)),
    Field("tax-category", OPTIONAL, Shape::Text(checks::expression)),
    Field("shipping", OPTIONAL, Shape::Text(checks::expression)),
    Field("discount", OPTIONAL, Shape::Text(checks::expression)),
    Field("tax-given", OPTIONAL, Shape::Text(checks::expression)),
];

const RULES: &[Field] = &[
    Field("customer-required", OPTIONAL, Shape::Flag),
    Field("required", OPTIONAL, Shape::List(&COLUMN)),
    Field("values", OPTIONAL, Shape::Map(VALUES)),
    Field("unique", OPTIONAL, Shape::List(&Shape::List(&COLUMN))),
    Field("known-products", OPTIONAL, Shape::Flag),
    Field("price-positive", OPTIONAL, Shape::Flag),
    Field("return-prefix", OPTIONAL, Shape::Text(checks::text)),
    Field("on-bad-line", OPTIONAL, Shape::OneOf(&["reject-order", "drop-line"])),
    Field(
        "duplicates",
        OPTIONAL,
        Shape::OneOf(&["off", "per-order", "whole-file", "keep", "reject"]),
    ),
    Field("policy", OPTIONAL, Shape::OneOf(&["reject-rows", "reject-file"])),
    Field("error-budget-percent", OPTIONAL, Shape::Percent),
];

/// Is it the name of a column of ours?
pub(super) fn is_column(name: &str) -> bool {
    COLUMNS.iter().any(|field| field.0 == name)
}

/// `; did you mean "quantity"?`, if one of `known` is much like `name`.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = domain::nearest(name, known);
    nearest.map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}

/// A key as it stands in a place.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_yaml_ng::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

pub(super) fn check(place: &str, value: &Value, shape: &Shape, problems: &mut Problems) {
    let reason = match (shape, value) {
        (Shape::Map(fields), Value::Mapping(map)) => {
            check_map(place, map, fields, problems);
            None
        }
        (Shape::Map(_), _) => Some("is not a map of settings".to_owned()),
        (Shape::Tables, Value::Mapping(tables)) => {
            for (name, table) in tables {
                check_table(&format!("{place}.{}", key_text(name)), name, table, problems);
            }
            None
        }
        (Shape::Tables, _) => Some("is not a map from names to tables".to_owned()),
        (Shape::Text(check), Value::String(text)) => check(text),
        (Shape::Text(_), _) => Some("is not text; numbers need quotes".to_owned()),
        (Shape::Names(check), Value::String(text)) => check(text),
        (Shape::Texts(check) | Shape::Names(check), Value::Sequence(list)) => {
            check_list(place, list, *check, problems);
            list.is_empty().then(|| "is empty".to_owned())
        }
        (Shape::List(each), Value::Sequence(list)) => {
            for (index, value) in list.iter().enumerate() {
                check(&format!("{place}[{index}]"), value, each, problems);
            }
            list.is_empty().then(|| "is empty".to_owned())
        }
        (Shape::Texts(_) | Shape::List(_), _) => Some("is not a list".to_owned()),
        (Shape::Names(_), _) => {
            Some("is neither text nor a list of texts; numbers need quotes".to_owned())
        }
        (Shape::Choices(allowed), Value::Mapping(map)) => {
            for (name, choice) in map {
                let place = format!("{place}.{}", key_text(name));
                if name.as_str().is_none() {
                    problems.add(&place, "has a name that is not text; numbers need quotes");
                }
                check(&place, choice, &Shape::OneOf(allowed), problems);
            }
            map.is_empty().then(|| "is empty".to_owned())
        }
        (Shape::Choices(allowed), _) => {
            Some(format!("is not a map; each name has one of {}", allowed.join(" ")))
        }
        (Shape::OneOf(allowed), Value::String(text)) => {
            (!allowed.contains(&text.as_str())).then(|| {
                let meant = suggestion(text, allowed.iter().copied());
                format!("is {text:?}; allowed are {}{meant}", allowed.join(" "))
            })
        }
        (Shape::OneOf(allowed), _) => {
            Some(format!("is not text; allowed are {}", allowed.join(" ")))
        }
        (Shape::Flag, Value::Bool(_)) => None,
        (Shape::Flag, _) => Some("is neither true nor false".to_owned()),
        (Shape::Whole { min, max }, value) => match value.as_u64() {
            Some(number) if (*min..=*max).contains(&number) => None,
            _ => Some(format!("is not a whole number from {min} to {max}")),
        },
        (Shape::Percent, value) => match value.as_f64() {
            Some(number) if (0.0..=100.0).contains(&number) => None,
            _ => Some("is not a number from 0 to 100".to_owned()),
        },
    };
    if let Some(reason) = reason {
        problems.add(place, reason);
    }
}

fn check_map(place: &str, map: &serde_yaml_ng::Mapping, fields: &[Field], problems: &mut Problems) {
    for (key, value) in map {
        let field = key.as_str().and_then(|key| fields.iter().find(|field| field.0 == key));
        let place = format!("{place}.{}", key_text(key));
        match field {
            Some(field) => check(&place, value, &field.2, problems),
            None => {
                let names: Vec<_> = fields.iter().map(|field| field.0).collect();
                let meant = suggestion(&key_text(key), names.iter().copied());
                problems.add(place, format!("is not known; known are {}{meant}", names.join(" ")));
            }
        }
    }
    for field in fields.iter().filter(|field| field.1 && !map.contains_key(field.0)) {
        problems.add(format!("{place}.{}", field.0), "missing");
    }
}

fn check_table(place: &str, name: &Value, table: &Value, problems: &mut Problems) {
    if name.as_str().is_none() {
        problems.add(place, "has a name that is not text; numbers need quotes");
    }
    let Value::Mapping(table) = table else {
        if table.is_string() {
            return check(place, table, &Shape::Text(checks::table_name), problems);
        }
        return problems.add(place, "is neither a map from texts to texts nor a table's name");
    };
    for (from, to) in table.iter().filter(|(from, to)| !(from.is_string() && to.is_string())) {
        let what = if from.is_string() { to } else { from };
        let reason = format!("has {}, which is not text; numbers need quotes", key_text(what));
        problems.add(place, reason);
    }
}

fn check_list(place: &str, list: &[Value], check: Check, problems: &mut Problems) {
    for (index, value) in list.iter().enumerate() {
        let reason = match value {
            Value::String(text) => check(text),
            _ => Some("is not text".to_owned()),
        };
        if let Some(reason) = reason {
            problems.add(format!("{place}[{index}]"), reason);
        }
    }
}
