//! Two functions that write one journal: batches of orders here, commands there. Nothing is lost or done
//! twice when either is killed at any time.

use crate::lane::{Lane, WAIT_MAX};
use crate::support::{World, command, product};
use domain::WarehouseId;
use domain::inventory::{Body, Cause, State};
use serde_json::{Value, json};
use state::journal::{Record, entries};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{Duration, Instant, sleep};

/// How often each writer writes.
const ROUNDS: usize = 12;
/// Enough of A, so that nothing is refused; of B there is too little for all.
const PLENTY: i64 = 100_000;
const FEW: i64 = 20;

/// Sends a command until there is an answer. Was it done?
pub(crate) async fn until_answered<S>(
    world: &World<S>,
    path: &str,
    key: &str,
    body: &Value,
) -> bool {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        match world.inventory.send(command(path, key, body)).await {
            Some((200, _)) => return true,
            Some((409, _)) => return false,
            Some((503, _)) | None => {}
            Some((status, problem)) => panic!("{path}: {status} {problem}"),
        }
        assert!(Instant::now() < deadline, "{path}: no answer");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A writer of commands, each round under a key of its own. `told` counts what is done.
async fn writer<S>(world: &World<S>, name: &str, path: &str, body: Value, told: &AtomicUsize) {
    for round in 0..ROUNDS {
        until_answered(world, path, &format!("{name}-{round}"), &body).await;
        told.fetch_add(1, Ordering::Relaxed);
    }
}

/// A writer that counts A, each time against what it has just read.
async fn counter<S>(world: &World<S>, told: &AtomicUsize) {
    for round in 0..ROUNDS {
        // Killed processes do not answer; a count is of one that does.
        let Some((200, body)) = world.inventory.send(get("/stock?product=A")).await else {
            continue;
        };
        let expected = body["products"]["A"]["available"].as_i64().unwrap();
        let body = json!({"products": {"A": {"available": expected, "expected": expected}}});
        until_answered(world, "/stock/count", &format!("count-{round}"), &body).await;
        told.fetch_add(1, Ordering::Relaxed);
    }
}

fn get(path: &str) -> axum::http::Request<axum::body::Body> {
    let request = axum::http::Request::get(path).header("authorization", "Bearer read");
    request.body(axum::body::Body::empty()).unwrap()
}

/// Orders: of A sales and returns, of B sales.
async fn orders<S>(world: &World<S>, told: &AtomicUsize) {
    let mut lane = Lane::of(world).await;
    for _ in 0..ROUNDS {
        for (product, quantity) in [("A", 2), ("A", -1), ("B", 1), ("B", 3)] {
            lane.place(world, product, quantity).await;
        }
        lane.decide(world).await;
        told.fetch_add(1, Ordering::Relaxed);
    }
}

/// Kills one of the two whenever so much was done, until `of` is.
async fn killer<S>(world: &World<S>, told: &AtomicUsize, of: usize) {
    let (mut next, mut turn) = (3, 0);
    while told.load(Ordering::Relaxed) < of {
        if next <= told.load(Ordering::Relaxed) {
            match turn % 2 {
                0 => world.inventory.kill().await,
                _ => world.processor.kill().await,
            }
            (next, turn) = (next + 3, turn + 1);
        }
        tokio::task::yield_now().await;
        sleep(Duration::from_millis(1)).await;
    }
    assert!(10 < turn, "{turn} kills");
}

/// What the journal of a warehouse says: its state, and how often each command is there. No product is ever
/// below zero.
pub(crate) async fn journal<S>(
    world: &World<S>,
    warehouse: &str,
) -> (State, BTreeMap<String, usize>) {
    let subject = format!("journal.inventory.{warehouse}");
    let (mut state, mut causes) = (State::default(), BTreeMap::new());
    let read = entries(&world.nats, &subject, 0, |sequence, record: Result<Record<Body>, _>| {
        let Ok(Record::Decision(entry)) = record else { return };
        state.apply(&entry.body);
        let below = state.stock.iter().find(|(_, item)| item.available < 0);
        assert_eq!(below, None, "entry {sequence}");
        if let Body::Change(change) = entry.body.content() {
            let cause = match &change.cause {
                Cause::Count { .. } => return,
                cause => cause.kind().to_owned(),
            };
            *causes.entry(cause).or_default() += 1;
        }
    });
    read.await.unwrap();
    (state, causes)
}

/// The movements of a product add up to what is available, and each says what there was after it.
async fn ledger<S>(world: &World<S>, warehouse: &str, product: &str, available: i64) {
    let (mut path, mut all) =
        (format!("/stock/movements?warehouse={warehouse}&product={product}&limit=7"), Vec::new());
    let first = path.clone();
    loop {
        let (status, page) = world.get(&path).await;
        assert_eq!(status, 200, "{page}");
        all.extend(page["movements"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["complete"], true);
            break;
        };
        path = format!("{first}&after={next}");
    }
    assert!(ROUNDS <= all.len(), "{warehouse} {product}: {}", all.len());
    let mut level = available;
    for movement in all {
        assert!(level >= 0 && movement["available"] == level, "{level}: {movement}");
        level -= movement["quantity"].as_i64().unwrap();
    }
    assert_eq!(level, 0, "what there was before the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_writers_at_once_lose_and_double_nothing_whoever_is_killed() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": PLENTY, "B": FEW}})).await;
    let told = AtomicUsize::new(0);
    let of = |n: i64| json!({"products": {"A": n}});
    let adjust = |id: &str, n: i64| json!({"products": {id: n}, "reason": "r"});
    let there = json!({"from": "main", "to": "west", "products": {"A": 5}});
    let back = json!({"from": "west", "to": "main", "products": {"A": 2}});
    let told = &told;
    let run = |name: &'static str, path: &'static str, body: Value| {
        writer(&world, name, path, body, told)
    };
    // The last ones run out of B, or of what has come to `west`.
    tokio::join!(
        orders(&world, told),
        counter(&world, told),
        run("r1", "/stock/restock", of(7)),
        run("r2", "/stock/restock", of(3)),
        run("a1", "/stock/adjust", adjust("A", -4)),
        run("a2", "/stock/adjust", adjust("A", 1)),
        run("t1", "/stock/transfer", there),
        run("t2", "/stock/transfer", back),
        run("b1", "/stock/adjust", adjust("B", -2)),
        run("b2", "/stock/restock", json!({"products": {"B": 1}})),
        killer(&world, told, 9 * ROUNDS),
    );
    let rounds = i64::try_from(ROUNDS).unwrap();
    let ((main, causes), (west, there)) =
        (journal(&world, "main").await, journal(&world, "west").await);
    let available =
        |state: &State, id: &str| state.stock.get(&product(id)).map_or(0, |item| item.available);
    assert_eq!(causes["restock"], 3 * ROUNDS);
    assert_eq!((causes["transfer_out"], causes["transfer_done"]), (ROUNDS, ROUNDS));
    assert_eq!(there["transfer_in"], ROUNDS);
    assert_eq!(causes.get("transfer_in"), there.get("transfer_out"));
    // Orders took 1 a round, restocks brought 10, adjustments took 3; the rest is in the other warehouse.
    let both = available(&main, "A") + available(&west, "A");
    assert_eq!(both, PLENTY + rounds * (10 - 3 - 1));
    for warehouse in [WarehouseId::main(), WarehouseId::parse("west").unwrap()] {
        let now = chrono::DateTime::UNIX_EPOCH;
        let verified = stock::verify(&world.nats, &warehouse, now).await.unwrap();
        assert_eq!(verified.problems_total, 0, "{:?}", verified.problems);
    }
    assert!(main.transfers.unfinished().is_empty() && west.transfers.unfinished().is_empty());
    ledger(&world, "main", "A", available(&main, "A")).await;
    ledger(&world, "main", "B", available(&main, "B")).await;
    ledger(&world, "west", "A", available(&west, "A")).await;
    // What is seen is what is written.
    assert_eq!(world.available("main", "A").await, available(&main, "A"));
    assert_eq!(world.available("main", "B").await, available(&main, "B"));
    world.check().await;
}
