//! A real process is killed at random points; the next goes on.

use crate::support::{US3_HEADER, World, eventually, us3};
use intake::ledger::{Record, State};
use messaging::streams;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const FILES: usize = 5;
const KILLS_A_FILE: usize = 4;
/// About how long a process works on one file.
const WORK_MS: u64 = 700;

pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    pub(crate) async fn start(world: &World, number: usize) -> Self {
        Self::with_lease(world, number, 1).await
    }

    /// With a lease of so many seconds.
    async fn with_lease(world: &World, number: usize, lease: u32) -> Self {
        let listen: PathBuf = world.sshd.dir().join(format!("listen-{number}.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_file-transformer"))
            .env_clear()
            .envs(world.settings())
            .env("ORDERFLOW_LEASE_SECONDS", lease.to_string())
            .env("ORDERFLOW_BIND", "127.0.0.1")
            .env("ORDERFLOW_PORT", "0")
            .env("ORDERFLOW_METRICS_PORT", "0")
            .env("ORDERFLOW_LISTEN_FILE", &listen)
            .env("ORDERFLOW_SCRATCH_DIR", world.sshd.dir())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = eventually(async || {
            let text = std::fs::read(&listen).ok()?;
            let listen: Value = serde_json::from_slice(&text).ok()?;
            listen["traffic"].as_str()?.parse().ok()
        });
        let address = address.await;
        Self { child, address }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the event; the body of the answer, if there is one.
    pub(crate) async fn post(&self, event: &Value) -> Option<Value> {
        let body = Value::from(vec![event.clone()]).to_string();
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer connector\r\n\
             Content-Type: application/cloudevents-batch+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it was killed");
    }
}

/// 1,000 orders of three lines that stand far apart; two of them are bad.
fn content(file: usize) -> Vec<u8> {
    let mut text = US3_HEADER.to_owned();
    for line in 0..3_000 {
        let quantity = if line % 500 == 7 { 0 } else { i64::from(line) + 1 };
        text += &us3(&format!("{file}-{}", line % 1_000), quantity);
    }
    text.into_bytes()
}

async fn record(world: &World, event: &Value) -> Option<Record> {
    let us3 = domain::PartnerId::parse("US3").unwrap();
    let arrival = event["data"]["arrival"].as_str().unwrap();
    world.ledger.get(&us3, arrival).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_points_lose_change_and_double_nothing() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (world, undisturbed) = (World::start().await, World::start().await);
    let (mut processes, mut states) = (0, BTreeMap::<String, usize>::new());
    for file in 0..FILES {
        let name = format!("{file}.csv");
        let event = world.put("US3", &name, &content(file));
        let same = undisturbed.put("US3", &name, &content(file));
        assert_eq!(undisturbed.done(&same).await.state, State::Done);
        let mut owner = None;
        for _ in 0..KILLS_A_FILE {
            processes += 1;
            let process = Process::start(&world, processes).await;
            let repeated = async {
                // A file that a killed process holds is waited for.
                loop {
                    process.post(&event).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let claimed = eventually(async || {
                let record = record(&world, &event).await?;
                let holder = record.claim.as_ref().map(|claim| claim.owner.clone());
                (record.state.is_final() || holder != owner).then_some(holder)
            });
            tokio::select! {
                () = repeated => unreachable!("it does not end"),
                holder = claimed => owner = holder,
            }
            tokio::time::sleep(Duration::from_millis(random.u64(0..WORK_MS))).await;
            drop(process);
            let state = record(&world, &event).await.map_or("none", |record| record.state.as_str());
            *states.entry(state.to_owned()).or_default() += 1;
        }
        processes += 1;
        let process = Process::start(&world, processes).await;
        let ask = async || process.post(&event).await;
        eventually(async || (ask().await?["failed"] == Value::Array(Vec::new())).then_some(()))
            .await;
        assert_eq!(world.record(&event).await.state, State::Done);
    }
    eprintln!("{processes} processes; the ledger after each kill: {states:?}");
    assert_eq!(world.orders().await, undisturbed.orders().await);
    assert_eq!(world.orders().await.len(), FILES * (1_000 - 2));
    assert_eq!(world.told().await, undisturbed.told().await);
    assert_eq!(world.files("US3"), undisturbed.files("US3"));
}

/// Orders of the files of which the sending is interrupted.
const MANY: usize = 30_000;
/// As it is without a setting.
const LEASE: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_goes_on_within_seconds_behind_what_was_sent() {
    let world = World::start().await;
    let stored = async || streams::last_sequence(&world.client, streams::INTAKE).await.unwrap();
    let mut waits = Vec::new();
    for round in 0..3_usize {
        let rows = (0..MANY).map(|order| us3(&format!("{round}-{order}"), 1));
        let content = US3_HEADER.to_owned() + &rows.collect::<String>();
        let event = world.put("US3", &format!("{round}.csv"), content.as_bytes());
        let before = stored().await;
        let first = Process::with_lease(&world, 2 * round, LEASE).await;
        tokio::select! {
            answer = first.post(&event) => panic!("it was done too soon: {answer:?}"),
            _ = eventually(async || (before + 2_000 < stored().await).then_some(())) => {}
        }
        drop(first);
        let (killed, sent) = (Instant::now(), stored().await - before);
        assert!(sent < MANY as u64, "all was sent before it was killed");
        let second = Process::with_lease(&world, 2 * round + 1, LEASE).await;
        let repeated = async {
            loop {
                let answer = second.post(&event).await.unwrap();
                let Some(failed) = answer["failed"].as_array().and_then(|all| all.first()) else {
                    break;
                };
                let after = failed["after"].as_str().unwrap();
                tokio::time::sleep(wait(after)).await;
            }
        };
        let goes_on = async {
            eventually(async || (before + sent < stored().await).then_some(())).await;
            killed.elapsed()
        };
        let ((), waited) = tokio::join!(repeated, goes_on);
        waits.push(waited);
        assert_eq!(world.record(&event).await.state, State::Done);
        assert_eq!(stored().await - before, MANY as u64, "none is sent twice, after {sent}");
    }
    waits.sort();
    eprintln!("went on after {waits:?}");
    assert!(waits[1] < Duration::from_secs(u64::from(LEASE) + 3), "{waits:?}");
    let record = world.ledger.all().await.unwrap().remove(0);
    assert_eq!(record.orders_to.unwrap() - record.orders_from.unwrap(), MANY as u64 - 1);
}

/// As the connector reads it: `50ms`, `3s`.
fn wait(after: &str) -> Duration {
    let number = |text: &str| text.parse::<f64>().unwrap();
    match after.strip_suffix("ms") {
        Some(millis) => Duration::from_secs_f64(number(millis) / 1_000.0),
        None => Duration::from_secs_f64(number(after.strip_suffix('s').unwrap())),
    }
}
