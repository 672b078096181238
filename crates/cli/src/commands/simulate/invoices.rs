//! `simulate invoices`: sales of persons, one after another, and the invoices that come of them.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use bytes::BytesMut;
use clap::Args;
use domain::PartnerId;
use domain::invoice::Document;
use futures_util::StreamExt as _;
use load::{ALL, Mix, Plan, Schedule};
use machine::client::Pipeline;
use machine::clock;
use messaging::{Event, header};
use serde_json::json;
use terminal::output;

use super::sender::Sender;
use super::{used, watch};
use crate::confirm::{Yes, confirm};

/// What the bodies of messages are cut from.
const BUFFER_BYTES: usize = 64 * 1024;

/// After so long without an invoice it is said what to look at.
const QUIET: Duration = Duration::from_secs(30);

/// Send sales of made-up persons, and print each invoice as it is issued.
#[derive(Clone, Debug, Args)]
pub(crate) struct Invoices {
    /// How many a second.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Stop after so many invoices; without it, Ctrl-C ends it.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    count: Option<u64>,
    /// Whose orders: a partner with a seller. Without it, the first one, or DIRECT if it has a seller.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// The same seed makes the same orders; without it, another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Asked before the first order is sent.
    #[command(flatten)]
    yes: Yes,
}

pub(super) async fn run(pipeline: &Pipeline, args: &Invoices) -> Result<()> {
    let partner = selling(pipeline, args.partner.as_ref())?;
    let name = partner.clone().unwrap_or_else(PartnerId::direct);
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let mix = Mix { persons: ALL, products: 5, lines: 3, charges: ALL / 4, ..Mix::default() };
    let plan = Plan::new(&mix, seed, vec![partner], clock::now())?;
    let preview = [format!(
        "orders of {name}, {} a second, seed {seed}: they are decided and invoiced like any others, and \
         invoices cannot be taken back",
        args.rate
    )];
    let is_used = used::is_used(pipeline, &plan, 1).await?;
    let preview: Vec<String> =
        preview.into_iter().chain(is_used.then(|| used::preview(seed))).collect();
    confirm(&preview, "Send made-up orders?", args.yes)?;
    tokio::select! {
        sent = send(pipeline, args, &plan, &name) => sent,
        moved = watch::moved(pipeline) => Err(moved),
    }
}

async fn send(pipeline: &Pipeline, args: &Invoices, plan: &Plan, name: &PartnerId) -> Result<()> {
    let sender = Sender::new(pipeline, false).await?;
    let nats = pipeline.nats().await?;
    let mut issued = nats.client.subscribe("invoices.issued.>").await?;
    // What is issued before the server knows of the subscription is not seen.
    nats.client.flush().await?;
    let (mut buffer, mut schedule) =
        (BytesMut::with_capacity(BUFFER_BYTES), Schedule::new(args.rate));
    let (mut sent, mut seen, began) = (0_u64, 0_u64, Instant::now());
    let wanted = args.count.unwrap_or(u64::MAX);
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    let mut quiet = std::pin::pin!(tokio::time::sleep(QUIET));
    let mut is_told = false;
    while seen < wanted {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            message = issued.next() => {
                let Some(message) = message else { bail!("the connection to NATS ended") };
                if header::is_fact(message.headers.as_ref()) && tell(pipeline, name, &message.payload) {
                    seen += 1;
                    quiet.as_mut().reset(tokio::time::Instant::now() + QUIET);
                    is_told = false;
                }
            }
            () = quiet.as_mut(), if !is_told => {
                is_told = true;
                output::note(
                    "no invoice for 30 s; why: orderflow invoices open --held, and orderflow orders list --status \
                     out-of-stock (orderflow stock restock P001=1000 brings more)",
                );
            }
            () = schedule.ready() => {
                if schedule.take() {
                    sent += 1;
                    sender.send(plan.message(sent, &mut buffer)).await?;
                }
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    output::note(format_args!("{sent} orders sent, {seen} invoices issued in {seconds:.1} s"));
    Ok(())
}

/// Prints an invoice of the partner.
fn tell(pipeline: &Pipeline, partner: &PartnerId, payload: &[u8]) -> bool {
    let event: Option<Event<Document>> = serde_json::from_slice(payload).ok();
    let Some(document) = event.and_then(|event| event.data) else { return false };
    if document.supply.partner != *partner {
        return false;
    }
    let Document { number, issued_at, buyer, totals, currency, supply, .. } = &document;
    let customer = buyer.person.name.as_deref().unwrap_or_default();
    if pipeline.json {
        output::json(&json!({"number": number, "customer": customer, "amount": totals.payable,
            "currency": currency, "order_id": supply.order_id, "issued_at": issued_at}));
    } else {
        let customer = output::name(customer);
        let amount = domain::currency::shown(totals.payable, currency);
        output::line(format_args!("{number}  {amount} {currency}  {customer}"));
    }
    true
}

/// A partner whose orders are invoiced; `None` is the built-in one.
fn selling(pipeline: &Pipeline, asked: Option<&PartnerId>) -> Result<Option<PartnerId>> {
    let path = pipeline.dir.partners();
    let text = std::fs::read_to_string(&path)?;
    let intake::partners::Loaded { partners, sold } = intake::partners::load_all(&text)
        .map_err(|problems| anyhow!("{}: {} problems", path.display(), problems.len()))?;
    let direct = PartnerId::direct();
    let sells = |name: &PartnerId| match *name == direct {
        true => sold.direct.is_some(),
        false => partners.get(name).is_some_and(|partner| partner.seller.is_some()),
    };
    let place = path.display();
    if let Some(name) = asked {
        if !sells(name) {
            bail!(
                "partner {name} has no seller, so its orders are not invoiced: {place}, partners.{name}.seller"
            );
        }
        return Ok(Some(name.clone()).filter(|name| *name != direct));
    }
    if sells(&direct) {
        return Ok(None);
    }
    let first = partners.iter().find(|(name, _)| sells(name)).map(|(name, _)| name.clone());
    first.map(Some).ok_or_else(|| {
        anyhow!(
            "no partner has a seller, so no order is invoiced. {place} ends with a sample: take `#:` away at the \
             start of its lines"
        )
    })
}
