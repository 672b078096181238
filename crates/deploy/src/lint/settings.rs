//! Settings and secrets, by asking the function in this program to read them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use messaging::address::Address;
use runtime::{BuildError, Env, ServerSettings};
use stack::catalogue;

use super::finding::{Findings, Rule};
use super::function::Function;
use super::nearest::nearest;
use super::subject::Subject;
use intake::yaml::Node;

/// Never given: so reading the settings always ends before anything is connected.
const WITHHELD: &str = "ORDERFLOW_NATS_URL";
const PARTNERS: &str = "ORDERFLOW_PARTNERS";
/// A folder that is not there, so that every secret that a function needs is missing.
const NO_SECRETS: &str = "/nonexistent/orderflow";
/// Read by the shell of every function.
const SHELL: [&str; 2] = ["ORDERFLOW_LOG", "ORDERFLOW_SECRETS_DIR"];
/// Settings of of-watchdog, which is not in images of this template.
const WATCHDOG: [&str; 12] = [
    "exec_timeout",
    "read_timeout",
    "write_timeout",
    "healthcheck_interval",
    "max_inflight",
    "mode",
    "fprocess",
    "function_process",
    "upstream_url",
    "http_upstream_url",
    "ready_path",
    "prefix_logs",
];

/// What reading its settings tells about a function.
struct Reading {
    /// Names of variables, and `secret NAME`.
    asked: BTreeSet<String>,
    problems: Vec<(String, String)>,
}

pub(super) async fn look(function: &Function<'_>, subject: &Subject, findings: &mut Findings) {
    let members = function.node.get("environment").into_iter().flat_map(Node::members);
    let given: BTreeMap<&str, &str> =
        members.map(|(key, node)| (key.text.as_str(), node.text().unwrap_or_default())).collect();
    if function.lang() == "rust-http" {
        for name in WATCHDOG.iter().filter(|name| given.contains_key(**name)) {
            let line = function.line_in("environment", name);
            let path = function.path(&format!("environment.{name}"));
            let wrong = "is of of-watchdog, which this image does not have";
            findings.add(Rule::Watchdog, line, path, wrong, "see the settings in docs/OPENFAAS.md");
        }
    }
    if let Some(name) = catalogue::find(function.name) {
        let mounted = given.get(PARTNERS).and_then(|path| {
            path.strip_prefix(runtime::SECRETS_DIR).and_then(|rest| rest.strip_prefix('/'))
        });
        let reading = read(name, &given, subject.partners.clone()).await;
        address(function, &given, findings);
        variables(function, &given, &reading, findings);
        let tables = mounted.map(|_| tables(name, subject)).unwrap_or_default();
        secrets(function, mounted, tables, &reading, findings);
    }
    absent(function, subject, findings);
}

async fn read(
    name: &'static str,
    given: &BTreeMap<&str, &str>,
    partners: Option<PathBuf>,
) -> Reading {
    let mut variables: BTreeMap<String, String> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    variables.remove(WITHHELD);
    variables.insert("ORDERFLOW_SECRETS_DIR".to_owned(), NO_SECRETS.to_owned());
    let has_partners = partners.is_some();
    if let (Some(file), Some(path)) = (partners, variables.get_mut(PARTNERS)) {
        *path = file.display().to_string();
    }
    let mut env = Env::from_pairs(variables);
    ServerSettings::from_env(&mut env);
    let problems = match catalogue::build(name, &mut env).await {
        Err(BuildError::Settings(error)) => error.problems,
        Err(BuildError::Unavailable { .. }) | Ok(_) => Vec::new(),
    };
    let problems = problems.into_iter().map(|problem| (problem.name, problem.reason));
    // Without the file of partners, what is said of it is about this machine.
    let named = |(name, _): &(String, String)| {
        has_partners || name.starts_with("ORDERFLOW_") || name.starts_with("secret ")
    };
    let problems = problems.filter(|(name, _)| name != WITHHELD).filter(named).collect();
    Reading { asked: env.asked().map(str::to_owned).collect(), problems }
}

/// The URL of NATS is withheld from the function, so it is read here. What is said of it repeats no
/// part of it.
fn address(function: &Function<'_>, given: &BTreeMap<&str, &str>, findings: &mut Findings) {
    let Some(url) = given.get(WITHHELD) else { return };
    if let Err(error) = Address::check(url) {
        let line = function.line_in("environment", WITHHELD);
        let path = function.path(&format!("environment.{WITHHELD}"));
        let mend = "such as nats://USER:PASSWORD@nats.orderflow:4222";
        findings.add(Rule::Setting, line, path, error.to_string(), mend);
    }
}

fn variables(
    function: &Function<'_>,
    given: &BTreeMap<&str, &str>,
    reading: &Reading,
    findings: &mut Findings,
) {
    let path = |name: &str| function.path(&format!("environment.{name}"));
    for (name, reason) in &reading.problems {
        if name.starts_with("secret ") {
            continue;
        }
        let line = function.line_in("environment", name);
        findings.add(Rule::Setting, line, path(name), reason, "the function does not start");
    }
    if reading.asked.contains(WITHHELD) && !given.contains_key(WITHHELD) {
        let line = function.line_of("environment");
        findings.add(Rule::Setting, line, path(WITHHELD), "not set", "the function does not start");
    }
    let known = || reading.asked.iter().map(String::as_str).chain(SHELL);
    for name in given.keys().filter(|name| name.starts_with("ORDERFLOW_")) {
        if known().all(|known| known != *name) {
            let line = function.line_in("environment", name);
            let mend = nearest(name, known());
            findings.add(
                Rule::SettingUnknown,
                line,
                path(name),
                "the function does not read it",
                mend,
            );
        }
    }
}

/// The tables that partners name, which stand where the partners are mounted.
fn tables(function: &str, subject: &Subject) -> BTreeSet<String> {
    if function != file_transformer::NAME {
        return BTreeSet::new();
    }
    // What is wrong with the partners is found by reading the settings.
    let partners = intake::partners::configured(subject.partners.as_deref(), drop);
    let mut tables = BTreeSet::new();
    for (name, mut partner) in partners {
        drop(intake::partners::tables(&name, &mut partner, |table| {
            tables.insert(table.to_owned());
            Err("only its name is asked for".to_owned())
        }));
    }
    tables
}

fn secrets(
    function: &Function<'_>,
    mounted: Option<&str>,
    tables: BTreeSet<String>,
    reading: &Reading,
    findings: &mut Findings,
) {
    let secret = |name: &str| name.strip_prefix("secret ").map(str::to_owned);
    let mounted = mounted.filter(|_| reading.asked.contains(PARTNERS)).map(str::to_owned);
    let needed = reading.problems.iter().filter_map(|(name, _)| secret(name));
    let needed: BTreeSet<String> = needed.chain(mounted.clone()).chain(tables).collect();
    let asked = reading.asked.iter().filter_map(|name| secret(name));
    // Logins of partners are read later as well, and not asked for here.
    let asked: BTreeSet<String> = asked.chain(mounted).chain(needed.iter().cloned()).collect();
    let listed: BTreeMap<&str, usize> = function.secrets().collect();
    let path = function.path("secrets");
    for name in needed.iter().filter(|name| !listed.contains_key(name.as_str())) {
        let wrong = format!("the function needs {name:?}, which is not in its list");
        findings.add(Rule::SecretUnlisted, function.line_of("secrets"), &path, wrong, "add it");
    }
    for (name, line) in listed.iter().filter(|(name, _)| !asked.contains(**name)) {
        let wrong = format!("the function does not read {name:?}");
        let mend = "remove it: who breaks in finds only what the function has";
        findings.add(Rule::SecretUnused, *line, &path, wrong, mend);
    }
}

/// Secrets without a file where the files are said to be.
fn absent(function: &Function<'_>, subject: &Subject, findings: &mut Findings) {
    let Some(dir) = &subject.secrets else { return };
    for (name, line) in function.secrets() {
        let path = dir.join(name);
        let wrong = match std::fs::read(&path) {
            Ok(text) if !text.trim_ascii().is_empty() => continue,
            Ok(_) => format!("{} is empty", path.display()),
            Err(error) => format!("{}: {error}", path.display()),
        };
        let mend = format!("faas-cli secret create {name} --from-file …, before the function");
        findings.add(Rule::SecretAbsent, line, function.path("secrets"), wrong, mend);
    }
}
