//! `orderflow stock …`: over HTTP on order-processor, which writes the journal.

mod book;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use axum::http::Method;
use clap::Subcommand;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline, key, query_value};
use serde_json::{Value, json};
use terminal::Failure;
use terminal::output;

use crate::global::Global;
use book::{Answer, Item};

const EXAMPLES: &str = "Examples:
  orderflow stock get
  orderflow stock get P001 P002 --warehouse west
  orderflow stock set P001 100
  orderflow stock verify
  orderflow stock import stock.csv";

/// What is in stock.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Stock {
    /// What is available; without products, of all whose stock was ever set.
    Get {
        /// Which products.
        products: Vec<ProductId>,
        /// Those whose stock was never set as well.
        #[arg(long, conflicts_with = "products")]
        all: bool,
        /// Where.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Set what is available of one product.
    Set {
        /// Which product.
        product: ProductId,
        /// How many.
        #[arg(allow_negative_numbers = true, value_parser = available)]
        available: i64,
        /// Where.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Compare what is available with the journal and with the movements that were published.
    Verify {
        /// Where.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Set what is available of many products from a CSV with these columns: `product_id`, `available`.
    Import {
        /// The file.
        file: PathBuf,
        /// Where.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
}

/// The most that can be set of one product.
const MAX_AVAILABLE: i64 = 1_000_000_000;

/// From 0 to [`MAX_AVAILABLE`].
fn available(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|number| (0..=MAX_AVAILABLE).contains(number));
    number.ok_or_else(|| format!("is no whole number from 0 to {MAX_AVAILABLE}"))
}

/// Products of one command; order-processor takes twice as many.
const PRODUCTS_MAX: usize = 1_000;
/// Rows of a file that is imported.
const ROWS_MAX: usize = 1_000_000;

type Available = BTreeMap<ProductId, i64>;

pub(crate) async fn run(global: &Global, command: &Stock) -> Result<()> {
    match command {
        Stock::Get { products, all, warehouse } => {
            get(&global.pipeline()?, products, *all, warehouse).await
        }
        Stock::Set { product, available, warehouse } => {
            let pipeline = global.pipeline()?;
            set(&pipeline, warehouse, Available::from([(product.clone(), *available)])).await
        }
        Stock::Verify { warehouse } => verify::run(&global.pipeline()?, warehouse).await,
        Stock::Import { file, warehouse } => {
            let available = read(file)?;
            set(&global.pipeline()?, warehouse, available).await
        }
    }
}

async fn get(
    pipeline: &Pipeline,
    products: &[ProductId],
    all: bool,
    warehouse: &WarehouseId,
) -> Result<()> {
    let base = format!("order-processor/stock?warehouse={warehouse}");
    let path = match products {
        [one] => format!("{base}&product={}", query_value(one.as_str())),
        _ => base,
    };
    let mut answer: Answer = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if !products.is_empty() {
        answer.products.retain(|product, _| products.contains(product));
    }
    if let Some(missing) = products.iter().find(|id| !answer.products.contains_key(*id)) {
        let what = format!("product {missing} in warehouse {warehouse}");
        return Err(Failure::NotFound { what }.into());
    }
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let shows_all = all || !products.is_empty();
    let shown = answer.products.iter().filter(|(_, item)| shows_all || item.is_set());
    let row = |(product, item): (&ProductId, &Item)| {
        let set = if item.is_set() { "yes" } else { "no" };
        vec![product.to_string(), item.available.to_string(), set.to_owned()]
    };
    output::table(&["product", "available", "known"], &[1], shown.map(row));
    let hidden = answer.products.values().filter(|item| !shows_all && !item.is_set()).count();
    if 0 < hidden {
        let hidden = output::count(hidden, "product");
        output::note(format_args!("{hidden} whose stock was never set: --all shows them as well"));
    }
    Ok(())
}

/// Sets all of them, so many a command. The same call again does no harm.
async fn set(pipeline: &Pipeline, warehouse: &WarehouseId, available: Available) -> Result<()> {
    let count = available.len();
    let run = key();
    let all: Vec<_> = available.into_iter().collect();
    for (number, part) in all.chunks(PRODUCTS_MAX).enumerate() {
        let part: BTreeMap<_, _> = part.iter().cloned().collect();
        let body = json!({"warehouse": warehouse, "available": part});
        let body = serde_json::to_vec(&body).context("the products")?;
        let more = Some((format!("{run}-{number}"), body));
        pipeline
            .call::<Value>(Level::Admin, Method::PUT, "order-processor/stock", more)
            .await
            .with_context(|| format!("{} of {count} products are set", number * PRODUCTS_MAX))?;
    }
    if pipeline.json {
        output::json(&json!({"warehouse": warehouse, "products": count}));
    } else {
        output::line(format_args!(
            "{} set in warehouse {warehouse}",
            output::count(count, "product")
        ));
    }
    Ok(())
}

/// All products of a file, or every line that is wrong.
fn read(path: &Path) -> Result<Available> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    parse(file).map_err(|problems| {
        let count = output::count(problems.len(), "problem");
        let text = problems.join("\n");
        anyhow::anyhow!("{}: nothing is imported, {count}:\n{text}", path.display())
    })
}

fn parse(input: impl std::io::Read) -> Result<Available, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let columns = reader.headers().map_err(|error| vec![error.to_string()])?.clone();
    let column = |name: &str| {
        columns.iter().position(|column| column.trim_start_matches('\u{feff}') == name)
    };
    let (Some(product), Some(available)) = (column("product_id"), column("available")) else {
        return Err(vec!["line 1: the columns product_id and available are needed".to_owned()]);
    };
    let (mut found, mut problems) = (Available::new(), Vec::new());
    for record in reader.records() {
        let read = record.map_err(|error| error.to_string()).and_then(|record| {
            let line = record.position().map_or(0, csv::Position::line);
            let at = |text: String| format!("line {line}: {text}");
            let id = ProductId::parse(record.get(product).unwrap_or_default())
                .map_err(|error| at(format!("product_id {error}")))?;
            let number = record.get(available).unwrap_or_default();
            let number = number
                .parse()
                .ok()
                .filter(|number| (0..=MAX_AVAILABLE).contains(number))
                .ok_or_else(|| {
                    at(format!("available {number:?} is no whole number from 0 to {MAX_AVAILABLE}"))
                })?;
            match found.insert(id.clone(), number) {
                None => Ok(()),
                Some(_) => Err(at(format!("product_id {id} is also in an earlier line"))),
            }
        });
        problems.extend(read.err());
        if ROWS_MAX < found.len() {
            problems.push(format!("more than {ROWS_MAX} products"));
            break;
        }
    }
    if found.is_empty() && problems.is_empty() {
        problems.push("no products".to_owned());
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_read_by_the_names_of_their_columns() {
        let text = "\u{feff}available,name,product_id\n5,\"Mug, red\",P1\n 0 ,x, P 2 \n";
        let found = parse(text.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|(id, n)| (id.as_str(), *n)).collect();
        assert_eq!(found, [("P 2", 0), ("P1", 5)]);
    }

    #[test]
    fn every_bad_line_is_listed_and_nothing_is_imported() {
        let text = "product_id,available\nP1,5\n,1\nP2,many\nP3,-1\nP1,6\nP4\nP5,1.5\n";
        let problems = parse(text.as_bytes()).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|p| p.split(": ").next().unwrap()).collect();
        assert_eq!(&lines[..4], ["line 3", "line 4", "line 5", "line 6"]);
        assert_eq!(problems.len(), 6, "{problems:?}");
    }

    #[test]
    fn a_file_without_the_columns_or_without_products_says_so() {
        for (text, expected) in [
            ("", "columns product_id and available"),
            ("product,available\nP1,1\n", "columns product_id and available"),
            ("product_id,available\n", "no products"),
        ] {
            let problems = parse(text.as_bytes()).unwrap_err();
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}
