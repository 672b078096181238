//! Another store answers while facts are owed, or after a start.

use super::*;

/// Another store answers for a while, from before the facts of an entry are stored on.
async fn away_while_facts_are_owed(
    log: &FakeLog,
    journal: &Journal<Sum, FakeLog>,
) -> Result<i64, Error> {
    assert_eq!(decide_to(journal, 1).await, Ok(1));
    log.0.lock().unwrap().faults = vec![Fault::OtherStore];
    let away = decide_to(journal, 2).await;
    log.0.lock().unwrap().exchange();
    decide_to(journal, 3).await.unwrap();
    away
}

#[tokio::test(start_paused = true)]
async fn facts_that_are_owed_are_not_published_to_another_store() {
    let log = FakeLog::default();
    let error = away_while_facts_are_owed(&log, &journal(&log)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "journal test is damaged at 0: it ends at 0, but 6 was read before"
    );
    check(&log, &[1, 2, 3]);
    assert!(log.0.lock().unwrap().other.as_ref().unwrap().facts.is_empty());
}

/// A process starts on an empty store by mistake and decides there; then the true one is back, with
/// as many entries.
async fn back_after_a_start_on_an_empty_store(
    log: &FakeLog,
    journal: &Journal<Sum, FakeLog>,
) -> Result<i64, Error> {
    assert_eq!(decide_to(journal, 2).await, Ok(3));
    log.0.lock().unwrap().exchange();
    decide_to(&self::journal(log), 2).await.unwrap();
    // Others have gone on there meanwhile.
    decide_to(&self::journal(log), 3).await.unwrap();
    journal
        .commit(|view| if view.fresh { Decide::Answer(*view.state) } else { Decide::Refresh })
        .await
}

#[tokio::test(start_paused = true)]
async fn the_state_of_one_store_is_not_carried_over_to_another() {
    let log = FakeLog::default();
    let error = back_after_a_start_on_an_empty_store(&log, &journal(&log)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "journal test is damaged at 6: it is 4, but 2 was read there before: another store answers. \
         If this one is right, start the process anew"
    );
    check(&log, &[1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn without_either_rule_another_store_is_taken_for_the_true_one() {
    let log = FakeLog::default();
    let without = |rules| journal(&log).breaking(Sum, rules);
    let away = away_while_facts_are_owed(&log, &without(&[Rule::OwedIsReadFirst])).await;
    assert_eq!(away, Ok(3), "answered before its facts are stored");
    assert_eq!(log.0.lock().unwrap().facts.len(), 2, "one of three is missing for ever");

    let log = FakeLog::default();
    let without = journal(&log).breaking(Sum, &[Rule::TheEntryIsTheSame]);
    assert_eq!(back_after_a_start_on_an_empty_store(&log, &without).await, Ok(6));
}
