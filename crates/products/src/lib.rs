#![doc = include_str!("../README.md")]

pub mod sheet;

use chassis::{Filter, Resource, Role, Wrong};
use domain::{Product, ProductId};
use messaging::{events, streams};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::record::{BadKey, Key, Record};
use std::borrow::Cow;

/// A product as it is kept. Its JSON is the product's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item(pub Product);

impl Item {
    /// The key of the product with this id.
    ///
    /// # Errors
    /// None that an id of a product can have: it has 1 to 128 bytes.
    pub fn key(id: &ProductId) -> Result<Key, BadKey> {
        Key::new([id.as_str()])
    }
}

impl JsonSchema for Item {
    fn schema_name() -> Cow<'static, str> {
        Product::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Product::json_schema(generator)
    }
}

impl Record for Item {
    const BUCKET: &'static str = streams::PRODUCTS;
    const EVENT: &'static str = events::PRODUCT_CHANGED;
    const SUBJECT: &'static str = "products.changed";
    const STREAM: &'static str = streams::CATALOGUE;
    const SOURCE: &'static str = "/functions/inventory";

    /// A product has no personal data, so the event has all of it.
    fn shown(&self) -> Option<Value> {
        serde_json::to_value(&self.0).ok()
    }
}

impl Resource for Item {
    const PATH: &'static str = "/products/{id}";
    const NAME: &'static str = "product";
    const READ: Role = Role::ProductsRead;
    const WRITE: Role = Role::Products;

    const FILTERS: &'static [&'static str] = &["name", "category", "active"];

    fn filter(name: &str, value: &str) -> Result<Filter<Self>, String> {
        let value = value.to_owned();
        Ok(match name {
            "category" => Box::new(move |item| item.0.category.as_deref() == Some(value.as_str())),
            "active" => {
                let active = value.parse();
                let active: bool = active.map_err(|_| format!("{value:?} is not true or false"))?;
                Box::new(move |item| item.0.active == active)
            }
            _ => {
                let part = value.to_lowercase();
                Box::new(move |item| item.0.name.to_lowercase().contains(&part))
            }
        })
    }

    fn check(&self, wrong: &mut Wrong) {
        for (field, reason) in self.0.problems() {
            wrong.field(field, reason);
        }
    }
}
