//! `invoices export`: documents of a time as files, for bookkeeping and for an archive of one's own.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use chrono::NaiveDate;
use clap::Args;
use domain::PartnerId;
use domain::invoice::Document;
use machine::client::Pipeline;
use messaging::{Event, header, streams, tail};
use serde_json::json;
use terminal::output;

use super::document::{Form, render};

/// What a row of the CSV holds: a document has a row for each rate of tax.
const COLUMNS: [&str; 22] = [
    "number",
    "kind",
    "issued_on",
    "supplied_on",
    "due_on",
    "seller",
    "partner",
    "order_id",
    "customer",
    "buyer",
    "buyer_country",
    "buyer_vat_number",
    "currency",
    "tax_code",
    "tax_percent",
    "base",
    "tax",
    "document_net",
    "document_tax",
    "document_rounding",
    "document_payable",
    "original",
];

/// Documents without XML that are named; of more only the number.
const SHOWN_MAX: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The folder: it gets invoices.csv, with a row for each document and rate of tax.
    folder: PathBuf,
    /// Issued on this day or later.
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Issued on this day or before.
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Of this seller, by its name in partners.yml.
    #[arg(long)]
    seller: Option<String>,
    /// Of this partner.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// A PDF of each document as well.
    #[arg(long)]
    pdf: bool,
    /// The XML (Factur-X) of each document as well.
    #[arg(long)]
    xml: bool,
    /// An HTML page of each document as well.
    #[arg(long)]
    html: bool,
    /// The JSON of each document as well: everything else can be made of it again.
    #[arg(long = "documents")]
    documents: bool,
}

impl Export {
    fn fits(&self, document: &Document) -> bool {
        self.from.is_none_or(|from| from <= document.issued_on)
            && self.to.is_none_or(|to| document.issued_on <= to)
            && self.seller.as_ref().is_none_or(|seller| *seller == document.seller.id)
            && self.partner.as_ref().is_none_or(|partner| *partner == document.supply.partner)
    }

    fn forms(&self) -> impl Iterator<Item = Form> {
        let all = [(self.pdf, Form::Pdf), (self.xml, Form::Xml), (self.html, Form::Html)];
        all.into_iter().filter(|(asked, _)| *asked).map(|(_, form)| form)
    }
}

pub(super) async fn run(pipeline: &Pipeline, export: &Export) -> Result<()> {
    let folder = &export.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let nats = pipeline.nats().await?;
    let csv = folder.join("invoices.csv");
    let part = folder.join("invoices.csv.part");
    let file = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
    let mut rows = csv::Writer::from_writer(BufWriter::new(file));
    rows.write_record(COLUMNS)?;
    let bar = output::progress(0, "{spinner} {pos} documents {per_sec}");
    let (mut count, mut failed, mut without) = (0_u64, None, Vec::<String>::new());
    let filter = "invoices.issued.>";
    tail::read_while(&nats, streams::INVOICES, filter, tail::From::Sequence(1), false, |message| {
        if !header::is_fact(message.headers.as_ref()) {
            return std::ops::ControlFlow::Continue(());
        }
        let done = read(&message.payload).and_then(|document| match export.fits(&document) {
            true => write(export, &mut rows, &document, &mut without).map(|()| 1),
            false => Ok(0),
        });
        match done.with_context(|| message.subject.to_string()) {
            Ok(one) => {
                count += one;
                bar.inc(one);
                std::ops::ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                std::ops::ControlFlow::Break(())
            }
        }
    })
    .await?;
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.context(format!("{count} documents were written before it")));
    }
    rows.flush().with_context(|| format!("cannot write {}", part.display()))?;
    drop(rows);
    // A file of this name is always whole.
    fs::rename(&part, &csv).with_context(|| format!("cannot write {}", csv.display()))?;
    for text in without.iter().take(SHOWN_MAX) {
        output::note(text);
    }
    if SHOWN_MAX < without.len() {
        let more = output::count(without.len() - SHOWN_MAX, "more document");
        output::note(format_args!("{more} without XML"));
    }
    if pipeline.json {
        output::json(&json!({"documents": count, "folder": folder, "without_xml": without}));
    } else {
        let count = output::count(count, "document");
        output::line(format_args!("{count} written to {}", folder.display()));
    }
    Ok(())
}

fn read(payload: &[u8]) -> Result<Document> {
    let event: Event<Document> = serde_json::from_slice(payload).context("no document")?;
    event.data.ok_or_else(|| anyhow!("the event has no data"))
}

fn write(
    export: &Export,
    rows: &mut csv::Writer<BufWriter<File>>,
    document: &Document,
    without: &mut Vec<String>,
) -> Result<()> {
    for tax in &document.taxes {
        rows.write_record(row(document, tax))?;
    }
    let folder = &export.folder;
    for form in export.forms() {
        // EN 16931 has no place for some documents, such as those of guests without an address.
        if let (Form::Xml, Some(rule)) = (form, documents::check(document).first()) {
            without.push(format!("{} has no XML: {rule}", document.number));
            continue;
        }
        save(folder, &document.number, form.extension(), &render(document, form)?)?;
    }
    if export.documents {
        save(folder, &document.number, "json", &serde_json::to_vec_pretty(document)?)?;
    }
    Ok(())
}

fn row(document: &Document, tax: &domain::invoice::TaxTotal) -> [String; 22] {
    let Document { supply, buyer, totals, .. } = document;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let person = &buyer.person;
    [
        document.number.clone(),
        document.kind.as_str().to_owned(),
        document.issued_on.to_string(),
        supply.supplied_on.to_string(),
        day(document.due_on),
        document.seller.id.clone(),
        supply.partner.to_string(),
        supply.order_id.to_string(),
        buyer.customer.as_ref().map(ToString::to_string).unwrap_or_default(),
        person.company.clone().or_else(|| person.name.clone()).unwrap_or_default(),
        person.billing.as_ref().map(|address| address.country.clone()).unwrap_or_default(),
        text(&person.vat_number),
        document.currency.clone(),
        tax.tax.code.as_str().to_owned(),
        tax.tax.percent.value().to_string(),
        tax.base.to_string(),
        tax.amount.to_string(),
        totals.net.to_string(),
        totals.tax.to_string(),
        totals.rounding.to_string(),
        totals.payable.to_string(),
        document.original.as_ref().map(|it| it.number.clone()).unwrap_or_default(),
    ]
}

fn save(folder: &Path, number: &str, extension: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(format!("{number}.{extension}"));
    let part = folder.join(format!("{number}.{extension}.part"));
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &path));
    written.with_context(|| format!("cannot write {}", path.display()))
}
