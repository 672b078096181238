//! Lists of products, page by page.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use axum::http::Method;
use domain::{Product, ProductId};
use machine::client::{Level, Pipeline, query_value};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use terminal::output;

/// Products of a page: as many as inventory gives.
const PAGE: usize = 1_000;

/// What inventory answers.
#[derive(Debug, Deserialize)]
struct Page {
    products: Vec<Map<String, Value>>,
    next: Option<String>,
    #[serde(default)]
    unreadable: Vec<Value>,
}

/// The path of a product.
pub(super) fn path(product: &ProductId) -> String {
    format!("inventory/products/{}", query_value(product.as_str()))
}

/// A product, and which change made it so.
pub(super) struct Known {
    pub(super) product: Product,
    pub(super) revision: u64,
}

impl Known {
    fn read(mut fields: Map<String, Value>) -> Result<Self> {
        let revision = fields.remove("revision").and_then(|revision| revision.as_u64());
        let product: Product = serde_json::from_value(fields.into())
            .context("inventory answers a product that this version does not know; update it")?;
        Ok(Self { product, revision: revision.context("a product without a revision")? })
    }
}

/// Parameters of a list, as far as they are given.
type Filters = [(&'static str, Option<String>)];

/// Products, at most so many.
pub(super) async fn all(
    pipeline: &Pipeline,
    filters: &Filters,
    limit: Option<usize>,
) -> Result<BTreeMap<ProductId, Known>> {
    let given = filters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let given: String =
        given.map(|(name, value)| format!("&{name}={}", query_value(value))).collect();
    let mut found = BTreeMap::new();
    let mut after = String::new();
    loop {
        let left = limit.map_or(PAGE, |limit| limit.saturating_sub(found.len()).min(PAGE));
        let path = format!("inventory/products?limit={left}{given}{after}");
        let page: Page = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        for stray in page.unreadable {
            output::note(format_args!("! {stray} cannot be read, and is left out"));
        }
        for fields in page.products {
            let known = Known::read(fields)?;
            found.insert(known.product.id.clone(), known);
        }
        match page.next {
            Some(next) if limit.is_none_or(|limit| found.len() < limit) => {
                after = format!("&cursor={}", query_value(&next));
            }
            _ => return Ok(found),
        }
    }
}

pub(super) async fn run(pipeline: &Pipeline, filters: &Filters, limit: u32) -> Result<()> {
    let limit = usize::try_from(limit).context("--limit")?;
    // One more says whether there are more.
    let mut found = all(pipeline, filters, Some(limit + 1)).await?;
    let is_cut = limit < found.len();
    if is_cut {
        found.pop_last();
    }
    if pipeline.json {
        let products: Vec<&Product> = found.values().map(|known| &known.product).collect();
        output::json(&json!({"products": products, "more": is_cut}));
        return Ok(());
    }
    let row = |Known { product, .. }: &Known| {
        let threshold = product.low_stock.map(|it| it.to_string()).unwrap_or_default();
        vec![
            product.id.to_string(),
            output::name(&product.name).into_owned(),
            product.price.to_string(),
            product.currency.to_string(),
            product.category.clone().unwrap_or_default(),
            if product.active { "yes" } else { "no" }.to_owned(),
            threshold,
        ]
    };
    let head = ["product", "name", "price", "currency", "category", "active", "low stock"];
    output::table(&head, &[2, 6], found.values().map(row));
    if is_cut {
        output::note(format_args!("there are more: --limit {}, or products export", limit * 10));
    }
    Ok(())
}
