//! What is available: showing it, setting it, comparing it with a file.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use axum::http::Method;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline, key};
use serde_json::{Value, json};
use terminal::Failure;
use terminal::output;

use super::ask::function;
use super::book::{Answer, Item, book, one};
use super::table::{self, Available};

/// Products of one command; a function takes twice as many.
const PRODUCTS_MAX: usize = 1_000;
/// Products that a comparison lists.
const LISTED_MAX: usize = 50;

/// Shows these products, or all.
pub(super) async fn show(
    pipeline: &Pipeline,
    products: &[ProductId],
    all: bool,
    warehouse: &WarehouseId,
) -> Result<()> {
    let mut answer: Answer = match products {
        [product] => one(pipeline, warehouse, product).await?,
        _ => book(pipeline, warehouse).await?,
    };
    if !products.is_empty() {
        answer.products.retain(|product, _| products.contains(product));
    }
    if let Some(missing) = products.iter().find(|id| !answer.products.contains_key(*id)) {
        let what = format!("product {missing} in warehouse {warehouse}");
        return Err(Failure::NotFound { what }.into());
    }
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let shows_all = all || !products.is_empty();
    let shown = answer.products.iter().filter(|(_, item)| shows_all || item.is_set());
    let row = |(product, item): (&ProductId, &Item)| {
        let set = if item.is_set() { "yes" } else { "no" };
        vec![product.to_string(), item.available.to_string(), set.to_owned()]
    };
    output::table(&["product", "available", "known"], &[1], shown.map(row));
    let hidden = answer.products.values().filter(|item| !shows_all && !item.is_set()).count();
    if 0 < hidden {
        let hidden = output::count(hidden, "product");
        output::note(format_args!("{hidden} whose stock was never set: --all shows them as well"));
    }
    Ok(())
}

/// Sets all of them, so many a command. The same call again does no harm.
pub(super) async fn set(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    available: Available,
) -> Result<()> {
    let count = available.len();
    let path = format!("{}/stock", function(pipeline));
    let run = key();
    let all: Vec<_> = available.into_iter().collect();
    for (number, part) in all.chunks(PRODUCTS_MAX).enumerate() {
        let part: BTreeMap<_, _> = part.iter().cloned().collect();
        let body = json!({"warehouse": warehouse, "available": part});
        let body = serde_json::to_vec(&body).context("the products")?;
        let more = Some((format!("{run}-{number}"), body));
        pipeline
            .call::<Value>(Level::Admin, Method::PUT, &path, more)
            .await
            .with_context(|| format!("{} of {count} products are set", number * PRODUCTS_MAX))?;
    }
    if pipeline.json {
        output::json(&json!({"warehouse": warehouse, "products": count}));
    } else {
        output::line(format_args!(
            "{} set in warehouse {warehouse}",
            output::count(count, "product")
        ));
    }
    Ok(())
}

/// Says what would change if these levels were set.
pub(super) async fn compare(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    wanted: &Available,
) -> Result<()> {
    let Answer { products, .. } = book(pipeline, warehouse).await?;
    let now = |product: &ProductId| products.get(product).map(|item| item.available);
    let changes: Vec<_> = wanted
        .iter()
        .map(|(product, wanted)| (product, now(product), *wanted))
        .filter(|(product, now, wanted)| {
            *now != Some(*wanted) || products.get(*product).is_some_and(|item| !item.is_set())
        })
        .collect();
    if pipeline.json {
        let row = |(product, now, wanted): &(&ProductId, Option<i64>, i64)| json!({"product": product, "available": now, "wanted": wanted});
        let rows: Vec<Value> = changes.iter().map(row).collect();
        output::json(&json!({"warehouse": warehouse, "products": wanted.len(), "changes": rows}));
        return Ok(());
    }
    let row = |(product, now, wanted): &(&ProductId, Option<i64>, i64)| {
        let now = now.map_or_else(|| "-".to_owned(), |now| now.to_string());
        vec![product.to_string(), now, wanted.to_string()]
    };
    if !changes.is_empty() {
        let rows = changes.iter().take(LISTED_MAX).map(row);
        output::table(&["product", "available", "would be"], &[1, 2], rows);
    }
    let (all, count) = (output::count(wanted.len(), "product"), changes.len());
    output::line(format_args!(
        "{count} of {all} would change in warehouse {warehouse}; nothing is set (--dry-run)"
    ));
    Ok(())
}

/// Writes what is available, of products whose stock was ever set.
pub(super) async fn export(
    pipeline: &Pipeline,
    file: Option<&Path>,
    warehouse: &WarehouseId,
) -> Result<()> {
    let Answer { products, .. } = book(pipeline, warehouse).await?;
    let set = products.into_iter().filter(|(_, item)| item.is_set());
    let levels: Available = set.map(|(product, item)| (product, item.available)).collect();
    let below = levels.values().filter(|level| **level < 0).count();
    let Some(file) = file else {
        let mut text = Vec::new();
        table::write(&mut text, &levels)?;
        return std::io::stdout().write_all(&text).context("cannot write to standard output");
    };
    let to = OpenOptions::new().write(true).create_new(true).open(file);
    let to = to.with_context(|| format!("cannot create {}", file.display()))?;
    table::write(to, &levels).with_context(|| format!("cannot write {}", file.display()))?;
    let count = output::count(levels.len(), "product");
    output::note(format_args!("{count} of warehouse {warehouse} written to {}", file.display()));
    if 0 < below {
        output::note(format_args!("{below} of them are below zero, which import refuses"));
    }
    Ok(())
}
