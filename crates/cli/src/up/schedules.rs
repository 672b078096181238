//! Calls functions by their schedules, as cron-connector does.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::Method;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::cron::Schedule;
use crate::http::{Call, Http};
use crate::stack::Stack;

/// The wall clock is looked at as often as this: it may be set, or the machine sleep.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// A call that takes longer is given up.
const CALL_MAX: Duration = Duration::from_secs(120);

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

/// Calls functions at `gateway` until `stop`.
pub(crate) async fn run(
    schedules: Vec<(String, Schedule)>,
    gateway: String,
    stop: CancellationToken,
) {
    let http = Http::new();
    let mut tasks = JoinSet::new();
    for (name, schedule) in schedules {
        tasks.spawn(follow(name, schedule, gateway.clone(), http.clone()));
    }
    stop.cancelled().await;
}

async fn follow(name: String, schedule: Schedule, gateway: String, http: Http) {
    let mut last = clock::now();
    let mut calls = JoinSet::new();
    while let Some(next) = schedule.next(last) {
        while let Ok(left) = (next - clock::now()).to_std() {
            tokio::time::sleep(left.min(LOOK_MAX)).await;
        }
        // Missed times are not made up for.
        last = next.max(clock::now() - chrono::Duration::seconds(1));
        while calls.try_join_next().is_some() {}
        let url = format!("{gateway}/function/{name}");
        let (http, name) = (http.clone(), name.clone());
        calls.spawn(async move { call(&http, &name, url).await });
    }
    tracing::warn!(name, "its schedule has no next time");
}

async fn call(http: &Http, name: &str, url: String) {
    let headers = vec![("X-Topic", "cron-function"), ("X-Connector", "cron-connector")];
    let call = Call { method: Method::POST, url, headers, timeout: CALL_MAX, ..Call::default() };
    match http.send(call).await {
        Ok(answer) if answer.status.is_success() => tracing::info!(name, "called by schedule"),
        Ok(answer) => {
            tracing::error!(name, status = answer.status.as_u16(), "called by schedule");
        }
        Err(error) => tracing::error!(name, error = format!("{error:#}"), "called by schedule"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack;

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

    #[tokio::test]
    async fn a_due_function_is_called_as_cron_connector_calls_it() {
        let (called, mut calls) = tokio::sync::mpsc::channel(4);
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| async move {
            let head = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
            called.send(head).await.unwrap();
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        let stop = CancellationToken::new();
        let schedules = vec![("daily-checker".to_owned(), Schedule::parse("@every 1s").unwrap())];
        let running = tokio::spawn(run(schedules, gateway, stop.clone()));
        for _ in 0..2 {
            let head = tokio::time::timeout(Duration::from_secs(10), calls.recv()).await;
            let head = head.unwrap().unwrap();
            assert!(head.starts_with("POST /function/daily-checker "), "{head}");
            for part in ["\"x-topic\": \"cron-function\"", "\"x-connector\": \"cron-connector\""] {
                assert!(head.contains(part), "{head}");
            }
            assert!(!head.contains("content-type"), "{head}");
        }
        stop.cancel();
        running.await.unwrap();
    }
}
