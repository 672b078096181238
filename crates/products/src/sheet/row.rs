//! A line: what it says of a product.

use super::{Fault, METADATA};
use domain::product::LOW_STOCK_MAX;
use domain::{Currency, Money, Product, ProductId, TaxCategory};
use std::collections::BTreeMap;

/// A line of a file. A column that the file does not have says nothing; an empty cell takes a value away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1 on.
    pub line: u64,
    /// The product.
    pub id: ProductId,
    cells: BTreeMap<String, String>,
}

/// What is read of a row, and what is wrong with it.
struct Reading<'a> {
    row: &'a Row,
    faults: Vec<Fault>,
}

impl Row {
    /// # Errors
    /// The id is none.
    pub(super) fn new(line: u64, cells: BTreeMap<String, String>) -> Result<Self, Fault> {
        let id = ProductId::parse(cells.get("id").map_or("", String::as_str));
        let id = id.map_err(|error| fault(line, "id", error.to_string()))?;
        Ok(Self { line, id, cells })
    }

    /// The product as the line wants it, which is `current` now, if it is there.
    ///
    /// # Errors
    /// What is wrong with its cells, or missing in a new product.
    pub fn product(&self, current: Option<&Product>) -> Result<Product, Vec<Fault>> {
        let mut it = Reading { row: self, faults: Vec::new() };
        let (name, price, currency) = (
            it.needed("name", current.map(|it| it.name.clone()), |text| Ok(text.to_owned())),
            it.needed("price", current.map(|it| it.price), |text| {
                Money::parse(text).map_err(|error| format!("is {text:?}: {error}"))
            }),
            it.needed("currency", current.map(|it| it.currency), |text| {
                Currency::parse(text).map_err(|error| error.to_string())
            }),
        );
        let category =
            it.optional("category", current.and_then(|it| it.category.clone()), |text| {
                Ok(text.into())
            });
        let tax = current.and_then(|it| it.tax_category.clone());
        let tax_category = it.optional("tax_category", tax, |text| {
            TaxCategory::parse(text).map_err(|error| error.to_string())
        });
        let active = it.optional("active", Some(current.is_none_or(|it| it.active)), truth);
        let low_stock = it.optional("low_stock", current.and_then(|it| it.low_stock), |text| {
            text.parse()
                .map_err(|_| format!("is {text:?}, no whole number from 0 to {LOW_STOCK_MAX}"))
        });
        let (Some(name), Some(price), Some(currency)) = (name, price, currency) else {
            return Err(it.faults);
        };
        let mut metadata = current.map(|it| it.metadata.clone()).unwrap_or_default();
        for (column, text) in &self.cells {
            match column.strip_prefix(METADATA) {
                Some(name) if text.is_empty() => drop(metadata.remove(name)),
                Some(name) => drop(metadata.insert(name.to_owned(), text.clone())),
                None => {}
            }
        }
        let (id, active) = (self.id.clone(), active.unwrap_or(true));
        let product = Product {
            id,
            name,
            price,
            currency,
            category,
            tax_category,
            active,
            low_stock,
            metadata,
        };
        let problems = product.problems().into_iter();
        it.faults.extend(problems.map(|(field, reason)| fault(self.line, field, reason)));
        if it.faults.is_empty() { Ok(product) } else { Err(it.faults) }
    }
}

impl Reading<'_> {
    /// A cell that must not be empty. What is wrong is noted, and nothing is given.
    fn needed<V>(
        &mut self,
        column: &str,
        current: Option<V>,
        parse: impl Fn(&str) -> Result<V, String>,
    ) -> Option<V> {
        let Some(text) = self.row.cells.get(column) else {
            if current.is_none() {
                self.wrong(column, "is missing: a new product needs it".to_owned());
            }
            return current;
        };
        if text.is_empty() {
            self.wrong(column, "is empty".to_owned());
            return None;
        }
        parse(text).map_err(|reason| self.wrong(column, reason)).ok()
    }

    fn optional<V>(
        &mut self,
        column: &str,
        current: Option<V>,
        parse: impl Fn(&str) -> Result<V, String>,
    ) -> Option<V> {
        match self.row.cells.get(column) {
            None => current,
            Some(text) if text.is_empty() => None,
            Some(text) => parse(text).map_err(|reason| self.wrong(column, reason)).ok(),
        }
    }

    fn wrong(&mut self, column: &str, reason: String) {
        self.faults.push(fault(self.row.line, column, reason));
    }
}

fn fault(line: u64, column: &str, reason: String) -> Fault {
    Fault { line, column: column.to_owned(), reason }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("is {text:?}; true and false are known")),
    }
}
