//! `invoices verify`: numbers, chains and amounts of all documents, from the documents alone.

use anyhow::{Result, bail};
use domain::invoice::Document;
use invoices::{Chain, Chains, verify_chains};
use machine::client::Pipeline;
use messaging::{Event, Nats, header, streams, tail};
use serde_json::json;
use terminal::output;

const FILTER: &str = "invoices.issued.>";
/// Problems of amounts that are described one by one; more are only counted.
const PROBLEMS_MAX: usize = 100;

pub(super) async fn run(pipeline: &Pipeline) -> Result<()> {
    let nats = pipeline.nats().await?;
    let Chains { series, mut problems, problems_total } = verify_chains(&nats, FILTER).await?;
    let (amounts, wrong_amounts) = check_amounts(&nats).await?;
    problems.extend(amounts);
    let total = problems_total + wrong_amounts;
    if pipeline.json {
        let chain = |chain: &Chain| {
            let Chain { series, seller, documents, first, last, issued_on, hash } = chain;
            json!({"series": series, "seller": seller, "documents": documents, "first": first,
                "last": last, "issued_on": issued_on, "hash": hash})
        };
        let series: Vec<_> = series.iter().map(chain).collect();
        output::json(&json!({"series": series, "problems": problems, "problems_total": total}));
    } else {
        for Chain { series, documents, first, last, issued_on, hash, .. } in &series {
            let documents = output::count(documents, "document");
            output::line(format_args!(
                "✓ {series}: {documents}, {first} to {last}, the last of {issued_on}, hash {hash}"
            ));
        }
        problems.iter().for_each(|problem| output::line(format_args!("✗ {problem}")));
    }
    if 0 < total {
        bail!("{} in the documents", output::count(total, "problem"));
    }
    Ok(())
}

/// Sums and tax by the rules of EN 16931, exact to the cent.
async fn check_amounts(nats: &Nats) -> Result<(Vec<String>, u64)> {
    let (mut problems, mut count) = (Vec::new(), 0);
    tail::read(nats, streams::INVOICES, FILTER, 1, false, |message| {
        // What is no document, the chains say.
        let event: Option<Event<Document>> = serde_json::from_slice(&message.payload).ok();
        let document = event.filter(|_| header::is_fact(message.headers.as_ref()));
        let Some(document) = document.and_then(|event| event.data) else { return };
        for broken in documents::check_amounts(&document) {
            count += 1;
            if problems.len() < PROBLEMS_MAX {
                problems.push(format!("{}: {broken}", document.number));
            }
        }
    })
    .await?;
    Ok((problems, count))
}
