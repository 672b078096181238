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

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Customer<'a> {
    pub(super) id: &'a str,
    pub(super) vip: bool,
}

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
