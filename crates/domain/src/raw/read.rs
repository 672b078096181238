//! From JSON to a draft: which fields there are, and what each of them says.

use super::json::{NOTHING, PROBLEMS_MAX};
use super::{shown, value};
use crate::charge::Charge;
use crate::order::{Draft, Kind, LINES_MAX, Line, TEXT_BYTES_MAX, kind_and_total};
use crate::problem::Problem;
use crate::{Money, OrderId, PartnerId, ProductId, ids::IdError};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub(super) type Fields = Map<String, Value>;

/// Fields of an order in its long form. The short form has one line's fields at the top instead of
/// `lines`.
pub(super) const ORDER_FIELDS: &[&str] = &[
    "order_id",
    "partner",
    "kind",
    "timestamp",
    "ordered_at",
    "currency",
    "customer",
    "region",
    "lines",
    "charges",
    "tax_given",
    "metadata",
    "returns",
    "total",
    "vip",
];
pub(super) const LINE_FIELDS: &[&str] = &[
    "product_id",
    "product",
    "quantity",
    "price",
    "unit_price",
    "description",
    "category",
    "discount",
    "tax_category",
];

/// Where fields stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Order,
    Line(usize),
    Charge(usize),
    Customer,
    /// An address of the customer, by its name.
    Address(&'static str),
    Metadata,
}

impl Place {
    /// Path of one of its fields; of the place itself without a name.
    fn path(self, name: &str) -> String {
        let mut path = String::new();
        let mut item = |list: &str, index: usize| {
            shown::add_member(&mut path, list);
            shown::add_item(&mut path, index);
        };
        match self {
            Self::Order => {}
            Self::Line(index) => item("lines", index),
            Self::Charge(index) => item("charges", index),
            Self::Customer => shown::add_member(&mut path, "customer"),
            Self::Address(name) => {
                shown::add_member(&mut path, "customer");
                shown::add_member(&mut path, name);
            }
            Self::Metadata => shown::add_member(&mut path, "metadata"),
        }
        if !name.is_empty() {
            shown::add_member(&mut path, name);
        }
        path
    }
}

/// A field; `null` is as good as none.
pub(super) fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// Collects problems while it reads.
#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<Problem>,
    more: usize,
}

impl Reader {
    /// The order, or all problems.
    pub(super) fn draft(
        mut self,
        json: &Value,
        sender: Option<&PartnerId>,
    ) -> Result<Draft, Vec<Problem>> {
        let draft = match json {
            Value::Object(fields) => self.order(fields, sender),
            Value::Null => self.wrong(Place::Order, "", NOTHING),
            other => {
                let reason = format!("is {}, not a JSON object", shown::value(other));
                self.wrong(Place::Order, "", reason)
            }
        };
        if self.more > 0 {
            let reason = format!("and {} more problems", self.more);
            self.problems.push(Problem { field: String::new(), reason });
        }
        draft.filter(|_| self.problems.is_empty()).ok_or(self.problems)
    }

    pub(super) fn wrong_at(&mut self, field: String, reason: impl ToString) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { field, reason: reason.to_string() });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn wrong<T>(
        &mut self,
        place: Place,
        name: &str,
        reason: impl ToString,
    ) -> Option<T> {
        self.wrong_at(place.path(name), reason);
        None
    }

    fn order(&mut self, fields: &Fields, sender: Option<&PartnerId>) -> Option<Draft> {
        let here = Place::Order;
        let lines = given(fields, "lines");
        self.order_names(fields, lines.is_some());
        let order_id = self.id(here, fields, "order_id", OrderId::parse);
        let partner = self.partner(fields, sender);
        let ordered_at = self.time(fields);
        let buyer = self.buyer(fields);
        let currency = self.currency(fields);
        let region = self.text(here, fields, "region");
        let lines = match lines {
            None => self.line(here, fields).map(|line| vec![line]),
            Some(Value::Array(lines)) => self.lines(lines),
            Some(other) => {
                let reason = format!("is {}, not a list", shown::value(other));
                self.wrong(here, "lines", reason)
            }
        };
        let charges = self.charges(fields);
        let tax_given = self.amount(here, fields, "tax_given");
        let metadata = self.metadata(fields);
        let said = self.kind(fields);
        let (lines, charges, (customer, person)) = (lines?, charges?, buyer?);
        let (kind, total) = self.kind_and_total(fields, said?, &lines, &charges)?;
        let order_id = order_id?;
        let returns = self.returns(fields, kind, &order_id);
        Some(Draft {
            order_id,
            partner: Some(partner?),
            kind,
            ordered_at: ordered_at?,
            currency: currency?,
            customer,
            person,
            region: region?,
            lines,
            charges,
            tax_given: tax_given?,
            metadata: metadata?,
            returns: returns?,
            total,
        })
    }

    fn order_names(&mut self, fields: &Fields, long: bool) {
        for name in fields.keys().map(String::as_str) {
            if ORDER_FIELDS.contains(&name) || (!long && LINE_FIELDS.contains(&name)) {
                continue;
            }
            if LINE_FIELDS.contains(&name) {
                let reason = "belongs to a line and stands beside `lines`";
                self.wrong::<()>(Place::Order, name, reason);
                continue;
            }
            let of_lines = if long { &[] } else { LINE_FIELDS };
            let known = ORDER_FIELDS.iter().chain(of_lines).copied();
            let hint = shown::suggestion(name, known);
            self.wrong::<()>(Place::Order, name, format!("is not a field of an order{hint}"));
        }
    }

    pub(super) fn names(
        &mut self,
        place: Place,
        fields: &Fields,
        known: &'static [&str],
        what: &str,
    ) {
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = shown::suggestion(name, known.iter().copied());
            self.wrong::<()>(place, name, format!("is not a field of {what}{hint}"));
        }
    }

    /// The value of a field that has two names, with the name that was used. It may be given once.
    fn either<'a>(
        &mut self,
        place: Place,
        fields: &'a Fields,
        [usual, other]: [&'static str; 2],
    ) -> Option<(&'static str, Option<&'a Value>)> {
        match (given(fields, usual), given(fields, other)) {
            (Some(_), Some(_)) => {
                self.wrong(place, other, format!("means the same as `{usual}`; give one of them"))
            }
            (None, Some(value)) => Some((other, Some(value))),
            (value, None) => Some((usual, value)),
        }
    }

    pub(super) fn id<T>(
        &mut self,
        place: Place,
        fields: &Fields,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Option<T> {
        self.id_value(place, name, given(fields, name), parse)
    }

    pub(super) fn id_value<T>(
        &mut self,
        place: Place,
        name: &'static str,
        value: Option<&Value>,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Option<T> {
        let parsed = match value {
            None => return self.wrong(place, name, "is missing"),
            Some(Value::String(text)) => parse(text),
            Some(Value::Number(number)) if number.is_u64() => parse(&number.to_string()),
            Some(other) => {
                let shown = shown::value(other);
                let reason = format!("is {shown}, neither text nor a whole number of 64 bits");
                return self.wrong(place, name, reason);
            }
        };
        parsed.map_or_else(|error| self.wrong(place, name, error), Some)
    }

    fn partner(&mut self, fields: &Fields, sender: Option<&PartnerId>) -> Option<PartnerId> {
        if given(fields, "partner").is_none() {
            return Some(sender.cloned().unwrap_or_else(PartnerId::direct));
        }
        let partner = self.id(Place::Order, fields, "partner", PartnerId::parse)?;
        match sender {
            Some(sender) if *sender != partner => {
                let reason = format!("is {partner}, but {sender} sent it");
                self.wrong(Place::Order, "partner", reason)
            }
            _ => Some(partner),
        }
    }

    pub(super) fn text(
        &mut self,
        place: Place,
        fields: &Fields,
        name: &str,
    ) -> Option<Option<String>> {
        match given(fields, name) {
            None => Some(None),
            Some(Value::String(text)) if text.len() > TEXT_BYTES_MAX => {
                let len = text.len();
                let reason = format!("has {len} bytes, the limit is {TEXT_BYTES_MAX}");
                self.wrong(place, name, reason)
            }
            Some(Value::String(text)) => {
                let text = text.trim();
                Some((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(other) => self.wrong(place, name, format!("is {}, not text", shown::value(other))),
        }
    }

    fn currency(&mut self, fields: &Fields) -> Option<Option<String>> {
        match self.text(Place::Order, fields, "currency")? {
            Some(code) if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) => {
                let shown = shown::value(&code.into());
                let reason = format!("is {shown}, not three capital letters (ISO 4217)");
                self.wrong(Place::Order, "currency", reason)
            }
            code => Some(code),
        }
    }

    fn time(&mut self, fields: &Fields) -> Option<Option<DateTime<Utc>>> {
        let names = ["timestamp", "ordered_at"];
        let (name, value) = self.either(Place::Order, fields, names)?;
        let Some(value) = value else { return Some(None) };
        match value::time(value) {
            Ok(time) => Some(Some(time)),
            Err(reason) => self.wrong(Place::Order, name, reason),
        }
    }

    fn lines(&mut self, lines: &[Value]) -> Option<Vec<Line>> {
        if lines.is_empty() || LINES_MAX < lines.len() {
            // Not read: each of very many lines could have problems of its own.
            let reason = format!("has {} lines; an order has 1 to {LINES_MAX}", lines.len());
            return self.wrong(Place::Order, "lines", reason);
        }
        let read: Vec<Option<Line>> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let place = Place::Line(index);
                let Value::Object(fields) = line else {
                    let reason = format!("is {}, not a JSON object", shown::value(line));
                    return self.wrong(place, "", reason);
                };
                self.names(place, fields, LINE_FIELDS, "an order line");
                self.line(place, fields)
            })
            .collect();
        read.into_iter().collect()
    }

    fn line(&mut self, place: Place, fields: &Fields) -> Option<Line> {
        let product = self.either(place, fields, ["product_id", "product"]);
        let product_id =
            product.and_then(|(name, value)| self.id_value(place, name, value, ProductId::parse));
        let quantity = self.quantity(place, fields);
        let unit_price = self.price(place, fields);
        let description = self.text(place, fields, "description");
        let category = self.text(place, fields, "category");
        let discount = self.amount(place, fields, "discount");
        let tax_category = self.tax_category(place, fields);
        let line = Line {
            product_id: product_id?,
            quantity: quantity?,
            unit_price: unit_price?,
            description: description?,
            category: category?,
            discount: discount?,
            tax_category: tax_category?,
        };
        match line.discount_problem() {
            None => Some(line),
            Some(reason) => self.wrong(place, "discount", reason),
        }
    }

    fn quantity(&mut self, place: Place, fields: &Fields) -> Option<i64> {
        match given(fields, "quantity").map(value::quantity) {
            None => self.wrong(place, "quantity", "is missing"),
            Some(Ok(quantity)) => Some(quantity),
            Some(Err(reason)) => self.wrong(place, "quantity", reason),
        }
    }

    fn price(&mut self, place: Place, fields: &Fields) -> Option<Money> {
        let (name, value) = self.either(place, fields, ["price", "unit_price"])?;
        match value.map(value::amount) {
            None => self.wrong(place, name, "is missing"),
            Some(Ok(money)) if money < Money::ZERO => {
                let reason = format!(
                    "is {money}; a price is not below zero, and what is taken off is a `discount` or \
                     one of `charges`"
                );
                self.wrong(place, name, reason)
            }
            Some(Ok(money)) => Some(money),
            Some(Err(reason)) => self.wrong(place, name, reason),
        }
    }

    fn kind(&mut self, fields: &Fields) -> Option<Option<Kind>> {
        match given(fields, "kind") {
            None => Some(None),
            Some(Value::String(kind)) if kind == "sale" => Some(Some(Kind::Sale)),
            Some(Value::String(kind)) if kind == "return" => Some(Some(Kind::Return)),
            Some(other) => {
                let shown = shown::value(other);
                let reason = format!("is {shown}, neither \"sale\" nor \"return\"");
                self.wrong(Place::Order, "kind", reason)
            }
        }
    }

    fn kind_and_total(
        &mut self,
        fields: &Fields,
        said: Option<Kind>,
        lines: &[Line],
        charges: &[Charge],
    ) -> Option<(Kind, Money)> {
        let here = Place::Order;
        let (kind, total) = match kind_and_total(lines, charges) {
            Ok(found) => found,
            Err(error) => return self.wrong(here, "lines", error),
        };
        for (index, charge) in charges.iter().enumerate() {
            if let Some(reason) = charge.problem(kind) {
                self.wrong::<()>(Place::Charge(index), "amount", reason);
            }
        }
        if said.is_some_and(|said| said != kind) {
            let reason = match kind {
                Kind::Sale => "is \"return\", but the quantities are above zero",
                Kind::Return => "is \"sale\", but the quantities are below zero",
            };
            self.wrong::<()>(here, "kind", reason);
        }
        match given(fields, "total").map(value::amount) {
            None => Some((kind, total)),
            Some(Ok(said)) if said == total => Some((kind, total)),
            Some(Ok(said)) => {
                let what = if charges.is_empty() { "the lines" } else { "lines and charges" };
                self.wrong(here, "total", format!("is {said}, but {what} add up to {total}"))
            }
            Some(Err(reason)) => self.wrong(here, "total", reason),
        }
    }
}
