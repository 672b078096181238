//! What `orderflow setup` is told.

use clap::Args;
use messaging::streams::{Limit, Settings};

use crate::confirm::Yes;

const EXAMPLES: &str = "Examples:
  orderflow setup                                  here, after `orderflow up`
  orderflow setup --nats nats://nats:4222 --replicas 3
  orderflow setup --limit ORDERS:age=180d,bytes=50GiB --limit FILES:age=30d
  orderflow setup --replicas 1 --yes               fewer copies: asks, unless --yes is given";

/// Make the streams and buckets, or bring them up to date; what is equal is not touched.
///
/// Every difference is printed. Nothing that would keep less, in fewer copies or less safely is changed
/// without being asked.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Setup {
    /// A server elsewhere; without it the one that `up` has started.
    #[arg(long, value_name = "URL")]
    pub(crate) nats: Option<String>,
    /// Copies of each message: 1, 3 or 5. Without it streams keep the number that they have, and new
    /// ones have 1.
    #[arg(long, value_parser = replicas)]
    pub(crate) replicas: Option<usize>,
    /// What one stream or bucket keeps: NAME:age=DAYSd,bytes=SIZE,replicas=N. It stays so until another
    /// limit is given. `age=forever` and `bytes=any` take the limit away. May be given several times.
    #[arg(long = "limit", value_name = "LIMIT")]
    pub(crate) limits: Vec<Limit>,
    /// See there.
    #[command(flatten)]
    pub(crate) yes: Yes,
}

impl Setup {
    /// The settings, with which nothing shrinks.
    pub(crate) fn settings(&self) -> Settings {
        let settings = Settings { replicas: self.replicas, ..Settings::default() };
        settings.with(self.limits.iter().cloned())
    }

    /// Was something asked for that could make a stream smaller?
    pub(crate) fn asks(&self) -> bool {
        self.replicas.is_some() || !self.limits.is_empty() || self.yes.yes
    }
}

fn replicas(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("1, 3 and 5 are possible".to_owned()),
    }
}
