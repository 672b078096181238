//! What operators type: further attempts of orders, and the journal.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::journal::Place;

use crate::clock;
use crate::confirm::Yes;

/// `orders retry …`
#[derive(Clone, Debug, Args)]
pub(crate) struct Retry {
    /// Whose order.
    #[arg(required_unless_present = "all_refused", requires = "order")]
    pub(crate) partner: Option<PartnerId>,
    /// The partner's number.
    pub(crate) order: Option<OrderId>,
    /// All refused orders, oldest first; without --reason those that were refused for their stock.
    #[arg(long, conflicts_with = "order")]
    pub(crate) all_refused: bool,
    /// Of these, those that were refused for this reason.
    #[arg(long, requires = "all_refused", conflicts_with = "order")]
    pub(crate) reason: Option<Reason>,
    /// Of these, those that were refused after this time, as 2h or 2026-01-31T08:00:00Z.
    #[arg(long, requires = "all_refused", conflicts_with = "order", value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Of these, those of this partner.
    #[arg(
        long = "partner",
        requires = "all_refused",
        conflicts_with = "order",
        value_name = "PARTNER"
    )]
    pub(crate) of: Option<PartnerId>,
    /// Asked for --all-refused.
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// Why an order was refused, where trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Less is available than ordered.
    InsufficientStock,
    /// No stock was ever set for a product.
    UnknownProduct,
    /// The stock cannot be counted.
    QuantityOverflow,
    /// Confirmed, and then cancelled.
    Cancelled,
    /// Refused by an operator, undecided.
    Skipped,
}

impl Reason {
    /// Reasons that a change of the stock takes away.
    const OF_STOCK: [Self; 3] =
        [Self::InsufficientStock, Self::UnknownProduct, Self::QuantityOverflow];

    const fn code(self) -> &'static str {
        match self {
            Self::InsufficientStock => "insufficient_stock",
            Self::UnknownProduct => "unknown_product",
            Self::QuantityOverflow => "quantity_overflow",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Is `code` what was asked for, or one of the stock's where nothing was?
    pub(crate) fn wants(asked: Option<Self>, code: &str) -> bool {
        match asked {
            Some(reason) => reason.code() == code,
            None => Self::OF_STOCK.iter().any(|reason| reason.code() == code),
        }
    }
}

/// `journal …`
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// The last entries, or those from a sequence on.
    Show {
        /// From this sequence on.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        last: u32,
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Read all of it, and everything that follows from it.
    Verify {
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Refuse the next message of the input undecided, so that those behind it are decided.
    Skip {
        /// Its sequence in the stream of orders; what holds the lane names it.
        sequence: u64,
        /// Why; it stands in the refusal.
        #[arg(long)]
        reason: String,
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
    },
    /// Go on elsewhere in the input, after the stream of orders was made again, restored or lost messages.
    ///
    /// Compares the whole input with the whole journal, says what will be decided and what is passed over,
    /// and asks. Nothing is decided twice; what is passed over is refused as `skipped` and can be tried
    /// again. A lane that goes on by itself is left alone.
    Rebase {
        /// After this sequence of the stream, at its `beginning` or `end`. Without it at the first place
        /// where nothing is decided twice.
        #[arg(long, value_parser = place)]
        to: Option<Place>,
        /// Why; it stands in the journal.
        #[arg(long)]
        reason: String,
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
        /// See there.
        #[command(flatten)]
        yes: Yes,
    },
}

fn place(text: &str) -> Result<Place, String> {
    match text {
        "beginning" => Ok(Place::Beginning),
        "end" => Ok(Place::End),
        number => number
            .parse()
            .map(Place::After)
            .map_err(|_| "is neither beginning nor end nor a sequence".to_owned()),
    }
}

fn since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let ago = crate::duration::parse(text).map_err(|_| {
        "is neither how long ago, such as 90s, 2h or 1h30m (at most 366 days), nor a time such as \
         2026-01-31T08:00:00Z"
            .to_owned()
    })?;
    Ok(clock::now() - ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser as _;

    #[test]
    fn one_order_or_all_refused_ones_are_tried_again() {
        for line in [
            "retry US1 1",
            "retry --all-refused",
            "retry --all-refused --reason insufficient_stock --since 2h --partner US1",
            "retry --all-refused --since 2026-01-31T08:00:00Z",
            "cancel US1 1",
        ] {
            let words = "orderflow orders".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "retry",
            "retry US1",
            "retry US1 1 --all-refused",
            "retry US1 1 --reason skipped",
            "retry --all-refused --reason unreadable",
            "retry --all-refused --since yesterday",
            "retry US.1 1",
            "cancel US1",
            "cancel --all-refused",
        ] {
            let words = "orderflow orders".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn the_journal_is_only_moved_to_where_somebody_says_and_for_a_reason() {
        for line in [
            "show",
            "show --from 7 --last 3",
            "verify --warehouse west",
            "skip 7 --reason broken",
            "rebase --to end --reason restored",
            "rebase --to 12 --reason restored",
        ] {
            let words = "orderflow journal".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "",
            "show --last 0",
            "show --from -1",
            "skip 7",
            "skip --reason x",
            "rebase --to end",
            "rebase --to -1 --reason x",
            "rebase --to middle --reason x",
        ] {
            let words = "orderflow journal".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn without_a_reason_those_of_the_stock_are_meant() {
        assert!(Reason::wants(None, "insufficient_stock"));
        assert!(!Reason::wants(None, "cancelled") && !Reason::wants(None, "skipped"));
        assert!(Reason::wants(Some(Reason::Cancelled), "cancelled"));
        assert!(!Reason::wants(Some(Reason::Cancelled), "insufficient_stock"));
        for reason in Reason::value_variants() {
            assert!(domain::stock::Refusal::CODES.contains(&reason.code()));
            assert_eq!(reason.to_possible_value().unwrap().get_name(), reason.code());
        }
    }
}
