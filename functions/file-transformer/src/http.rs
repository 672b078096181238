//! `POST /`: files that arrived, and files that were transformed.

use crate::app::App;
use crate::decisions::{self, Progress};
use crate::failure::Failure;
use crate::running::{ASK_AGAIN, Job, Verdict};
use crate::share::Turn;
use crate::work::Work;
use axum::extract::State;
use chrono::{DateTime, Utc};
use intake::arrival::Arrived;
use intake::ledger::Record;
use intake::sftp::Disposition;
use messaging::Event;
use messaging::events::FILE_TRANSFORMED;
use runtime::events::{self, Answer, Batch};
use std::sync::Arc;
use std::time::Duration;

/// How long one call waits; the work continues afterwards.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// When to retry a file for which there was no memory: the file before it may take a minute.
const MEMORY_AFTER: Duration = Duration::from_secs(20);
/// Earliest time to ask again about a file that another process holds.
const HELD_AFTER_MIN: Duration = Duration::from_millis(50);
/// When to retry a file whose partner is unknown: daily-checker may have got a new configuration
/// earlier. Ten attempts take longer than a cluster takes to give a new configuration to every pod.
const KNOWN_AFTER: Duration = Duration::from_secs(30);

pub(crate) async fn receive(State(app): State<Arc<App>>, batch: Batch) -> Answer {
    let mut answer = Answer::done();
    let begin = |given| (given, Call::parse(given).and_then(|call| start(&app, call)));
    let begun: Vec<_> = batch.events.iter().map(begin).collect();
    let deadline = tokio::time::Instant::now() + ANSWER_MAX;
    for (given, job) in begun {
        let verdict = match job {
            Err(verdict) => Some(verdict),
            Ok(mut job) => {
                let verdict = app.running.wait(&mut job, deadline).await;
                if verdict.is_none() {
                    answer.wait(given, "in work", ASK_AGAIN, job.percent());
                }
                verdict
            }
        };
        match verdict {
            None | Some(Verdict::Done) => {}
            Some(Verdict::Later(reason, after)) => answer.retry(given, reason, Some(after)),
            Some(Verdict::Never(reason)) => answer.reject(given, reason),
            Some(Verdict::Wait(reason, after)) => answer.wait(given, reason, after, 0),
        }
    }
    answer
}

/// The work that an event asks for.
enum Call {
    Arrived(Box<Arrived>, Option<DateTime<Utc>>),
    Transformed(Box<Record>),
}

impl Call {
    fn parse(given: &events::Event) -> Result<Self, Verdict> {
        let event: Event = given.parse().map_err(|error| Verdict::Never(error.to_string()))?;
        let data = event.data.ok_or_else(|| Verdict::Never("the event has no data".into()))?;
        let bad = |error: serde_json::Error| Verdict::Never(error.to_string());
        if event.kind == FILE_TRANSFORMED {
            return Ok(Self::Transformed(serde_json::from_str(data.get()).map_err(bad)?));
        }
        Ok(Self::Arrived(serde_json::from_str(data.get()).map_err(bad)?, event.time))
    }
}

/// Begins the work that an event asks for, unless this process is already doing it.
fn start(app: &Arc<App>, call: Call) -> Result<Job, Verdict> {
    let running = &app.running;
    let app = app.clone();
    match call {
        Call::Arrived(arrived, time) => {
            let partners = app.partners.get();
            let account = partners.accounts.get(&arrived.partner).cloned().ok_or_else(|| {
                let partner = &arrived.partner;
                let reason =
                    format!("partner {partner} has no sftp or file section in this configuration");
                Verdict::Later(reason, KNOWN_AFTER)
            })?;
            let (key, size) = (arrived.arrival.clone(), arrived.size);
            let record = record(*arrived, time);
            let progress = Arc::default();
            let work = |read| arrive(Work { app, account, read, progress }, record);
            Ok(running.start(key, size, work))
        }
        Call::Transformed(record) => {
            let key = format!("{}:decisions", record.arrival);
            Ok(running.start(key, 0, |_| decide(app, record)))
        }
    }
}

async fn arrive(work: Work, record: Record) -> Verdict {
    let (partner, name) = (record.partner.clone(), record.name.clone());
    let mut turn = match Turn::take(&work.app.shares, &partner) {
        Ok(turn) => turn,
        Err(after) => {
            return Verdict::Wait("waiting for other files of the same partner".into(), after);
        }
    };
    let done = work.run(record).await;
    turn.failed(done.as_ref().is_err_and(Failure::is_of_server));
    drop(turn);
    if let Err(failure) = &done {
        tracing::warn!(%partner, file = %name, error = %failure, "the file is not done");
    }
    done.map_or_else(verdict, |_| Verdict::Done)
}

/// Writes the decisions about a file's orders, or waits until all are decided.
async fn decide(app: Arc<App>, record: Box<Record>) -> Verdict {
    match decisions::write(&app, &record).await {
        Ok(Progress::Written) => Verdict::Done,
        Ok(Progress::Waiting(orders)) => {
            Verdict::Wait(format!("not all of {orders} orders are decided"), ASK_AGAIN)
        }
        Err(failure) => verdict(failure),
    }
}

fn record(arrived: Arrived, time: Option<DateTime<Utc>>) -> Record {
    let Arrived { partner, name, size, mtime, arrival } = arrived;
    // Without the event's time, which daily-checker sets, use that of the file itself, so that the
    // results get the same names each time.
    let at = time.or_else(|| DateTime::from_timestamp(i64::try_from(mtime).ok()?, 0));
    Record::new(arrival, partner, name, size, mtime, at.unwrap_or_default())
}

fn verdict(failure: Failure) -> Verdict {
    let reason = failure.to_string();
    match failure {
        Failure::Sftp(error) => match error.disposition() {
            Disposition::Retry => Verdict::Wait(reason, Duration::from_secs(10)),
            Disposition::Fault => Verdict::Wait(reason, Duration::from_secs(60)),
        },
        // Ask again when the lease of a silent owner would have expired.
        Failure::Held { after, .. } => {
            Verdict::Wait(reason, after.clamp(HELD_AFTER_MIN, ASK_AGAIN))
        }
        Failure::Same(_) => Verdict::Wait(reason, ASK_AGAIN),
        Failure::Memory(_) => Verdict::Wait(reason, MEMORY_AFTER),
        Failure::Replaced => Verdict::Never(reason),
        Failure::Configuration(_) => Verdict::Wait(reason, Duration::from_secs(60)),
        // NATS or the disk failed; again this is not the file's fault.
        Failure::Ledger(_)
        | Failure::Scratch(_)
        | Failure::NotStored(_)
        | Failure::Unclear(_)
        | Failure::Store(_)
        | Failure::Reading(_)
        | Failure::Lookup(_)
        | Failure::Stream(_)
        | Failure::Changed(_)
        | Failure::ChangedWhileSent
        | Failure::Letters(_) => Verdict::Wait(reason, ASK_AGAIN),
        Failure::Panicked => Verdict::Later(reason, ASK_AGAIN),
    }
}
