//! `stock restock`, `adjust`, `count`, `transfer`: what people do to stock beside setting it.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::Result;
use axum::http::Method;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline, key};
use serde_json::{Map, Value, json};
use terminal::output;

use super::at::At;
use super::book::{Answer, book};
use crate::commands::keyed::{Again, is_applied, say, send};

/// `P001=50`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    product: ProductId,
    pieces: i64,
}

/// `P001=47:50`, or `P001=47`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counting {
    product: ProductId,
    counted: i64,
    expected: Option<i64>,
}

/// The last `=` parts them: a product's id may hold one.
fn parts(text: &str) -> Result<(ProductId, &str), String> {
    let (product, rest) = text.rsplit_once('=').ok_or("has no `=`, as in P001=50")?;
    let product = ProductId::parse(product).map_err(|error| format!("product {error}"))?;
    Ok((product, rest))
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text:?} is no whole number"))
}

impl FromStr for Pieces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (product, pieces) = parts(text)?;
        Ok(Self { product, pieces: number(pieces)? })
    }
}

impl FromStr for Counting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (product, rest) = parts(text)?;
        let (counted, expected) = match rest.split_once(':') {
            Some((counted, expected)) => (counted, Some(number(expected)?)),
            None => (rest, None),
        };
        Ok(Self { product, counted: number(counted)?, expected })
    }
}

pub(super) async fn restock(
    pipeline: &Pipeline,
    pieces: &[Pieces],
    reference: Option<&str>,
    At { warehouse }: &At,
    again: &Again,
) -> Result<()> {
    let body = json!({"warehouse": warehouse, "products": by_product(pieces)?,
        "reference": reference});
    levels(pipeline, "restock", body, warehouse, again).await
}

pub(super) async fn adjust(
    pipeline: &Pipeline,
    pieces: &[Pieces],
    reason: &str,
    At { warehouse }: &At,
    again: &Again,
) -> Result<()> {
    let body = json!({"warehouse": warehouse, "products": by_product(pieces)?, "reason": reason});
    levels(pipeline, "adjust", body, warehouse, again).await
}

pub(super) async fn count(
    pipeline: &Pipeline,
    counted: &[Counting],
    reason: Option<&str>,
    At { warehouse }: &At,
    again: &Again,
) -> Result<()> {
    // A product without stock counts as 0 pieces.
    let known = match counted.iter().all(|one| one.expected.is_some()) {
        true => BTreeMap::new(),
        false => {
            let Answer { products, .. } = book(pipeline, warehouse).await?;
            products.into_iter().map(|(product, item)| (product, item.available)).collect()
        }
    };
    let one = |one: &Counting| {
        let now = || known.get(&one.product).copied().unwrap_or(0);
        let expected = one.expected.unwrap_or_else(now);
        (one.product.clone(), json!({"available": one.counted, "expected": expected}))
    };
    let products = once(counted.iter().map(one))?;
    let body = json!({"warehouse": warehouse, "products": products, "reason": reason});
    levels(pipeline, "count", body, warehouse, again).await
}

pub(super) async fn transfer(
    pipeline: &Pipeline,
    pieces: &[Pieces],
    (from, to): (&WarehouseId, &WarehouseId),
    reference: Option<&str>,
    again: &Again,
) -> Result<()> {
    let products = by_product(pieces)?;
    let count = output::count(products.len(), "product");
    let body = json!({"from": from, "to": to, "products": products, "reference": reference});
    let done = send(pipeline, "inventory/stock/transfer", body, again).await?;
    let before = if is_applied(&done) { "" } else { "; an earlier call has done it" };
    let number = done
        .get("number")
        .and_then(Value::as_u64)
        .map(|n| format!(", transfer {n}"))
        .unwrap_or_default();
    say(pipeline, &done, &format!("{count} moved from {from} to {to}{number}{before}"));
    Ok(())
}

pub(super) async fn finish(
    pipeline: &Pipeline,
    from: &WarehouseId,
    to: &WarehouseId,
    number: u64,
) -> Result<()> {
    let body = json!({"from": from, "to": to, "number": number});
    // No key is needed, but the call has a body.
    let more = Some((key(), serde_json::to_vec(&body)?));
    let path = "inventory/stock/transfer/finish";
    let done: Value = pipeline.call(Level::Admin, Method::POST, path, more).await?;
    let text = match is_applied(&done) {
        true => format!("transfer {number} from {from} has arrived in {to}"),
        false => format!("transfer {number} from {from} had arrived in {to} before"),
    };
    say(pipeline, &done, &text);
    Ok(())
}

/// A command of one warehouse, and what is available after it.
async fn levels(
    pipeline: &Pipeline,
    verb: &str,
    body: Value,
    warehouse: &WarehouseId,
    again: &Again,
) -> Result<()> {
    let done = send(pipeline, &format!("inventory/stock/{verb}"), body, again).await?;
    let available = done.get("available").and_then(Value::as_object).into_iter().flatten();
    let available = available.map(|(product, n)| format!("{product} {n}")).collect::<Vec<_>>();
    let before = if is_applied(&done) { "" } else { "an earlier call has done it; " };
    let available = available.join(", ");
    say(pipeline, &done, &format!("{before}now available in {warehouse}: {available}"));
    Ok(())
}

/// Each product once, with its pieces.
///
/// # Errors
/// A product is named twice.
pub(crate) fn by_product(pieces: &[Pieces]) -> Result<Map<String, Value>> {
    once(pieces.iter().map(|Pieces { product, pieces }| (product.clone(), json!(pieces))))
}

/// Each product once.
fn once(all: impl Iterator<Item = (ProductId, Value)>) -> Result<Map<String, Value>> {
    let mut products = Map::new();
    for (product, value) in all {
        let before = products.insert(product.to_string(), value);
        anyhow::ensure!(before.is_none(), "product {product} is named twice");
    }
    Ok(products)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_behind_the_last_equals_sign() {
        for (text, product, pieces) in [("P1=5", "P1", 5), ("a=b=-3", "a=b", -3)] {
            let product = ProductId::parse(product).unwrap();
            assert_eq!(text.parse::<Pieces>(), Ok(Pieces { product, pieces }), "{text}");
        }
        for (text, expected) in [
            ("P1", "has no `=`, as in P001=50"),
            ("P1=x", "\"x\" is no whole number"),
            ("P1=1.5", "\"1.5\" is no whole number"),
        ] {
            assert_eq!(text.parse::<Pieces>().unwrap_err(), expected);
        }
        assert!("=1".parse::<Pieces>().unwrap_err().starts_with("product "));
    }

    #[test]
    fn a_count_may_say_what_was_expected() {
        let counting = |text: &str| text.parse::<Counting>().map(|it| (it.counted, it.expected));
        assert_eq!(counting("P1=47:50"), Ok((47, Some(50))));
        assert_eq!(counting("P1=47"), Ok((47, None)));
        assert!(counting("P1=47:").is_err() && counting("P1=47:a").is_err());
    }

    #[test]
    fn a_product_is_named_once() {
        let pieces: Vec<Pieces> = ["A=1", "A=2"].map(|text| text.parse().unwrap()).into();
        assert_eq!(by_product(&pieces).unwrap_err().to_string(), "product A is named twice");
    }
}
