//! A partner whose files say it in other columns than ours.

use crate::support::{World, eventually};
use intake::ledger::{Outcome, State};
use messaging::streams;
use runtime::Env;
use serde_json::json;

const FROM: &str = "        quantity: quantity
        unit-price: price
        ordered-at: timestamp
        customer-id: customer
        region: region
        category: category
";
const TO: &str = "        customer-id: customer
      transform:
        columns:
          ordered-at: day || ' ' || time
          quantity: CASE WHEN kind = 'refund' THEN '-' || qty ELSE qty END
          unit-price: CAST(cents AS DECIMAL(18,2)) / 100
        where: status <> 'cancelled'
    rules:
      error-budget-percent: 25
";
const HEADER: &str = "order_id,product_id,qty,kind,cents,day,time,customer,status\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_transformed_and_its_receipt_says_what_was_left_out() {
    let world = World::with(FROM, TO).await;
    let rows = "1,P001,2,sale,1250,2026-01-01,09:00:00,c1,paid\n\
                1,P002,1,sale,1,2026-01-01,09:00:00,c1,cancelled\n\
                2,P001,1,refund,99,2026-01-01,09:00:00,c2,\n\
                3,P001,1,sale,free,2026-01-01,09:00:00,c3,paid\n\
                4,P001,1,sale,1,2026-01-01,09:00:00,c4,cancelled\n";
    let event = world.put("US3", "a.csv", [HEADER, rows].concat().as_bytes());
    let record = world.done(&event).await;
    assert_eq!((record.state, record.outcome.as_ref()), (State::Done, Some(&Outcome::Accepted)));
    let counts = record.counts;
    assert_eq!((counts.rows, counts.accepted, counts.rejected, counts.orders), (5, 2, 1, 2));
    let receipt = world.receipt("US3", &record);
    assert_eq!(receipt["rejected_by_rule"], json!({"transform_failed": 1}));
    assert_eq!((&receipt["filtered"], &receipt["lines"]), (&json!(2), &json!(6)));
    let columns = &receipt["found"]["columns"];
    assert_eq!(columns["quantity"], "quantity (by transform)");
    let output = world.text("US3", record.results.output.as_ref());
    assert_eq!(
        output.lines().skip(1).collect::<Vec<_>>(),
        ["1,P001,,2,12.50,2026-01-01T14:00:00Z,c1,,", "2,P001,,-1,0.99,2026-01-01T14:00:00Z,c2,,"]
    );
    let rejects = world.text("US3", record.results.rejects.as_ref());
    let reject = "5,unit-price (by transform),transform_failed,\"\"\"free\"\" is not a number\",";
    assert!(rejects.lines().any(|line| line.starts_with(reject)), "{rejects}");

    let orders = world.messages(streams::INTAKE, "orders").await;
    let data = |n: usize| &orders[n].1["data"];
    assert_eq!((&data(0)["order_id"], &data(1)["order_id"]), (&json!("1"), &json!("2")));
    assert_eq!(data(1)["lines"][0]["quantity"], -1);

    // Another file without one of the columns.
    let wrong = [&HEADER.replace("status", "state"), rows].concat();
    let event = world.put("US3", "b.csv", wrong.as_bytes());
    let record = world.done(&event).await;
    assert_eq!(record.state, State::Refused);
    let reason = world.receipt("US3", &record)["reason"].to_string();
    assert!(reason.contains("status") && reason.contains("found"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_needs_other_rows_is_not_taken_over() {
    let world = World::with(FROM, TO).await;
    let path = world.sshd.dir().join("partners.yml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replace("day || ' ' || time", "MAX(day)")).unwrap();
    let expected = "partners.US3.file: transform.columns.ordered-at has MAX(day), which is not \
                    allowed: a transform sees one row and nothing else";
    let alerts = eventually(async || {
        let alerts = world.messages(streams::ERRORS, "errors.alert.partners.>").await;
        (!alerts.is_empty()).then_some(alerts)
    });
    let problem = alerts.await[0].1["data"]["problems"][0].to_string();
    assert!(problem.contains(expected), "{problem}");
    // The one before still holds.
    let row = "1,P001,2,sale,1250,2026-01-01,09:00:00,c1,paid\n";
    let event = world.put("US3", "a.csv", [HEADER, row].concat().as_bytes());
    assert_eq!(world.done(&event).await.counts.accepted, 1);
    // A new process does not start with it.
    let mut env = Env::from_pairs(world.settings());
    let refused = file_transformer::build(&mut env).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains(expected), "{refused}");
}
