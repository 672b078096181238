//! What can be typed.

mod doctor;
mod lint;
mod manifests;
mod operate;
mod partners;
mod setup;
mod simulate;

pub(crate) use doctor::Doctor;
pub(crate) use lint::Lint;
pub(crate) use manifests::{Manifests, Platform};
pub(crate) use operate::{Journal, Reason, Retry};
pub(crate) use partners::{
    Partners, PartnersAdd, PartnersCheck, PartnersNew, PartnersReload, Source,
};
pub(crate) use setup::Setup;
pub(crate) use simulate::Simulate;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{OrderId, PartnerId, ProductId, WarehouseId};

/// Runs the order pipeline on one machine, and looks into a running one.
#[derive(Debug, Parser)]
#[command(name = "orderflow", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 time is up (wait), \
4 not found, 5 nothing is running here, 6 accepted with rejected rows and 7 refused (partners \
check), 8 not confirmed, 64 a setting of a function is wrong";

/// Options that may stand before or after the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Where everything lives that `up` starts and writes.
    #[arg(long, global = true, env = "ORDERFLOW_DATA_DIR", default_value = ".orderflow")]
    pub(crate) data_dir: PathBuf,
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine and keep it running until Ctrl-C.
    Up(Up),
    /// Run one function as its own process, with settings from the environment.
    Function {
        /// Its name in stack.yml.
        name: String,
    },
    /// Run the connector as its own process, with settings from the environment.
    Connector,
    Setup(Setup),
    /// Print what Kubernetes is told about the functions, made from stack.yml.
    Manifests(Manifests),
    /// Drop a file into a partner's inbox over SFTP, as the partner would.
    Send {
        /// The file.
        file: PathBuf,
        /// Whose inbox.
        #[arg(long)]
        partner: PartnerId,
        /// Its name there; without it, as it is called here.
        #[arg(long)]
        name: Option<String>,
    },
    /// Look into every inbox now, as the schedule of daily-checker does.
    Check,
    /// Wait until no file is untransformed, every accepted order is decided, and partners are told.
    Wait {
        /// Give up after this time: 90s, 5m.
        #[arg(long, default_value = "60s", value_parser = duration)]
        timeout: Duration,
    },
    /// What became of orders.
    #[command(subcommand)]
    Orders(Orders),
    /// What became of files.
    #[command(subcommand)]
    Files(Files),
    /// Who sends files, and what would become of a file.
    #[command(subcommand)]
    Partners(Partners),
    /// What is in stock.
    #[command(subcommand)]
    Stock(Stock),
    /// What was decided, by the journal of a warehouse.
    #[command(subcommand)]
    Journal(Journal),
    /// See whether everything is as it has to be, and what to do where it is not.
    Doctor(Doctor),
    /// Say what is wrong with a stack.yml before it is deployed; reads files only.
    Lint(Lint),
    /// Send made-up orders, good and bad, and say what should become of them.
    Simulate(Simulate),
    /// Measure each stage on this machine, on servers and processes of its own.
    Bench(Bench),
}

/// Options of `bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// What to measure; without any, all but memory.
    pub(crate) stages: Vec<Stage>,
    /// Orders or messages of one run.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) orders: u64,
    /// Runs of a stage, each on a fresh store; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Orders a second, for latency and memory.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// For how long, for latency and memory.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// The program of-watchdog, for start: each function is started behind it as well, in turn.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) watchdog: Option<PathBuf>,
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// From the start of a function to its first answer, and its memory when idle.
    Start,
    /// Stored messages to a function that does nothing.
    Connector,
    /// One-line orders of a thousand products, from the first message to the last decision.
    Orders,
    /// The same with one product.
    HotProduct,
    /// The same with twenty warehouses.
    Warehouses,
    /// A file over SFTP, and one of 3,000 rows, from the moment it was found.
    File,
    /// From publish to decided, at a steady rate.
    Latency,
    /// Resident memory of every process over time, at a steady rate.
    Memory,
}

impl Stage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Connector => "connector",
            Self::Orders => "orders",
            Self::HotProduct => "hot-product",
            Self::Warehouses => "warehouses",
            Self::File => "file",
            Self::Latency => "latency",
            Self::Memory => "memory",
        }
    }
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Up {
    /// Port of the gateway on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Run every function and the connector as a process of its own.
    #[arg(long)]
    pub(crate) processes: bool,
    /// Run this beside the pipeline; may be given several times.
    #[arg(long, value_name = "WHAT")]
    pub(crate) with: Vec<Extra>,
    /// Use the nats-servers at this address, several separated by commas, and start none; `setup --nats`
    /// says there how many copies streams have.
    #[arg(long, value_name = "URL")]
    pub(crate) nats: Option<String>,
    /// Be the provider behind an OpenFaaS gateway: functions come by `faas-cli deploy`, each as a
    /// process of its own, and schedules are called by cron-connector.
    #[arg(long, conflicts_with = "stack")]
    pub(crate) provider: bool,
    /// The gateway in front of the provider, for the connector and the other commands.
    #[arg(long, value_name = "URL", requires = "provider")]
    pub(crate) gateway: Option<String>,
    /// The partners; without it ./partners.yml, else the built-in sample partners.
    #[arg(long, value_name = "FILE")]
    pub(crate) partners: Option<PathBuf>,
    /// The functions; without it ./stack.yml, else the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: Option<PathBuf>,
    /// Set in the environment of every function and of the connector, over everything else; may be
    /// given several times.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) environment: Vec<(String, String)>,
}

/// What can run beside the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extra {
    /// Prometheus, with the metrics of all parts, and the rules and alerts of an installation.
    Prometheus,
}

/// `orders …`
#[derive(Debug, Subcommand)]
pub(crate) enum Orders {
    /// One order: its state, its content, why it was refused.
    Get {
        /// The partner's number.
        id: OrderId,
        /// Whose order.
        #[arg(long, default_value = "DIRECT")]
        partner: PartnerId,
        /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
        #[arg(long)]
        warehouse: Option<WarehouseId>,
    },
    /// Many orders, oldest first.
    List {
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those in this state.
        #[arg(long)]
        status: Option<Status>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// Go on after this one: the `next` of the answer before.
        #[arg(long, default_value_t = 0)]
        cursor: u64,
    },
    /// How many were placed, confirmed, refused.
    Count,
    /// Try refused orders again: one, or all that were refused for a reason.
    Retry(Retry),
    /// Cancel a confirmed order: its stock moves back.
    Cancel {
        /// Whose order.
        partner: PartnerId,
        /// The partner's number.
        order: OrderId,
    },
}

/// State of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// Accepted, not decided.
    Pending,
    /// Stock is reserved.
    Confirmed,
    /// Decided against.
    Refused,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

/// `files …`
#[derive(Debug, Subcommand)]
pub(crate) enum Files {
    /// All files that have arrived.
    List {
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
    },
    /// One file, by its name (all arrivals of it), its arrival id, or the beginning of that.
    Show {
        /// Name, arrival id, or the first characters of the id, at least 4, as `files list` shows them.
        file: String,
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
    },
}

/// `stock …`
#[derive(Debug, Subcommand)]
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
pub(crate) const MAX_AVAILABLE: i64 = 1_000_000_000;

/// From 0 to [`MAX_AVAILABLE`].
fn available(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|number| (0..=MAX_AVAILABLE).contains(number));
    number.ok_or_else(|| format!("is no whole number from 0 to {MAX_AVAILABLE}"))
}

/// `NAME=VALUE`; the value may be empty.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("is not NAME=VALUE".to_owned()),
    }
}

/// `90s`, `5m`, `1h`, `250ms`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    crate::duration::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_before_or_after_the_command() {
        for line in [
            "orderflow --data-dir d --json orders count",
            "orderflow orders --data-dir d --json count",
            "orderflow orders count --json --data-dir d",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.global.data_dir, PathBuf::from("d"), "{line}");
            assert!(cli.global.json, "{line}");
        }
    }

    #[test]
    fn a_refused_value_says_what_is_allowed() {
        for (line, expected) in [
            ("orderflow stock set P001 -5", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 abc", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 1.5", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 1000000001", "is no whole number from 0 to 1000000000"),
            ("orderflow orders retry --all-refused --since yesterday", "2026-01-31T08:00:00Z"),
            ("orderflow orders retry --all-refused --since yesterday", "2h"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for line in [
            "orderflow wait --timeout soon",
            "orderflow simulate --orders 0 --rate 1",
            "orderflow simulate --orders 1 --rate 0",
            "orderflow simulate --orders 1 --rate 1 --broken 101",
            "orderflow simulate --orders 1 --rate 1 --broken -1",
            "orderflow simulate --orders 1 --rate 1 --duplicates many",
            "orderflow simulate --orders 1 --rate 1 --lines 1001",
            "orderflow stock set P001 -1",
            "orderflow stock set P001 many",
            "orderflow send a.csv --partner US.1",
            "orderflow send a.csv",
            "orderflow orders list --status lost",
            "orderflow orders list --limit 0",
            "orderflow up --port 70000",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
