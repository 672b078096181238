//! Reads the environment; no other code does.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::secret::Secret;

/// Where OpenFaaS mounts secrets; `ORDERFLOW_SECRETS_DIR` changes it.
pub const SECRETS_DIR: &str = "/var/openfaas/secrets";

/// The address of NATS, or several addresses separated by commas.
const NATS_URL: &str = "ORDERFLOW_NATS_URL";

/// Largest secret: the limit of a Kubernetes secret.
const SECRET_BYTES_MAX: u64 = 1024 * 1024;

/// Longest time that a setting in seconds may have.
const SECONDS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Settings and secrets by name. It collects all problems, so that they are reported together.
///
/// An empty variable counts as not set. A function reads its settings like this:
///
/// ```
/// # use runtime::{Env, EnvError, Secret};
/// struct Settings { rows_max: u64, nats_url: String, key: Secret }
///
/// fn from_env(env: &mut Env) -> Result<Settings, EnvError> {
///     let rows_max = env.or("ORDERFLOW_ROWS_MAX", 100_000);
///     let nats_url = env.required("ORDERFLOW_NATS_URL");
///     let key = env.secret("sftp-key");
///     env.finish(|| Some(Settings { rows_max, nats_url: nats_url?, key: key? }))
/// }
///
/// let error = from_env(&mut Env::from_pairs([("ORDERFLOW_ROWS_MAX", "many")])).err().unwrap();
/// assert!(error.to_string().contains(r#"ORDERFLOW_ROWS_MAX: "many": invalid digit"#));
/// assert!(error.to_string().contains("ORDERFLOW_NATS_URL: not set"));
/// assert!(error.to_string().contains("secret sftp-key: "));
/// ```
#[derive(Debug)]
pub struct Env {
    variables: HashMap<OsString, OsString>,
    secrets: HashMap<String, Secret>,
    asked: BTreeSet<String>,
    problems: Vec<SettingProblem>,
}

/// All problems with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EnvError {
    /// In the order in which the settings were read.
    pub problems: Vec<SettingProblem>,
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// The name of the variable, or `secret NAME`.
    pub name: String,
    /// Why it cannot be used.
    pub reason: String,
}

impl Env {
    /// The environment of this process.
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// An environment made of `pairs`: for several functions in one process, and for tests.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: variables.collect(),
            secrets: HashMap::new(),
            asked: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Sets a secret without a file.
    #[must_use]
    pub fn with_secret(mut self, name: &str, text: &str) -> Self {
        self.secrets.insert(name.to_owned(), Secret::new(text));
        self
    }

    /// A required setting.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match self.read(name) {
            Ok(None) => {
                self.problem(name, "not set");
                None
            }
            Ok(value) => value,
            Err(Unusable) => None,
        }
    }

    /// An optional setting. Also `None` when it cannot be read; `finish` then fails.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read(name).unwrap_or(None)
    }

    /// A setting with a default.
    pub fn or<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.optional(name).unwrap_or(default)
    }

    /// A time in seconds; decimals are allowed.
    pub fn seconds(&mut self, name: &str, default: Duration) -> Duration {
        let Some(seconds) = self.optional::<f64>(name) else { return default };
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) if duration <= SECONDS_MAX => duration,
            Ok(_) => {
                self.problem(name, format!("{seconds}: more than {} s", SECONDS_MAX.as_secs()));
                default
            }
            Err(error) => {
                self.problem(name, format!("{seconds}: {error}"));
                default
            }
        }
    }

    /// A required secret: the file `<secrets directory>/<name>`, which must not be empty.
    pub fn secret(&mut self, name: &str) -> Option<Secret> {
        let problems = self.problems.len();
        let secret = self.optional_secret(name);
        if secret.is_none() && self.problems.len() == problems {
            let dir = self.secrets_dir();
            self.problem(format!("secret {name}"), format!("no such file in {}", dir.display()));
        }
        secret
    }

    /// An optional secret. If the file exists, it must be readable and not empty.
    pub fn optional_secret(&mut self, name: &str) -> Option<Secret> {
        self.asked.insert(format!("secret {name}"));
        let read = match self.secrets.get(name) {
            Some(secret) => Ok(Some(secret.clone())),
            None => read_secret(&self.secrets_dir().join(name)),
        };
        match read {
            Ok(Some(secret)) if secret.expose().is_empty() => {
                self.problem(format!("secret {name}"), "empty");
                None
            }
            Ok(secret) => secret,
            Err(reason) => {
                self.problem(format!("secret {name}"), reason);
                None
            }
        }
    }

    /// All secrets whose names begin with `prefix`, sorted by the rest of the name. The installation
    /// decides which ones exist, so none is required; existing files must be readable and not empty.
    pub fn secrets_named(&mut self, prefix: &str) -> Vec<(String, Secret)> {
        let files = std::fs::read_dir(self.secrets_dir()).into_iter().flatten().flatten();
        let files = files.filter_map(|file| file.file_name().into_string().ok());
        let given = self.secrets.keys().cloned();
        let names: BTreeSet<String> =
            given.chain(files).filter(|name| name.starts_with(prefix)).collect();
        let of = |name: String| {
            let rest = name.strip_prefix(prefix).filter(|rest| !rest.is_empty())?.to_owned();
            Some((rest, self.optional_secret(&name)?))
        };
        names.into_iter().filter_map(of).collect()
    }

    /// Returns a function that reads secrets later, like [`Env::secret`] does now.
    pub fn secrets(&self) -> impl Fn(&str) -> Result<Secret, String> + Send + use<> {
        let (dir, given) = (self.secrets_dir(), self.secrets.clone());
        move |name| match given.get(name) {
            Some(secret) => Ok(secret.clone()),
            None => match read_secret(&dir.join(name))? {
                Some(secret) if secret.expose().is_empty() => Err("empty".to_owned()),
                Some(secret) => Ok(secret),
                None => Err(format!("no such file in {}", dir.display())),
            },
        }
    }

    /// The directory of the secrets.
    pub fn secrets_dir(&self) -> PathBuf {
        let set = self.variables.get(OsStr::new("ORDERFLOW_SECRETS_DIR"));
        set.filter(|dir| !dir.is_empty()).map_or_else(|| PathBuf::from(SECRETS_DIR), PathBuf::from)
    }

    /// All settings that were requested so far, set or not: names of variables, and `secret NAME`.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().map(String::as_str)
    }

    /// The address of NATS with the login of `user`: the addresses in `ORDERFLOW_NATS_URL`, and the
    /// password from the secret `nats-<user>`, if it exists. A function on OpenFaaS cannot get a
    /// variable from a secret, so its password is a file. Addresses that already contain a user are not
    /// changed.
    pub fn nats_url(&mut self, user: &str) -> Option<String> {
        let urls: Option<String> = self.required(NATS_URL);
        let password = self.optional_secret(&format!("nats-{user}"));
        let urls = urls?;
        let Some(password) = password else { return Some(urls) };
        if urls.contains('@') {
            return Some(urls);
        }
        let login = |url: &str| {
            let url = url.trim();
            let (scheme, host) = url.split_once("://").unwrap_or(("nats", url));
            format!("{scheme}://{user}:{}@{host}", percent_encoded(password.expose()))
        };
        Some(urls.split(',').map(login).collect::<Vec<_>>().join(","))
    }

    /// Adds a problem that only the caller can detect, such as two settings that exclude each other.
    pub fn problem(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(SettingProblem { name: name.into(), reason: reason.into() });
    }

    /// Ends the reading: returns the settings made by `settings`, or all problems so far.
    ///
    /// # Errors
    /// If there are problems. They are returned once: a second `finish` starts without problems.
    pub fn finish<T>(&mut self, settings: impl FnOnce() -> Option<T>) -> Result<T, EnvError> {
        if self.problems.is_empty() {
            if let Some(settings) = settings() {
                return Ok(settings);
            }
            self.problem("settings", "a required value is missing");
        }
        Err(EnvError { problems: std::mem::take(&mut self.problems) })
    }

    /// `Ok(None)` when the variable is not set or empty; adds a problem before it returns `Unusable`.
    fn read<T>(&mut self, name: &str) -> Result<Option<T>, Unusable>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.asked.insert(name.to_owned());
        let Some(value) = self.variables.get(OsStr::new(name)) else { return Ok(None) };
        let Some(text) = value.to_str() else {
            self.problem(name, "not UTF-8");
            return Err(Unusable);
        };
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse::<T>().map_err(|error| format!("{text:?}: {error}"));
        parsed.map(Some).map_err(|reason| {
            self.problem(name, reason);
            Unusable
        })
    }
}

/// The value is set but cannot be used; the problem has been added.
struct Unusable;

/// Encodes a part of a URL.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

fn read_secret(path: &Path) -> Result<Option<Secret>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut bytes = Vec::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| SECRET_BYTES_MAX < len) {
        return Err(format!("{}: more than {SECRET_BYTES_MAX} bytes", path.display()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("{}: not UTF-8", path.display()))?;
    Ok(Some(Secret::new(text)))
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let gap = if i == 0 { "" } else { "\n" };
            write!(f, "{gap}{}: {}", problem.name, problem.reason)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(pairs: &[(&str, &str)], read: impl FnOnce(&mut Env)) -> String {
        let mut env = Env::from_pairs(pairs.iter().copied());
        read(&mut env);
        env.finish(|| Some(())).map_or_else(|error| error.to_string(), |()| "none".to_owned())
    }

    #[test]
    fn all_problems_are_reported_at_once_by_name() {
        let found = problems(&[("A", "many"), ("C", " "), ("D", "-1")], |env| {
            env.or("A", 5_u64);
            env.required::<String>("B");
            env.required::<String>("C");
            env.seconds("D", Duration::ZERO);
        });
        let expected = "A: \"many\": invalid digit found in string\nB: not set\nC: not set\n\
                        D: -1: cannot convert float seconds to Duration: value is negative";
        assert_eq!(found, expected);
    }

    #[test]
    fn a_function_logs_in_to_nats_with_its_secret() {
        let url = |urls: &str, password: Option<&str>| {
            let env = Env::from_pairs([("ORDERFLOW_NATS_URL", urls)]);
            let mut env = match password {
                Some(password) => env.with_secret("nats-billing", password),
                None => env,
            };
            env.nats_url("billing")
        };
        assert_eq!(url("nats://a:4222", None).as_deref(), Some("nats://a:4222"));
        assert_eq!(url("nats://a:4222", Some("p1")).as_deref(), Some("nats://billing:p1@a:4222"));
        let two = url("nats://a:4222, tls://b", Some("a@/:,%"));
        let password = "billing:a%40%2F%3A%2C%25";
        assert_eq!(two, Some(format!("nats://{password}@a:4222,tls://{password}@b")));
        assert_eq!(url("nats://me:x@a", Some("p1")).as_deref(), Some("nats://me:x@a"));
        assert_eq!(url("", Some("p1")), None);
    }

    #[test]
    fn defaults_are_no_problem() {
        let found = problems(&[("A", ""), ("B", "0.25"), ("C", " 7 ")], |env| {
            assert_eq!(env.or("A", 5_u64), 5);
            assert_eq!(env.seconds("B", Duration::ZERO), Duration::from_millis(250));
            assert_eq!(env.optional::<u64>("C"), Some(7));
            assert_eq!(env.optional::<u64>("D"), None);
            assert_eq!(env.optional_secret("missing"), None);
        });
        assert_eq!(found, "none");
    }

    #[test]
    fn infinite_and_too_long_times_are_refused() {
        for value in ["inf", "NaN", "1e300", "604801"] {
            let found = problems(&[("A", value)], |env| {
                env.seconds("A", Duration::ZERO);
            });
            assert!(found.starts_with("A: "), "{value}: {found}");
        }
    }

    #[test]
    fn secrets_come_trimmed_from_files_and_bad_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("good"), "hunter2\n").unwrap();
        std::fs::write(dir.path().join("empty"), " \n").unwrap();
        std::fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
        let place = dir.path().to_str().unwrap();
        let found = problems(&[("ORDERFLOW_SECRETS_DIR", place)], |env| {
            assert_eq!(env.secret("good").unwrap().expose(), "hunter2");
            for name in ["empty", "binary", "missing"] {
                assert_eq!(env.secret(name), None);
            }
        });
        let expected = format!(
            "secret empty: empty\nsecret binary: {place}/binary: not UTF-8\n\
             secret missing: no such file in {place}"
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn secrets_that_are_read_later_on_are_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().to_str().unwrap();
        let env = Env::from_pairs([("ORDERFLOW_SECRETS_DIR", place)]).with_secret("given", "x");
        let secrets = env.secrets();
        assert_eq!(secrets("given").unwrap().expose(), "x");
        assert_eq!(secrets("key").unwrap_err(), format!("no such file in {place}"));
        for (text, expected) in [("one\n", Ok("one")), ("two", Ok("two")), (" ", Err("empty"))] {
            std::fs::write(dir.path().join("key"), text).unwrap();
            let found = secrets("key");
            assert_eq!(
                found.as_ref().map(Secret::expose),
                expected.map_err(String::from).as_ref().map(|t| *t)
            );
        }
    }
}
