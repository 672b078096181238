//! Command-line arguments.

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use testkit::campaign::{Options, attack, cluster};
use testkit::facts;

/// Tools for people who test a running pipeline.
#[derive(Parser)]
#[command(name = "testkit")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Checks the streams after a run: every order decided once, no fact missing or doubled
    CheckHistory {
        /// Address of the nats-server
        #[arg(long)]
        nats: String,
        /// Do not check the outcome of the messages on `orders`
        #[arg(long)]
        without_sent: bool,
    },
    /// Runs the whole pipeline under kills, network faults, wrong clocks and full disks, and checks
    /// that nothing is lost, doubled, negative or contradictory
    Campaign(Campaign),
    /// Does to the whole pipeline what hostile clients, faulty programs and restarts do, and checks
    /// after each step that every good order is confirmed once
    Attack(Attack),
    /// Stores many orders with their decisions, to measure programs that read them
    Facts(Facts),
}

#[derive(clap::Args)]
pub(crate) struct Facts {
    /// Address of the nats-server
    #[arg(long)]
    pub(crate) nats: String,
    /// Number of orders
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Number of partners
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    partners: u64,
    /// Orders per file
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    per_file: u64,
    /// Number of customers, who have cards and order in turn; 0: orders name nobody
    #[arg(long, default_value_t = 0)]
    customers: u64,
}

impl Facts {
    pub(crate) fn options(&self) -> facts::Options {
        let Self { orders, partners, per_file, customers, .. } = *self;
        facts::Options { orders, partners, per_file, customers }
    }
}

#[derive(clap::Args)]
pub(crate) struct Attack {
    /// Number of starts on the same data folder
    #[arg(long, default_value_t = 10)]
    starts: u32,
    /// Good orders in each step
    #[arg(long, default_value_t = 500)]
    orders: u32,
    /// The nats-server to use; without it the one in PATH
    #[arg(long, value_name = "BIN")]
    nats_server: Option<PathBuf>,
    /// The orderflow to use; without it the one beside this program
    #[arg(long, value_name = "BIN")]
    orderflow: Option<PathBuf>,
}

impl Attack {
    pub(crate) fn options(self) -> Result<attack::Options> {
        Ok(attack::Options {
            orderflow: match self.orderflow {
                Some(orderflow) => orderflow,
                None => beside()?,
            },
            nats_server: self.nats_server,
            starts: self.starts,
            orders: self.orders,
        })
    }
}

fn beside() -> Result<PathBuf> {
    Ok(std::env::current_exe().context("the own program")?.with_file_name("orderflow"))
}

#[derive(clap::Args)]
pub(crate) struct Campaign {
    /// How long faults are injected
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// The same seed gives the same schedule and the same orders; random if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Processes killed with SIGKILL [default: 12 a minute]
    #[arg(long)]
    kills: Option<u32>,
    /// Connections with a fault [default: 100 a minute]
    #[arg(long)]
    faults: Option<u32>,
    /// Messages sent on `orders` [default: 3000 a minute]
    #[arg(long)]
    orders: Option<u64>,
    /// Files sent over SFTP [default: 1 a minute]
    #[arg(long)]
    files: Option<u32>,
    /// Use three nats-servers instead of one. Their members are killed, suspended, isolated, emptied
    /// and restarted one after another; by default, processes are then killed and connections disturbed
    /// a fifth as often
    #[arg(long)]
    cluster: bool,
    /// Upgrade all members to this program, one after another, before other faults; may be given
    /// several times, oldest first: the later ones are spread evenly over the time
    #[arg(long, value_name = "BIN", requires = "cluster")]
    upgrade: Vec<PathBuf>,
    /// Send nothing while members are upgraded; needed for upgrades from 2.9
    #[arg(long, requires = "upgrade")]
    quiet_upgrades: bool,
    /// Only let leaders step down, kill them and restart members; do not suspend, isolate or empty any
    #[arg(long, requires = "cluster")]
    gentle: bool,
    /// Let members sync each write to disk before they confirm it, like k8s/base; not before 2.10
    #[arg(long, requires = "cluster")]
    sync_always: bool,
    /// The nats-server to use; without it the one in PATH
    #[arg(long, value_name = "BIN")]
    nats_server: Option<PathBuf>,
    /// The orderflow to use; without it the one beside this program
    #[arg(long, value_name = "BIN")]
    orderflow: Option<PathBuf>,
    /// Work in this folder and keep it; without it, a temporary folder is kept only after a failure
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Campaign {
    pub(crate) fn options(self) -> Result<Options> {
        let minutes = self.minutes;
        // With three servers, the measurement is how soon decisions continue after a change of leaders.
        let (kills, faults) = if self.cluster { (2, 20) } else { (12, 100) };
        let alone = if self.cluster { 0 } else { minutes };
        let cluster = cluster::Options {
            upgrades: self.upgrade,
            quiet_upgrades: self.quiet_upgrades,
            gentle: self.gentle,
            sync_always: self.sync_always,
            lame_duck: true,
            // Longer than the lease of a leader, which is 10 s.
            pause: (Duration::from_secs(11), Duration::from_secs(25)),
            isolate: (Duration::from_secs(5), Duration::from_secs(25)),
            ..cluster::Options::default()
        };
        Ok(Options {
            orderflow: match self.orderflow {
                Some(orderflow) => orderflow,
                None => beside()?,
            },
            nats_server: self.nats_server,
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            length: Duration::from_secs(u64::from(minutes) * 60),
            kills: self.kills.unwrap_or(kills * minutes),
            faults: self.faults.unwrap_or(faults * minutes),
            orders: self.orders.unwrap_or(3_000 * u64::from(minutes)),
            files: self.files.unwrap_or(minutes),
            pauses: alone,
            // Longer than any lease, which is at most 30 s.
            pause: (Duration::from_secs(5), Duration::from_secs(45)),
            clock_jumps: alone,
            disk_full: alone.div_ceil(10),
            empty_store: alone.div_ceil(5),
            cluster: self.cluster.then_some(cluster),
            fault_max: Duration::from_secs(if minutes < 20 { 15 } else { 60 }),
            settle: Duration::from_secs(1_200),
            keep: self.keep,
        })
    }
}
