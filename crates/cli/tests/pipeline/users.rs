//! The users of the nats-server that `up` starts: what a cluster refuses is refused on one machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use messaging::Nats;

use crate::support::{Up, eventually};

impl Up {
    fn of_data(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join("data").join(name)).unwrap()
    }

    /// Who was refused what, as nats-server logs it.
    fn violations(&self) -> Vec<String> {
        let log = self.of_data("nats/nats-server.log");
        log.lines().filter(|line| line.contains("Violation")).map(str::to_owned).collect()
    }
}

/// An order, a file, a command and a schedule's call: each part does what it does.
fn use_all(up: &Up) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
    up.json(&["send", sample, "--partner", "US3"]);
    up.json(&["check"]);
    up.json(&[
        "simulate", "--yes", "--orders", "50", "--rate", "100", "--seed", "1", "--broken", "5",
    ]);
    up.json(&["wait"]);
    up.json(&["stock", "set", "P001", "7"]);
    up.json(&["journal", "verify"]);
}

#[test]
fn every_part_is_its_own_user_and_nobody_else_comes_in() {
    let up = Up::start(&[]);
    use_all(&up);
    assert_eq!(up.violations(), [""; 0], "a part may not do what it does");

    let admin = up.of_data("nats.url");
    assert_eq!(up.run_file()["nats"], admin.as_str());
    for name in ["nats.url", "run.json", "nats/users.conf"] {
        let mode = up.dir.path().join("data").join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} has passwords");
    }
    let (login, place) = admin.strip_prefix("nats://").unwrap().split_once('@').unwrap();
    let (_, password) = login.split_once(':').unwrap();
    assert!(up.notes().contains(place) && !up.notes().contains(password), "{}", up.notes());

    let password = up.of_data("secrets/nats-order-ingest");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for nobody in [format!("nats://{place}"), format!("nats://order-ingest:wrong@{place}")] {
            let refused = Nats::connect(&nobody, "test", false).await.map(drop).unwrap_err();
            assert!(refused.is_final(), "{refused}");
        }
        let url = format!("nats://order-ingest:{password}@{place}");
        let nats = Nats::connect(&url, "test", false).await.unwrap();
        let since = Instant::now();
        nats.client.publish("journal.inventory.main", "x".into()).await.unwrap();
        nats.client.flush().await.unwrap();
        while nats.link.denied(since, "journal.inventory.main").is_none() {
            tokio::task::yield_now().await;
        }
    });
    eventually("the log says so", || !up.violations().is_empty());
    let doctor = up.orderflow(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    let expected = "order-ingest was refused 1 times, at last at journal.inventory.main";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn parts_that_are_processes_log_in_as_well() {
    let up = Up::start(&["--processes"]);
    use_all(&up);
    assert_eq!(up.violations(), [""; 0], "a part may not do what it does");
}
