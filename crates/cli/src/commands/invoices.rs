//! `orderflow invoices …`: over HTTP on the function billing.

mod list;
mod sums;

use std::str::FromStr;

use anyhow::Result;
use clap::Subcommand;
use domain::{OrderId, PartnerId};
use serde_json::Value;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow invoices list --partner US1 --status overdue
  orderflow invoices list --order US1/A1
  orderflow invoices open --overdue
  orderflow invoices totals --partner US1 --customer 17850
  orderflow invoices days --from 2026-01-01 --to 2026-01-31";

/// Invoices, credit notes and what is paid.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Invoices {
    /// List invoices and credit notes, the newest first.
    List(list::List),
    /// What has to be paid, refunded or corrected.
    Open(sums::Open),
    /// What was invoiced to each customer.
    Totals(sums::Totals),
    /// What was issued on each day.
    Days(sums::Days),
}

/// An order of a partner.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    partner: PartnerId,
    id: OrderId,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (partner, id) = text.split_once('/').ok_or("is not PARTNER/ORDER, as US1/A1")?;
        let partner = PartnerId::parse(partner).map_err(|error| format!("the partner {error}"))?;
        let id = OrderId::parse(id).map_err(|error| format!("the order {error}"))?;
        Ok(Self { partner, id })
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) async fn run(global: &Global, command: &Invoices) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Invoices::List(list) => list::run(&pipeline, list).await,
        Invoices::Open(open) => sums::open(&pipeline, open).await,
        Invoices::Totals(totals) => sums::totals(&pipeline, totals).await,
        Invoices::Days(days) => sums::days(&pipeline, days).await,
    }
}
