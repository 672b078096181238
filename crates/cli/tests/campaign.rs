//! The whole pipeline as processes under kills, pauses, network faults, wrong clocks, a full disk and
//! an empty store, alone on the machine: a test program of its own.
#![cfg(test)]

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testkit::campaign::{self, Options};

/// Repeats a run.
const SEED: &str = "ORDERFLOW_CAMPAIGN_SEED";

fn seed() -> u64 {
    match std::env::var_os(SEED) {
        Some(text) => text.to_str().unwrap().parse().unwrap(),
        None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into(),
    }
}

#[tokio::test]
async fn faults_lose_double_and_confuse_nothing() {
    let options = Options {
        orderflow: PathBuf::from(env!("CARGO_BIN_EXE_orderflow")),
        nats_server: testkit::nats_server_bin(),
        seed: seed(),
        length: Duration::from_secs(190),
        kills: 60,
        faults: 1_150,
        orders: 8_000,
        files: 4,
        pauses: 3,
        pause: (Duration::from_secs(3), Duration::from_secs(12)),
        clock_jumps: 4,
        disk_full: 1,
        empty_store: 2,
        cluster: None,
        fault_max: Duration::from_millis(1_500),
        settle: Duration::from_secs(600),
        keep: None,
    };
    println!("{SEED}={}", options.seed);
    let outcome = campaign::run(&options).await.unwrap();
    println!("{outcome}");
    assert!(outcome.problems.is_empty(), "{SEED}={}\n{outcome}", options.seed);
    assert!(outcome.kills >= 50 && outcome.faults >= 1_000, "{outcome}");
}
