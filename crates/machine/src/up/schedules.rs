//! Calls functions by their schedules, as cron-connector does.
//!
//! A time that passed while nothing ran is made up for once, at the start, however many there were.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::http::Method;
use chrono::{DateTime, Utc};
use stack::Stack;
use stack::schedule::Schedule;
use terminal::output;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::dir::write_atomic;
use crate::http::{Call, Http};

/// The wall clock is looked at as often as this: it may be set, or the machine sleep.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// A call that takes longer is given up.
const CALL_MAX: Duration = Duration::from_secs(120);
/// How long a call that is made up for is tried: the functions start at the same time.
const MAKE_UP_MAX: Duration = Duration::from_secs(60);
const MAKE_UP_PAUSE: Duration = Duration::from_millis(500);

/// The schedules of a stack.
pub(crate) fn read(stack: &Stack) -> Result<Vec<(String, Schedule)>> {
    let mut schedules = Vec::new();
    for (name, function) in &stack.functions {
        if function.annotations.get("topic").is_some_and(|topic| topic == "cron-function") {
            let text = function.annotations.get("schedule");
            let text = text.with_context(|| format!("{name} has no annotation schedule"))?;
            let schedule = Schedule::parse(text).with_context(|| name.clone())?;
            schedules.push((name.clone(), schedule));
        }
    }
    Ok(schedules)
}

/// Until when each schedule was followed; kept over restarts.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    until: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl Memory {
    /// What is kept at `path`; nothing if there is nothing that can be read.
    pub(crate) fn open(path: PathBuf) -> Self {
        let text = std::fs::read(&path).unwrap_or_default();
        let until = serde_json::from_slice(&text).unwrap_or_default();
        Self { path, until: Mutex::new(until) }
    }

    fn until(&self, name: &str) -> Option<DateTime<Utc>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Every time up to `at` is done with.
    fn followed(&self, name: &str, at: DateTime<Utc>) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.insert(name.to_owned(), at);
        let text = serde_json::to_vec(&*until).expect("its keys are strings");
        if let Err(error) = write_atomic(&self.path, &text, 0o600) {
            tracing::warn!(name, error = format!("{error:#}"), "a restart does not know this call");
        }
    }
}

/// Calls functions at `gateway` until `stop`.
pub(crate) async fn run(
    schedules: Vec<(String, Schedule)>,
    gateway: String,
    memory: Memory,
    stop: CancellationToken,
) {
    let caller = Caller { http: Http::new(), gateway, memory: Arc::new(memory) };
    let mut tasks = JoinSet::new();
    for (name, schedule) in schedules {
        tasks.spawn(follow(name, schedule, caller.clone()));
    }
    stop.cancelled().await;
}

async fn follow(name: String, schedule: Schedule, caller: Caller) {
    let mut last = clock::now();
    caller.make_up(&name, &schedule, last).await;
    let mut calls = JoinSet::new();
    while let Some(next) = schedule.next(last) {
        while let Ok(left) = (next - clock::now()).to_std() {
            tokio::time::sleep(left.min(LOOK_MAX)).await;
        }
        // Of several that were missed, as by a machine that slept, this is the one.
        last = next.max(clock::now() - chrono::Duration::seconds(1));
        while calls.try_join_next().is_some() {}
        let (caller, name) = (caller.clone(), name.clone());
        calls.spawn(async move {
            if caller.call(&name).await {
                caller.memory.followed(&name, last);
            }
        });
    }
    tracing::warn!(name, "its schedule has no next time");
}

#[derive(Clone)]
struct Caller {
    http: Http,
    gateway: String,
    memory: Arc<Memory>,
}

impl Caller {
    /// Calls the function if a time of its schedule passed while nothing ran.
    async fn make_up(&self, name: &str, schedule: &Schedule, now: DateTime<Utc>) {
        let until = self.memory.until(name);
        let Some(missed) = until.and_then(|until| schedule.next(until)).filter(|it| *it <= now)
        else {
            if until.is_none() {
                // From here on a time can be missed.
                self.memory.followed(name, now);
            }
            return;
        };
        output::note(format_args!(
            "{name} was to be called at {missed}, while nothing ran here; it is called now"
        ));
        let began = Instant::now();
        while began.elapsed() < MAKE_UP_MAX {
            if self.call(name).await {
                return self.memory.followed(name, now);
            }
            tokio::time::sleep(MAKE_UP_PAUSE).await;
        }
        output::note(format_args!(
            "{name} did not answer, so its call of {missed} is not made up for; its next is by schedule"
        ));
    }

    /// Did the function answer that all is well?
    async fn call(&self, name: &str) -> bool {
        let url = format!("{}/function/{name}", self.gateway);
        let headers = vec![("X-Topic", "cron-function"), ("X-Connector", "cron-connector")];
        let call =
            Call { method: Method::POST, url, headers, timeout: CALL_MAX, ..Call::default() };
        match self.http.send(call).await {
            Ok(answer) if answer.status.is_success() => {
                tracing::info!(name, "called by schedule");
                return true;
            }
            Ok(answer) => {
                tracing::error!(name, status = answer.status.as_u16(), "called by schedule");
            }
            Err(error) => tracing::error!(name, error = format!("{error:#}"), "called by schedule"),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cron_functions_have_schedules() {
        let stack = stack::parse(stack::BUILT_IN, "built-in", |_| None).unwrap();
        let schedules = read(&stack).unwrap();
        assert_eq!(schedules.len(), 1);
        assert_eq!(schedules[0].0, "daily-checker");
    }

    #[test]
    fn a_bad_schedule_is_named_with_its_function() {
        for (annotations, expected) in [
            ("topic: cron-function", "no annotation schedule"),
            ("topic: cron-function, schedule: x", "has 1 fields"),
        ] {
            let text = format!("functions: {{daily-checker: {{annotations: {{{annotations}}}}}}}");
            let stack = stack::parse(&text, "t", |_| None).unwrap();
            let error = format!("{:#}", read(&stack).unwrap_err());
            assert!(error.contains("daily-checker") && error.contains(expected), "{error}");
        }
    }

    /// A gateway, and what it is asked.
    async fn gateway(fails: usize) -> (String, tokio::sync::mpsc::Receiver<String>) {
        use axum::http::StatusCode;
        let (called, calls) = tokio::sync::mpsc::channel(16);
        let failing = Arc::new(std::sync::atomic::AtomicUsize::new(fails));
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| async move {
            let head = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
            called.send(head).await.unwrap();
            let order = std::sync::atomic::Ordering::Relaxed;
            let fails = failing.fetch_update(order, order, |left| left.checked_sub(1)).is_ok();
            if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        (gateway, calls)
    }

    async fn next(calls: &mut tokio::sync::mpsc::Receiver<String>) -> String {
        tokio::time::timeout(Duration::from_secs(10), calls.recv()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_due_function_is_called_as_cron_connector_calls_it() {
        let (gateway, mut calls) = gateway(0).await;
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::open(dir.path().join("schedules.json"));
        let stop = CancellationToken::new();
        let schedules = vec![("daily-checker".to_owned(), Schedule::parse("@every 1s").unwrap())];
        let running = tokio::spawn(run(schedules, gateway, memory, stop.clone()));
        for _ in 0..2 {
            let head = next(&mut calls).await;
            assert!(head.starts_with("POST /function/daily-checker "), "{head}");
            for part in ["\"x-topic\": \"cron-function\"", "\"x-connector\": \"cron-connector\""] {
                assert!(head.contains(part), "{head}");
            }
            assert!(!head.contains("content-type"), "{head}");
        }
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_time_that_passed_while_nothing_ran_is_made_up_for_once() {
        let (gateway, mut calls) = gateway(2).await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("schedules.json");
        let yearly = Schedule::parse("@yearly").unwrap();
        let start = async |calls: &mut tokio::sync::mpsc::Receiver<String>, expected: usize| {
            let stop = CancellationToken::new();
            let schedules = vec![("daily-checker".to_owned(), yearly.clone())];
            let memory = Memory::open(path.clone());
            let running = tokio::spawn(run(schedules, gateway.clone(), memory, stop.clone()));
            for _ in 0..expected {
                next(calls).await;
            }
            // It is written down behind the last answer.
            let known = || Memory::open(path.clone()).until("daily-checker");
            let deadline = Instant::now() + Duration::from_secs(10);
            while known().is_none_or(|until| yearly.next(until).unwrap() <= clock::now()) {
                assert!(Instant::now() < deadline, "{:?}", known());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.cancel();
            running.await.unwrap();
            assert!(calls.try_recv().is_err(), "once");
        };
        // The first start has missed nothing.
        start(&mut calls, 0).await;
        start(&mut calls, 0).await;
        let years_ago = clock::now() - chrono::Duration::days(3 * 366);
        Memory::open(path.clone()).followed("daily-checker", years_ago);
        // The function does not answer at once.
        start(&mut calls, 3).await;
        start(&mut calls, 0).await;
        // A file that cannot be read is as good as none.
        std::fs::write(&path, "x").unwrap();
        start(&mut calls, 0).await;
    }
}
