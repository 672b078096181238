//! The backlog metrics in a cluster of three while one server hangs.

use crate::gateway::done;
use crate::lag::shown;
use crate::support::{World, until};
use messaging::Nats;
use messaging::backlog::Backlog;
use testkit::cluster::Cluster;
use tokio::time::Instant;

const NAME: &str = "f__orders";

/// The member that leads the consumer.
async fn leader(world: &World<Cluster>) -> usize {
    let mut leader = None;
    until("the consumer has a leader", async || {
        let info = world.stream("INTAKE").await.consumer_info(NAME).await.ok();
        let name = info.and_then(|info| info.cluster?.leader);
        leader = name.and_then(|name| name.strip_prefix("nats-")?.parse().ok());
        leader.is_some()
    })
    .await;
    leader.unwrap()
}

/// Publishes until it is confirmed: the stream may have no leader for a moment.
async fn publish(world: &World<Cluster>) {
    until("it is stored", async || {
        let Ok(ack) = world.nats.js.publish("orders", "{}".into()).await else { return false };
        ack.await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_shown_while_the_server_that_leads_its_consumer_hangs() {
    let mut world = World::of_three(testkit::nats_server_bin().as_deref()).await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.publish("orders", "{}").await;
    world.settled("f", "orders").await;
    // From now on the function accepts calls and never answers.
    world.gateway.deploy("f", |_| (0, String::new()));

    let leader = leader(&world).await;
    let others: Vec<String> = {
        let cluster = world.server.members();
        cluster.members()[leader].pause();
        let others = cluster.members().iter().enumerate().filter(|(index, _)| *index != leader);
        others.map(|(_, member)| member.url()).collect()
    };
    let paused = Instant::now();
    world.nats = Nats::connect(&others.join(","), "test", false).await.unwrap();
    for _ in 0..3 {
        publish(&world).await;
    }
    let labels = "{function=\"f\",filter=\"orders\"}";
    until("what waits is shown", async || {
        let asked = Backlog::of_reader(&world.nats, "INTAKE", NAME, "orders").await;
        let Ok(asked) = asked.map(|reader| reader.backlog) else { return false };
        let count = f64::from(u32::try_from(asked.count()).unwrap());
        3.0 <= count && shown(&world, labels).await.0 == Some(count)
    })
    .await;
    println!("shown {:.1} s after it hung", paused.elapsed().as_secs_f64());

    world.server.members().members()[leader].resume();
    world.gateway.deploy("f", done);
    let nothing = (Some(0.0), Some(0.0));
    until("nothing waits", async || shown(&world, labels).await == nothing).await;
    world.stop().await;
}
