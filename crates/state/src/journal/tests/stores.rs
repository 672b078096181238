//! Another store answers while facts are owed, or after a start.

use super::*;

/// Another store answers for a while, from before the facts of an entry are stored on.
async fn away_while_facts_are_owed(
    log: &FakeLog,
    journal: &Journal<Sum, impl Log>,
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
    journal: &Journal<Sum, impl Log>,
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

/// What a process would know that believes what it has read before: the last known entry is not read
/// again, or nothing is.
#[derive(Clone, Default)]
struct Believing {
    log: FakeLog,
    known: Arc<SyncMutex<BTreeMap<u64, Bytes>>>,
    /// Does it read what follows?
    reads: bool,
}

impl Believing {
    fn know(&self, sequence: u64, entry: Bytes) {
        self.known.lock().unwrap().insert(sequence, entry);
    }
}

impl Log for Believing {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        let appended = self.log.append(expected, entry.clone()).await;
        if let Appended::Stored(sequence) = appended {
            self.know(sequence, entry);
        }
        appended
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        let known = self.known.lock().unwrap().clone();
        if let Some((sequence, payload)) = again.and_then(|again| known.get_key_value(&again)) {
            let (sequence, stored) = (*sequence, DateTime::UNIX_EPOCH);
            each(Message { sequence, marked: true, stored, payload });
        }
        match known.last_key_value() {
            Some((last, _)) if !self.reads => Ok(*last),
            _ => self.log.read(None, from, each).await,
        }
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.log.load().await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        self.log.save(sequence, snapshot).await
    }

    fn message_bytes_max(&self) -> usize {
        self.log.message_bytes_max()
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        self.log.publish(facts).await
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        self.log.keeps(subject).await
    }

    fn new_id(&self) -> String {
        self.log.new_id()
    }

    fn now(&self) -> DateTime<Utc> {
        self.log.now()
    }
}

#[tokio::test(start_paused = true)]
async fn without_reading_first_or_again_another_store_is_taken_for_the_true_one() {
    let believing = |log: &FakeLog, reads| {
        let log = Believing { log: log.clone(), reads, ..Believing::default() };
        Journal::new("test", Sum, log)
    };
    let log = FakeLog::default();
    let away = away_while_facts_are_owed(&log, &believing(&log, false)).await;
    assert_eq!(away, Ok(3), "answered before its facts are stored");
    assert_eq!(log.0.lock().unwrap().facts.len(), 2, "one of three is missing for ever");

    let log = FakeLog::default();
    let without = believing(&log, true);
    assert_eq!(back_after_a_start_on_an_empty_store(&log, &without).await, Ok(6));
}
