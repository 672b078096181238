//! Three servers, and two replicas at once.

use crate::support::{World, build, order, send};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_on_three_servers_issue_each_document_once() {
    let world = World::of_three().await;
    let orders: Vec<_> = (0..20).map(|n| order(&format!("A{n}"), 1, "12")).collect();
    for one in &orders {
        world.confirm(one).await;
    }
    let partners = world.folder.path().join("partners.yml");
    let other = build(world.server.url_of(billing::NAME), &partners).await;
    let (first, second) = (world.batch(0).await, world.batch(0).await);
    let (first, second) = tokio::join!(send(&world.router, first), send(&other, second));
    for (status, body) in [first, second] {
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(world.numbers().await.len(), 20);
    world.check().await;
}
