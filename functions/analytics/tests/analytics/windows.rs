//! Windows of a real stream, closed by replicas that end at any time.

use crate::support::{World, eventually};
use serde_json::Value;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn each_window_has_one_result_whoever_ends_meanwhile() {
    let world = World::start().await;
    let mut replicas = vec![world.replica().await, world.replica().await];
    for n in 1..=60_u64 {
        world.issue(n).await;
        // The traffic that is measured: it spreads over several windows.
        sleep(Duration::from_millis(250)).await;
        if n.is_multiple_of(7) {
            drop(replicas.remove(0));
            replicas.push(world.replica().await);
        }
        if n == 30 {
            world.lose_checkpoints().await;
            world.server.kill();
            world.server.restart();
        }
    }
    let closed = world.closed().await;
    assert!(3 <= closed.finals, "{closed:?}");
    assert_eq!(closed.corrections, 0, "all were read before their windows were closed");
    for replica in &replicas {
        world.check(replica).await;
        eventually("all windows are final", async || {
            let listed = replica.get("/windows?limit=100").await;
            let windows = listed["windows"].as_array().unwrap().clone();
            windows.iter().all(|window| window["final"] == true).then_some(())
        })
        .await;
    }
    // Nobody says anything again.
    let fresh = world.replica().await;
    world.check(&fresh).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.closed().await, closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_sees_a_window_grow_and_become_final() {
    let world = World::start().await;
    let replica = world.replica().await;
    world.issue(1).await;
    replica.get("/windows").await;
    let mut stream = replica.ask("/windows?size=5s", "read", "text/event-stream").await;
    let mut text = String::new();
    let mut issued = false;
    let last: Value = loop {
        let mut bytes = [0; 4_096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(0 < count, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        let mut windows = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let Some(last) = windows.next_back().and_then(|json| serde_json::from_str(json).ok())
        else {
            continue;
        };
        let last: Value = last;
        if !std::mem::replace(&mut issued, true) {
            assert_eq!((&last["count"], &last["final"]), (&Value::from(1), &Value::from(false)));
            world.issue(2).await;
        }
        if last["final"] == true {
            break last;
        }
    };
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    let closed = world.closed().await;
    assert_eq!(last["count"].as_u64().unwrap() % 2, closed.finals as u64 - 1);
    // Its lateness is 2 s; the rest is for a machine that does other things as well.
    assert!((2_000..8_000).contains(&closed.late_ms_max), "{closed:?}");
}
