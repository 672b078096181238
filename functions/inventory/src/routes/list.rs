//! `GET /stock`: what is available, a page at a time.

use crate::app::App;
use axum::extract::State;
use chassis::{Answer, Limit, Query};
use domain::{ProductId, WarehouseId, stock};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most products of a page.
pub(crate) const PAGE_MAX: usize = 10_000;
/// Products of a page if nothing is said.
const PAGE: usize = 1_000;
/// About what a product takes in an answer.
const ITEM_BYTES: usize = 100;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `main` if nothing is said.
    warehouse: Option<WarehouseId>,
    /// Only this one.
    product: Option<ProductId>,
    /// How many; 1000 if nothing is said.
    limit: Option<Limit<PAGE_MAX>>,
    /// The `next` of the page before: only products behind this one.
    after: Option<ProductId>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StockPage {
    warehouse: WarehouseId,
    /// In the order of their ids.
    products: BTreeMap<ProductId, StockLevel>,
    /// The last product of this page if there are more: `after` of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<ProductId>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StockLevel {
    /// What can be sold; below zero where the policy of a partner allows it.
    available: i64,
    /// Was it ever set, restocked or counted? Otherwise it is only the sum of what orders moved unchecked.
    known: bool,
    /// Nobody's order takes it below zero, whatever the partner's stock policy.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    checked: bool,
}

impl From<stock::Item> for StockLevel {
    fn from(stock::Item { available, known, checked }: stock::Item) -> Self {
        Self { available, known, checked }
    }
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Answer<StockPage>, Problem> {
    let Filter { warehouse, product, limit, after } = filter;
    let warehouse = warehouse.unwrap_or_else(WarehouseId::main);
    if let Some(product) = product {
        let found = app.journals.look(&warehouse, |view| view.state.stock.get(&product)).await?;
        let missing =
            || Problem::not_found(format!("warehouse {warehouse} has no product {product}"));
        let products = [(product.clone(), found.ok_or_else(missing)?.into())].into();
        return Ok(Answer::ok(0, &StockPage { warehouse, products, next: None }));
    }
    let limit = limit.map_or(PAGE, Limit::get);
    let look = app.journals.look(&warehouse, |view| page(&view.state.stock, limit, after.as_ref()));
    let (products, next) = look.await?;
    let bytes = products.len().saturating_mul(ITEM_BYTES);
    Ok(Answer::ok(bytes, &StockPage { warehouse, products, next }))
}

/// The first `limit` products behind `after`, and the last of them if there are more.
fn page(
    stock: &stock::Stock,
    limit: usize,
    after: Option<&ProductId>,
) -> (BTreeMap<ProductId, StockLevel>, Option<ProductId>) {
    let mut page: BTreeMap<&ProductId, stock::Item> = BTreeMap::new();
    let mut more = false;
    let behind = |product: &ProductId| after.is_none_or(|after| after < product);
    for (product, item) in stock.iter().filter(|(product, _)| behind(product)) {
        page.insert(product, item);
        if limit < page.len() {
            page.pop_last();
            more = true;
        }
    }
    let next = page.last_key_value().filter(|_| more).map(|(product, _)| (*product).clone());
    (page.into_iter().map(|(product, item)| (product.clone(), item.into())).collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_product_once_and_in_order() {
        let mut stock = stock::Stock::default();
        let id = |n: i64| ProductId::parse(&format!("P{n:03}")).unwrap();
        (0..10).rev().for_each(|n| stock.set(id(n), n));
        for limit in 1..12 {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let (products, next) = page(&stock, limit, after.as_ref());
                assert!(products.len() <= limit);
                all.extend(products.into_iter().map(|(product, item)| (product, item.available)));
                after = next;
                if after.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = (0..10).map(|n| (id(n), n)).collect();
            assert_eq!(all, expected, "{limit}");
        }
    }
}
