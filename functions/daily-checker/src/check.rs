//! Checks all inboxes and claims complete files.

use crate::arrivals::{self, Stores};
use crate::clock::now;
use crate::look::{self, First, Seen};
use crate::overdue;
use crate::recent::Recent;
use crate::report::{PartnerReport, Report, State};
use crate::turns::{Place, Queue, Turns};
use domain::PartnerId;
use intake::access::Account;
use intake::changed::{self, Depth};
use intake::ledger::{Ledger, Record};
use intake::partners::{Configuration, Live};
use intake::sftp::Error;
use messaging::Nats;
use messaging::store::Store;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Longest time for reading all inboxes in a check; a gateway waits a minute, and the files found must
/// still be published.
const LOOKS_TIME_MAX: Duration = Duration::from_secs(45);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileLabel {
    partner: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartnerLabel {
    partner: String,
}

fn without_folder(configuration: &Configuration) -> Vec<PartnerId> {
    let partners = configuration.partners.iter();
    let without = partners.filter(|(_, partner)| partner.sftp.is_none());
    without.map(|(name, _)| name.clone()).collect()
}

/// Checks all inboxes.
pub(crate) struct Checker {
    stores: Stores,
    turns: Turns,
    recent: Recent,
    partners: Live<Arc<Configuration>>,
    checks: Counter,
    files: Family<FileLabel, Counter>,
    errors: Family<PartnerLabel, Counter>,
}

impl Checker {
    pub(crate) fn new(
        nats: Nats,
        store: Arc<Store>,
        partners: Live<Arc<Configuration>>,
        registry: &mut Registry,
    ) -> Self {
        let (checks, files, errors) = (Counter::default(), Family::default(), Family::default());
        registry.register("checks", "Checks of all inboxes", checks.clone());
        registry.register("files_found", "Files in inboxes, by state", files.clone());
        registry.register("partner_errors", "Failed checks of a partner", errors.clone());
        let (turns, recent) = (Turns::new(), Recent::default());
        let stores = Stores { ledger: Ledger::new(&nats), nats, store };
        let checker = Self { stores, turns, recent, partners, checks, files, errors };
        checker.begin();
        checker
    }

    /// Prometheus does not see the increase of a counter whose first value is 1, so they begin with 0.
    fn begin(&self) {
        for account in self.partners.get().accounts.values() {
            let partner = account.partner.to_string();
            for state in ["new", "known", "skipped"] {
                let label = FileLabel { partner: partner.clone(), state };
                drop(self.files.get_or_create_owned(&label));
            }
            drop(self.errors.get_or_create_owned(&PartnerLabel { partner }));
        }
    }

    /// Checks all partners and publishes the files that arrived.
    pub(crate) async fn check(self: Arc<Self>) -> Report {
        self.begin();
        if let Err(reason) = self.recent.refresh(&self.stores.ledger, now()).await {
            tracing::warn!(reason, "cannot compare originals again with what was read of them");
        }
        let until = Instant::now() + LOOKS_TIME_MAX;
        let mut servers = JoinSet::new();
        let configuration = self.partners.get();
        for queue in self.turns.begin(&configuration.accounts) {
            servers.spawn(self.clone().server(queue, until));
        }
        let partners = servers.join_all().await.into_iter().flatten().collect();
        self.checks.inc();
        let without_folder = without_folder(&configuration);
        if !without_folder.is_empty() {
            let partners: Vec<&str> = without_folder.iter().map(PartnerId::as_str).collect();
            let partners = partners.join(" ");
            tracing::warn!(partners, "no sftp in partners.yml: no function looks for their files");
        }
        Report::new(now().date_naive(), partners, without_folder)
    }

    /// Checks the partners of one server, each as soon as a place is free.
    async fn server(self: Arc<Self>, queue: Queue, until: Instant) -> Vec<PartnerReport> {
        let mut checks = JoinSet::new();
        let mut late = Vec::new();
        for account in queue.accounts {
            let Ok(place) = timeout_at(until, self.turns.place(&queue.server)).await else {
                let error = "its turn did not come: other partners of its server took all the time";
                let report = PartnerReport::failed(account.partner.clone(), error.to_owned());
                late.push(self.ended(&account, report).await);
                continue;
            };
            self.turns.had(&account.partner);
            let (checker, server) = (self.clone(), queue.server.clone());
            checks.spawn(async move { checker.partner(account, server, place, until).await });
        }
        late.extend(checks.join_all().await);
        late
    }

    async fn partner(
        &self,
        account: Arc<Account>,
        server: Arc<Semaphore>,
        place: Place,
        until: Instant,
    ) -> PartnerReport {
        let looked = timeout_at(until, self.look(&account, &server, place)).await;
        let failed = |error| PartnerReport::failed(account.partner.clone(), error);
        let report = match looked {
            Ok(Ok(seen)) => arrivals::claim(&self.stores, &account, seen).await,
            Ok(Err(error)) => failed(error),
            Err(_) => failed(format!("took longer than {} s", LOOKS_TIME_MAX.as_secs())),
        };
        self.ended(&account, report).await
    }

    /// Puts originals that changed after they were processed back into the inbox, before it is read.
    async fn look_back(
        &self,
        account: &Arc<Account>,
        server: &Arc<Semaphore>,
        place: Place,
        due: Vec<Arc<Record>>,
    ) -> Place {
        let (here, of) = (account.clone(), due.clone());
        let found = blocking(place, move || changed::find(&here.connect()?, &of)).await;
        let place = self.turns.place(server).await;
        let Ok(found) = found else {
            // The following check of the inbox reports the problem.
            return place;
        };
        self.recent.looked(&due, now()).await;
        for record in found {
            let settled =
                changed::settle(&self.stores.ledger, account, &record, Depth::Times, now()).await;
            if let Err(error) = settled {
                let (partner, file) = (&record.partner, &record.name);
                tracing::warn!(%partner, ?file, %error, "a changed file was not put back yet");
            }
        }
        place
    }

    /// Reads the inbox twice. The place is free in between, because no request is made then.
    async fn look(
        &self,
        account: &Arc<Account>,
        server: &Arc<Semaphore>,
        place: Place,
    ) -> Result<Seen, String> {
        let due = self.recent.due(&account.partner, now()).await;
        let place = match due.is_empty() {
            true => place,
            false => self.look_back(account, server, place, due).await,
        };
        let here = account.clone();
        let waiting = match blocking(place, move || look::first(&here)).await? {
            First::Enough(seen) => return Ok(seen),
            First::Waiting(waiting) => waiting,
        };
        tokio::time::sleep(waiting.wait).await;
        let (here, place) = (account.clone(), self.turns.place(server).await);
        blocking(place, move || waiting.second(&here.settings.inbox)).await
    }

    /// Adds what does not depend on the partner's server, and counts.
    async fn ended(&self, account: &Account, mut report: PartnerReport) -> PartnerReport {
        match overdue::look(&self.stores.nats, account, now()).await {
            Ok(overdue) => report.overdue = overdue,
            Err(reason) => {
                tracing::warn!(partner = %report.partner, reason, "cannot look for overdue files")
            }
        }
        self.tell(&report);
        report
    }

    fn tell(&self, report: &PartnerReport) {
        let partner = report.partner.to_string();
        let count = |state, number: usize| {
            let label = FileLabel { partner: partner.clone(), state };
            self.files.get_or_create(&label).inc_by(u64::try_from(number).unwrap_or(u64::MAX));
        };
        let new = report.found.iter().filter(|found| found.state == State::New);
        count("new", new.clone().count());
        count("known", report.found.len() - new.clone().count());
        count("skipped", report.skipped.len());
        for found in new {
            tracing::info!(
                partner,
                file.name = found.name,
                file.size = found.size,
                file.arrival = found.arrival,
                "file arrived"
            );
        }
        if let Some(error) = &report.error {
            self.errors.get_or_create(&PartnerLabel { partner: partner.clone() }).inc();
            tracing::warn!(partner, error, "a partner could not be checked");
        }
    }
}

/// Runs blocking work. The place is kept until the work ends, also after the caller has stopped
/// waiting.
async fn blocking<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    match done.await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("internal error of the check".to_owned()),
    }
}
