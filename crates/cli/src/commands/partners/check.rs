//! `orderflow partners check`: a dry run by file-transformer's own code.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use domain::PartnerId;
use domain::partner::{Partner, Partners};
use file_transformer::dry_run::{self, Beside, Verdict};
use intake::access::Keys;
use intake::ledger::Outcome;
use machine::dir::DataDir;
use serde_json::Value;
use terminal::Failure;
use terminal::output::{self, Say};

use super::source::{Source, read};
use crate::global::Global;

/// `partners check`
#[derive(Debug, Args)]
pub(crate) struct PartnersCheck {
    /// The file.
    pub(crate) file: PathBuf,
    /// By whose configuration; may be left out where there is only one.
    #[arg(long)]
    pub(crate) partner: Option<PartnerId>,
    /// Where it is configured.
    #[command(flatten)]
    pub(crate) source: Source,
    /// The folder of secrets, for encrypted files; without it that of `up`.
    #[arg(long, value_name = "DIR", env = "ORDERFLOW_SECRETS_DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Write the rejected rows there, as the partner would get them.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write all that would come of the file into this folder: output.csv with the accepted rows,
    /// rejects.csv, orders.jsonl with the orders that would be placed, and receipt.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// Accepted, but not every row.
const WITH_REJECTS: u8 = 6;
/// Refused as a whole.
const REFUSED: u8 = 7;

/// Blocks.
pub(super) fn run(global: &Global, args: &PartnersCheck) -> Result<ExitCode> {
    let (partners, place) = read(&args.source)?;
    let (name, partner) = choose(&partners, args.partner.as_ref(), &place)?;
    let secrets = args.secrets_dir.clone();
    let secrets = secrets.unwrap_or_else(|| DataDir::at(&global.data_dir).secrets());
    let mut partner = partner.clone();
    let beside = beside(args.source.path.as_deref(), &secrets, name, &mut partner)?;
    let mut judged = judge(name, &partner, &beside, &args.file)?;
    if let Some(path) = &args.rejects {
        write_rejects(&mut judged, path)?;
    }
    if let Some(folder) = &args.output {
        write_all(&mut judged, folder)?;
    }
    if global.json {
        output::json(&judged.receipt);
    } else {
        judged.print(|text| output::line(text));
    }
    Ok(judged.exit_code())
}

/// A verdict with its receipt.
pub(super) struct Judged {
    verdict: Verdict,
    pub(super) receipt: Value,
}

/// What would become of `file`.
pub(super) fn judge(
    name: &PartnerId,
    partner: &Partner,
    beside: &Beside,
    file: &Path,
) -> Result<Judged> {
    let verdict = dry_run::judge(name, partner, beside, file, &std::env::temp_dir())?;
    let receipt = serde_json::from_slice(&verdict.receipt).context("the receipt")?;
    Ok(Judged { verdict, receipt })
}

/// Reads the partner's tables, which stand beside the configuration, and the keys of its files.
fn beside(
    configuration: Option<&Path>,
    secrets: &Path,
    name: &PartnerId,
    partner: &mut Partner,
) -> Result<Beside> {
    let folder = configuration.and_then(Path::parent).unwrap_or(Path::new(""));
    let table = |table: &str| intake::partners::read_table(folder, table);
    let mut problems = Vec::new();
    let products = intake::partners::tables(name, partner, table);
    let products = products.unwrap_or_else(|wrong| {
        problems.extend(wrong.iter().map(ToString::to_string));
        None
    });
    let decrypt = partner.file.as_ref().and_then(|file| file.decrypt.as_ref());
    let keys = decrypt.and_then(|decrypt| {
        Keys::read(decrypt, |secret| {
            let path = secrets.join(secret);
            let text = std::fs::read_to_string(&path);
            let wrong = |error| {
                problems.push(format!("{}: {error}; --secrets-dir says where", path.display()));
            };
            text.map(|text| text.trim().to_owned()).map_err(wrong).ok()
        })
    });
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(Beside { products: products.map(Arc::new), keys })
}

fn choose<'a>(
    partners: &'a Partners,
    wanted: Option<&PartnerId>,
    place: &str,
) -> Result<(&'a PartnerId, &'a Partner)> {
    let mut all = partners.iter();
    match (wanted, all.next(), all.next()) {
        (Some(wanted), _, _) => {
            let what = || Failure::NotFound { what: format!("partner {wanted} in {place}") };
            Ok(partners.get_key_value(wanted).ok_or_else(what)?)
        }
        (None, Some(only), None) => Ok(only),
        (None, _, _) => {
            let names: Vec<&str> = partners.keys().map(PartnerId::as_str).collect();
            bail!("say whose file it is with --partner; {place} has {}", names.join(" "))
        }
    }
}

fn write_rejects(judged: &mut Judged, path: &Path) -> Result<()> {
    let Some(files) = &mut judged.verdict.files else { return Ok(()) };
    write(&mut files.rejects, path)
}

fn write(from: &mut File, path: &Path) -> Result<()> {
    let mut copy = || {
        from.seek(SeekFrom::Start(0))?;
        std::io::copy(from, &mut File::create(path)?)
    };
    copy().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Everything, so that a person can look. A file that is unreadable as a whole has only its receipt.
fn write_all(judged: &mut Judged, folder: &Path) -> Result<()> {
    let at = |name: &str| folder.join(name);
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    if let Some(files) = &mut judged.verdict.files {
        write(&mut files.output, &at("output.csv"))?;
        write(&mut files.rejects, &at("rejects.csv"))?;
        write(&mut files.orders, &at("orders.jsonl"))?;
    }
    let receipt = at("receipt.json");
    std::fs::write(&receipt, &judged.verdict.receipt)
        .with_context(|| format!("cannot write {}", receipt.display()))
}

impl Judged {
    pub(super) fn exit_code(&self) -> ExitCode {
        match &self.verdict.outcome {
            Outcome::Refused { .. } => ExitCode::from(REFUSED),
            _ if self.number("/rejected") > 0 => ExitCode::from(WITH_REJECTS),
            _ => ExitCode::SUCCESS,
        }
    }

    fn number(&self, path: &str) -> u64 {
        self.receipt.pointer(path).and_then(Value::as_u64).unwrap_or(0)
    }

    fn text(&self, path: &str) -> &str {
        self.receipt.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// What a person wants to know first.
    pub(super) fn print(&self, say: Say) {
        let (rows, accepted, rejected) =
            (self.number("/rows"), self.number("/accepted"), self.number("/rejected"));
        match &self.verdict.outcome {
            Outcome::Refused { reason } => {
                say(&format_args!("The file would be refused as a whole: {reason}"));
            }
            _ if rejected == 0 => say(&"The file would be accepted."),
            _ => say(&"The file would be accepted without its rejected rows."),
        }
        if rows > 0 {
            let filtered = match self.number("/filtered") {
                0 => String::new(),
                filtered => format!(", {filtered} left out by the transform"),
            };
            let lines = self.number("/lines");
            say(&format_args!(
                "{rows} rows: {accepted} accepted, {rejected} rejected{filtered}; the file has {lines} lines"
            ));
            self.print_passed_over(say);
            self.print_orders(say);
        }
        self.print_rejects(say);
    }

    /// Lines that are no rows.
    fn print_passed_over(&self, say: Say) {
        let list = |path: &str| self.receipt.pointer(path).and_then(Value::as_array);
        let again = list("/found/header_again").into_iter().flatten();
        let again: Vec<String> = again.map(ToString::to_string).collect();
        if !again.is_empty() {
            say(&format_args!(
                "the header is repeated in line {}: not counted as rows",
                again.join(", ")
            ));
        }
        for (what, path) in [("before the header", "preamble"), ("behind the rows", "footer")] {
            for line in list(&format!("/found/{path}")).into_iter().flatten() {
                say(&format_args!("{what}, no row: {line}"));
            }
        }
    }

    fn print_orders(&self, say: Say) {
        let amount = |name: &str| {
            let (number, total) = (format!("/orders/{name}"), format!("/orders/{name}_total"));
            let currency = self.text("/orders/currency");
            format!("{} {name}, {} {currency}", self.number(&number), self.text(&total))
        };
        let rejected = self.number("/orders/rejected");
        say(&format_args!(
            "orders: {}; {}; {rejected} rejected",
            amount("sales"),
            amount("returns")
        ));
    }

    fn print_rejects(&self, say: Say) {
        let by_rule = self.receipt.get("rejected_by_rule").and_then(Value::as_object);
        let rows = by_rule.into_iter().flatten().map(|(rule, number)| {
            let examples = self.receipt.get("examples").and_then(Value::as_array);
            let of_rule =
                |example: &&Value| example.get("rule").is_some_and(|r| r == rule.as_str());
            let first = examples.into_iter().flatten().find(of_rule);
            let field = |name: &str| match first.and_then(|first| first.get(name)) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            let number = number.to_string();
            vec![rule.clone(), number, field("line"), field("column"), field("reason")]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            let head = ["rejected by", "rows", "e.g. line", "column", "reason"];
            output::table_to(say, &head, &[1, 2], rows);
        }
    }
}
