//! `orderflow journal …`: what was decided, and the operator's ways to go on.

pub(crate) mod of;
mod rebase;
mod show;

use anyhow::{Result, bail};
use axum::http::Method;
use clap::Subcommand;
use domain::WarehouseId;
use machine::client::{Level, Pipeline, key};
use machine::clock;
use messaging::{Nats, stored, streams};
use serde_json::{Value, json};
use state::journal::Place;
use terminal::output;

use crate::confirm::Yes;
use crate::global::Global;
use of::Of;

const EXAMPLES: &str = "Examples:
  orderflow journal show --last 5
  orderflow journal verify --warehouse west
  orderflow journal skip 17 --reason \"a broken message\"
  orderflow journal rebase --reason \"restored from a backup\"";

/// What was decided, by the journal of a warehouse.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
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
        /// Which of its journals.
        #[arg(long, value_enum, default_value_t)]
        of: Of,
    },
    /// Read all of it, and everything that follows from it.
    Verify {
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
        /// Which of its journals.
        #[arg(long, value_enum, default_value_t)]
        of: Of,
    },
    /// Refuse the next message of the input undecided, so that those behind it are decided.
    Skip {
        /// Its sequence in the stream of orders; what holds the lane names it.
        sequence: u64,
        /// Why. The refusal says it.
        #[arg(long)]
        reason: String,
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
        /// Which of its journals.
        #[arg(long, value_enum, default_value_t)]
        of: Of,
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
        /// Why. The journal keeps it.
        #[arg(long)]
        reason: String,
        /// Whose journal.
        #[arg(long, default_value = "main")]
        warehouse: WarehouseId,
        /// Which of its journals.
        #[arg(long, value_enum, default_value_t)]
        of: Of,
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

/// An entry's facts are stored within milliseconds; where NATS is slow, within this time.
const SETTLED_MS: i64 = 30_000;

/// Problems that are said one by one.
const SHOWN_MAX: usize = 20;

pub(crate) async fn run(global: &Global, command: &Journal) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Journal::Show { from, last, warehouse, of } => {
            show::run(&pipeline, *of, warehouse, (*from, *last)).await
        }
        Journal::Verify { warehouse, of } => verify(&pipeline, *of, warehouse).await,
        Journal::Skip { sequence, reason, warehouse, of } => {
            skip(&pipeline, *of, warehouse, (*sequence, reason)).await
        }
        Journal::Rebase { to, reason, warehouse, of, yes } => {
            rebase::run(&pipeline, (*of, warehouse), *to, reason, *yes).await
        }
    }
}

async fn verify(pipeline: &Pipeline, of: Of, warehouse: &WarehouseId) -> Result<()> {
    let nats = pipeline.nats().await?;
    pipeline.known(&nats, warehouse).await?;
    let subject = of.journal(warehouse);
    let found = of.verify(&nats, warehouse).await?;
    let lost = lost(&nats, of, warehouse, found.unsettled).await?;
    if pipeline.json {
        let problems: Vec<_> = found
            .problems
            .iter()
            .map(|problem| json!({"entry": problem.entry, "problem": problem.text}))
            .collect();
        output::json(&json!({
            "journal": subject, "entries": found.entries, "first": found.first,
            "last": found.last, "decided_to": found.decided_to, "facts": found.facts,
            "expired": found.expired, "unsettled": found.unsettled, "lost": lost,
            "problems": problems, "problems_total": found.problems_total,
        }));
    } else {
        output::line(format_args!(
            "{} {subject}: {} entries, {} to {}, decided to {}",
            if found.problems_total + lost == 0 { "✓" } else { "✗" },
            found.entries,
            found.first,
            found.last,
            found.decided_to.as_ref().map_or(0, |position| position.sequence),
        ));
        output::line(format_args!(
            "{} {} facts, {} of them older than what is kept",
            if found.unsettled == 0 { "✓" } else { "!" },
            found.facts,
            found.expired,
        ));
        if lost > 0 {
            output::line(format_args!("✗ {}", lost_text(of, lost)));
        } else if found.unsettled > 0 {
            let count = found.unsettled;
            output::line(format_args!("! {count} facts of the last entry are not published yet"));
        }
        for problem in found.problems.iter().take(SHOWN_MAX) {
            output::line(format_args!("✗ entry {}: {}", problem.entry, problem.text));
        }
        let shown = found.problems.len().min(SHOWN_MAX) as u64;
        if let more @ 1.. = found.problems_total.saturating_sub(shown) {
            let more = output::count(more, "more problem");
            output::line(format_args!("… and {more} that are not shown; --json has the first 100"));
        }
    }
    match found.problems_total + lost {
        0 => Ok(()),
        count => bail!("{subject} has {}", output::count(count, "problem")),
    }
}

/// Of `unsettled` facts of the last entry, those that should be stored long ago: its writer stores
/// them at once, and does not look again once they are acknowledged.
pub(crate) async fn lost(
    nats: &Nats,
    of: Of,
    warehouse: &WarehouseId,
    unsettled: u64,
) -> Result<u64> {
    if unsettled == 0 {
        return Ok(0);
    }
    let journal = of.journal(warehouse);
    let last = stored::last(nats, streams::JOURNAL, &journal).await?;
    let now_ms = clock::now().timestamp_millis();
    let is_old = last.is_some_and(|last| SETTLED_MS <= now_ms - last.time_ms);
    Ok(if is_old { unsettled } else { 0 })
}

/// What is said of them.
pub(crate) fn lost_text(of: Of, count: u64) -> String {
    let function = of.function();
    format!(
        "{count} facts of the last entry are gone; {function} stores them again when it is started again"
    )
}

async fn skip(
    pipeline: &Pipeline,
    of: Of,
    warehouse: &WarehouseId,
    (sequence, reason): (u64, &str),
) -> Result<()> {
    let body = json!({"warehouse": warehouse, "sequence": sequence, "reason": reason});
    let more = Some((key(), body.to_string().into()));
    let path = format!("{}/journal/skip", of.function());
    let answer: Value = pipeline.call(Level::Admin, Method::POST, &path, more).await?;
    if pipeline.json {
        output::json(&answer);
    } else {
        output::line(format_args!(
            "message {sequence} is refused; the lane of {warehouse} continues"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn the_journal_is_only_moved_to_where_somebody_says_and_for_a_reason() {
        for line in [
            "show",
            "show --from 7 --last 3",
            "verify --warehouse west",
            "verify --of invoices",
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
            "show --of orders",
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
}
