//! A document as one HTML file: styles in it, nothing loaded from elsewhere.

use crate::error::{Error, known_layout};
use crate::view::View;
use domain::invoice::Document;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, value::Serde};
use std::sync::LazyLock;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .add_template("invoice.html", include_str!("invoice.html"))
        .expect("the template is part of the program, and a test renders it");
    environment
});

/// Writes a document as HTML: for the screen, and for printing on A4.
///
/// # Errors
/// The layout is of a later release.
pub fn html(document: &Document) -> Result<String, Error> {
    known_layout(document)?;
    ENVIRONMENT
        .get_template("invoice.html")
        .and_then(|template| template.render(context! { it => Serde(View::of(document)) }))
        .map_err(|error| Error::not_written(document, error))
}
