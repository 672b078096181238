//! `orderflow invoices …`: over HTTP on the function billing; what reads all documents, from the streams.

mod document;
mod export;
mod list;
mod money;
mod order;
mod sums;
mod verify;

use anyhow::Result;
use clap::Subcommand;

use crate::global::Global;
use document::Form;

const EXAMPLES: &str = r#"Examples:
  orderflow invoices list --partner US1 --status overdue
  orderflow invoices list --order US1/A1
  orderflow invoices open --overdue
  orderflow invoices show A-main-2026-000001
  orderflow invoices pdf A-main-2026-000001 --output invoice.pdf
  orderflow invoices pay A-main-2026-000001 119.00 --reference "bank 4711"
  orderflow invoices pay --file payments.csv --dry-run
  orderflow invoices credit A-main-2026-000001 --line P001=1 --reason "damaged in transit"
  orderflow invoices retry US1/A1
  orderflow invoices export bookkeeping --from 2026-01-01 --to 2026-01-31 --pdf
  orderflow invoices verify
  orderflow invoices totals --partner US1 --customer 17850
  orderflow invoices days --from 2026-01-01 --to 2026-01-31
  orderflow invoices days --rates --buyers consumers"#;

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
    /// Show one invoice or credit note, with the payments of its order.
    Show(document::One),
    /// Write one as PDF/A-3, with the XML of Factur-X in it.
    Pdf(document::Saved),
    /// Write one as a page.
    Html(document::Saved),
    /// Write one as XML of EN 16931.
    Xml(document::Saved),
    /// Record a payment or a refund, or those of a file.
    Pay(money::Pay),
    /// Credit an invoice, or pieces of it.
    Credit(money::Credit),
    /// Decide again what of an order is held, or was passed by while its partner had no seller.
    Retry(money::Retry),
    /// Write the documents of a time to a folder: a CSV for bookkeeping, and PDF, XML, HTML or JSON of each.
    Export(export::Export),
    /// Check numbers, chains of hashes and amounts of all documents.
    Verify,
}

pub(crate) async fn run(global: &Global, command: &Invoices) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Invoices::List(list) => list::run(&pipeline, list).await,
        Invoices::Open(open) => sums::open(&pipeline, open).await,
        Invoices::Totals(totals) => sums::totals(&pipeline, totals).await,
        Invoices::Days(days) => sums::days(&pipeline, days).await,
        Invoices::Show(one) => document::show(&pipeline, one).await,
        Invoices::Pdf(saved) => document::save(&pipeline, saved, Form::Pdf).await,
        Invoices::Html(saved) => document::save(&pipeline, saved, Form::Html).await,
        Invoices::Xml(saved) => document::save(&pipeline, saved, Form::Xml).await,
        Invoices::Pay(pay) => money::pay(&pipeline, pay).await,
        Invoices::Credit(credit) => money::credit(&pipeline, credit).await,
        Invoices::Retry(retry) => money::retry(&pipeline, retry).await,
        Invoices::Export(export) => export::run(&pipeline, export).await,
        Invoices::Verify => verify::run(&pipeline).await,
    }
}
