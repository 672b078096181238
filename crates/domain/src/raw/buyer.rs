//! Who buys, from JSON. What is said of a person is repeated in no text about it.

use super::read::{Fields, Place, Reader, given};
use crate::CustomerId;
use crate::order::Customer;
use crate::person::{Address, Person, without_separators};
use serde_json::Value;

pub(super) const CUSTOMER_FIELDS: &[&str] = &[
    "id",
    "vip",
    "name",
    "email",
    "phone",
    "company",
    "vat_number",
    "language",
    "billing",
    "delivery",
];
const ADDRESS_FIELDS: &[&str] = &["lines", "postal_code", "city", "region", "country"];

impl Reader {
    /// The customer, and what is said of the person. Who is named without a number is a guest.
    pub(super) fn buyer(&mut self, fields: &Fields) -> Option<(Option<Customer>, Option<Person>)> {
        let vip = self.flag(Place::Order, fields, "vip");
        match given(fields, "customer") {
            None => vip.map(|_| (None, None)),
            Some(Value::Object(customer)) => {
                self.names(Place::Customer, customer, CUSTOMER_FIELDS, "a customer");
                let inner = self.flag(Place::Customer, customer, "vip");
                let person = self.person(customer);
                let is_guest = person.as_ref().is_none_or(Option::is_some)
                    && given(customer, "id").is_none()
                    && given(customer, "vip").is_none();
                let customer = match is_guest {
                    true => None,
                    false => {
                        let id = self.id(Place::Customer, customer, "id", CustomerId::parse);
                        Some(Customer { id: id?, vip: inner? || vip? })
                    }
                };
                Some((customer, person?))
            }
            Some(_) => {
                let id = self.id(Place::Order, fields, "customer", CustomerId::parse);
                Some((Some(Customer { id: id?, vip: vip? }), None))
            }
        }
    }

    /// The inner `None` where nothing is said.
    fn person(&mut self, customer: &Fields) -> Option<Option<Person>> {
        if customer.keys().all(|name| matches!(name.as_str(), "id" | "vip")) {
            return Some(None);
        }
        let here = Place::Customer;
        let name = self.private(here, customer, "name");
        let email = self.private(here, customer, "email");
        let phone = self.private(here, customer, "phone");
        let company = self.private(here, customer, "company");
        let vat_number = self.private(here, customer, "vat_number");
        let language = self.private(here, customer, "language");
        let billing = self.address(customer, "billing");
        let delivery = self.address(customer, "delivery");
        let person = Person {
            name: name?,
            email: email?,
            phone: phone?.map(|phone| without_separators(&phone)),
            company: company?,
            vat_number: vat_number?,
            language: language?,
            billing: billing?,
            delivery: delivery?,
        };
        let problems = person.problems();
        if problems.is_empty() {
            return Some((!person.is_empty()).then_some(person));
        }
        for problem in problems {
            self.wrong_at(format!("customer.{}", problem.field), problem.reason);
        }
        None
    }

    fn address(&mut self, customer: &Fields, name: &'static str) -> Option<Option<Address>> {
        let fields = match given(customer, name) {
            None => return Some(None),
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                return self.wrong(Place::Customer, name, not(other, "a JSON object"));
            }
        };
        let here = Place::Address(name);
        self.names(here, fields, ADDRESS_FIELDS, "an address");
        let lines = self.lines_of(here, fields);
        let postal_code = self.private(here, fields, "postal_code");
        let city = self.needed(here, fields, "city");
        let region = self.private(here, fields, "region");
        let country = self.needed(here, fields, "country");
        Some(Some(Address {
            lines: lines?,
            postal_code: postal_code?,
            city: city?,
            region: region?,
            country: country?,
        }))
    }

    /// A list of texts, or one text.
    fn lines_of(&mut self, place: Place, fields: &Fields) -> Option<Vec<String>> {
        match given(fields, "lines") {
            Some(Value::Array(lines)) => {
                let text = |line: &Value| line.as_str().map(|line| line.trim().to_owned());
                let texts: Option<Vec<String>> = lines.iter().map(text).collect();
                texts.or_else(|| self.wrong(place, "lines", "holds something that is not text"))
            }
            _ => self.needed(place, fields, "lines").map(|line| vec![line]),
        }
    }

    fn needed(&mut self, place: Place, fields: &Fields, name: &str) -> Option<String> {
        match self.private(place, fields, name)? {
            Some(text) => Some(text),
            None => self.wrong(place, name, "is missing"),
        }
    }

    /// Text that is personal.
    fn private(&mut self, place: Place, fields: &Fields, name: &str) -> Option<Option<String>> {
        match given(fields, name) {
            None => Some(None),
            Some(Value::String(text)) => {
                let text = text.trim();
                Some((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(other) => self.wrong(place, name, not(other, "text")),
        }
    }
}

/// The kind of a value that should be another one.
fn not(value: &Value, what: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("is {kind}, not {what}")
}
