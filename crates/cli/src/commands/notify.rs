//! `orderflow notify …`: what customers are told, over HTTP on the function notifier.

mod list;
mod preview;
pub(crate) mod resend;
mod test;
mod which;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Subcommand;

use crate::commands::orders::again::since;
use crate::confirm::Yes;
use crate::global::Global;
use which::Which;

const EXAMPLES: &str = "Examples:
  orderflow notify list
  orderflow notify list --state failed --since 24h
  orderflow notify list --order US1/A-1
  orderflow notify show 01J8ZQ:12
  orderflow notify preview order_confirmed --language fr --partner US1
  orderflow notify test --to ann@example.org
  orderflow notify test --channel sms --to +33612345678
  orderflow notify resend --since 2h";

/// Messages to customers: e-mails and text messages about their orders.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Notify {
    /// List messages, the newest first; none of them shows an address.
    List {
        /// In this state: sending, waiting, sent, failed or dead.
        #[arg(long)]
        state: Option<String>,
        /// On this channel: mail or sms.
        #[arg(long)]
        channel: Option<String>,
        /// About this order, as PARTNER/ORDER.
        #[arg(long, value_name = "PARTNER/ORDER")]
        order: Option<String>,
        /// Changed since then; a day if nothing is said.
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<DateTime<Utc>>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
    /// Show all that is known of the messages of an event.
    #[command(alias = "attempts")]
    Show {
        /// Id of the event, as `list` shows it.
        event: String,
    },
    /// Show a message as a customer would get it.
    Preview(Which),
    /// Send a message at once, to try the provider; the answer is the provider's.
    Test {
        /// An e-mail address, or with `--channel sms` a telephone number.
        #[arg(long)]
        to: String,
        /// mail or sms.
        #[arg(long, default_value = "mail")]
        channel: String,
        #[command(flatten)]
        which: Which,
    },
    /// Send a message again, or all that failed or were given up since a time.
    Resend {
        /// The message, as `show` names it.
        #[arg(required_unless_present = "since")]
        id: Option<String>,
        /// All that failed or were given up since then.
        #[arg(long, value_name = "TIME", value_parser = since, conflicts_with = "id")]
        since: Option<DateTime<Utc>>,
        /// Of these, those on this channel: mail or sms.
        #[arg(long, requires = "since")]
        channel: Option<String>,
        #[command(flatten)]
        yes: Yes,
    },
}

pub(crate) async fn run(global: &Global, command: &Notify) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Notify::List { state, channel, order, since, limit } => {
            let wanted = list::Wanted {
                state: state.as_deref(),
                channel: channel.as_deref(),
                order: order.as_deref(),
                since: *since,
            };
            list::run(&pipeline, &wanted, usize::from(*limit)).await
        }
        Notify::Show { event } => list::show(&pipeline, event).await,
        Notify::Preview(which) => preview::run(&pipeline, which).await,
        Notify::Test { to, channel, which } => test::run(&pipeline, to, channel, which).await,
        Notify::Resend { id: Some(id), .. } => resend::one(&pipeline, id).await,
        Notify::Resend { since, channel, yes, .. } => {
            resend::all(&pipeline, *since, channel.as_deref(), *yes).await
        }
    }
}
