//! One document, as JSON and in other forms, and one balance: each with one question to the server.

use crate::app::{App, unavailable};
use crate::place::Place;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chassis::{Answer, File, FileType};
use domain::invoice::{Balance, Document};
use domain::{OrderId, PartnerId};
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Number {
    number: String,
}

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    partner: PartnerId,
    order: OrderId,
}

/// `GET /invoices/{number}`.
pub(crate) async fn document(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Number { number }): Path<Number>,
) -> Result<Answer<Document>, Problem> {
    let (document, bytes) = find(&app, &owner, &number).await?;
    Ok(Answer::ok(bytes, &document))
}

/// To a partner, the documents of others are not there.
pub(crate) async fn find(
    app: &App,
    owner: &Owner,
    number: &str,
) -> Result<(Document, usize), Problem> {
    let found = invoices::document(&app.nats, number).await;
    let found = found.map_err(|error| unavailable(&error))?;
    match found.map(|(document, fact)| (document, fact.payload.len())) {
        Some((document, bytes)) if is_own(owner, &document.supply.partner) => Ok((document, bytes)),
        Some(_) | None => {
            Err(Problem::not_found(format!("there is no invoice or credit note {number}")))
        }
    }
}

/// A document in a form for people, or for other programs.
pub(crate) trait Form: FileType {
    /// Makes it.
    ///
    /// # Errors
    /// It cannot be made of this document.
    fn render(document: &Document) -> Result<Vec<u8>, Problem>;
}

/// PDF/A-3 with the XML in it.
#[derive(Debug)]
pub(crate) struct Pdf;

/// A page that loads nothing else.
#[derive(Debug)]
pub(crate) struct Html;

/// Cross Industry Invoice, in the profile EN 16931 of Factur-X.
#[derive(Debug)]
pub(crate) struct Xml;

impl FileType for Pdf {
    const CONTENT_TYPE: &'static str = "application/pdf";
    const EXTENSION: &'static str = "pdf";
}

impl FileType for Html {
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
    const EXTENSION: &'static str = "html";
}

impl FileType for Xml {
    const CONTENT_TYPE: &'static str = "application/xml";
    const EXTENSION: &'static str = "xml";
}

fn not_shown(error: documents::Error) -> Problem {
    tracing::error!(alert = "billing document", %error, "a document cannot be shown");
    Problem::internal().detail(error.to_string())
}

impl Form for Pdf {
    fn render(document: &Document) -> Result<Vec<u8>, Problem> {
        documents::pdf(document).map_err(not_shown)
    }
}

impl Form for Html {
    fn render(document: &Document) -> Result<Vec<u8>, Problem> {
        documents::html(document).map(String::into_bytes).map_err(not_shown)
    }
}

impl Form for Xml {
    fn render(document: &Document) -> Result<Vec<u8>, Problem> {
        let broken = documents::check(document);
        if let Some(rule) = broken.iter().find(|rule| !rule.is_forgiven) {
            let detail = format!("{} cannot be EN 16931: {rule}", document.number);
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail));
        }
        Ok(documents::xml(document).into_bytes())
    }
}

/// `GET /invoices/{number}/pdf` and the like.
pub(crate) async fn file<F: Form>(
    State(app): State<Arc<App>>,
    owner: Owner,
    headers: HeaderMap,
    Path(Number { number }): Path<Number>,
) -> Result<File<F>, Problem> {
    let (document, bytes) = find(&app, &owner, &number).await?;
    let json = serde_json::to_vec(&document).map_err(|_| Problem::internal())?;
    let version = domain::invoice::hash(&json);
    let name = (document.number.as_str(), version.get(..32).unwrap_or_default());
    // A page takes some milliseconds, and a document of 1,000 lines a tenth of a second.
    let make = || heavy(bytes.saturating_mul(RENDER_FACTOR), || F::render(&document));
    File::new(&headers, name, make)
}

/// Rendering takes as long as reading so many times the document's bytes.
const RENDER_FACTOR: usize = 1_000;

/// `GET /balances/{partner}/{order}`.
pub(crate) async fn balance(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(Which { partner, order }): Path<Which>,
) -> Result<Answer<Balance>, Problem> {
    if !is_own(&owner, &partner) {
        let own = owner.0.as_deref().unwrap_or_default();
        let detail = format!("this token is of partner {own}, and reaches nothing of another one");
        return Err(Problem::new(StatusCode::FORBIDDEN).detail(detail));
    }
    let warehouse = app.configured.get().warehouse_of(&partner);
    let place = Place { warehouse, account: (partner, order) };
    let balance = place.balance(&app).await?;
    let (partner, order) = &place.account;
    let none = || Problem::not_found(format!("nothing was invoiced for order {partner}/{order}"));
    balance.map(|balance| Answer::ok(0, &balance)).ok_or_else(none)
}

fn is_own(owner: &Owner, partner: &PartnerId) -> bool {
    owner.0.as_deref().is_none_or(|own| own == partner.as_str())
}
