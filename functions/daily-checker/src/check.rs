//! Checks every inbox and claims what is complete.

use crate::NAME;
use crate::look::{self, INBOX, Seen};
use crate::overdue;
use crate::report::{Found, PartnerReport, Report, Skipped, State};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::access::Account;
use intake::arrival::{self, ARRIVED, Arrived};
use intake::complete::Entry;
use intake::partners::{Configuration, Live};
use messaging::publish::{self, Outgoing, Published, Unclear};
use messaging::{Event, Nats, subject};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Partners looked at at the same time.
const AT_ONCE_MAX: usize = 8;
/// Events on their way at the same time; the client has a limit for all its users.
const PUBLISH_MAX: usize = 500;
/// Longest time for one partner; a gateway waits a minute.
const PARTNER_TIME_MAX: Duration = Duration::from_secs(50);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileLabel {
    partner: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartnerLabel {
    partner: String,
}

/// Checks inboxes.
pub(crate) struct Checker {
    nats: Nats,
    partners: Live<Arc<Configuration>>,
    checks: Counter,
    files: Family<FileLabel, Counter>,
    errors: Family<PartnerLabel, Counter>,
}

impl Checker {
    pub(crate) fn new(
        nats: Nats,
        partners: Live<Arc<Configuration>>,
        registry: &mut Registry,
    ) -> Self {
        let (checks, files, errors) = (Counter::default(), Family::default(), Family::default());
        registry.register("checks", "Times that all inboxes were looked at", checks.clone());
        registry.register("files_found", "Files in inboxes, by what was done", files.clone());
        registry.register("partner_errors", "Checks of a partner that failed", errors.clone());
        let checker = Self { nats, partners, checks, files, errors };
        checker.begin();
        checker
    }

    /// A counter that begins with 1 looks to Prometheus as if no file had come, so they begin with 0.
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

    /// Looks at all partners and publishes what arrived.
    pub(crate) async fn check(self: Arc<Self>) -> Report {
        self.begin();
        let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
        let mut checks = JoinSet::new();
        for account in self.partners.get().accounts.values() {
            let (checker, account, places) = (self.clone(), account.clone(), places.clone());
            checks.spawn(async move {
                let _place = places.acquire_owned().await.expect("nobody closes the semaphore");
                checker.partner(account).await
            });
        }
        let partners = checks.join_all().await;
        self.checks.inc();
        Report::new(now().date_naive(), partners)
    }

    async fn partner(&self, account: Arc<Account>) -> PartnerReport {
        let partner = account.partner.clone();
        let here = account.clone();
        let looking = tokio::task::spawn_blocking(move || look::look(&here));
        let mut report = match tokio::time::timeout(PARTNER_TIME_MAX, looking).await {
            Ok(Ok(Ok(seen))) => self.claim(partner, seen).await,
            Ok(Ok(Err(error))) => PartnerReport::failed(partner, error.to_string()),
            Ok(Err(_)) => PartnerReport::failed(partner, "the check failed inside".to_owned()),
            Err(_) => {
                let limit = PARTNER_TIME_MAX.as_secs();
                PartnerReport::failed(partner, format!("took longer than {limit} s"))
            }
        };
        // Also of a partner whose server is away: its file is not here.
        match overdue::look(&self.nats, &account, now()).await {
            Ok(overdue) => report.overdue = overdue,
            Err(reason) => tracing::warn!(partner = %report.partner, reason, "not looked for"),
        }
        self.tell(&report);
        report
    }

    async fn claim(&self, partner: PartnerId, seen: Seen) -> PartnerReport {
        let arrivals: Vec<Arrived> =
            seen.decision.complete.into_iter().map(|entry| arrived(&partner, entry)).collect();
        let messages: Vec<Outgoing> = arrivals.iter().map(message).collect();
        let mut results = Vec::with_capacity(messages.len());
        for some in messages.chunks(PUBLISH_MAX) {
            results.extend(publish::all(&self.nats, some, Some(0)).await);
        }
        let mut report = PartnerReport {
            partner,
            found: Vec::new(),
            skipped: Vec::new(),
            overdue: None,
            error: None,
        };
        for (arrived, result) in arrivals.into_iter().zip(results) {
            match result {
                Ok(Published::Stored(_)) => report.found.push(found(arrived, State::New)),
                Ok(Published::Occupied) => report.found.push(found(arrived, State::Known)),
                Err(error) => {
                    report.skipped.push(Skipped { name: arrived.name, reason: unclear(&error) });
                    report.error = Some("not everything that arrived could be published".into());
                }
            }
        }
        let skipped = seen.decision.skipped.into_iter();
        report.skipped.extend(
            skipped.map(|skip| Skipped { name: skip.name, reason: skip.reason.to_string() }),
        );
        if seen.is_cut {
            report.skipped.push(Skipped { name: "*".into(), reason: look::cut_reason() });
        }
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

/// With what lies behind it: a missing stream looks the same otherwise.
fn unclear(error: &Unclear) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    format!("{text}; the next check tries again")
}

fn arrived(partner: &PartnerId, entry: Entry) -> Arrived {
    let path = format!("{INBOX}/{}", entry.name);
    let arrival = arrival::id(partner, &path, entry.size, entry.mtime);
    let (name, size, mtime) = (entry.name, entry.size, entry.mtime);
    Arrived { partner: partner.clone(), name, size, mtime, arrival }
}

fn message(arrived: &Arrived) -> Outgoing {
    let subject = subject::file("arrived", &arrived.partner, &arrived.arrival);
    let source = format!("/functions/{NAME}");
    let mut event = Event::new(arrived.arrival.clone(), &source, ARRIVED, &subject, arrived);
    event.partner = Some(arrived.partner.clone());
    event.time = Some(now());
    Outgoing::new(subject, event.to_bytes())
}

fn found(arrived: Arrived, state: State) -> Found {
    let seconds = i64::try_from(arrived.mtime).ok();
    Found {
        name: arrived.name,
        size: arrived.size,
        modified: seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        arrival: arrived.arrival,
        state,
    }
}

fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
