//! `invoices verify`: numbers, chains and amounts of all documents, from the documents alone.

use anyhow::Result;
use invoices::{Chain, Chains, verify_chains};
use machine::client::Pipeline;
use serde_json::json;
use terminal::Failure;
use terminal::output;

pub(super) async fn run(pipeline: &Pipeline) -> Result<()> {
    let nats = pipeline.nats().await?;
    let Chains { series, problems, problems_total } =
        verify_chains(&nats, "invoices.issued.>").await?;
    if pipeline.json {
        let series: Vec<_> = series
            .iter()
            .map(|chain| {
                json!({"series": chain.series, "seller": chain.seller, "documents": chain.documents,
                    "first": chain.first, "last": chain.last, "issued_on": chain.issued_on,
                    "hash": chain.hash})
            })
            .collect();
        output::json(&json!({"series": series, "problems": problems, "problems_total": problems_total}));
    } else {
        for Chain { series, documents, first, last, issued_on, hash, .. } in &series {
            output::line(format_args!(
                "✓ {series}: {documents} documents, {first} to {last}, the last of {issued_on}, hash {hash}"
            ));
        }
        for problem in &problems {
            output::line(format_args!("✗ {problem}"));
        }
    }
    match problems_total {
        0 => Ok(()),
        failed => Err(Failure::Checks { failed, of: series.len() as u64 + failed }.into()),
    }
}
