//! What `simulate` says it sent is what the pipeline got.

use std::process::Stdio;

use crate::faults::count;
use crate::support::{Up, command, eventually};
use serde_json::Value;

const MIX: [&str; 12] = [
    "--duplicates",
    "10",
    "--conflicts",
    "5",
    "--broken",
    "10",
    "--returns",
    "5",
    "--lines",
    "3",
    "--hot-product",
    "50.5",
];

fn simulate(up: &Up, args: &[&str]) -> Value {
    up.json(&[&["simulate", "--yes", "--rate", "2000"], args, &MIX].concat())
}

fn broken(sent: &Value) -> u64 {
    sent["sent"]["broken"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn nothing_is_sent_before_somebody_says_yes() {
    let up = Up::start(&[]);
    let args =
        ["simulate", "--orders", "7", "--rate", "1000", "--seed", "5", "--duplicates", "2.5"];
    let refused = up.orderflow(&args);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(8), "{said}");
    for expected in [
        "7 made-up messages would be sent to the pipeline of ",
        ", 1000 a second, seed 5, 2.5 % duplicates:",
        "orders of DIRECT with 1 to 1 lines of products P001 to P005",
        "nothing was done: \"Send 7 made-up messages?\" was not answered with yes",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(up.typed(&args, "\n").0, Some(8));
    assert_eq!(count(&up, "INTAKE", ">"), 0);
    assert_eq!(up.typed(&args, "yes\n").0, Some(0));
    assert_eq!(count(&up, "INTAKE", "orders"), 7);
}

#[test]
fn what_is_simulated_becomes_what_was_said() {
    let up = Up::start(&[]);
    let sent = simulate(&up, &["--orders", "600", "--seed", "3"]);
    let number = |place: &str| sent.pointer(place).unwrap().as_u64().unwrap();
    let placed = number("/expected/placed");
    assert!(placed > 400 && number("/sent/duplicates") > 30 && broken(&sent) > 30, "{sent}");
    let counts = up.json(&["wait", "--timeout", "120s"]);
    assert_eq!(
        (counts["placed"].as_u64(), &counts["returns"]),
        (Some(placed), &sent["sent"]["returns"])
    );
    let kept = |filter: &str| u64::try_from(count(&up, "ERRORS", filter)).unwrap();
    assert_eq!(kept("errors.conflict.>"), number("/sent/conflicts"));
    assert_eq!(kept("errors.dead.order-ingest"), broken(&sent));

    // Over HTTP every answer is counted.
    let sent = simulate(&up, &["--orders", "200", "--seed", "4", "--http"]);
    let answered = |status: &str| sent["answers"][status].as_u64().unwrap_or_default();
    assert_eq!(answered("201"), sent["expected"]["placed"].as_u64().unwrap(), "{sent}");
    assert_eq!(answered("400") + answered("422"), broken(&sent), "{sent}");
    let all: u64 = ["200", "201", "400", "409", "422"].into_iter().map(answered).sum();
    assert_eq!(all, 200, "{sent}");

    let table =
        up.orderflow(&["simulate", "--yes", "--orders", "5", "--rate", "1000", "--seed", "5"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.contains("BECOMES") && table.contains("5 orders to be placed; seed 5"),
        "{table}"
    );
    // What is there already is not promised again.
    let again =
        up.orderflow(&["simulate", "--yes", "--orders", "5", "--rate", "1000", "--seed", "5"]);
    let text = [again.stdout, again.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    for expected in ["Seed 5 was used before", "5 orders to be placed at most"] {
        assert!(text.contains(expected), "{text}");
    }
    let lanes =
        up.orderflow(&["simulate", "--yes", "--orders", "5", "--rate", "9", "--lanes", "2"]);
    assert_eq!(lanes.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&lanes.stderr).contains("the partners have 1 warehouses"));
}

/// At 2 a second, 1,000 messages are due in more than eight minutes: those that are stored while it
/// still runs were not kept for the end.
#[test]
fn messages_are_sent_when_they_are_due() {
    const PLACED: &str = "orders.placed.>";
    let up = Up::start(&[]);
    let mut stored = 0;
    for more in [&[][..], &["--http"]] {
        let args = ["simulate", "--yes", "--orders", "1000", "--rate", "2"];
        let mut child = command(up.dir.path())
            .args(args)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        stored += 3;
        eventually("the first messages are stored", || stored <= count(&up, "ORDERS", PLACED));
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(running, "it sent 1000 messages at once");
        stored = count(&up, "ORDERS", PLACED);
    }
}

/// `up` may find its port of NATS taken when it is started again, and have another one.
#[test]
fn a_pipeline_that_is_started_again_at_another_address_ends_it() {
    let mut up = Up::start(&[]);
    let args = ["simulate", "--yes", "--orders", "100000", "--rate", "50"];
    let mut child = command(up.dir.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(up.dir.path().join("said")).unwrap())
        .spawn()
        .unwrap();
    eventually("some are sent", || 3 <= count(&up, "ORDERS", "orders.placed.>"));
    let before = up.run_file()["nats"].as_str().unwrap().to_owned();
    up.end("-TERM");
    let address = before.rsplit('@').next().unwrap().to_owned();
    let _taken = eventually_bound(&address);
    up.again(&[]);
    assert_ne!(up.run_file()["nats"].as_str().unwrap(), before);
    eventually("it ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let said = std::fs::read_to_string(up.dir.path().join("said")).unwrap();
    assert!(said.contains(&format!("no longer at {address}")), "{said}");
}

/// Takes an address as soon as nobody has it.
fn eventually_bound(address: &str) -> std::net::TcpListener {
    let mut taken = None;
    eventually("the port is free", || {
        taken = std::net::TcpListener::bind(address).ok();
        taken.is_some()
    });
    taken.unwrap()
}
