//! Recently processed files, whose originals are compared again with what was read.
//!
//! An upload may continue after its file was taken: [`intake::changed`]. Each original is compared in
//! the first check after its file was processed, and then each time when twice the time has passed, for
//! [`WATCHED_FOR`].

use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::ledger::{Ledger, Record};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long an original is compared again. With one check a day, each is compared three times.
pub(crate) const WATCHED_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Most files of one partner that are watched; the newest ones.
const WATCHED_MAX: usize = 5_000;
/// Most files of all partners that are watched, in equal shares; each takes about a KiB.
const WATCHED_ALL_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The sequence of the ledger that was read last.
    read_to: Option<u64>,
    /// By partner; the key is when a file was processed, and its arrival.
    files: HashMap<PartnerId, BTreeMap<(DateTime<Utc>, String), Watched>>,
}

#[derive(Debug)]
struct Watched {
    record: Arc<Record>,
    looked: Option<DateTime<Utc>>,
}

impl Recent {
    /// Reads what was written to the ledger since the last call.
    pub(crate) async fn refresh(&self, ledger: &Ledger, now: DateTime<Utc>) -> Result<(), String> {
        let mut known = self.0.lock().await;
        let after = known.read_to;
        let read = ledger.written(after, WATCHED_FOR, |record| known.note(record)).await;
        // If reading failed half-way, it is repeated from there on, which changes nothing.
        known.read_to = Some(read.map_err(|error| error.to_string())?);
        known.forget(now);
        Ok(())
    }

    /// The files of a partner that must be compared now.
    pub(crate) async fn due(&self, partner: &PartnerId, now: DateTime<Utc>) -> Vec<Arc<Record>> {
        let known = self.0.lock().await;
        let files = known.files.get(partner).into_iter().flatten();
        files.filter(|(_, file)| file.is_due(now)).map(|(_, file)| file.record.clone()).collect()
    }

    /// Notes that these files were compared.
    pub(crate) async fn looked(&self, records: &[Arc<Record>], now: DateTime<Utc>) {
        let mut known = self.0.lock().await;
        for record in records {
            let files = known.files.get_mut(&record.partner);
            if let Some(file) = files.and_then(|files| files.get_mut(&key(record))) {
                file.looked = Some(now);
            }
        }
    }
}

fn key(record: &Record) -> (DateTime<Utc>, String) {
    (record.updated_at, record.arrival.clone())
}

impl Watched {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let Some(looked) = self.looked else { return true };
        let done = self.record.updated_at;
        (looked - done) * 2 <= now - done
    }
}

impl Known {
    fn note(&mut self, record: Record) {
        let files = self.files.entry(record.partner.clone()).or_default();
        if record.state.is_final() && record.results.original.is_some() {
            let looked = files.get(&key(&record)).and_then(|before| before.looked);
            files.insert(key(&record), Watched { record: Arc::new(record), looked });
        } else {
            files.remove(&key(&record));
        }
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let share = (WATCHED_ALL_MAX / self.files.len().max(1)).min(WATCHED_MAX);
        for files in self.files.values_mut() {
            files.retain(|(done, _), _| (now - *done).to_std().is_ok_and(|age| age < WATCHED_FOR));
            while share < files.len() {
                files.pop_first();
            }
        }
        self.files.retain(|_, files| !files.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use intake::ledger::State;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn done(number: i64) -> Record {
        let us1 = PartnerId::parse("US1").unwrap();
        let mut record = Record::new(number.to_string(), us1, "a.csv".into(), 1, 1, at(number));
        record.state = State::Done;
        record.results.original = Some("archive/a.csv".into());
        record
    }

    fn names(known: &Known, now: DateTime<Utc>) -> Vec<String> {
        let files = known.files.values().flatten().filter(|(_, file)| file.is_due(now));
        files.map(|((_, arrival), _)| arrival.clone()).collect()
    }

    #[test]
    fn each_is_compared_less_and_less_often_and_only_for_some_days() {
        let mut known = Known::default();
        known.note(done(0));
        assert_eq!(names(&known, at(60)), ["0"]);
        let mut looks = 0;
        for second in (0..4 * 86_400).step_by(60) {
            known.forget(at(second));
            for file in known.files.values_mut().flat_map(BTreeMap::values_mut) {
                if file.is_due(at(second)) {
                    file.looked = Some(at(second));
                    looks += 1;
                }
            }
        }
        assert!((10..20).contains(&looks), "{looks}");
        assert!(known.files.is_empty());
    }

    #[test]
    fn only_the_newest_are_watched_and_files_put_back_are_not() {
        let mut known = Known::default();
        for number in 0..i64::try_from(WATCHED_MAX).unwrap() + 2 {
            known.note(done(number));
        }
        known.forget(at(6_000));
        assert_eq!(names(&known, at(6_000)).len(), WATCHED_MAX);
        let mut back = done(100);
        back.results.original = None;
        known.note(back);
        assert_eq!(names(&known, at(6_000)).len(), WATCHED_MAX - 1);
    }
}
