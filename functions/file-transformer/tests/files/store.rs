//! nats-server comes back with another store.

use crate::support::{US3_HEADER, World, eventually, us3};
use messaging::{Nats, streams};

impl World {
    /// Kills the server, does this to its store, and starts it again.
    async fn restart(&mut self, meanwhile: impl FnOnce(&std::path::Path)) {
        self.nats.kill();
        meanwhile(&self.nats.dir().join("store/jetstream"));
        self.nats.restart();
        self.client = Nats::connect(&self.nats.url(), "test", false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stays_where_it_is_while_another_store_answers() {
    let mut world = World::start().await;
    let before = world.put("US3", "before.csv", (US3_HEADER.to_owned() + &us3("0", 1)).as_bytes());
    world.done(&before).await;
    let event = world.put("US3", "a.csv", (US3_HEADER.to_owned() + &us3("1", 1)).as_bytes());
    let files = world.names("US3");

    world.restart(|store| std::fs::rename(store, store.with_extension("true")).unwrap()).await;
    for step in streams::setup(&world.client, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    let said = eventually(async || {
        let said = world.call(std::slice::from_ref(&event)).await;
        said.iter().any(|line| line.contains("another store")).then_some(said)
    })
    .await;
    assert!(said[0].starts_with("(wait) another store answers: stream FILES is "), "{said:?}");
    assert_eq!(world.names("US3"), files, "nothing is moved or written");
    assert_eq!(world.orders().await.len(), 0);
    assert_eq!(world.ledger.all().await.unwrap(), []);

    world
        .restart(|store| {
            std::fs::remove_dir_all(store).unwrap();
            std::fs::rename(store.with_extension("true"), store).unwrap();
        })
        .await;
    eventually(async || world.call(std::slice::from_ref(&event)).await.is_empty().then_some(()))
        .await;
    assert_eq!(world.orders().await.len(), 2);
    assert_eq!(world.record(&event).await.counts.orders, 1);
}
