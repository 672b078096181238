//! Orders that get another content.

use crate::run::{Run, looked, read};
use domain::ProductId;
use domain::inventory::{Confirmed, Lookup, Outcome, Verdict};
use domain::stock::{Movement, Refusal};
use testkit::history::{Message, Rule};

impl Run {
    /// What becomes of the last message, an amendment of the first order, where there is stock enough.
    async fn amended(&self) -> Outcome {
        let placed = self.placed().await;
        let before = read(&placed[0]).unwrap();
        let known = Lookup::Found(Confirmed::new(placed[0].sequence, before));
        looked(placed.last().unwrap(), known)
    }

    async fn append_last(&self, id: &str, outcome: Outcome) {
        self.append(id, outcome.sequence, vec![outcome]).await;
    }
}

#[tokio::test]
async fn amendments_and_what_follows_them_break_no_rule() {
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |_| ()).await;
    run.decide_all().await;
    let second = run.placed().await.pop().unwrap();
    // More than there is: the second content stays in force, and is amended again and cancelled.
    run.amend(&second, 1_000_000, |_| ()).await;
    run.decide_all().await;
    run.amend(&second, 1, |_| ()).await;
    run.decide_all().await;
    let third = run.placed().await.pop().unwrap();
    run.cancel_of(&third).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.amended, s.kept, s.cancelled), (2, 1, 1));
}

#[tokio::test]
async fn an_amendment_that_is_lost_or_doubled_is_found() {
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |_| ()).await;
    run.check(&[Rule::Undecided]).await;
    let outcome = run.amended().await;
    run.append_last("once", outcome.clone()).await;
    run.check(&[]).await;
    let subject = sale.subject.replace("placed", "confirmed");
    let fact = |message: &Message<'_>| {
        message.subject == subject && String::from_utf8_lossy(message.payload).contains("amends")
    };
    run.check_without(fact, &[Rule::FactMissing]).await;
    // A second decision about it, and a second amendment of what is not in force any more.
    run.amend(sale, 4, |_| ()).await;
    let second = run.amended().await;
    run.append_last("twice", second).await;
    run.check(&[Rule::AttemptWrong, Rule::CancelWrong]).await;
}

#[tokio::test]
async fn an_amendment_that_reserves_beside_the_old_content_is_found() {
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |_| ()).await;
    let product = ProductId::parse("P005").unwrap();
    let alone = vec![Movement { product, delta: -3 }];
    let mut outcome = run.amended().await;
    outcome.verdict = Verdict::Amended { attempt: 1, movements: alone.clone() };
    run.append_last("beside", outcome).await;
    run.check(&[Rule::MovementsWrong]).await;
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |_| ()).await;
    let mut outcome = run.amended().await;
    outcome.verdict = Verdict::Confirmed(alone);
    run.append_last("sold", outcome).await;
    run.check(&[Rule::VerdictWrong, Rule::MovementsWrong]).await;
}

#[tokio::test]
async fn one_that_is_refused_without_a_reason_or_names_something_else_is_found() {
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |_| ()).await;
    let mut outcome = run.amended().await;
    let detail = "it amends something else".into();
    outcome.verdict = Verdict::Kept(Refusal::Unreadable { detail });
    (outcome.in_force, outcome.id.as_mut().unwrap().attempt) = (Some(sale.sequence), 1);
    run.append_last("mean", outcome).await;
    run.check(&[Rule::RefusalWrong]).await;
    // It names another total; that is refused rightly, but nobody may place it.
    let run = Run::whole().await;
    let sale = &run.placed().await[0];
    run.amend(sale, 3, |order| order.amends.as_mut().unwrap().total = domain::Money::ZERO).await;
    run.decide_all().await;
    run.check(&[]).await;
    assert_eq!(run.report(|_| true).await.summary.kept, 1);
    let other = &run.placed().await[4];
    run.amend(other, 3, |order| order.amends.as_mut().unwrap().placed = sale.sequence).await;
    run.decide_all().await;
    run.check(&[Rule::AttemptWrong]).await;
}
