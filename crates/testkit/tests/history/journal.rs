//! Entries of a journal, and the orders that they decide.

use crate::run::{Run, confirmed};
use testkit::history::{Message, Rule};

#[tokio::test]
async fn two_racing_journals_break_no_rule() {
    let run = Run::whole().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = &report.summary;
    assert_eq!((s.sent, s.placed, s.confirmed + s.refused), (301, 301, 301));
    assert_eq!(s.returns, 60);
    assert!(s.refused > 60, "{report}");
    let stock = &s.stock["main"];
    assert_eq!((stock["P002"], stock["P009"], stock["P005"]), (1000, 5, 498));
}

#[tokio::test]
async fn a_placed_order_that_is_never_decided_is_found() {
    let run = Run::whole().await;
    run.send_and_place(1000).await;
    run.check(&[Rule::Undecided]).await;
}

#[tokio::test]
async fn a_skipped_sequence_is_found() {
    let run = Run::whole().await;
    run.send_and_place(1004).await;
    run.send_and_place(1005).await;
    let placed = run.placed().await;
    let last = placed.last().unwrap();
    run.append("gap", last.sequence, vec![confirmed(last)]).await;
    run.check(&[Rule::Skipped]).await;
}

#[tokio::test]
async fn an_order_decided_twice_in_the_journal_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let (again, last) = (placed.first().unwrap(), placed.last().unwrap());
    run.append("again", last.sequence, vec![confirmed(again)]).await;
    // The second decision also publishes another fact for the first, and ends at the wrong position.
    run.check(&[Rule::DecidedTwice, Rule::PositionWrong, Rule::FactTwice, Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_quiet_lane_moves_only_over_orders_of_other_lanes() {
    let run = Run::whole().await;
    let end = run.placed().await.last().unwrap().sequence + 1_000;
    run.append("quiet", end, Vec::new()).await;
    run.report(|_| true).await.assert_clean();
    let run = Run::whole().await;
    run.send_and_place(1004).await;
    let last = run.placed().await.last().unwrap().sequence;
    run.append("quiet", last, Vec::new()).await;
    run.check(&[Rule::PositionWrong, Rule::Undecided]).await;
}

#[tokio::test]
async fn a_decision_about_no_order_is_found() {
    let run = Run::whole().await;
    let mut last = run.placed().await.pop().unwrap();
    last.sequence += 1000;
    run.append("nothing", last.sequence, vec![confirmed(&last)]).await;
    run.check(&[Rule::NothingDecided]).await;
}

#[tokio::test]
async fn a_missing_entry_is_a_gap_in_the_chain() {
    let run = Run::empty().await;
    for number in [0, 5, 10] {
        run.send_and_place(number).await;
        Box::pin(run.decide(&run.journal(), 1)).await;
    }
    let lost =
        |message: &Message<'_>| message.subject.starts_with("journal.") && message.sequence == 2;
    let expected = [Rule::ChainBroken, Rule::Skipped, Rule::FactUnfounded, Rule::FactUnfounded];
    run.check_without(lost, &expected).await;
}
