//! `GET /bills/{id}` and `/fullBill/{id}`: an invoice in the shape that samples of Spring services give a bill.

use crate::app::App;
use crate::show;
use axum::extract::{Path, State};
use chassis::Answer;
use chrono::NaiveDate;
use domain::invoice::{Document, DocumentLine};
use domain::{Money, ProductId};
use runtime::{Owner, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which bill.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    /// The number of an invoice or a credit note.
    id: String,
}

/// A bill.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bill {
    /// Its number.
    id: String,
    billing_date: NaiveDate,
    /// The partner's number of the customer; a guest has none.
    #[serde(rename = "customerID")]
    customer_id: Option<String>,
    /// Only in `/fullBill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Customer>,
    product_items: Vec<Item>,
}

/// Who buys, as the document has it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BillCustomer")]
struct Customer {
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

/// A line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BillItem")]
struct Item {
    #[serde(rename = "productID")]
    product_id: ProductId,
    quantity: i64,
    /// Of one piece, as it was ordered.
    price: Money,
    /// Only in `/fullBill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<Product>,
}

/// What was sold, as the document has it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BillProduct")]
struct Product {
    id: ProductId,
    name: String,
    price: Money,
}

impl Bill {
    fn new(document: &Document, is_full: bool) -> Self {
        let customer_id = document.buyer.customer.as_ref().map(ToString::to_string);
        let person = &document.buyer.person;
        let customer = is_full.then(|| Customer {
            id: customer_id.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
        });
        let product = |line: &DocumentLine| Product {
            id: line.product_id.clone(),
            name: line.description.clone().unwrap_or_else(|| line.product_id.to_string()),
            price: line.unit_price,
        };
        let item = |line: &DocumentLine| Item {
            product_id: line.product_id.clone(),
            quantity: line.quantity,
            price: line.unit_price,
            product: is_full.then(|| product(line)),
        };
        Self {
            id: document.number.clone(),
            billing_date: document.issued_on,
            customer_id,
            customer,
            product_items: document.lines.iter().map(item).collect(),
        }
    }
}

/// `GET /bills/{id}`.
pub(crate) async fn bill(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Which { id }): Path<Which>,
) -> Result<Answer<Bill>, Problem> {
    let (document, bytes) = show::find(&app, &owner, &id).await?;
    Ok(Answer::ok(bytes, &Bill::new(&document, false)))
}

/// `GET /fullBill/{id}`.
pub(crate) async fn full(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Which { id }): Path<Which>,
) -> Result<Answer<Bill>, Problem> {
    let (document, bytes) = show::find(&app, &owner, &id).await?;
    Ok(Answer::ok(bytes, &Bill::new(&document, true)))
}
