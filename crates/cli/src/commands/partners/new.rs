//! `orderflow partners new`: a proposal for a file that nobody has configured, tried on the file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use domain::PartnerId;
use domain::partner::Encoding;
use file_transformer::dry_run::{self, Beside, Sample};
use machine::dir;
use propose::{Proposal, Role, Seen, propose_in};
use serde_json::{Value, json};
use terminal::output::{self, Say};

use super::check;
use super::source::load;

/// `partners new`
#[derive(Debug, Args)]
pub(crate) struct PartnersNew {
    /// The file.
    pub(crate) file: PathBuf,
    /// How the partner is to be called.
    #[arg(long, default_value = "NEW")]
    pub(crate) name: PartnerId,
    /// Write the proposal into a new file instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Say which column is what, where the guess is wrong; may be given several times.
    #[arg(long = "column", value_name = "ROLE=NAME", value_parser = column)]
    pub(crate) columns: Vec<(Role, String)>,
    /// In which encoding the file is, where that cannot be told: `shift_jis`, `windows-1251`.
    #[arg(long, value_name = "NAME", value_parser = Encoding::parse)]
    pub(crate) encoding: Option<Encoding>,
}

/// `order-id=Invoice`
fn column(text: &str) -> Result<(Role, String), String> {
    let (role, name) = text.split_once('=').ok_or("is not ROLE=NAME")?;
    Ok((role.parse()?, name.to_owned()))
}

/// Bytes of the file that are looked at.
const SAMPLE_BYTES: usize = 8 << 20;

/// Blocks.
pub(super) fn run(json: bool, args: &PartnersNew) -> Result<ExitCode> {
    let Sample { bytes, is_whole } =
        dry_run::sample(&args.file, SAMPLE_BYTES, &std::env::temp_dir())?;
    let proposal = propose_in(args.encoding, &bytes, is_whole, &args.columns)
        .with_context(|| format!("nothing can be proposed for {}", args.file.display()))?;
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    let yaml = proposal.yaml(&args.name, &file);
    let partners = load(&yaml, "the proposal")?;
    let partner = partners.get(&args.name).context("the proposal has no such partner")?;
    let judged = check::judge(&args.name, partner, &Beside::default(), &args.file)?;
    if let Some(path) = &args.out {
        ensure!(!path.exists(), "{} is there already", path.display());
        dir::write_atomic(path, yaml.as_bytes(), 0o644)?;
    }
    if json {
        let guesses = proposal.guesses();
        let (partner, receipt, seen) = (&args.name, &judged.receipt, &proposal.seen);
        output::json(&json!({"partner": partner, "yaml": yaml, "guesses": guesses, "seen": seen,
            "receipt": receipt}));
        return Ok(judged.exit_code());
    }
    // A configuration on standard output is for a file, and what is said about it is not part of it.
    let say: Say = if args.out.is_none() {
        output::line(yaml.trim_end());
        |text| output::note(text)
    } else {
        |text| output::line(text)
    };
    judged.print(say);
    tell_unsure(&proposal, say);
    for difference in differences(&proposal.seen, &judged.receipt) {
        say(&format_args!("please look: {difference}"));
    }
    say(&format_args!("next: {}", next(args)));
    Ok(judged.exit_code())
}

/// What somebody has to look at.
fn tell_unsure(proposal: &Proposal, say: Say) {
    let unsure: Vec<Vec<String>> = proposal
        .guesses()
        .into_iter()
        .filter(|guess| guess.get("confidence").is_some_and(|trust| trust == "unsure"))
        .map(|guess| {
            let field =
                |name| guess.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            vec![field("setting"), field("value"), field("reason")]
        })
        .collect();
    if !unsure.is_empty() {
        say(&"please look at what is only guessed:");
        output::table_to(say, &["setting", "value", "why"], &[], unsure);
    }
}

/// What the reader finds elsewhere than it was seen: then the guesses are about other lines.
fn differences(seen: &Seen, receipt: &Value) -> Vec<String> {
    let Some(found) = receipt.get("found") else { return Vec::new() };
    let header = found.get("header_line").and_then(Value::as_u64);
    let header = header.filter(|line| *line != seen.header_line).map(|line| {
        let seen = seen.header_line;
        format!("the columns were guessed from line {seen}, and line {line} is read as the header")
    });
    let rows = receipt.get("rows").and_then(Value::as_u64);
    let rows = rows.zip(seen.rows).filter(|(rows, seen)| rows != seen).map(|(rows, seen)| {
        format!("the columns were guessed from {seen} rows, and {rows} are read")
    });
    header.into_iter().chain(rows).collect()
}

fn next(args: &PartnersNew) -> String {
    let name = &args.name;
    match &args.out {
        Some(path) => {
            let path = path.display();
            format!(
                "correct {path}, try it with: orderflow partners check {} --partners {path}; \
                 then: orderflow partners add {path}",
                args.file.display()
            )
        }
        None => format!("write it into a file: --out {name}.yml, or > {name}.yml"),
    }
}
