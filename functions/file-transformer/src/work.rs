//! The steps of one file, from claimed to done. Every step can be repeated; the ledger records the last
//! one.

use crate::app::App;
use crate::failure::Failure;
use crate::figures::{Broken, Fate, Row};
use crate::holding::Holding;
use crate::judged::Judged;
use crate::names::names;
use crate::publish;
use crate::receipt::Receipt;
use crate::steps::{self, Known};
use crate::threads::{blocking, now};
use intake::access::Account;
use intake::ledger::{
    self, Changed, Claim, Claimed, Held, Outcome, Record, Refusal, Sending, State, StepError,
};
use messaging::envelope::Event;
use messaging::publish::{Outgoing, one};
use messaging::{events, streams, subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tabular::Rule;
use tokio::sync::Mutex;

/// A file in work.
pub(crate) struct Work {
    pub(crate) app: Arc<App>,
    pub(crate) account: Arc<Account>,
    /// Bytes read.
    pub(crate) read: Arc<AtomicU64>,
    /// Orders sent; written with each renewal of the lease.
    pub(crate) progress: Arc<publish::Progress>,
}

impl Work {
    /// Processes the file of `record` to its end, or returns why that failed; any process may then
    /// continue.
    pub(crate) async fn run(&self, record: Record) -> Result<State, Failure> {
        self.app.store.check().await?;
        let record = self.app.ledger.arrive(record).await?;
        let (partner, arrival) = (record.partner, record.arrival);
        let claimed = self.app.ledger.claim(&partner, &arrival, &self.app.owner, now()).await?;
        let held = match claimed {
            Claimed::Yes(held) => Arc::new(Mutex::new(held)),
            Claimed::No(Refusal::Finished(state), _) => return Ok(state),
            Claimed::No(Refusal::Held { owner, until }, _) => {
                return Err(Failure::Held { owner, until, after: self.app.lease });
            }
            Claimed::Wait(Claim { owner, until }, after) => {
                return Err(Failure::Held { owner, until, after });
            }
        };
        let App { ledger, owner, lease, .. } = &*self.app;
        let holding = Holding { ledger, owner, held: &held, progress: &self.progress };
        holding.while_doing(*lease, Box::pin(self.steps(&held))).await
    }

    async fn write(
        &self,
        held: &Mutex<Held>,
        step: impl FnOnce(&Record) -> Result<Record, StepError>,
    ) -> Result<Record, Failure> {
        let mut held = held.lock().await;
        self.app.ledger.write(&mut held, step).await?;
        Ok(held.record().clone())
    }

    async fn advance(&self, held: &Mutex<Held>, to: State) -> Result<Record, Failure> {
        self.write(held, |record| record.advance(&self.app.owner, now(), to)).await
    }

    async fn steps(&self, held: &Mutex<Held>) -> Result<State, Failure> {
        let mut record = held.lock().await.record().clone();
        // Claiming may have used another connection than the check before it.
        self.app.store.check().await?;
        if record.state < State::Receipted {
            match self.transform(held, record.clone()).await {
                Ok(next) => record = next,
                Err(Failure::Replaced) => {
                    record = held.lock().await.record().clone();
                    // The file at the original's place is not the one that was judged, and nothing else
                    // would process it.
                    let (account, moved) = (self.account.clone(), record.clone());
                    let back = blocking(move || steps::put_back(&account, &moved, now())).await?;
                    if let Some(changed) = back {
                        record = self.note(held, changed).await?;
                    }
                    match (record.state, &record.outcome) {
                        (State::Claimed, _) | (State::Transformed, Some(Outcome::Accepted)) => {
                            return self.give_up(held, &record).await;
                        }
                        _ => record = self.only_tell(held, &record).await?,
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        if record.state == State::Receipted {
            let account = self.account.clone();
            let original = record.clone();
            blocking(move || steps::archive(&account, &original, Known::Earlier)).await?;
            record = self.advance(held, State::Archived).await?;
        }
        self.tell(&record).await?;
        let outcome = record.outcome.as_ref().map_or(State::Refused, Outcome::final_state);
        self.advance(held, outcome).await?;
        self.report(&record, outcome);
        Ok(outcome)
    }

    /// Reads and judges the file, publishes its orders and writes the receipt.
    async fn transform(&self, held: &Mutex<Held>, mut record: Record) -> Result<Record, Failure> {
        let (account, scratch) = (self.account.clone(), self.app.scratch.clone());
        let (read, of) = (self.read.clone(), record.clone());
        // Kept until the orders are sent.
        let share = self.app.memory.share()?;
        let taken = share.clone();
        let mut judged = blocking(move || {
            read.store(0, Ordering::Relaxed);
            let (pass, sides) = steps::read(&account, &of, &scratch, &read, taken)?;
            Judged::new(pass, &of.name, &sides, &account.settings, &scratch)
        })
        .await?;
        if record.sha256.as_ref().is_some_and(|known| *known != judged.pass.sha256) {
            return Err(Failure::Replaced);
        }
        let goes_on = record.state != State::Claimed;
        if !goes_on {
            let outcome = self.judge(&record, &judged).await?;
            let has_rejects = judged.results.as_ref().is_some_and(|r| r.rejected() > 0);
            let names = names(&record, &judged.pass.sha256, has_rejects, &outcome);
            let (account, uploaded) = (self.account.clone(), names.clone());
            judged = blocking(move || {
                steps::upload(&account, &uploaded, judged.results.as_mut())?;
                Ok(judged)
            })
            .await?;
            let counts = judged.counts();
            let results = judged.results.as_ref();
            let orders_sha256 = results.map(|results| results.orders_sha256.clone());
            let sending = self.sending(&outcome, counts.orders).await?;
            record = self
                .write(held, |record| {
                    let next = record.judge(&self.app.owner, now(), outcome)?;
                    let sha256 = Some(judged.pass.sha256.clone());
                    let intake = sending.is_some();
                    let results = names;
                    Ok(Record { sha256, orders_sha256, intake, sending, results, counts, ..next })
                })
                .await?;
        }
        // Moved before the orders are published: nobody can replace it there, so a process that
        // continues after a crash publishes the same orders.
        let (account, original) = (self.account.clone(), record.clone());
        let known = Known::Read(judged.pass.mark);
        blocking(move || steps::archive(&account, &original, known)).await?;
        if record.state == State::Transformed && record.outcome == Some(Outcome::Accepted) {
            let orders = judged.orders_of(&record)?;
            let on = self.app.store.check().await?;
            if record.sending.is_some() && !record.intake {
                // Version 0.1.0 began to send it, where ORDERS kept what it sent.
                let sending = self.sending(&Outcome::Accepted, record.counts.orders).await?;
                let begin = |record: &Record| {
                    let next = record.renew(&self.app.owner, now())?;
                    Ok(Record { sending, intake: true, ..next })
                };
                record = self.write(held, begin).await?;
            }
            let (nats, sha256) = (&self.app.nats, &judged.pass.sha256);
            let progress = &self.progress;
            let still = || self.app.store.still(&on).map_err(Failure::from);
            let rest = publish::Rest { goes_on, progress, still: &still };
            let sent = publish::orders(nats, &record, sha256, orders, rest).await?;
            self.app.figures.orders.inc_by(sent.orders);
            let (orders_from, orders_to) = (sent.from, sent.from.map(|_| sent.to));
            record = self
                .write(held, |record| {
                    let next = record.advance(&self.app.owner, now(), State::Published)?;
                    Ok(Record { orders_from, orders_to, sending: None, ..next })
                })
                .await?;
        }
        self.put_receipt(held, &record, Some(&judged)).await
    }

    /// The sequence after which the orders of the judged file will be stored.
    async fn sending(&self, outcome: &Outcome, orders: u64) -> Result<Option<Sending>, Failure> {
        if *outcome != Outcome::Accepted || orders == 0 {
            return Ok(None);
        }
        let to = streams::last_sequence(&self.app.nats, streams::INTAKE).await?;
        Ok(Some(Sending { to, ..Sending::default() }))
    }

    /// The judged file no longer exists, and only the outcome remains to be reported. The file that
    /// took its place is back in the inbox.
    async fn only_tell(&self, held: &Mutex<Held>, record: &Record) -> Result<Record, Failure> {
        let mut record = record.clone();
        if record.state <= State::Published && record.results.original.is_some() {
            let away = |record: &Record| {
                let mut next = record.renew(&self.app.owner, now())?;
                next.results.original = None;
                Ok(next)
            };
            record = self.write(held, away).await?;
        }
        self.put_receipt(held, &record, None).await
    }

    /// Puts the receipt into the depot; a short one if the file can no longer be read.
    async fn put_receipt(
        &self,
        held: &Mutex<Held>,
        record: &Record,
        judged: Option<&Judged>,
    ) -> Result<Record, Failure> {
        let files = self.receipt(record, judged);
        let (account, of) = (self.account.clone(), record.clone());
        let put = blocking(move || steps::put_unless_changed(&account, &of, &files, now())).await?;
        if let Some(changed) = put {
            let record = self.take_back(held, changed).await?;
            let (account, files) = (self.account.clone(), self.receipt(&record, judged));
            blocking(move || steps::put_small(&account, &files)).await?;
        }
        let record = self.advance(held, State::Receipted).await?;
        // Counted when the partner gets the receipt: a file that is read again after a crash counts
        // once.
        if let Some(results) = judged.and_then(|judged| judged.results.as_ref()) {
            for rule in Rule::ALL {
                let rows = results.rejected_by_rule.get(rule.code()).copied();
                self.app.figures.rejected.add_many(Broken(*rule), rows.unwrap_or_default());
            }
        }
        Ok(record)
    }

    /// The receipt in all formats, with their names.
    fn receipt(&self, record: &Record, judged: Option<&Judged>) -> Vec<(String, Vec<u8>)> {
        let outcome = record.outcome.clone().unwrap_or(Outcome::Accepted);
        let readable = judged.and_then(|judged| judged.readable());
        let receipt = Receipt::new(record, &outcome, &self.account.settings, readable.as_ref());
        let names = &record.results;
        let contents = [(&names.receipt, receipt.json()), (&names.receipt_csv, receipt.csv())];
        contents.into_iter().filter_map(|(name, text)| Some((name.clone()?, text))).collect()
    }

    /// The original changed after its orders were sent: it is put back into the inbox and arrives
    /// again.
    async fn take_back(&self, held: &Mutex<Held>, changed: Changed) -> Result<Record, Failure> {
        // Written first, so that a process that continues knows why the original is missing.
        let record = self.note(held, changed).await?;
        let (account, original) = (self.account.clone(), record.clone());
        let back = blocking(move || steps::put_back(&account, &original, now())).await?;
        tracing::warn!(
            partner = %record.partner, file = ?record.name, bytes = record.size, ?back,
            "a file was changed while it was processed; the new content will be processed as a new arrival"
        );
        let away = |record: &Record| {
            let mut record = record.renew(&self.app.owner, now())?;
            record.results.original = None;
            record.changed = back.or(record.changed);
            Ok(record)
        };
        self.write(held, away).await
    }

    async fn note(&self, held: &Mutex<Held>, changed: Changed) -> Result<Record, Failure> {
        let noted = |record: &Record| {
            let record = record.renew(&self.app.owner, now())?;
            Ok(Record { changed: Some(changed), ..record })
        };
        self.write(held, noted).await
    }

    /// Is the file accepted, refused as a whole, or a duplicate?
    async fn judge(&self, record: &Record, judged: &Judged) -> Result<Outcome, Failure> {
        if let Some(reason) = judged.refusal(&self.account.settings) {
            return Ok(Outcome::Refused { reason });
        }
        let content = ledger::Content {
            arrival: record.arrival.clone(),
            name: record.name.clone(),
            at: record.arrived_at,
        };
        let standing =
            self.app.ledger.remember(&record.partner, &judged.pass.sha256, content).await?;
        if standing.arrival == record.arrival {
            return Ok(Outcome::Accepted);
        }
        // Until its orders are sent, the first file may still be given up; then this one becomes the
        // first.
        let first = self.app.ledger.get(&record.partner, &standing.arrival).await?;
        if first.is_some_and(|first| first.state < State::Published) {
            return Err(Failure::Same(standing.name));
        }
        Ok(Outcome::Duplicate { of: standing.arrival })
    }

    /// The file is not the one that arrived, and not all its orders were published: the file now in the
    /// inbox stays there and arrives on its own.
    async fn give_up(&self, held: &Mutex<Held>, record: &Record) -> Result<State, Failure> {
        let owner = &self.app.owner;
        let sent = record.sending.is_some_and(|sending| 0 < sending.orders);
        let why = if sent { Failure::ChangedWhileSent } else { Failure::Replaced };
        let outcome = Outcome::Refused { reason: why.to_string() };
        if record.state == State::Claimed {
            self.write(held, |record| record.judge(owner, now(), outcome)).await?;
        } else {
            let (account, names) = (self.account.clone(), record.results.clone());
            blocking(move || steps::withdraw(&account, &names)).await?;
            let withdrawn = |record: &Record| {
                let held = record.renew(owner, now())?;
                let ledger::Results { receipt, receipt_csv, .. } = held.results.clone();
                let receipts = ledger::Results { receipt, receipt_csv, ..Default::default() };
                let results = if sent { receipts } else { ledger::Results::default() };
                Ok(Record { outcome: Some(outcome), results, ..held })
            };
            let record = self.write(held, withdrawn).await?;
            // The partner gets a receipt about the orders that were sent.
            let (account, files) = (self.account.clone(), self.receipt(&record, None));
            blocking(move || steps::put_small(&account, &files)).await?;
        }
        self.advance(held, State::Receipted).await?;
        let record = self.advance(held, State::Archived).await?;
        self.tell(&record).await?;
        self.advance(held, State::Refused).await?;
        self.report(&record, State::Refused);
        Ok(State::Refused)
    }

    /// Publishes the outcome of the file, once.
    async fn tell(&self, record: &Record) -> Result<(), Failure> {
        let accepted = record.outcome == Some(Outcome::Accepted);
        let (stage, kind) = if accepted {
            ("transformed", events::FILE_TRANSFORMED)
        } else {
            ("failed", events::FILE_FAILED)
        };
        let subject = subject::file(stage, &record.partner, &record.arrival);
        let id = format!("{}:{stage}", record.arrival);
        let mut event = Event::new(id, "/functions/file-transformer", kind, &subject, record);
        event.time = Some(record.updated_at);
        event.partner = Some(record.partner.clone());
        event.file.clone_from(&record.sha256);
        one(&self.app.nats, &Outgoing::new(subject, event.to_bytes()), Some(0)).await?;
        Ok(())
    }

    fn report(&self, record: &Record, state: State) {
        let figures = &self.app.figures;
        figures.files.add(Fate(state));
        figures.rows.add_many(Row::Accepted, record.counts.accepted);
        figures.rows.add_many(Row::Rejected, record.counts.rejected);
        let partner = &record.partner;
        match (&record.outcome, &record.results.output) {
            (Some(Outcome::Accepted), Some(output)) => {
                tracing::info!(
                    %partner, file = %record.name, rows = record.counts.rows,
                    rejected = record.counts.rejected, orders = record.counts.orders,
                    "Transformation succeeded, file generated: {output}"
                );
            }
            (outcome, _) => {
                tracing::warn!(%partner, file = %record.name, ?outcome, "the file was not accepted");
            }
        }
    }
}
