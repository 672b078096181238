//! Reads a file of a British mail-order shop (UCI Online Retail) and says how fast:
//! `cargo run -p tabular --example transform -- FILE [OUTPUT REJECTS]`.

use anyhow::Context;
use domain::partner::{Columns, FileFormat, Rules};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::time::Instant;
use tabular::output::{OutputWriter, RejectsWriter};
use tabular::{Limits, Transform};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("usage: transform FILE [OUTPUT REJECTS]")?;
    let results = arguments.next().zip(arguments.next());
    let mut writers = match &results {
        Some((output, rejects)) => {
            let create =
                |path: &String| Ok::<_, std::io::Error>(BufWriter::new(File::create(path)?));
            Some((OutputWriter::new(create(output)?)?, RejectsWriter::new(create(rejects)?)?))
        }
        None => None,
    };
    let mut file = File::open(&path).context(path)?;
    let workers = arguments.next().map_or(Ok(2), |workers| workers.parse())?;
    let limits = Limits { workers, ..Limits::default() };
    let mut transform = Transform::new(&format(), &rules(), "Europe/London", limits)?;
    let mut block = vec![0; 1 << 20];
    let mut bytes = 0_usize;
    let start = Instant::now();
    loop {
        let read = file.read(&mut block)?;
        let parts = match block.get(..read) {
            Some([]) | None => break,
            Some(read) => transform.push(read)?,
        };
        bytes += read;
        for part in parts {
            if let Some((output, rejects)) = &mut writers {
                output.write(&part.batch)?;
                rejects.write(&part.rejects)?;
            }
        }
    }
    let (parts, summary) = transform.finish()?;
    if let Some((mut output, mut rejects)) = writers {
        for part in parts {
            output.write(&part.batch)?;
            rejects.write(&part.rejects)?;
        }
        output.finish()?.flush()?;
        rejects.finish()?.flush()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "rows {}, accepted {}, rejected {}",
        summary.rows,
        summary.accepted,
        summary.rejected()
    )?;
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

fn rules() -> Rules {
    Rules { return_prefix: Some("C".into()), ..Rules::default() }
}

fn format() -> FileFormat {
    FileFormat {
        delimiter: ',',
        encoding: domain::partner::Encoding::Utf8,
        decimal_mark: '.',
        dates: vec!["%Y-%m-%d %H:%M:%S".into()],
        columns: Columns {
            order_id: "InvoiceNo".into(),
            product_id: "StockCode".into(),
            quantity: "Quantity".into(),
            unit_price: "UnitPrice".into(),
            ordered_at: "InvoiceDate".into(),
            customer_id: Some("CustomerID".into()),
            description: Some("Description".into()),
            region: Some("Country".into()),
            category: None,
        },
    }
}
