//! `orders cancel`: over HTTP on order-ingest, which places the next attempt.

use anyhow::{Context as _, Result};
use clap::Args;
use domain::{Kind, Order};
use machine::client::Pipeline;
use messaging::inventory::{self, HowMuch};
use terminal::output;

use super::again::{Verb, say};
use super::find::{Named, Which};
use crate::confirm::{Yes, confirm};

/// `orders cancel …`
#[derive(Clone, Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    /// Asked once it is shown what is cancelled.
    #[command(flatten)]
    yes: Yes,
}

pub(super) async fn run(pipeline: &Pipeline, Cancel { which, yes }: &Cancel) -> Result<()> {
    let nats = pipeline.nats().await?;
    let Named { partner, id, messages, placed, .. } = which.resolve(pipeline, &nats).await?;
    // What would be refused is said before anything is asked.
    let would = Verb::Cancel.dry_run(pipeline, &partner, &id).await?;
    if !would.is_new() {
        say(pipeline, Verb::Cancel, &would);
        return Ok(());
    }
    let order = inventory::placed_order(&placed.payload)
        .with_context(|| format!("{partner}/{id} cannot be read as an order; nothing was done"))?;
    let shipped = inventory::moved(&messages).shipped != HowMuch::Nothing;
    confirm(&preview(&order, shipped), &format!("Cancel order {partner}/{id}?"), *yes)?;
    // Names the attempt that was shown: if another change came in between, this one is refused.
    let answer = Verb::Cancel.call(pipeline, &partner, &id, Some(order.attempt)).await?;
    say(pipeline, Verb::Cancel, &answer);
    Ok(())
}

/// What is cancelled, a line each.
fn preview(order: &Order, shipped: bool) -> Vec<String> {
    let Order { partner, order_id, total, currency, attempt, .. } = order;
    let total = domain::currency::shown(*total, currency.as_str());
    let head = format!(
        "Order {partner}/{order_id} would be cancelled (attempt {attempt}, total {total} {currency}):"
    );
    if shipped {
        let kept = "  something of it was shipped, so that it would stay confirmed; what comes back is returned";
        return vec![head, kept.to_owned()];
    }
    let moves = match order.kind {
        Kind::Sale => "back into stock",
        Kind::Return => "out of stock again",
    };
    let pieces = order.lines.iter().map(|line| {
        let product = output::name(line.product_id.as_str());
        format!("  {} of {product} {moves}", line.quantity.unsigned_abs())
    });
    let end = "  An invoice is credited, and the customer is told.".to_owned();
    [head].into_iter().chain(pieces).chain([end]).collect()
}

#[cfg(test)]
mod tests {
    use domain::order::Terms;
    use domain::raw;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_cancelled_is_shown() {
        let order = json!({"order_id": "A-1", "product": "P1", "quantity": 2, "price": "150", "currency": "JPY"});
        let order = raw::parse(order.to_string().as_bytes(), None).unwrap();
        let order = order.place(&Terms::direct(), chrono::DateTime::UNIX_EPOCH).unwrap();
        let shown = preview(&order, false);
        let head = "Order DIRECT/A-1 would be cancelled (attempt 1, total 300 JPY):";
        assert_eq!(shown[..2], [head, "  2 of P1 back into stock"]);
        let shown = preview(&order, true);
        assert!(shown.len() == 2 && shown[1].contains("stay confirmed"), "{shown:?}");
    }
}
