//! `POST /`: files that arrived, and files that were transformed.

use crate::App;
use crate::decisions::{self, Progress};
use crate::failure::Failure;
use crate::work::Work;
use axum::extract::State;
use chrono::{DateTime, Utc};
use intake::arrival::Arrived;
use intake::ledger::{self, Record};
use intake::sftp::Disposition;
use messaging::Event;
use messaging::events::FILE_TRANSFORMED;
use runtime::events::{self, Answer, Batch};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Longest time one call waits; the work goes on.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// When to ask again about a file that is in work.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Files in work in this process, by arrival.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<String, Job>>);

#[derive(Clone, Debug)]
struct Job {
    size: u64,
    read: Arc<AtomicU64>,
    done: watch::Receiver<Option<Verdict>>,
}

/// What is said about a file.
#[derive(Clone, Debug)]
enum Verdict {
    Done,
    Later(String, Duration),
    /// The partner's server, or another process: not the file's fault.
    Wait(String, Duration),
    Never(String),
}

pub(crate) async fn receive(State(app): State<Arc<App>>, batch: Batch) -> Answer {
    let mut answer = Answer::done();
    let mut jobs = Vec::new();
    let mut transformed = Vec::new();
    for given in &batch.events {
        match Call::parse(given).and_then(|call| match call {
            Call::Arrived(arrived, at) => start(&app, *arrived, at).map(Some),
            Call::Transformed(record) => {
                transformed.push((given, *record));
                Ok(None)
            }
        }) {
            Ok(job) => jobs.extend(job.map(|job| (given, job))),
            Err(reason) => answer.reject(given, reason),
        }
    }
    let deadline = tokio::time::Instant::now() + ANSWER_MAX;
    for (given, record) in transformed {
        decide(&app, given, &record, deadline, &mut answer).await;
    }
    for (given, mut job) in jobs {
        let done = job.done.wait_for(Option::is_some);
        let verdict = match tokio::time::timeout_at(deadline, done).await {
            Ok(Ok(verdict)) => verdict.clone(),
            Ok(Err(_)) => Some(Verdict::Later(Failure::Panicked.to_string(), ASK_AGAIN)),
            Err(_) => None,
        };
        match verdict {
            Some(Verdict::Done) => {}
            Some(Verdict::Later(reason, after)) => answer.retry(given, reason, Some(after)),
            Some(Verdict::Never(reason)) => answer.reject(given, reason),
            Some(Verdict::Wait(reason, after)) => answer.wait(given, reason, after, 0),
            None => answer.wait(given, "in work", ASK_AGAIN, job.percent()),
        }
    }
    answer
}

/// What an event asks for.
enum Call {
    Arrived(Box<Arrived>, Option<DateTime<Utc>>),
    Transformed(Box<Record>),
}

impl Call {
    fn parse(given: &events::Event) -> Result<Self, String> {
        let event: Event = given.parse().map_err(|error| error.to_string())?;
        let data = event.data.ok_or("the event has no data")?;
        let bad = |error: serde_json::Error| error.to_string();
        if event.kind == FILE_TRANSFORMED {
            return Ok(Self::Transformed(serde_json::from_str(data.get()).map_err(bad)?));
        }
        Ok(Self::Arrived(serde_json::from_str(data.get()).map_err(bad)?, event.time))
    }
}

/// Writes down what became of a file's orders, or waits until all are decided.
async fn decide(
    app: &App,
    given: &events::Event,
    record: &Record,
    deadline: tokio::time::Instant,
    answer: &mut Answer,
) {
    let written = tokio::time::timeout_at(deadline, decisions::write(app, record)).await;
    match written {
        Ok(Ok(Progress::Written)) => {}
        Ok(Ok(Progress::Waiting(orders))) => {
            let reason = format!("not all of {orders} orders are decided");
            answer.wait(given, reason, ASK_AGAIN, 0);
        }
        Ok(Err(failure)) => match verdict(Err(failure)) {
            Verdict::Done => {}
            Verdict::Later(reason, after) => answer.retry(given, reason, Some(after)),
            Verdict::Wait(reason, after) => answer.wait(given, reason, after, 0),
            Verdict::Never(reason) => answer.reject(given, reason),
        },
        Err(_) => answer.wait(given, "the decisions are being read", ASK_AGAIN, 0),
    }
}

impl Job {
    fn percent(&self) -> u8 {
        let read = self.read.load(Ordering::Relaxed).saturating_mul(100);
        u8::try_from(read.checked_div(self.size).unwrap_or(0).min(99)).unwrap_or(99)
    }
}

/// Begins with a file, unless this process is at it.
fn start(app: &Arc<App>, arrived: Arrived, time: Option<DateTime<Utc>>) -> Result<Job, String> {
    let partners = app.partners.get();
    let account = partners.accounts.get(&arrived.partner).ok_or_else(|| {
        format!("partner {} has no sftp or file section in this configuration", arrived.partner)
    })?;
    let mut running = app.running.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(job) = running.get(&arrived.arrival) {
        return Ok(job.clone());
    }
    let (tell, done) = watch::channel(None);
    let job = Job { size: arrived.size, read: Arc::default(), done };
    running.insert(arrived.arrival.clone(), job.clone());
    drop(running);
    let work = Work { app: app.clone(), account: account.clone(), read: job.read.clone() };
    let record = record(arrived, time);
    tokio::spawn(async move {
        let (partner, name) = (record.partner.clone(), record.name.clone());
        let leave = Leave { app: work.app.clone(), arrival: record.arrival.clone() };
        let done = work.run(record).await;
        drop(leave);
        if let Err(failure) = &done {
            tracing::warn!(%partner, file = %name, error = %failure, "the file is not done");
        }
        tell.send_replace(Some(verdict(done.map(|_| ()))));
    });
    Ok(job)
}

/// Takes a file out of those in work, also when the work panics.
struct Leave {
    app: Arc<App>,
    arrival: String,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let running = &self.app.running.0;
        running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.arrival);
    }
}

fn record(arrived: Arrived, time: Option<DateTime<Utc>>) -> Record {
    let Arrived { partner, name, size, mtime, arrival } = arrived;
    // Without the event's time, which daily-checker sets: that of the file itself, so that the
    // results have the same names each time.
    let at = time.or_else(|| DateTime::from_timestamp(i64::try_from(mtime).ok()?, 0));
    Record::new(arrival, partner, name, size, mtime, at.unwrap_or_default())
}

fn verdict(done: Result<(), Failure>) -> Verdict {
    let failure = match done {
        Ok(()) => return Verdict::Done,
        Err(failure) => failure,
    };
    let reason = failure.to_string();
    match failure {
        Failure::Sftp(error) => match error.disposition() {
            Disposition::Retry => Verdict::Wait(reason, Duration::from_secs(10)),
            Disposition::Fault => Verdict::Wait(reason, Duration::from_secs(60)),
        },
        Failure::Held { .. } => Verdict::Wait(reason, ASK_AGAIN),
        Failure::Ledger(ledger::Error::Missing(_)) | Failure::Replaced => Verdict::Never(reason),
        Failure::Configuration(_) => Verdict::Wait(reason, Duration::from_secs(60)),
        // NATS or the disk, and again not the file's fault.
        Failure::Ledger(_)
        | Failure::Scratch(_)
        | Failure::NotStored(_)
        | Failure::Unclear(_)
        | Failure::Store(_)
        | Failure::Reading(_)
        | Failure::Lookup(_)
        | Failure::Consumers(_) => Verdict::Wait(reason, ASK_AGAIN),
        Failure::Panicked => Verdict::Later(reason, ASK_AGAIN),
    }
}
