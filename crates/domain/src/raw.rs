//! The JSON of an order, as people type it and partners send it.
//!
//! Every problem is reported at once, each by the path of its field.

use crate::order::{
    Customer, Draft, Kind, Line, LinesError, QUANTITY_MAX, TEXT_BYTES_MAX, kind_and_total,
};
use crate::problem::Problem;
use crate::{CustomerId, Money, OrderId, PartnerId, ProductId, ids::IdError};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Fields of an order in its long form. The short form has one line's fields at the top instead of
/// `lines`.
const ORDER_FIELDS: &[&str] = &[
    "order_id",
    "partner",
    "kind",
    "timestamp",
    "ordered_at",
    "currency",
    "customer",
    "region",
    "lines",
    "total",
    "vip",
];
const LINE_FIELDS: &[&str] =
    &["product_id", "product", "quantity", "price", "unit_price", "description", "category"];

/// Reads an order; `sender` is the partner that the envelope names, if it does.
///
/// Without a `partner` anywhere the order belongs to [`PartnerId::direct`].
///
/// # Errors
/// All problems of the order, by field path.
pub fn read(json: &Value, sender: Option<&PartnerId>) -> Result<Draft, Vec<Problem>> {
    let mut reader = Reader { problems: Vec::new() };
    let draft = match json {
        Value::Object(fields) => reader.order(fields, sender),
        _ => reader.wrong("", "is not a JSON object"),
    };
    match draft {
        Some(draft) if reader.problems.is_empty() => Ok(draft),
        _ => Err(reader.problems),
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn wrong<T>(&mut self, field: &str, reason: impl ToString) -> Option<T> {
        self.problems.push(Problem { field: field.into(), reason: reason.to_string() });
        None
    }

    fn order(&mut self, fields: &Map<String, Value>, sender: Option<&PartnerId>) -> Option<Draft> {
        let short = !fields.contains_key("lines");
        for name in fields.keys().map(String::as_str) {
            if !(ORDER_FIELDS.contains(&name) || short && LINE_FIELDS.contains(&name)) {
                let reason = "is not a field of an order";
                self.wrong::<()>(name, reason);
            }
        }
        let order_id = self.id(fields, "order_id", "order_id", OrderId::parse);
        let partner = self.partner(fields, sender);
        let ordered_at = self.time(fields);
        let customer = self.customer(fields);
        let lines = match fields.get("lines") {
            None => self.line(fields, "").map(|line| vec![line]),
            Some(Value::Array(lines)) => self.lines(lines),
            Some(_) => self.wrong("lines", "is not a list"),
        };
        let (kind, total) = self.kind_and_total(fields, lines.as_deref()?)?;
        Some(Draft {
            order_id: order_id?,
            partner: Some(partner?),
            kind,
            ordered_at: ordered_at?,
            currency: self.currency(fields)?,
            customer: customer?,
            region: self.text(fields, "region", "")?,
            lines: lines?,
            total,
        })
    }

    fn id<T>(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        path: &str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Option<T> {
        match fields.get(name) {
            None | Some(Value::Null) => self.wrong(path, "is missing"),
            Some(Value::String(text)) => match parse(text) {
                Ok(id) => Some(id),
                Err(error) => self.wrong(path, error),
            },
            Some(Value::Number(number)) if number.is_u64() => match parse(&number.to_string()) {
                Ok(id) => Some(id),
                Err(error) => self.wrong(path, error),
            },
            Some(_) => self.wrong(path, "is neither text nor a whole number"),
        }
    }

    fn partner(
        &mut self,
        fields: &Map<String, Value>,
        sender: Option<&PartnerId>,
    ) -> Option<PartnerId> {
        if fields.get("partner").is_none_or(Value::is_null) {
            return Some(sender.cloned().unwrap_or_else(PartnerId::direct));
        }
        let partner = self.id(fields, "partner", "partner", PartnerId::parse)?;
        match sender {
            Some(sender) if *sender != partner => {
                self.wrong("partner", format!("is {partner}, but {sender} sent it"))
            }
            _ => Some(partner),
        }
    }

    fn text(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        prefix: &str,
    ) -> Option<Option<String>> {
        let path = format!("{prefix}{name}");
        match fields.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) if text.len() > TEXT_BYTES_MAX => {
                let len = text.len();
                self.wrong(&path, format!("has {len} bytes, the limit is {TEXT_BYTES_MAX}"))
            }
            Some(Value::String(text)) => {
                let text = text.trim();
                Some((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(_) => self.wrong(&path, "is not text"),
        }
    }

    fn currency(&mut self, fields: &Map<String, Value>) -> Option<Option<String>> {
        match self.text(fields, "currency", "")? {
            Some(code) if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) => {
                self.wrong("currency", "is not three capital letters (ISO 4217)")
            }
            code => Some(code),
        }
    }

    fn time(&mut self, fields: &Map<String, Value>) -> Option<Option<DateTime<Utc>>> {
        let (name, value) = ["timestamp", "ordered_at"]
            .into_iter()
            .find_map(|name| fields.get(name).map(|value| (name, value)))
            .unwrap_or(("timestamp", &Value::Null));
        let time = match value {
            Value::Null => return Some(None),
            Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|t| t.to_utc()),
            Value::Number(number) => {
                number.as_i64().and_then(|s| DateTime::from_timestamp(s, 0)).or_else(|| {
                    // Fractions of a second are cut at milliseconds.
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "the cast saturates, and from_timestamp_millis checks the range"
                    )]
                    number
                        .as_f64()
                        .and_then(|s| DateTime::from_timestamp_millis((s * 1000.0) as i64))
                })
            }
            _ => None,
        };
        match time {
            // A year of more than four digits cannot be written as RFC 3339.
            Some(time) if (0..=253_402_300_799).contains(&time.timestamp()) => Some(Some(time)),
            _ => self.wrong(name, "is neither RFC 3339 nor seconds since 1970"),
        }
    }

    fn customer(&mut self, fields: &Map<String, Value>) -> Option<Option<Customer>> {
        let vip = self.flag(fields, "vip", "vip");
        let customer = match fields.get("customer") {
            None | Some(Value::Null) => return vip.map(|_| None),
            Some(Value::Object(customer)) => {
                for name in customer.keys().filter(|name| !matches!(name.as_str(), "id" | "vip")) {
                    self.wrong::<()>(&format!("customer.{name}"), "is not a field of a customer");
                }
                let inner = self.flag(customer, "vip", "customer.vip")?;
                let id = self.id(customer, "id", "customer.id", CustomerId::parse)?;
                Customer { id, vip: inner || vip? }
            }
            Some(_) => {
                let id = self.id(fields, "customer", "customer", CustomerId::parse)?;
                Customer { id, vip: vip? }
            }
        };
        Some(Some(customer))
    }

    fn flag(&mut self, fields: &Map<String, Value>, name: &str, path: &str) -> Option<bool> {
        match fields.get(name) {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.wrong(path, "is neither true nor false"),
        }
    }

    fn lines(&mut self, lines: &[Value]) -> Option<Vec<Line>> {
        let read: Vec<Option<Line>> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let path = format!("lines[{index}]");
                let Value::Object(fields) = line else {
                    return self.wrong(&path, "is not a JSON object");
                };
                for name in fields.keys().filter(|name| !LINE_FIELDS.contains(&name.as_str())) {
                    self.wrong::<()>(&format!("{path}.{name}"), "is not a field of an order line");
                }
                self.line(fields, &format!("{path}."))
            })
            .collect();
        read.into_iter().collect()
    }

    fn line(&mut self, fields: &Map<String, Value>, prefix: &str) -> Option<Line> {
        let product = if fields.contains_key("product") { "product" } else { "product_id" };
        let price = if fields.contains_key("price") { "price" } else { "unit_price" };
        let product_id = self.id(fields, product, &format!("{prefix}{product}"), ProductId::parse);
        let quantity = self.quantity(fields, &format!("{prefix}quantity"));
        let unit_price = self.price(fields, price, &format!("{prefix}{price}"));
        let description = self.text(fields, "description", prefix);
        let category = self.text(fields, "category", prefix);
        Some(Line {
            product_id: product_id?,
            quantity: quantity?,
            unit_price: unit_price?,
            description: description?,
            category: category?,
        })
    }

    fn quantity(&mut self, fields: &Map<String, Value>, path: &str) -> Option<i64> {
        match fields.get("quantity") {
            None | Some(Value::Null) => self.wrong(path, "is missing"),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(0) => self.wrong(path, "is 0"),
                Some(quantity) if quantity.abs() > QUANTITY_MAX => {
                    self.wrong(path, format!("is {quantity}, the limit is {QUANTITY_MAX}"))
                }
                Some(quantity) => Some(quantity),
                None => {
                    self.wrong(path, format!("is {number}, not a whole number within the limit"))
                }
            },
            Some(_) => self.wrong(path, "is not a number"),
        }
    }

    fn price(&mut self, fields: &Map<String, Value>, name: &str, path: &str) -> Option<Money> {
        let money = match fields.get(name) {
            None | Some(Value::Null) => return self.wrong(path, "is missing"),
            Some(Value::String(text)) => Money::parse(text),
            Some(Value::Number(number)) => Money::parse(&number.to_string()),
            Some(_) => return self.wrong(path, "is not a number"),
        };
        match money {
            Ok(money) if money < Money::ZERO => self.wrong(path, format!("is {money}, below zero")),
            Ok(money) => Some(money),
            Err(error) => self.wrong(path, error),
        }
    }

    fn kind_and_total(
        &mut self,
        fields: &Map<String, Value>,
        lines: &[Line],
    ) -> Option<(Kind, Money)> {
        let (kind, total) = match kind_and_total(lines) {
            Ok(found) => found,
            Err(error) => return self.wrong("lines", error),
        };
        let said = match fields.get("kind").and_then(Value::as_str) {
            _ if fields.get("kind").is_none_or(Value::is_null) => kind,
            Some("sale") => Kind::Sale,
            Some("return") => Kind::Return,
            _ => return self.wrong("kind", "is neither \"sale\" nor \"return\""),
        };
        if said != kind {
            return self.wrong("kind", LinesError::WrongKind(said));
        }
        match fields.get("total") {
            None | Some(Value::Null) => Some((kind, total)),
            Some(_) => {
                let given = match fields.get("total") {
                    Some(Value::String(text)) => Money::parse(text).ok(),
                    Some(Value::Number(number)) => Money::parse(&number.to_string()).ok(),
                    _ => None,
                };
                if given == Some(total) {
                    Some((kind, total))
                } else {
                    self.wrong(
                        "total",
                        format!("does not match the lines, which add up to {total}"),
                    )
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(json: Value, expected: &str) {
        let got = match read(&json, None) {
            Ok(draft) => format!(
                "{} {:?} {} {}",
                draft.order_id,
                draft.kind,
                draft
                    .lines
                    .iter()
                    .map(|l| format!("{}x{}@{}", l.product_id, l.quantity, l.unit_price))
                    .collect::<Vec<_>>()
                    .join(","),
                draft.total
            ),
            Err(problems) => {
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(got, expected, "for {json}");
    }

    fn with(field: &str, value: Value) -> Value {
        let mut order =
            json!({"order_id": "A1", "product_id": "P001", "quantity": 2, "price": 2.5});
        order[field] = value;
        order
    }

    #[test]
    fn a_short_order_is_understood() {
        check(with("vip", json!(true)), "A1 Sale P001x2@2.50 5.00");
        check(
            json!({"order_id": 7, "product": "P001", "quantity": -2, "price": "2.55"}),
            "7 Return P001x-2@2.55 -5.10",
        );
    }

    #[test]
    fn a_long_order_is_understood() {
        check(
            json!({"order_id": "A1", "partner": "US1", "timestamp": "2011-12-09T08:00:00Z", "customer": {"id": "17850"},
                "lines": [{"product_id": "A", "quantity": 1, "unit_price": "0.1"}, {"product_id": "B", "quantity": 2, "unit_price": "0.2"}], "total": "0.50"}),
            "A1 Sale Ax1@0.10,Bx2@0.20 0.50",
        );
    }

    #[test]
    fn quantities_are_whole_and_within_the_limit() {
        check(with("quantity", json!(0)), "quantity: is 0");
        check(
            with("quantity", json!(2.5)),
            "quantity: is 2.5, not a whole number within the limit",
        );
        check(with("quantity", json!("2")), "quantity: is not a number");
        check(
            with("quantity", json!(1_000_000_001)),
            "quantity: is 1000000001, the limit is 1000000000",
        );
        check(with("quantity", Value::Null), "quantity: is missing");
    }

    #[test]
    fn prices_are_exact_and_not_below_zero() {
        check(with("price", json!("12,50")), "price: is not a decimal number");
        check(with("price", json!("NaN")), "price: is not a decimal number");
        check(with("price", json!(-1)), "price: is -1.00, below zero");
        check(with("price", json!(0.12345)), "price: has more than 4 decimal places");
    }

    #[test]
    fn every_problem_is_named_by_its_path() {
        check(
            json!({"order_id": "", "colour": 1, "lines": [{"product_id": "A", "quantity": 1, "price": 1, "x": 1}, 7]}),
            "colour: is not a field of an order; order_id: is empty; lines[0].x: is not a field of an order line; lines[1]: is not a JSON object",
        );
        check(json!([]), "is not a JSON object");
        check(with("kind", json!("return")), "kind: is a Return but its quantities say otherwise");
        check(with("total", json!(9)), "total: does not match the lines, which add up to 5.00");
        check(
            with("timestamp", json!("yesterday")),
            "timestamp: is neither RFC 3339 nor seconds since 1970",
        );
        check(with("currency", json!("euro")), "currency: is not three capital letters (ISO 4217)");
    }

    #[test]
    fn times_are_rfc3339_or_epoch_seconds() {
        for (time, expected) in [
            (json!("2026-01-02T03:04:05+01:00"), "2026-01-02T02:04:05+00:00"),
            (json!(1_700_000_000), "2023-11-14T22:13:20+00:00"),
            (json!(1_700_000_000.5), "2023-11-14T22:13:20.500+00:00"),
        ] {
            let draft = read(&with("timestamp", time), None).unwrap();
            assert_eq!(draft.ordered_at.unwrap().to_rfc3339(), expected);
        }
    }

    #[test]
    fn a_partner_speaks_only_for_itself() {
        let us1 = PartnerId::parse("US1").unwrap();
        let order = with("partner", json!("US2"));
        assert_eq!(
            read(&order, Some(&us1)).unwrap_err()[0].to_string(),
            "partner: is US2, but US1 sent it"
        );
        assert_eq!(read(&with("partner", Value::Null), Some(&us1)).unwrap().partner, Some(us1));
    }

    #[test]
    fn the_same_content_has_the_same_hash() {
        let hash = |json: &Value| read(json, None).unwrap().content_hash();
        assert_eq!(hash(&with("price", json!("2.50"))), hash(&with("price", json!(2.5))));
        assert_ne!(hash(&with("price", json!(2.5))), hash(&with("price", json!(2.51))));
    }
}
