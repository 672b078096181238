//! The whole pipeline as processes under kills, pauses, network faults, wrong clocks, a full disk and
//! an empty store, and on three nats-servers that fail one after another; alone on the machine: a test
//! program of its own.
#![cfg(test)]

use std::path::PathBuf;
use std::time::Duration;

use testkit::campaign::{self, Options, Outcome, cluster};
use tokio::sync::Mutex;

/// Does something else than every day.
const SEED: &str = "ORDERFLOW_CAMPAIGN_SEED";
const EVERY_DAY: u64 = 7;

/// Two campaigns at once would measure each other.
static TURN: Mutex<()> = Mutex::const_new(());

fn seed() -> u64 {
    std::env::var_os(SEED).map_or(EVERY_DAY, |text| text.to_str().unwrap().parse().unwrap())
}

/// What both campaigns have in common: every kind of fault that one server has.
fn options() -> Options {
    Options {
        orderflow: PathBuf::from(env!("CARGO_BIN_EXE_orderflow")),
        nats_server: testkit::nats_server_bin(),
        seed: seed(),
        length: Duration::from_secs(50),
        kills: 26,
        faults: 400,
        orders: 6_000,
        files: 4,
        pauses: 2,
        pause: (Duration::from_secs(3), Duration::from_secs(12)),
        clock_jumps: 3,
        disk_full: 1,
        empty_store: 2,
        cluster: None,
        fault_max: Duration::from_millis(1_500),
        settle: Duration::from_secs(600),
        keep: None,
    }
}

async fn run(options: Options) -> Outcome {
    println!("{SEED}={}", options.seed);
    let outcome = campaign::run(&options).await.unwrap();
    println!("{outcome}");
    assert!(outcome.problems.is_empty(), "{SEED}={}\n{outcome}", options.seed);
    outcome
}

#[tokio::test]
async fn faults_lose_double_and_confuse_nothing() {
    let _turn = TURN.lock().await;
    let outcome = run(options()).await;
    assert!(outcome.kills >= 20 && outcome.faults >= 350, "{outcome}");
}

/// Debian's server, whose copies of a stream come to differ when a leader is stopped or cut off, and the
/// newest that is here with everything.
#[tokio::test]
async fn faults_of_three_servers_lose_double_and_confuse_nothing() {
    let _turn = TURN.lock().await;
    let servers = testkit::nats_servers();
    let newest = servers.iter().skip(1).last().cloned().map(|server| (server, false, 60));
    let debian = servers.into_iter().next().map(|server| (server, true, 30));
    for (nats_server, gentle, seconds) in debian.into_iter().chain(newest) {
        let cluster = cluster::Options {
            gentle,
            changes_min: 20,
            // Unoptimised, beside whatever else the machine does.
            gap_max: Duration::from_secs(30),
            ..cluster::Options::default()
        };
        let options = Options {
            nats_server,
            length: Duration::from_secs(seconds),
            kills: 4,
            faults: 40,
            orders: 20_000,
            files: 2,
            pauses: 0,
            clock_jumps: 0,
            disk_full: 0,
            empty_store: 0,
            cluster: Some(cluster),
            ..options()
        };
        let outcome = run(options).await;
        assert!(outcome.leader_changes >= 20 && outcome.summary.sent >= 20_000, "{outcome}");
    }
}
