//! Partners that are added and changed while a function runs.
//!
//! The file is read again every few seconds (a mounted secret changes without a word to the process)
//! and taken over only if all of it is right; otherwise the function goes on with what it had and
//! says so once in the log, in its figures and on `errors.alert.…`.

mod configuration;
mod seen;
#[cfg(test)]
mod tests;

pub use configuration::{Check, Configuration, Secrets};
pub use seen::digest;

use self::seen::Seen;
use crate::problem::Problem;
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use messaging::publish::{Outgoing, one};
use messaging::{Event, Nats, events, subject};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The present configuration, or what a function makes of it.
#[derive(Debug)]
pub struct Live<T = Configuration> {
    current: Arc<RwLock<Arc<T>>>,
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { current: self.current.clone() }
    }
}

impl<T> Live<T> {
    /// What holds now. A caller works with one answer to its end.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where a configuration comes from, and what was last seen there.
pub struct Source {
    path: PathBuf,
    secrets: Secrets,
    /// Only of who reads files.
    files: Option<Check>,
    current: Arc<Configuration>,
    /// Digest of what was seen last, right or wrong: it is checked, and told of, once.
    seen: [u8; 32],
    /// Of every partner that ever was there: one that comes back has the same.
    warehouses: BTreeMap<PartnerId, WarehouseId>,
}

/// What stands on `errors.alert.partners.…`.
#[derive(Debug, Serialize)]
struct Alert<'a> {
    alert: &'static str,
    function: &'a str,
    digest: &'a str,
    problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    digest: String,
}

impl Source {
    /// Reads the configuration for the first time. What is wrong goes to `report`, and then there
    /// is none; so it does when there is no path, which the reader of the settings has reported.
    pub fn open(
        path: Option<PathBuf>,
        secrets: Secrets,
        report: impl FnMut(Problem),
    ) -> Option<Self> {
        Self::read(path?, secrets, None, report)
    }

    /// As [`Source::open`], for who reads files: with the tables of the accounts' partners, which stand
    /// beside the file. What `check` finds wrong is wrong, now and later.
    pub fn open_for_files(
        path: Option<PathBuf>,
        secrets: Secrets,
        check: Check,
        report: impl FnMut(Problem),
    ) -> Option<Self> {
        Self::read(path?, secrets, Some(check), report)
    }

    fn read(
        path: PathBuf,
        secrets: Secrets,
        files: Option<Check>,
        report: impl FnMut(Problem),
    ) -> Option<Self> {
        let seen = Seen::read(&path, &secrets, files.is_some());
        let digest = seen.digest;
        match seen.checked(files) {
            Ok(found) => {
                let warehouses = warehouses(&found.partners).collect();
                Some(Self {
                    path,
                    secrets,
                    files,
                    current: Arc::new(found),
                    seen: digest,
                    warehouses,
                })
            }
            Err(problems) => {
                problems.into_iter().for_each(report);
                None
            }
        }
    }

    /// Follows the file from now on, and makes a `T` of it each time. Ends with the last [`Live`].
    pub fn follow<T: Send + Sync + 'static>(
        self,
        nats: &Nats,
        function: &'static str,
        registry: &mut Registry,
        make: impl Fn(&Arc<Configuration>) -> T + Send + 'static,
    ) -> Live<T> {
        let loaded = Family::<Label, Gauge>::default();
        let help = "1 for the partners' configuration in use, by the start of its SHA-256";
        registry.register("partners_configuration", help, loaded.clone());
        show(&loaded, &self.current.digest);
        let current = Arc::new(RwLock::new(Arc::new(make(&self.current))));
        let (live, left) = (Live { current: current.clone() }, Arc::downgrade(&current));
        let nats = nats.clone();
        tokio::spawn(async move {
            let mut source = self;
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(current) = left.upgrade() else { return };
                let (back, look) = match tokio::task::spawn_blocking(move || source.look()).await {
                    Ok(looked) => looked,
                    Err(error) => {
                        tracing::error!(%error, "the partners' configuration is no longer followed");
                        return;
                    }
                };
                source = back;
                match look {
                    Look::Same => {}
                    Look::New => {
                        let next = Arc::new(make(&source.current));
                        *current.write().unwrap_or_else(PoisonError::into_inner) = next;
                        show(&loaded, &source.current.digest);
                        let partners = source.current.partners.len();
                        tracing::info!(
                            partners,
                            digest = source.current.digest,
                            "partners read again"
                        );
                    }
                    Look::Bad(problems) => tell(&nats, function, &source.seen, &problems).await,
                }
            }
        });
        live
    }

    /// Blocks.
    fn look(mut self) -> (Self, Look) {
        let seen = Seen::read(&self.path, &self.secrets, self.files.is_some());
        if seen.digest == self.seen {
            return (self, Look::Same);
        }
        self.seen = seen.digest;
        // Of what was wrong in between and is put right again, nothing was taken over.
        let look = match seen.checked(self.files) {
            Ok(found) if found.seen == self.current.seen => Look::Same,
            Ok(found) => match moved(&self.warehouses, &found.partners) {
                problems if problems.is_empty() => {
                    self.warehouses.extend(warehouses(&found.partners));
                    self.current = Arc::new(found);
                    Look::New
                }
                problems => Look::Bad(problems),
            },
            Err(problems) => Look::Bad(problems),
        };
        (self, look)
    }
}

enum Look {
    Same,
    New,
    Bad(Vec<Problem>),
}

/// A warehouse is part of the subjects of a partner's orders: with another one, an order that was
/// placed could be placed again.
fn moved(before: &BTreeMap<PartnerId, WarehouseId>, now: &Partners) -> Vec<Problem> {
    let pairs = warehouses(now).filter_map(|(name, now)| Some((before.get(&name)?, name, now)));
    let moved = pairs.filter(|(before, _, now)| now != *before);
    let problem = |(before, name, _): (&WarehouseId, PartnerId, _)| {
        let reason = format!("was {before}; a partner's warehouse never changes");
        Problem::new(format!("partners.{name}.warehouse"), reason)
    };
    moved.map(problem).collect()
}

fn warehouses(partners: &Partners) -> impl Iterator<Item = (PartnerId, WarehouseId)> {
    partners.iter().map(|(name, partner)| (name.clone(), partner.warehouse.clone()))
}

fn show(loaded: &Family<Label, Gauge>, digest: &str) {
    loaded.clear();
    loaded.get_or_create(&Label { digest: digest.to_owned() }).set(1);
}

/// Once for what is wrong, whoever sees it first; every function that reads the file would.
async fn tell(nats: &Nats, function: &str, seen: &[u8; 32], problems: &[Problem]) {
    let digest = hex::encode(seen);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    tracing::error!(?problems, "the partners' configuration is wrong; the one before still holds");
    let subject = subject::alert("partners", &digest);
    let alert = Alert { alert: "partners", function, digest: &digest, problems };
    let source = format!("/functions/{function}");
    let event = Event::new(subject.clone(), &source, events::ALERT_PARTNERS, &subject, alert);
    if let Err(error) = one(nats, &Outgoing::new(subject, event.to_bytes()), Some(0)).await {
        tracing::warn!(%error, "the alert is not stored");
    }
}
