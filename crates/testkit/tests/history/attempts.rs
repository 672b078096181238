//! Orders that are retried or cancelled.

use crate::run::{Run, confirmed};
use domain::inventory::Verdict;
use domain::order::Cancels;
use testkit::history::Rule;

#[tokio::test]
async fn a_second_attempt_after_a_refusal_breaks_no_rule() {
    let run = Run::whole().await;
    // Number 3 is refused because its product is unknown.
    run.place_next(&run.placed().await[3], domain::Order::again).await;
    run.check(&[Rule::Undecided]).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = &report.summary;
    assert_eq!((s.sent, s.placed, s.further), (301, 302, 1));
}

#[tokio::test]
async fn a_second_attempt_without_a_refusal_or_of_another_order_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    run.place_next(&placed[0], domain::Order::again).await;
    run.place_next(&placed[3], |order| domain::Order { attempt: 3, ..order.again() }).await;
    run.place_next(&placed[8], |order| domain::Order { region: Some("x".into()), ..order.again() })
        .await;
    run.decide_all().await;
    run.check(&[Rule::AttemptWrong; 3]).await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_and_placed_again_breaks_no_rule() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let (sale, back) = (&placed[0], &placed[2]);
    run.cancel(sale).await;
    run.cancel(back).await;
    run.decide_all().await;
    let before = run.report(|_| true).await.summary.stock["main"]["P005"];
    run.place_next(sale, domain::Order::again).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.cancelled, s.placed, s.stock["main"]["P005"]), (2, 304, before - 2));
}

#[tokio::test]
async fn a_return_whose_stock_is_gone_stays_confirmed_and_can_be_cancelled_later() {
    let run = Run::whole().await;
    let back = &run.placed().await[2];
    run.set_stock_as("none", &[("P005", 1)]).await;
    run.cancel(back).await;
    run.decide_all().await;
    run.set_stock_as("some", &[("P005", 2)]).await;
    run.cancel_again(back).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.kept, s.cancelled, s.stock["main"]["P005"]), (1, 1, 0));
}

#[tokio::test]
async fn a_cancellation_of_an_order_that_is_not_confirmed_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    // Cancels one order that was refused, and one order twice.
    run.cancel(&placed[3]).await;
    run.cancel(&placed[0]).await;
    run.decide_all().await;
    run.cancel_again(&placed[0]).await;
    run.decide_all().await;
    // They are refused correctly, although nobody may place them.
    let [a, c] = [Rule::AttemptWrong, Rule::CancelWrong];
    run.check(&[a, a]).await;
    run.cancel_again(&placed[3]).await;
    let last = run.placed().await.pop().unwrap();
    run.append("back", last.sequence, vec![confirmed(&last)]).await;
    run.check(&[a, a, a, c]).await;
}

#[tokio::test]
async fn a_cancellation_that_is_refused_without_a_reason_is_found() {
    let run = Run::whole().await;
    run.cancel(&run.placed().await[0]).await;
    let last = run.placed().await.pop().unwrap();
    let mut outcome = confirmed(&last);
    let detail = "no attempt of it is confirmed".into();
    outcome.verdict = Verdict::Refused(domain::stock::Refusal::Unreadable { detail });
    run.append("mean", last.sequence, vec![outcome]).await;
    run.check(&[Rule::RefusalWrong]).await;
}

#[tokio::test]
async fn a_cancellation_that_names_another_attempt_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let other = Cancels { attempt: 1, placed: placed[2].sequence, decision: "d".into() };
    run.place_next(&placed[0], |order| order.cancelling(other)).await;
    run.decide_all().await;
    run.check(&[Rule::AttemptWrong]).await;
}

#[tokio::test]
async fn a_cancellation_that_gives_back_a_part_or_ends_as_an_order_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    run.cancel(&placed[0]).await;
    let last = run.placed().await.pop().unwrap();
    let mut outcome = confirmed(&last);
    let Verdict::Cancelled { movements, .. } = &mut outcome.verdict else { panic!("cancelled") };
    movements[0].delta -= 1;
    run.append("part", last.sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong]).await;
    run.cancel(&placed[4]).await;
    let last = run.placed().await.pop().unwrap();
    let mut outcome = confirmed(&last);
    outcome.verdict = Verdict::Confirmed(outcome.verdict.movements().to_vec());
    run.append("sold", last.sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong, Rule::VerdictWrong]).await;
}

#[tokio::test]
async fn an_attempt_placed_after_a_confirmed_order_must_keep_it() {
    let run = Run::whole().await;
    let sale = run.placed().await.swap_remove(0);
    let bad = |order: &domain::Order| domain::Order { lines: Vec::new(), ..order.again() };
    run.place_next(&sale, bad).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    assert_eq!(report.summary.kept, 1, "{report}");
    // Nobody may place it, but the decision was right.
    run.check(&[Rule::AttemptWrong]).await;
    // If it were refused, it would hide the order.
    run.place_next(&sale, bad).await;
    let last = run.placed().await.pop().unwrap();
    let mut refused = confirmed(&last);
    assert_eq!(refused.in_force, None);
    refused.id.as_mut().unwrap().attempt = 3;
    run.append("wrong", last.sequence, vec![refused]).await;
    run.check(&[Rule::AttemptWrong, Rule::AttemptWrong, Rule::RefusalWrong]).await;
}
