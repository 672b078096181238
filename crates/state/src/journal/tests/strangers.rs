//! What others write into a journal, and another store behind it.

use super::*;

/// An entry that is not from a writer of the journal, though it looks like one.
fn forged(prev: u64, body: i64) -> Bytes {
    let (id, at) = (format!("forged after {prev}"), DateTime::UNIX_EPOCH);
    let decided_to = Some(position(99));
    Record::Decision(Entry { id, prev, at, decided_to, key: None, body }).to_bytes()
}

#[tokio::test(start_paused = true)]
async fn what_strangers_write_is_passed_over_wherever_it_is() {
    let log = FakeLog::default();
    let stranger = |payload: Bytes| log.0.lock().unwrap().stranger(payload);
    let running = journal(&log);
    stranger(Bytes::from_static(b"hello"));
    for (number, sum) in [(1, 1), (2, 3), (3, 6), (4, 10)] {
        assert_eq!(decide_to(&running, number).await, Ok(sum));
        let last = log.0.lock().unwrap().last();
        stranger(Bytes::from_static(b"{\"from\":\"nobody\"}"));
        stranger(forged(last, 1_000));
        stranger(vec![b'x'; 100_000].into());
    }
    check(&log, &[1, 2, 3, 4]);
    // Those that start later, from the first entry or a snapshot, and the one that was there.
    assert_eq!(decide_to(&journal(&log), 5).await, Ok(15));
    assert_eq!(decide_to(&journal(&log), 6).await, Ok(21));
    assert_eq!(decide_to(&running, 7).await, Ok(28));
    check(&log, &[1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(running.status().foreign, 13);
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_an_entry_is_passed_over_though_it_has_the_header() {
    let log = FakeLog::default();
    assert_eq!(decide_to(&journal(&log), 2).await, Ok(3));
    let copy = |at: usize| {
        let mut server = log.0.lock().unwrap();
        let (sequence, payload) = (server.last() + 3, server.entries[at].1.clone());
        server.entries.push((sequence, payload));
    };
    copy(0);
    copy(1);
    assert_eq!(decide_to(&journal(&log), 3).await, Ok(6));
    assert_eq!(log.0.lock().unwrap().facts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn entries_of_0_1_0_count_until_the_first_that_has_the_header() {
    let log = FakeLog::default();
    assert_eq!(decide_to(&journal(&log), 3).await, Ok(6));
    {
        let mut server = log.0.lock().unwrap();
        server.unmarked = server.entries.iter().map(|(sequence, _)| *sequence).collect();
        server.snapshot = None;
        server.stranger(Bytes::from_static(b"hello"));
    }
    assert_eq!(decide_to(&journal(&log), 4).await, Ok(10));
    let last = log.0.lock().unwrap().last();
    log.0.lock().unwrap().stranger(forged(last, 1_000));
    assert_eq!(decide_to(&journal(&log), 5).await, Ok(15));
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_another_store_is_not_passed_over() {
    let log = FakeLog::default();
    let one = journal(&log);
    assert_eq!(decide_to(&one, 2).await, Ok(3));
    // An older copy that went on: where our last entry was there is none, and then come others.
    {
        let mut server = log.0.lock().unwrap();
        server.entries.pop();
        for (sequence, prev) in [(7, 3), (8, 7)] {
            server.entries.push((sequence, forged(prev, 10)));
        }
    }
    let seen = one.commit(|view| match view.fresh {
        true => Decide::Answer(*view.state),
        false => Decide::Refresh,
    });
    assert_eq!(seen.await, Ok(21), "it is read from its beginning again, without entry 6");
}
