//! `orderflow wait`: until nothing is left to do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::consumer::Info;
use domain::partner::Inbox;
use futures_util::TryStreamExt as _;
use intake::complete;
use messaging::{Nats, streams, subject, views};
use serde::Deserialize as _;
use serde_json::json;

use super::Pipeline;
use super::files::{self, FileStatus};
use crate::args::Global;
use crate::failure::Failure;
use crate::output;

const LOOK: Duration = Duration::from_millis(250);
/// What is open is said no more often than this.
const SAY: Duration = Duration::from_secs(1);
/// States of a file that nothing follows.
const FINAL: [&str; 3] = ["done", "refused", "duplicate"];

/// What is not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    /// Files that have arrived and are not transformed, by partner and name.
    files: Vec<String>,
    /// Messages that a function has not answered yet, by subject.
    messages: BTreeMap<&'static str, u64>,
    /// Orders that are placed and not decided.
    orders: u64,
    /// What could not be asked just now.
    unknown: Option<String>,
}

impl Open {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.files.as_slice() {
            [] => {}
            [file] => parts.push(format!("file {file}")),
            [file, rest @ ..] => parts.push(format!("file {file} and {} more", rest.len())),
        }
        for (subject, count) in &self.messages {
            parts.push(format!("{count} messages on {subject}"));
        }
        if self.orders > 0 {
            parts.push(format!("{} orders not decided", self.orders));
        }
        parts.extend(self.unknown.clone());
        f.write_str(&parts.join(", "))
    }
}

pub(crate) async fn run(global: &Global, timeout: Duration) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
    let started = Instant::now();
    let mut view = views::Orders::default();
    let mut said: Option<(Instant, String)> = None;
    loop {
        let open = look(&pipeline, &mut view).await;
        if open.is_empty() {
            let counts = view.counts();
            if pipeline.json {
                output::json(&counts);
            } else {
                output::line(format_args!(
                    "all done: {} orders placed, {} confirmed, {} refused",
                    counts.placed, counts.confirmed, counts.refused
                ));
            }
            return Ok(());
        }
        let text = open.to_string();
        if timeout <= started.elapsed() {
            if pipeline.json {
                output::json(&json!({
                    "files": open.files, "messages": open.messages, "orders": open.orders,
                    "unknown": open.unknown,
                }));
            }
            return Err(Failure::TimeIsUp { seconds: timeout.as_secs(), open: text }.into());
        }
        if said.as_ref().is_none_or(|(when, before)| SAY <= when.elapsed() && *before != text) {
            output::note(format_args!("waiting: {text}"));
            said = Some((Instant::now(), text));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks until something is open. The inboxes are asked only when nothing else is open, because that
/// takes a login to each partner's server; what has left one meanwhile is found by the last look.
async fn look(pipeline: &Pipeline, view: &mut views::Orders) -> Open {
    let mut open = look_inside(pipeline, view).await;
    if open.is_empty() {
        open = look_into_inboxes(pipeline).await;
    }
    if open.is_empty() {
        open = look_inside(pipeline, view).await;
    }
    open
}

/// One look from the front of the pipeline to its end, so that nothing moves past it unseen: what
/// has left a place before it is looked at is found at a later one.
///
/// Files and orders are counted only when no message waits: it takes a reading of every order, and
/// whoever waits must not slow down what is waited for.
async fn look_inside(pipeline: &Pipeline, view: &mut views::Orders) -> Open {
    let mut open = Open::default();
    let looked = async {
        let nats = pipeline.nats().await?;
        waiting(&nats, streams::FILES, "files.arrived.>", &mut open).await?;
        waiting(&nats, streams::ORDERS, subject::ORDERS, &mut open).await?;
        if !open.messages.is_empty() {
            return Ok(());
        }
        for file in files::status(pipeline, false).await?.files {
            let file = FileStatus::deserialize(&file)?;
            if !FINAL.contains(&file.state.as_str()) {
                let name = output::name(&file.name);
                open.files.push(format!("{}/{name} ({})", file.partner, file.state));
            }
        }
        // A file's orders may have come after the first look at them.
        waiting(&nats, streams::ORDERS, subject::ORDERS, &mut open).await?;
        view.refresh(&nats).await?;
        open.orders = view.counts().pending;
        if open.is_empty() {
            // What became of a file's orders is written once all are decided.
            waiting(&nats, streams::FILES, "files.transformed.>", &mut open).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = looked.await {
        open.unknown = Some(format!("{error:#}"));
    }
    open
}

async fn look_into_inboxes(pipeline: &Pipeline) -> Open {
    let mut open = Open::default();
    match files::status(pipeline, true).await {
        Ok(status) => {
            for depot in status.depots {
                if let Some(error) = depot.error {
                    open.unknown = Some(format!("the inbox of {}: {error}", depot.partner));
                }
                let names = depot.inbox.into_iter().filter(|file| file.never.is_none());
                let names = names.map(|file| file.name).filter(|name| is_taken(name));
                let partner = &depot.partner;
                let said =
                    |name: String| format!("{partner}/{} (in the inbox)", output::name(&name));
                open.files.extend(names.map(said));
            }
        }
        Err(error) => open.unknown = Some(format!("{error:#}")),
    }
    open
}

/// Is a file of this name ever taken? An earlier status-checker does not say.
fn is_taken(name: &str) -> bool {
    complete::never_by_name(name, &Inbox::default()).is_none()
}

/// Messages under `filter` that no consumer has seen, or none has acknowledged.
async fn waiting(nats: &Nats, stream: &str, filter: &'static str, open: &mut Open) -> Result<()> {
    let stream = nats.js.get_stream(stream).await?;
    let consumers: Vec<Info> = stream.consumers().try_collect().await?;
    let mut of_filter = consumers
        .into_iter()
        .filter(|info| info.config.filter_subject == filter && info.config.durable_name.is_some())
        .peekable();
    let count = if of_filter.peek().is_some() {
        let of =
            |info: Info| info.num_pending + u64::try_from(info.num_ack_pending).unwrap_or_default();
        of_filter.map(of).max().unwrap_or_default()
    } else {
        // Nobody has subscribed yet.
        let mut subjects = stream.info_with_subjects(filter).await?;
        let mut all = 0;
        while let Some((_, count)) = subjects.try_next().await? {
            all += u64::try_from(count).unwrap_or_default();
        }
        all
    };
    if count > 0 {
        open.messages.insert(filter, count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_said_in_one_line() {
        let mut open = Open::default();
        assert!(open.is_empty());
        open.files = vec!["US1/a.csv (claimed)".to_owned(), "US1/b.csv (arrived)".to_owned()];
        open.messages.insert("orders", 3);
        open.orders = 2;
        assert_eq!(
            open.to_string(),
            "file US1/a.csv (claimed) and 1 more, 3 messages on orders, 2 orders not decided"
        );
        assert!(!open.is_empty());
    }

    #[test]
    fn what_is_never_taken_is_not_waited_for() {
        let taken = ["a.csv", "a.csv.part", "~a.csv", "a\u{1b}[2J.csv", ".a"].map(is_taken);
        assert_eq!(taken, [true, false, false, false, false]);
    }
}
