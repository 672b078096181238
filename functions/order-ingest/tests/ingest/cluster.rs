//! The function on three servers that lose their leader.

use crate::support::World;
use messaging::streams;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep};

const SHOP: &str = "authorization: Bearer shop\r\ncontent-type: application/json\r\n";
const WAIT_MAX: Duration = Duration::from_secs(60);

fn order(id: &str) -> Value {
    json!({"order_id": id, "product_id": "P001", "quantity": 1, "price": 1})
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/t", "type": "orderflow.order.received.v1",
        "subject": "orders", "sequence": "1", "data": order(id),
    })
}

/// Sends the events again that wait, until none does; how many had to.
async fn placed_at_last(world: &World<Cluster>, mut events: Vec<Value>) -> usize {
    let (deadline, mut waited) = (Instant::now() + WAIT_MAX, 0);
    loop {
        let answer = world.batch(&events).await;
        let failed = answer["failed"].as_array().unwrap();
        for failed in failed {
            assert!(failed["progress"] == 0 && failed["retry"] != false, "no verdict: {failed}");
        }
        if failed.is_empty() {
            return waited;
        }
        assert!(Instant::now() < deadline, "{failed:?}");
        waited += failed.len();
        let again: BTreeSet<&str> = failed.iter().map(|it| it["id"].as_str().unwrap()).collect();
        events.retain(|event| again.contains(event["id"].as_str().unwrap()));
        sleep(Duration::from_millis(200)).await;
    }
}

/// Sends an order by HTTP until it is taken; how often it was sent.
async fn taken_at_last(world: &World<Cluster>, id: &str) -> usize {
    let deadline = Instant::now() + WAIT_MAX;
    for sent in 1.. {
        let (head, body) = world.request(SHOP, &order(id).to_string()).await;
        let head = head.to_ascii_lowercase();
        if head.starts_with("http/1.1 20") {
            return sent;
        }
        assert!(head.starts_with("http/1.1 503 ") && head.contains("retry-after: 2"), "{head}");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("sending it again is safe"), "{detail}");
        assert!(Instant::now() < deadline, "{detail}");
        sleep(Duration::from_millis(200)).await;
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_without_a_leader_are_no_verdict_about_an_order() {
    let world = World::of_three().await;
    let (mut expected, mut waited) = (BTreeSet::new(), 0);
    let mut batch = |name: &str| -> Vec<Value> {
        let ids: Vec<String> = (0..100).map(|n| format!("{name}-{n}")).collect();
        expected.extend(ids.iter().cloned());
        ids.iter().map(|id| event(id)).collect()
    };
    placed_at_last(&world, batch("before")).await;
    let killed = {
        let mut members = world.server.members();
        let leader = members.stream_leader(streams::ORDERS).unwrap();
        members.members_mut()[leader].kill();
        leader
    };
    let direct = tokio::join!(
        placed_at_last(&world, batch("killed")),
        taken_at_last(&world, "direct-killed")
    );
    waited += direct.0 + direct.1 - 1;

    // The last one alone decides nothing.
    let other = (killed + 1) % 3;
    world.server.members().members_mut()[other].kill();
    let back = async {
        let (head, _) = world.request(SHOP, &order("refused").to_string()).await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        tokio::task::block_in_place(|| {
            let mut members = world.server.members();
            for member in [killed, other] {
                members.members_mut()[member].restart().unwrap();
            }
        });
    };
    let (events, sent, ()) = tokio::join!(
        placed_at_last(&world, batch("alone")),
        taken_at_last(&world, "direct-alone"),
        back,
    );
    waited += events + sent - 1;
    assert!(0 < waited, "nothing had to wait: this test shows nothing");

    taken_at_last(&world, "refused").await;
    let direct = ["direct-killed", "direct-alone", "refused"];
    expected.extend(direct.map(str::to_owned));
    let placed = world.placed().await;
    let ids = placed.iter().map(|subject| subject.rsplit('.').next().unwrap().to_owned());
    let ids: Vec<String> = ids.collect();
    assert_eq!(ids.len(), expected.len(), "each once");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(world.messages(streams::ERRORS, "errors.>").await.is_empty());
}
