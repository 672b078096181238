//! The JSON of an order as a shop writes it.

use serde::Serialize;

/// Both forms of an order, and fields for faults; `None` is omitted.
#[derive(Debug, Default, Serialize)]
pub(super) struct Order<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<Customer<'a>>,
    pub(super) region: &'a str,
    pub(super) timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<Quantity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<&'a [Line<'a>]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) charges: &'a [Charge],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) returns: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) colour: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Customer<'a> {
    pub(super) id: &'a str,
    pub(super) vip: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<Person>,
}

/// A made-up person; what is made up never belongs to anybody (RFC 2606, and numbers for fiction).
#[derive(Clone, Debug, Serialize)]
pub(super) struct Person {
    name: String,
    email: String,
    phone: String,
    delivery: Address,
}

#[derive(Clone, Debug, Serialize)]
struct Address {
    lines: [String; 1],
    postal_code: &'static str,
    city: &'static str,
    country: &'static str,
}

impl Person {
    /// The same for the same customer.
    pub(super) fn of(customer: u32) -> Self {
        let (first, last) = (FIRST_NAMES, LAST_NAMES);
        let of = |names: [&'static str; 8], number: u32| {
            let index = usize::try_from(number).unwrap_or_default() % names.len();
            names.get(index).copied().unwrap_or_default()
        };
        Self {
            name: format!("{} {}", of(first, customer), of(last, customer / 8)),
            email: format!("customer-{customer}@example.com"),
            phone: format!("+4416329600{:02}", customer % 100),
            delivery: Address {
                lines: [format!("{} Example Street", customer % 300 + 1)],
                postal_code: "EX1 1MP",
                city: "Exampleton",
                country: "GB",
            },
        }
    }
}

const FIRST_NAMES: [&str; 8] =
    ["Ana", "Björn", "Chloé", "Dilnoza", "Émile", "فاطمة", "Γιώργος", "花子"];
const LAST_NAMES: [&str; 8] =
    ["López", "O'Neil", "Nguyễn", "Müller", "Svensson", "الحسن", "Παππάς", "山田"];

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) product_id: &'a str,
    pub(super) quantity: Quantity<'a>,
    pub(super) price: &'a str,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Charge {
    pub(super) kind: &'static str,
    pub(super) description: &'static str,
    pub(super) amount: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Quantity<'a> {
    Pieces(i64),
    Text(&'a str),
}
