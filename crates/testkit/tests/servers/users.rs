//! A server with the users of production.

use messaging::Nats;
use messaging::rights::Rights;
use testkit::nats::Server;

const RIGHTS: Rights =
    Rights { about: "Publishes orders.", publishes: &["orders"], ..Rights::NONE };

/// Publishes as the function. The server has seen it when this returns: it answers the request that follows.
async fn publish(server: &Server, subject: &'static str) {
    let nats = Nats::connect(&server.url_of("shop"), "test", false).await.unwrap();
    nats.client.publish(subject, "x".into()).await.unwrap();
    let nobody = nats.client.request("orders", "x".into()).await.unwrap_err();
    assert_eq!(nobody.kind(), async_nats::client::RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn what_the_rights_allow_is_not_refused() {
    let server = Server::with_rights("shop", &RIGHTS);
    publish(&server, "orders").await;
    assert!(Nats::connect(&server.url(), "test", false).await.is_ok());
}

#[tokio::test]
async fn a_test_may_ask_what_was_refused() {
    let server = Server::with_rights("shop", &RIGHTS);
    publish(&server, "journal.x").await;
    let refused = server.refusals();
    assert!(refused.iter().any(|line| line.contains("journal.x")), "{refused:?}");
}

#[tokio::test]
#[should_panic(expected = "the function's RIGHTS lack something")]
async fn a_test_in_which_something_was_refused_fails() {
    let server = Server::with_rights("shop", &RIGHTS);
    publish(&server, "journal.x").await;
}
