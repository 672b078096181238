//! `invoices show`, `pdf`, `html` and `xml`: one document.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use clap::Args;
use domain::invoice::{Balance, Document, Issued};
use domain::{Money, currency};
use machine::client::{Level, Pipeline, query_value};
use serde_json::json;
use terminal::output;

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its number.
    pub(super) number: String,
}

#[derive(Debug, Args)]
pub(crate) struct Saved {
    /// Its number.
    number: String,
    /// Where to; `-` is standard output. Without it, a file in this folder that is named by the number.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// In which form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Pdf,
    Html,
    Xml,
}

impl Form {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Html => "html",
            Self::Xml => "xml",
        }
    }
}

/// Makes a file of a document.
///
/// # Errors
/// It cannot be made of this one.
pub(super) fn render(document: &Document, form: Form) -> Result<Vec<u8>> {
    Ok(match form {
        Form::Pdf => documents::pdf(document)?,
        Form::Html => documents::html(document)?.into_bytes(),
        Form::Xml => {
            let broken = documents::check(document);
            if let Some(rule) = broken.iter().find(|rule| !rule.is_forgiven) {
                bail!("{} cannot be EN 16931: {rule}", document.number);
            }
            documents::xml(document).into_bytes()
        }
    })
}

/// Fetches a document.
async fn fetch(pipeline: &Pipeline, number: &str) -> Result<Document> {
    let path = format!("billing/invoices/{}", query_value(number));
    pipeline.call(Level::Read, Method::GET, &path, None).await
}

/// Fetches a document and the balance of its order.
pub(super) async fn with_balance(pipeline: &Pipeline, number: &str) -> Result<(Document, Balance)> {
    let document = fetch(pipeline, number).await?;
    let (partner, id) = document.account();
    let path = format!("billing/balances/{partner}/{}", query_value(id.as_str()));
    let balance = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    Ok((document, balance))
}

pub(super) async fn show(pipeline: &Pipeline, One { number }: &One) -> Result<()> {
    let (document, balance) = with_balance(pipeline, number).await?;
    let (partner, _) = document.account();
    if pipeline.json {
        output::json(&json!({"document": document, "balance": balance}));
        return Ok(());
    }
    let Document { kind, issued_on, seller, currency: code, totals, .. } = &document;
    let kind = kind.as_str().replace('_', " ");
    output::line(format_args!("{kind} {number} of {issued_on}, by {}", output::name(&seller.name)));
    if let Some(original) = &document.original {
        output::line(format_args!("for invoice {} of {}", original.number, original.issued_on));
    }
    let buyer = &document.buyer;
    let customer = buyer.customer.as_ref().map(|id| id.as_str().to_owned());
    let named = buyer.person.company.clone().or_else(|| buyer.person.name.clone());
    let who: Vec<String> = named.into_iter().chain(customer).collect();
    if !who.is_empty() {
        output::line(format_args!("to {}", output::name(&who.join(", "))));
    }
    output::line(format_args!("order {partner}/{}", document.supply.order_id));
    let money = |amount| currency::shown(amount, code);
    let lines = document.lines.iter().map(|line| {
        let what = line.description.as_deref().unwrap_or(line.product_id.as_str());
        let rate = format!("{} %", line.tax.percent.value());
        vec![
            output::name(what).to_string(),
            line.quantity.to_string(),
            money(line.unit_price),
            line.discount.map(|discount| money(discount.negated())).unwrap_or_default(),
            rate,
            money(line.net),
        ]
    });
    let charges = document.charges.iter().map(|charge| {
        let what = charge.description.as_deref().unwrap_or(charge.kind.as_str());
        let rate = format!("{} %", charge.tax.percent.value());
        let name = output::name(what).to_string();
        vec![name, String::new(), String::new(), String::new(), rate, money(charge.net)]
    });
    let head = ["what", "pieces", "price", "discount", "tax", "net"];
    output::table(&head, &[1, 2, 3, 4, 5], lines.chain(charges));
    let [net, tax, gross] = [totals.net, totals.tax, totals.gross].map(money);
    output::line(format_args!("net {net} + tax {tax} = {gross} {code}"));
    if totals.rounding != Money::ZERO {
        output::line(format_args!("rounding {}", money(totals.rounding)));
    }
    output::line(format_args!("payable {} {code}", money(totals.payable)));
    standing(&document, &balance);
    Ok(())
}

/// What became of the order since: its other documents, payments, and what is held.
fn standing(document: &Document, balance: &Balance) {
    let code = &document.currency;
    let money = |amount| currency::shown(amount, code);
    let state = balance.state.as_str().replace('_', " ");
    let due = balance.due_on.map(|day| format!(", due on {day}")).unwrap_or_default();
    output::line(format_args!("order is {state}: open {} {code}{due}", money(balance.open)));
    for issued in balance.documents.iter().filter(|issued| issued.number != document.number) {
        let Issued { number, kind, issued_on, payable, order_id, .. } = issued;
        let kind = kind.as_str().replace('_', " ");
        let of = match *order_id == balance.order_id {
            true => String::new(),
            false => format!(", for {}", output::name(order_id.as_str())),
        };
        output::line(format_args!(
            "{kind} {number} of {issued_on}: {} {code}{of}",
            money(*payable)
        ));
    }
    for payment in &balance.payments {
        let reference = output::name(&payment.reference);
        let amount = money(payment.amount);
        output::line(format_args!("paid {amount} on {}: {reference}", payment.paid_on));
    }
    for held in &balance.held {
        output::line(format_args!("held: {}", held.detail));
    }
}

pub(super) async fn save(pipeline: &Pipeline, saved: &Saved, form: Form) -> Result<()> {
    let Saved { number, output: to } = saved;
    let document = fetch(pipeline, number).await?;
    let bytes = render(&document, form)?;
    let own = PathBuf::from(format!("{number}.{}", form.extension()));
    let to = to.as_deref().unwrap_or(&own);
    if to == Path::new("-") {
        return std::io::stdout().write_all(&bytes).context("standard output");
    }
    std::fs::write(to, &bytes).with_context(|| format!("cannot write {}", to.display()))?;
    output::note(format_args!("{} written, {} bytes", to.display(), bytes.len()));
    Ok(())
}
