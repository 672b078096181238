//! `orderflow stock …`: what is in stock, and what people do to it. Over HTTP on the functions that write the journal.

mod ask;
mod at;
mod book;
pub(crate) mod change;
mod levels;
mod movements;
mod reconcile;
mod table;
mod verify;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use domain::{ProductId, WarehouseId};

use crate::commands::keyed::Again;
use crate::global::Global;
use at::At;
use change::{Counting, Pieces};

const EXAMPLES: &str = "Examples:
  orderflow stock list
  orderflow stock show P001 P002 --warehouse west
  orderflow stock set P001 100
  orderflow stock restock P001=50 P002=20 --reference \"delivery 4711\"
  orderflow stock adjust P001=-2 --reason \"broken in the warehouse\"
  orderflow stock count P001=47:50
  orderflow stock transfer P001=10 --from main --to west
  orderflow stock transfer --finish 3 --from main --to west
  orderflow stock movements P001 --limit 50
  orderflow stock reconcile
  orderflow stock import stock.csv --dry-run
  orderflow stock export stock.csv";

/// What is in stock.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Stock {
    /// What is available of all products whose stock was ever set.
    List {
        /// Those whose stock was never set as well.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        at: At,
    },
    /// What is available of these products.
    Show {
        /// Which products.
        #[arg(required = true)]
        products: Vec<ProductId>,
        #[command(flatten)]
        at: At,
    },
    /// As `list` without products, as `show` with some.
    #[command(hide = true)]
    Get {
        /// Which products.
        products: Vec<ProductId>,
        /// Those whose stock was never set as well.
        #[arg(long, conflicts_with = "products")]
        all: bool,
        #[command(flatten)]
        at: At,
    },
    /// Set what is available of one product.
    Set {
        /// Which product.
        product: ProductId,
        /// How many.
        #[arg(allow_negative_numbers = true, value_parser = table::available)]
        available: i64,
        #[command(flatten)]
        at: At,
    },
    /// Add goods that came in.
    Restock {
        /// Which products, and how many of each: `P001=50`.
        #[arg(required = true, value_name = "PRODUCT=PIECES")]
        pieces: Vec<Pieces>,
        /// What names the delivery, such as its number.
        #[arg(long)]
        reference: Option<String>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        again: Again,
    },
    /// Correct stock by a difference; it takes nothing below zero.
    Adjust {
        /// Which products, and how many of each are more or, below zero, fewer: `P001=-2`.
        #[arg(required = true, value_name = "PRODUCT=DIFFERENCE")]
        pieces: Vec<Pieces>,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        again: Again,
    },
    /// Set what was counted; refused if the stock has moved since the count began.
    Count {
        /// What was counted, and what was available when the count began: `P001=47:50`. Without the second number
        /// it is what is available now.
        #[arg(required = true, value_name = "PRODUCT=COUNTED[:EXPECTED]")]
        counted: Vec<Counting>,
        /// What is to be said of it.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        again: Again,
    },
    /// Move goods to another warehouse.
    Transfer {
        /// Which products, and how many of each: `P001=10`.
        #[arg(required_unless_present = "finish", value_name = "PRODUCT=PIECES")]
        pieces: Vec<Pieces>,
        /// Where they are.
        #[arg(long)]
        from: WarehouseId,
        /// Where they go.
        #[arg(long)]
        to: WarehouseId,
        /// What names it.
        #[arg(long)]
        reference: Option<String>,
        /// End the transfer of this number, which has left and has not arrived: `stock reconcile` lists them.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["pieces", "reference", "key"])]
        finish: Option<u64>,
        #[command(flatten)]
        again: Again,
    },
    /// What moved a product, the newest first.
    Movements {
        /// Which product.
        product: ProductId,
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = limit)]
        limit: usize,
        /// Only those before this one: what the call before ended with.
        #[arg(long)]
        after: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Compare journal, facts and movements, and list the transfers that have left and not arrived.
    Reconcile {
        #[command(flatten)]
        at: At,
    },
    /// Compare what is available with the journal and with the movements that were published.
    Verify {
        #[command(flatten)]
        at: At,
    },
    /// Set what is available of many products from a CSV with these columns: `product_id`, `available`.
    Import {
        /// The file.
        file: PathBuf,
        /// Say what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        at: At,
    },
    /// Write what is available as the CSV that `import` reads.
    Export {
        /// The file, which must not be there; standard output if nothing is said.
        file: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
}

/// From 1 to 100,000.
fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.ok_or_else(|| "is no whole number from 1 to 100000".to_owned())
}

pub(crate) async fn run(global: &Global, command: &Stock) -> Result<()> {
    let pipeline = || global.pipeline();
    match command {
        Stock::List { all, at } => levels::show(&pipeline()?, &[], *all, &at.warehouse).await,
        Stock::Show { products, at } => {
            levels::show(&pipeline()?, products, true, &at.warehouse).await
        }
        Stock::Get { products, all, at } => {
            levels::show(&pipeline()?, products, *all, &at.warehouse).await
        }
        Stock::Set { product, available, at } => {
            let available = [(product.clone(), *available)].into();
            levels::set(&pipeline()?, &at.warehouse, available).await
        }
        Stock::Restock { pieces, reference, at, again } => {
            change::restock(&pipeline()?, pieces, reference.as_deref(), at, again).await
        }
        Stock::Adjust { pieces, reason, at, again } => {
            change::adjust(&pipeline()?, pieces, reason, at, again).await
        }
        Stock::Count { counted, reason, at, again } => {
            change::count(&pipeline()?, counted, reason.as_deref(), at, again).await
        }
        Stock::Transfer { from, to, finish: Some(number), .. } => {
            change::finish(&pipeline()?, from, to, *number).await
        }
        Stock::Transfer { pieces, from, to, reference, finish: None, again } => {
            change::transfer(&pipeline()?, pieces, (from, to), reference.as_deref(), again).await
        }
        Stock::Movements { product, limit, after, at } => {
            movements::run(&pipeline()?, product, *limit, after.as_deref(), at).await
        }
        Stock::Reconcile { at } => reconcile::run(&pipeline()?, &at.warehouse).await,
        Stock::Verify { at } => verify::run(&pipeline()?, &at.warehouse).await,
        Stock::Import { file, dry_run, at } => {
            let available = table::read(file)?;
            let pipeline = pipeline()?;
            match dry_run {
                true => levels::compare(&pipeline, &at.warehouse, &available).await,
                false => levels::set(&pipeline, &at.warehouse, available).await,
            }
        }
        Stock::Export { file, at } => {
            levels::export(&pipeline()?, file.as_deref(), &at.warehouse).await
        }
    }
}
