//! Three servers, of which the leaders die one after the other.

use crate::support::{World, eventually};
use messaging::streams;

/// On the newest server that is here beside Debian's: three of 2.9.10 may lose a fact that was read already, while a
/// leader changes (docs/RELIABILITY.md).
#[tokio::test(flavor = "multi_thread")]
async fn leaders_of_the_streams_may_die_one_after_the_other() {
    let Some(newest) = testkit::nats_servers().into_iter().skip(1).last() else {
        println!("NOT CHECKED: three servers, which needs a newer nats-server than Debian's");
        return;
    };
    let world = World::of_three(newest.as_deref()).await;
    let replicas = [world.replica().await, world.replica().await];
    let mut n = 0;
    for stream in [streams::ORDERS, streams::INVOICES, streams::ANALYTICS, "KV_FOLD_CHECKPOINTS"] {
        world.orders(n..n + 10).await;
        let leader = world.server.members().stream_leader(stream).unwrap();
        world.server.members().members_mut()[leader].kill();
        for document in n..n + 10 {
            world.issue(u64::try_from(document).unwrap() + 1).await;
        }
        world.server.members().members_mut()[leader].restart().unwrap();
        eventually("all members are there", async || {
            let healthy = world.server.monitors().iter().all(|monitor| monitor.is_healthy());
            let led = world.server.members().stream_leader(stream).is_some();
            (healthy && led).then_some(())
        })
        .await;
        n += 10;
    }
    world.closed().await;
    for replica in &replicas {
        world.check(replica).await;
    }
    world.check(&world.replica().await).await;
    world.closed().await;
}
