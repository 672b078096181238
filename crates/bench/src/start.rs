//! Measures how soon a function answers after its start, and its memory when idle: alone as in its
//! image, and for comparison behind of-watchdog as in OpenFaaS's own templates.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::http::{Method, StatusCode};
use machine::http::{Call, Http};
use rustix::process::{Pid, Signal, kill_process_group};
use stack::catalogue;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::pipeline::Own;
use crate::row::{Row, median, number};
use crate::usage;

const STARTS: u32 = 5;
const ANSWER_MAX: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_micros(500);
/// The function may still be busy after its first answer.
const REST: Duration = Duration::from_secs(1);

/// The result of one start.
struct Started {
    /// Time until the function's first answer.
    first_answer: Duration,
    /// The first call after `/_/health` returned 200 got no answer from the function.
    first_call_failed: bool,
    /// Memory of all its processes when idle.
    resident: u64,
}

pub(crate) async fn run(rounds: u32, watchdog: Option<&Path>) -> Result<Vec<Row>> {
    let own = Own::start(1, &[]).await?;
    let mut rows = Vec::new();
    for name in catalogue::NAMES {
        let running = own.pipeline.run.processes.get(name).map(|process| process.pid);
        // Use the environment of the running function, which equals that of its pod.
        let environment = std::fs::read(format!("/proc/{}/environ", running.unwrap_or_default()));
        let environment = environment.with_context(|| format!("the environment of {name}"))?;
        let (mut alone, mut behind) = (Vec::new(), Vec::new());
        for _ in 0..STARTS * rounds {
            alone.push(start(name, &environment, None).await?);
            if watchdog.is_some() {
                behind.push(start(name, &environment, watchdog).await?);
            }
        }
        rows.extend(told(name, &alone));
        if watchdog.is_some() {
            rows.extend(told(&format!("{name} behind of-watchdog"), &behind));
        }
    }
    own.stop().await?;
    Ok(rows)
}

fn told(name: &str, starts: &[Started]) -> [Row; 3] {
    let millis = starts.iter().map(|start| start.first_answer.as_secs_f64() * 1_000.0).collect();
    let resident = starts.iter().map(|start| number(start.resident >> 10) / 1_024.0).collect();
    let failed = starts.iter().filter(|start| start.first_call_failed).count();
    let note = |what: &str| format!("median of {}; {what}", starts.len());
    let of = format!("of {} first calls after /_/health said 200", starts.len());
    [
        Row::new(name, "first answer", median(millis), "ms", note("from the start of the process")),
        Row::new(name, "resident, idle", median(resident), "MiB", note("after 1 s")),
        Row::new(name, "first calls failed", number(failed as u64), "", of),
    ]
}

async fn start(name: &str, environment: &[u8], watchdog: Option<&Path>) -> Result<Started> {
    let (program, arguments) = function(name)?;
    let ports = [free_port()?, free_port()?];
    let [port, behind] = ports.map(|port| port.to_string());
    let own_port = if watchdog.is_some() { behind.as_str() } else { port.as_str() };
    let mut command = Command::new(watchdog.unwrap_or(&program));
    command.env_clear();
    let pairs = environment.split(|byte| *byte == 0).filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        Some((name, value))
    });
    command.envs(pairs).env_remove("ORDERFLOW_LISTEN_FILE").env("ORDERFLOW_PORT", own_port);
    if watchdog.is_some() {
        let upstream = format!("http://127.0.0.1:{behind}");
        command.envs([("mode", "http"), ("port", &port), ("upstream_url", &upstream)]);
        command
            .env("fprocess", format!("{} {}", program.display(), arguments.join(" ")).trim_end());
    } else {
        command.args(arguments);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.process_group(0).spawn().context("cannot start a function")?;
    let looked = look(&mut child, started, &format!("http://127.0.0.1:{port}")).await;
    // of-watchdog does not end its function when it is killed.
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL)?;
    }
    child.wait().await?;
    looked.with_context(|| name.to_owned())
}

/// The command for a function: its own program as in an image, if it was built, else this program,
/// which contains all functions.
fn function(name: &str) -> Result<(PathBuf, Vec<&str>)> {
    let own = std::env::current_exe().context("cannot find this program")?;
    let function = own.with_file_name(name);
    Ok(if function.is_file() { (function, Vec::new()) } else { (own, vec!["function", name]) })
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    Ok(listener.local_addr()?.port())
}

async fn look(child: &mut Child, started: Instant, url: &str) -> Result<Started> {
    let http = Http::new();
    let get = async |path: &str| {
        let url = format!("{url}{path}");
        let call = Call { method: Method::GET, url, timeout: ANSWER_MAX, ..Call::default() };
        http.send(call).await.map(|answer| answer.status)
    };
    let until = async |path: &str, wanted: fn(StatusCode) -> bool| {
        while started.elapsed() < ANSWER_MAX {
            if get(path).await.is_ok_and(wanted) {
                return Ok(started.elapsed());
            }
            sleep(LOOK).await;
        }
        bail!("no answer of {path} within {} s", ANSWER_MAX.as_secs())
    };
    until("/_/health", |status| status.is_success()).await?;
    // No function has this path: 404 is an answer of the function, 5xx one of the proxy before it.
    let is_its_own = |status: StatusCode| !status.is_server_error();
    let first_call_failed = !get("/none").await.is_ok_and(is_its_own);
    let first_answer = until("/none", is_its_own).await?;
    sleep(REST).await;
    let id = child.id().context("it has ended")?;
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.unwrap_or_default();
    let ids = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([id]);
    let resident = ids.filter_map(usage::of).map(|usage| usage.resident).sum();
    Ok(Started { first_answer, first_call_failed, resident })
}
