//! Totals under kills.

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_those_of_an_independent_count_whatever_ends_and_begins_again() {
    let world = World::start().await;
    let (first, second) = (world.replica().await, world.replica().await);
    world.orders(0..40).await;
    for n in 1..=20 {
        world.issue(n).await;
    }
    world.check(&first).await;
    // One ends in the middle of reading, and reads on from its checkpoint.
    world.checkpoints().await;
    drop(first);
    world.orders(40..60).await;
    let third = world.replica().await;
    // The server is killed and begins again; what was not confirmed comes once more.
    world.server.kill();
    world.server.restart();
    world.orders(60..80).await;
    for n in 21..=40 {
        world.issue(n).await;
    }
    world.check(&second).await;
    world.check(&third).await;
    // One that has lost its checkpoints counts all again, beside one that has not.
    world.lose_checkpoints().await;
    let fourth = world.replica().await;
    world.orders(80..90).await;
    for replica in [&second, &third, &fourth] {
        world.check(replica).await;
    }
    world.closed().await;
}
