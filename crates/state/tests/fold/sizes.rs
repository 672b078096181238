//! Small and large messages, as many as the server gives at once, on each version of it.

use crate::support::{NEVER, OFTEN, Replica, setup, store};
use bytes::Bytes;
use messaging::Nats;
use messaging::publish::Outgoing;
use std::time::Instant;
use testkit::nats::Server;

const SUBJECT: &str = "analytics.t.k.x";

/// The number 1 in so many bytes.
fn one(bytes: usize) -> Bytes {
    format!("{}1", "0".repeat(bytes - 1)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_any_size_are_read() {
    for binary in testkit::nats_servers() {
        let server = Server::of(binary);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        setup(&nats, None).await;
        let largest = nats.message_bytes_max();
        let replica = Replica::start(&nats, OFTEN);
        let small = Outgoing::new(SUBJECT.into(), one(100));
        store(&nats, &vec![small.clone(); 100_000]).await;
        for _ in 0..40 {
            // Not by `publish`, which leaves room for headers.
            nats.js.publish(SUBJECT, one(largest)).await.unwrap().await.unwrap();
        }
        store(&nats, &vec![small; 1_000]).await;
        let began = Instant::now();
        let again = Replica::start(&nats, NEVER);
        assert_eq!(again.sums().await["k"], 101_040);
        println!("{}: {:?}", nats.client.server_info().version, began.elapsed());
        assert_eq!(replica.sums().await["k"], 101_040);
    }
}
