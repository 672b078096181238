//! What can be typed after `simulate`.

use clap::Args;
use domain::Money;

use crate::confirm::Yes;

/// Options of `simulate`. Shares are percentages with at most four decimals.
#[derive(Clone, Debug, Args)]
pub(crate) struct Simulate {
    /// How many messages.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) orders: u64,
    /// How many a second.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,
    /// The same seed makes the same orders; without it, another one each time.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Share of messages that repeat an earlier order word for word.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub(crate) duplicates: u32,
    /// Share of messages that are another order under an earlier order's id.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub(crate) conflicts: u32,
    /// Share of messages that are no order, in eight ways.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub(crate) broken: u32,
    /// Share of the orders that are returns.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub(crate) returns: u32,
    /// Share of lines that order P001.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub(crate) hot_product: u32,
    /// How many products there are; stock is known of the first five.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) products: u32,
    /// Most lines of an order.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) lines: u16,
    /// Spread the orders over partners of so many warehouses.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) lanes: u16,
    /// Post each one to order-ingest instead of publishing it on `orders`.
    #[arg(long)]
    pub(crate) http: bool,
    /// Asked before the first message is sent.
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// A percentage, in parts of a million.
fn share(text: &str) -> Result<u32, String> {
    let percent = Money::parse(text).map_err(|error| error.to_string())?;
    match u32::try_from(percent.units()) {
        Ok(parts @ 0..=1_000_000) => Ok(parts),
        _ => Err("is not within 0 and 100".to_owned()),
    }
}
