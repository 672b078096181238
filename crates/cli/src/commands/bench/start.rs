//! How soon a function answers after its start, and what it holds then.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use serde::Deserialize;
use std::net::SocketAddr;
use tokio::process::Command;
use tokio::time::sleep;

use super::pipeline::Own;
use super::{Row, median, number, usage};
use crate::http::{Call, Http};

const FUNCTIONS: [&str; 3] = ["order-ingest", "order-processor", "status-checker"];
const STARTS: u32 = 5;
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// After its first answer it may still be at work.
const REST: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Listening {
    traffic: SocketAddr,
}

pub(crate) async fn run(rounds: u32) -> Result<Vec<Row>> {
    let own = Own::start(1).await?;
    let mut rows = Vec::new();
    for name in FUNCTIONS {
        let running = own.pipeline.run.processes.get(name).map(|process| process.pid);
        // The environment of the one that runs, which is that of its pod.
        let environment = std::fs::read(format!("/proc/{}/environ", running.unwrap_or_default()));
        let environment = environment.with_context(|| format!("the environment of {name}"))?;
        let (mut millis, mut resident) = (Vec::new(), Vec::new());
        for _ in 0..STARTS * rounds {
            let (took, bytes) = start(&own, name, &environment).await?;
            millis.push(took.as_secs_f64() * 1_000.0);
            resident.push(number(bytes >> 10) / 1_024.0);
        }
        let note = |what: &str| format!("median of {}; {what}", STARTS * rounds);
        let first = "from the start of the process to the first answer of /_/health";
        rows.push(Row::new(name, "first answer", median(millis), "ms", note(first)));
        rows.push(Row::new(name, "resident, idle", median(resident), "MiB", note("after 1 s")));
    }
    own.stop().await?;
    Ok(rows)
}

async fn start(own: &Own, name: &str, environment: &[u8]) -> Result<(Duration, u64)> {
    let listen = own.pipeline.dir.listen().join("bench");
    drop(std::fs::remove_file(&listen));
    // As in an image, if it was built: a program of its own, without the other functions.
    let own_program = std::env::current_exe().context("the own program")?;
    let function = own_program.with_file_name(name);
    let mut command = if function.is_file() {
        Command::new(function)
    } else {
        let mut command = Command::new(own_program);
        command.args(["function", name]);
        command
    };
    command.env_clear();
    let pairs = environment.split(|byte| *byte == 0).filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        Some((name, value))
    });
    command.envs(pairs).env("ORDERFLOW_LISTEN_FILE", &listen);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let started = Instant::now();
    let mut child = command.spawn().context("cannot start a function")?;
    let took = answered(&listen, started).await?;
    sleep(REST).await;
    let usage = child.id().and_then(usage::of).with_context(|| format!("{name} has ended"))?;
    child.kill().await?;
    Ok((took, usage.resident))
}

async fn answered(listen: &Path, started: Instant) -> Result<Duration> {
    let http = Http::new();
    while started.elapsed() < ANSWER_MAX {
        let text = std::fs::read(listen).unwrap_or_default();
        if let Ok(Listening { traffic }) = serde_json::from_slice(&text) {
            let url = format!("http://{traffic}/_/health");
            let call = Call { method: Method::GET, url, timeout: ANSWER_MAX, ..Call::default() };
            if http.send(call).await.is_ok_and(|answer| answer.status.is_success()) {
                return Ok(started.elapsed());
            }
        }
        sleep(Duration::from_micros(500)).await;
    }
    bail!("no answer within {} s", ANSWER_MAX.as_secs())
}
