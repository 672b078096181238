//! What came back of sales.

use crate::run::{Run, confirmed, decided, read};
use domain::inventory::{Confirmed, Lookup, Outcome, Pieces};
use messaging::{streams, subject};
use serde_json::json;
use testkit::history::{Message, Rule};

/// A sale of three P002, and two returns of two that name it: placed, not decided.
async fn run() -> Run {
    let run = Run::empty().await;
    for (id, quantity, sale) in [("S", 3, None), ("R1", -2, Some("S")), ("R2", -2, Some("S"))] {
        let json = json!({"order_id": id, "product": "P002", "quantity": quantity, "price": 1,
            "returns": sale});
        let sent = run.publish(subject::ORDERS, json.to_string()).await;
        run.place(&json, &format!("INTAKE:{sent}")).await;
    }
    run
}

/// What a journal decides that takes so many pieces of the sale for returned already.
async fn outcomes(run: &Run, returned: i64) -> [Outcome; 3] {
    let placed = run.placed().await;
    let product = domain::ProductId::parse("P002").unwrap();
    let sale = |returned: i64| {
        let returned = (returned != 0).then(|| (product.clone(), returned));
        let sale = Confirmed::new(placed[0].sequence, read(&placed[0]).unwrap());
        Lookup::Found(Confirmed { returned: Pieces::from_iter(returned), ..sale })
    };
    [confirmed(&placed[0]), decided(&placed[1], sale(0)), decided(&placed[2], sale(returned))]
}

async fn append(run: &Run, outcomes: [Outcome; 3]) {
    for (outcome, id) in outcomes.into_iter().zip(["a", "b", "c"]) {
        run.append(id, outcome.sequence, vec![outcome]).await;
    }
}

#[tokio::test]
async fn a_return_within_its_sale_breaks_no_rule_and_one_beyond_it_is_found() {
    let whole = run().await;
    append(&whole, outcomes(&whole, 2).await).await;
    whole.check(&[]).await;
    let run = run().await;
    append(&run, outcomes(&run, 0).await).await;
    run.check(&[Rule::ReturnWrong]).await;
}

#[tokio::test]
async fn a_return_that_is_not_compared_with_its_sale_is_found() {
    let run = run().await;
    let mut outcomes = outcomes(&run, 2).await;
    let movements = outcomes[1].verdict.movements().to_vec();
    outcomes[1].verdict = domain::inventory::Verdict::Confirmed(movements);
    append(&run, outcomes).await;
    run.check(&[Rule::ReturnWrong, Rule::RefusalWrong]).await;
}

#[tokio::test]
async fn a_missing_and_a_doubled_fact_about_a_sale_are_found() {
    let run = run().await;
    append(&run, outcomes(&run, 2).await).await;
    let sale = run.subjects(streams::ORDERS, "orders.returned.>").await;
    run.check_without(|message: &Message<'_>| message.subject == sale[0], &[Rule::FactMissing])
        .await;
    run.again(streams::ORDERS, &sale[0], |same| same).await;
    run.check(&[Rule::FactTwice]).await;
}
