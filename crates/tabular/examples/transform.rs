//! Reads a file of a British mail-order shop (UCI Online Retail) and reports the speed: `cargo run
//! --release -p tabular --example transform -- FILE`.
//!
//! Options: `--out DIR` writes `output.csv` and `rejects.csv` there, in a separate thread; `--workers
//! N` (default: one per core); `--duplicates off|per-order|whole-file`; `--block-kib N`.

use anyhow::{Context, bail};
use domain::partner::{Columns, Duplicates, FileFormat, Rules};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Instant;
use tabular::output::{OutputWriter, RejectsWriter};
use tabular::{Limits, Part, Summary, Transform};

/// The same allocator as in every function.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Options {
    file: PathBuf,
    out: Option<PathBuf>,
    duplicates: Duplicates,
    limits: Limits,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let start = Instant::now();
    let (bytes, summary) = run(&options)?;
    let seconds = start.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    let (rows, accepted, rejected) = (summary.rows, summary.accepted, summary.rejected());
    writeln!(out, "rows {rows}, accepted {accepted}, rejected {rejected}")?;
    for (rule, count) in &summary.rejected_by_rule {
        writeln!(out, "  {rule} {count}")?;
    }
    for column in &summary.profile {
        writeln!(out, "  {column:?}")?;
    }
    let megabytes = bytes as f64 / 1e6;
    writeln!(out, "{megabytes:.1} MB in {seconds:.3} s: {:.0} MB/s", megabytes / seconds)?;
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let file =
        arguments.next().context("usage: transform FILE [--out DIR] [--workers N] …")?.into();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let limits = Limits { workers, ..Limits::default() };
    let mut options = Options { file, out: None, duplicates: Duplicates::WholeFile, limits };
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--out" => options.out = Some(value.into()),
            "--workers" => options.limits.workers = value.parse()?,
            "--block-kib" => options.limits.block_bytes = value.parse::<usize>()? << 10,
            "--duplicates" => options.duplicates = serde_yaml_ng::from_str(&value)?,
            _ => bail!("{name} is not known"),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> anyhow::Result<(usize, Summary)> {
    let rules = Rules {
        return_prefix: Some("C".into()),
        duplicates: options.duplicates,
        ..Rules::default()
    };
    let mut transform = Transform::new(&format(), &rules, "Europe/London", options.limits)?;
    let mut file = File::open(&options.file).context(options.file.display().to_string())?;
    let mut block = vec![0; 64 << 10];
    let mut bytes = 0;
    // Parts that wait to be written use memory; with a smaller queue, the threads wait for the disk.
    let (sender, parts) = sync_channel(4);
    let summary = thread::scope(|scope| {
        let writer = scope.spawn(|| write(parts, options.out.as_deref()));
        let summary = (|| {
            loop {
                let read = file.read(&mut block)?;
                let Some(read) = block.get(..read).filter(|read| !read.is_empty()) else { break };
                bytes += read.len();
                sender.send(transform.push(read)?)?;
            }
            let (last, summary) = transform.finish()?;
            sender.send(last)?;
            anyhow::Ok(summary)
        })();
        drop(sender);
        writer.join().expect("the writer does not panic")?;
        summary
    })?;
    Ok((bytes, summary))
}

fn write(parts: Receiver<Vec<Part>>, folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        parts.into_iter().for_each(drop);
        return Ok(());
    };
    let mut output = OutputWriter::new(
        File::create(folder.join("output.csv"))?,
        domain::extra::Shown::default(),
    )?;
    let mut rejects = RejectsWriter::new(File::create(folder.join("rejects.csv"))?)?;
    for part in parts.into_iter().flatten() {
        output.write(&part.batch)?;
        rejects.write(&part.rejects)?;
    }
    output.finish()?.flush()?;
    rejects.finish()?.flush()?;
    Ok(())
}

fn format() -> FileFormat {
    let columns = Columns {
        order_id: "InvoiceNo".into(),
        product_id: "StockCode".into(),
        quantity: "Quantity".into(),
        unit_price: "UnitPrice".into(),
        ordered_at: "InvoiceDate".into(),
        customer_id: Some("CustomerID".into()),
        description: Some("Description".into()),
        region: Some("Country".into()),
        ..Columns::default()
    };
    FileFormat { dates: vec!["%Y-%m-%d %H:%M:%S".into()], ..FileFormat::new(columns) }
}
