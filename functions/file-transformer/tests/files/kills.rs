//! A real process is killed at random points; the next goes on.

use crate::support::{US3_HEADER, World, eventually, us3};
use intake::ledger::{Record, State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
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
        let listen: PathBuf = world.sshd.dir().join(format!("listen-{number}.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_file-transformer"))
            .env_clear()
            .envs(world.settings())
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
