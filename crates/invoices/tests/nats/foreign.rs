//! What others put on the subjects of facts.

use crate::world::{World, sales, warehouse};
use messaging::subject;

#[tokio::test]
async fn a_foreign_message_on_a_balance_is_passed_over() {
    let world = World::with(1).await;
    let of = warehouse("foreign");
    let events = sales(&of, 1);
    world.issue(&invoices::journal(&world.nats, &of), &of, &events, 9).await;
    let account = events[0].account();
    let balance = async || invoices::balance(&world.nats, &of, &account).await.unwrap();
    let before = balance().await.unwrap().0;
    let subject = subject::balance(&of, &account.0, &account.1);
    for forged in [r#"{"x":1}"#, "no JSON"] {
        let sent = world.nats.js.publish(subject.clone(), forged.into()).await.unwrap();
        sent.await.unwrap();
        // Otherwise the order would be invoiced once more, and its payments be forgotten.
        assert_eq!(balance().await.unwrap().0, before, "{forged}");
    }
}
