//! Partners that are added and changed while a function runs.
//!
//! The file is read again every few seconds (a mounted secret changes without a word to the process)
//! and taken over only if all of it is right; otherwise the function goes on with what it had and
//! says so once in the log, in its figures and on `errors.alert.…`.

use super::{Problem, load, read_table, tables};
use crate::access::{Account, accounts};
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use messaging::publish::{Outgoing, one};
use messaging::{Event, Nats, events, subject};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Gives a secret by name, or why there is none.
pub type Secrets = Box<dyn Fn(&str) -> Result<String, String> + Send>;

/// What else a reader of files wants of a configuration: everything that is wrong. Partners whose secrets
/// are missing have no account.
pub type Check = fn(&Configuration) -> Vec<Problem>;

/// The configuration as it stands: partners, and the logins of those that have a folder.
#[derive(Debug, Default)]
pub struct Configuration {
    /// All partners.
    pub partners: Partners,
    /// Those that drop files.
    pub accounts: BTreeMap<PartnerId, Arc<Account>>,
    /// SHA-256 of the file, the first 16 hexadecimal digits.
    pub digest: String,
    /// SHA-256 of the file, and of all secrets and tables in use.
    seen: [u8; 32],
}

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
    /// is none; so it does when there is no path, which whoever reads the settings has reported.
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

/// What stands in the file, the secrets and the tables at one time.
struct Seen {
    digest: [u8; 32],
    /// Without the accounts of which something is missing.
    found: Option<Configuration>,
    problems: Vec<Problem>,
}

impl Seen {
    fn read(path: &Path, secrets: &Secrets, reads_files: bool) -> Self {
        let mut seen = Sha256::new();
        let wrong =
            |seen: Sha256, problems| Self { digest: seen.finalize().into(), found: None, problems };
        let yaml = match std::fs::read_to_string(path) {
            Ok(yaml) => yaml,
            Err(error) => {
                let (place, reason) = (path.display().to_string(), error.to_string());
                seen.update(&reason);
                return wrong(seen, vec![Problem { place, reason }]);
            }
        };
        seen.update(&yaml);
        let digest = shown(&seen.clone().finalize());
        let partners = match load(&yaml) {
            Ok(partners) => partners,
            Err(problems) => return wrong(seen, problems),
        };
        let mut problems = Vec::new();
        let mut accounts = accounts(&partners, reads_files, |name| match secrets(name) {
            Ok(secret) => {
                seen.update([0]);
                seen.update(&secret);
                Some(secret)
            }
            Err(reason) => {
                seen.update([1]);
                problems.push(Problem { place: format!("secret {name}"), reason });
                None
            }
        });
        let folder = path.parent().unwrap_or(path);
        for account in accounts.iter_mut().filter(|_| reads_files) {
            let table = |name: &str| {
                let table = read_table(folder, name)?;
                seen.update([0]);
                seen.update(&table);
                Ok(table)
            };
            match tables(&account.partner, &mut account.settings, table) {
                Ok(products) => {
                    account.products = products.map(Arc::new);
                    if let Some(format) = &account.settings.file {
                        account.format.clone_from(format);
                    }
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        let accounts =
            accounts.into_iter().map(|account| (account.partner.clone(), Arc::new(account)));
        let (accounts, seen) = (accounts.collect(), seen.finalize().into());
        let found = Some(Configuration { accounts, partners, digest, seen });
        Self { digest: seen, found, problems }
    }

    /// The configuration if all of it is right, else everything that is wrong.
    fn checked(self, files: Option<Check>) -> Result<Configuration, Vec<Problem>> {
        let Self { found, mut problems, .. } = self;
        if let (Some(found), Some(check)) = (&found, files) {
            problems.extend(check(found));
        }
        found.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

/// A warehouse is part of the subjects of a partner's orders: with another one, an order that was
/// placed could be placed again.
fn moved(before: &BTreeMap<PartnerId, WarehouseId>, now: &Partners) -> Vec<Problem> {
    let pairs = warehouses(now).filter_map(|(name, now)| Some((before.get(&name)?, name, now)));
    let moved = pairs.filter(|(before, _, now)| now != *before);
    let problem = |(before, name, _): (&WarehouseId, PartnerId, _)| Problem {
        place: format!("partners.{name}.warehouse"),
        reason: format!("was {before}; a partner's warehouse never changes"),
    };
    moved.map(problem).collect()
}

fn warehouses(partners: &Partners) -> impl Iterator<Item = (PartnerId, WarehouseId)> {
    partners.iter().map(|(name, partner)| (name.clone(), partner.warehouse.clone()))
}

/// What the metric `partners_configuration` says of a configuration: the first 16 hexadecimal digits of
/// its SHA-256.
#[must_use]
pub fn digest(yaml: &str) -> String {
    shown(&Sha256::digest(yaml))
}

fn shown(sha256: &[u8]) -> String {
    hex::encode(sha256).chars().take(16).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "partners:\n  A: {currency: EUR}\n";

    fn source(path: PathBuf) -> Source {
        Source::open(Some(path), Box::new(|_| Err("no secrets".into())), |wrong| panic!("{wrong}"))
            .unwrap()
    }

    #[test]
    fn a_change_is_taken_over_only_if_all_of_it_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        std::fs::write(&path, ONE).unwrap();
        let (source, look) = source(path.clone()).look();
        assert!(matches!(look, Look::Same));

        std::fs::write(&path, "partners:\n  A: {currency: euro}\n").unwrap();
        let (source, look) = source.look();
        let Look::Bad(problems) = look else { panic!("it was taken") };
        assert_eq!(problems[0].place, "partners.A.currency");
        assert_eq!(source.current.partners.len(), 1);
        let (source, look) = source.look();
        assert!(matches!(look, Look::Same), "it is said once");

        std::fs::write(&path, format!("{ONE}  B: {{currency: USD}}\n")).unwrap();
        let (source, look) = source.look();
        assert!(matches!(look, Look::New));
        assert_eq!(source.current.partners.len(), 2);
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(source.look().1, Look::Bad(..)));
    }

    #[test]
    fn what_the_reader_of_a_configuration_finds_wrong_is_not_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        std::fs::write(&path, ONE).unwrap();
        let check: Check = |found| {
            let wrong = found.partners.keys().filter(|name| name.as_str() == "B");
            wrong.map(|name| Problem { place: name.to_string(), reason: "wrong".into() }).collect()
        };
        let secrets: Secrets = Box::new(|_| Err("no secrets".into()));
        let open = |path, secrets| Source::open_for_files(Some(path), secrets, check, drop);
        let source = open(path.clone(), secrets).unwrap();
        std::fs::write(&path, format!("{ONE}  B: {{currency: USD}}\n")).unwrap();
        let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
        assert_eq!(problems[0].to_string(), "B: wrong");
        assert_eq!(source.current.partners.len(), 1);
        assert!(open(path, Box::new(|_| Err("no secrets".into()))).is_none());
    }

    #[test]
    fn a_partner_stays_with_its_warehouse() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        std::fs::write(&path, ONE).unwrap();
        let mut source = source(path.clone());
        let west = "partners:\n  A: {currency: EUR, warehouse: west}\n";
        // Also one that was away for a while.
        for before in [ONE, "partners:\n  B: {currency: EUR}\n"] {
            std::fs::write(&path, before).unwrap();
            source = source.look().0;
            std::fs::write(&path, west).unwrap();
            let (back, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
            source = back;
            assert_eq!(
                problems[0].to_string(),
                "partners.A.warehouse: was main; a partner's warehouse never changes"
            );
        }
    }

    #[test]
    fn a_secret_that_changes_is_a_change_and_a_missing_one_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        let yaml = "partners:
  A:
    currency: EUR
    sftp:
      host: h
      user: u
      host-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
      password-secret: a
    file:
      columns: {order-id: o, product-id: p, quantity: q, unit-price: u, ordered-at: d}
";
        std::fs::write(&path, yaml).unwrap();
        let secret = dir.path().join("a");
        std::fs::write(&secret, "one").unwrap();
        let place = secret.clone();
        let secrets: Secrets =
            Box::new(move |_| std::fs::read_to_string(&place).map_err(|error| error.to_string()));
        let source = Source::open(Some(path), secrets, |wrong| panic!("{wrong}")).unwrap();
        assert_eq!(source.current.accounts.len(), 1);
        std::fs::write(&secret, "two").unwrap();
        let (source, look) = source.look();
        assert!(matches!(look, Look::New));
        std::fs::remove_file(&secret).unwrap();
        let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
        assert_eq!(problems[0].place, "secret a");
        assert_eq!(source.current.accounts.len(), 1);
    }

    #[test]
    fn a_look_up_that_changes_is_a_change_and_a_missing_one_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        let yaml = "partners:
  A:
    currency: EUR
    sftp:
      host: h
      user: u
      host-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
      password-secret: a
    file:
      columns: {order-id: o, product-id: p, quantity: q, unit-price: u, ordered-at: d}
      transform: {look-ups: {x: x.csv}}
";
        std::fs::write(&path, yaml).unwrap();
        let table = dir.path().join("x.csv");
        std::fs::write(&table, "from,to\na,1\n").unwrap();
        let open = || {
            let secrets: Secrets = Box::new(|_| Ok("secret".into()));
            Source::open_for_files(Some(path.clone()), secrets, |_| Vec::new(), drop)
        };
        let looked_up = |source: &Source| {
            let account = source.current.accounts.values().next().unwrap();
            assert_eq!(account.settings.file.as_ref(), Some(&account.format));
            serde_json::to_string(&account.format.transform.as_ref().unwrap().look_ups).unwrap()
        };
        let source = open().unwrap();
        assert_eq!(looked_up(&source), r#"{"x":{"a":"1"}}"#);
        std::fs::write(&table, "from,to\na,2\n").unwrap();
        let (source, look) = source.look();
        assert!(matches!(look, Look::New));
        assert_eq!(looked_up(&source), r#"{"x":{"a":"2"}}"#);
        std::fs::remove_file(&table).unwrap();
        let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
        assert_eq!(problems[0].place, "partners.A.file.transform.look-ups.x");
        assert_eq!(looked_up(&source), r#"{"x":{"a":"2"}}"#);
        assert!(open().is_none());
    }

    #[test]
    fn only_who_reads_files_has_the_keys_of_encrypted_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("partners.yml");
        let yaml = "partners:
  A:
    currency: EUR
    sftp:
      host: h
      user: u
      host-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
      password-secret: a
    file:
      decrypt: {private-key-secret: b, passphrase-secret: c}
      columns: {order-id: o, product-id: p, quantity: q, unit-price: u, ordered-at: d}
";
        std::fs::write(&path, yaml).unwrap();
        let known = |names: &'static [&str]| -> Secrets {
            let found = |name: &str| names.contains(&name).then(|| format!("text of {name}"));
            Box::new(move |name| found(name).ok_or_else(|| "missing".into()))
        };
        let source = Source::open(Some(path.clone()), known(&["a"]), |wrong| panic!("{wrong}"));
        assert!(source.unwrap().current.accounts.values().all(|account| account.keys.is_none()));
        let open = |secrets, report: &mut dyn FnMut(Problem)| {
            Source::open_for_files(Some(path.clone()), secrets, |_| Vec::new(), report)
        };
        let source = open(known(&["a", "b", "c"]), &mut |wrong| panic!("{wrong}")).unwrap();
        let keys = source.current.accounts.values().next().unwrap().keys.clone().unwrap();
        assert_eq!(keys.private_key, "text of b");
        assert_eq!(keys.passphrase.as_deref(), Some("text of c"));
        // All that are missing are said at once.
        let mut missing = Vec::new();
        assert!(open(known(&[]), &mut |wrong| missing.push(wrong.place)).is_none());
        assert_eq!(missing, ["secret a", "secret b", "secret c"]);
    }
}
