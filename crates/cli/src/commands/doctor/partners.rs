//! The partners' folders: server, host key, login, folders, clock.

use std::path::Path;
use std::time::Duration;

use deploy::policies;
use domain::PartnerId;
use domain::partner::Sftp;
use futures_util::future::join_all;
use intake::complete::Kind;
use intake::partners::Problem;
use intake::sftp::{Error, Limits, Login, Session};
use machine::clock;
use stack::sources;

use super::clocks;
use super::finding::Finding;
use super::site::Site;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    call: Duration::from_secs(10),
    keep_alive: Duration::from_secs(15),
};

pub(super) async fn look(site: &Site) -> Vec<Finding> {
    let Some(path) = &site.partners else {
        return vec![Finding::warning("partners", "not looked at", "--partners FILE")];
    };
    let mut findings = Vec::new();
    let what = format!("partners of {}", path.display());
    let partners = intake::partners::configured(Some(path), |wrong| {
        let todo = "correct it; no function starts with it";
        findings.push(Finding::bad(&what, wrong.to_string(), todo));
    });
    if findings.is_empty() {
        findings.push(Finding::good(&what, format!("{} configured", partners.len())));
    }
    findings.extend(site.partners_file.iter().flat_map(|path| taken_over(path)));
    let clashes = policies::clashes(partners.iter()).into_iter();
    let todo = "give them the same `stock`, or warehouses of their own, if that is not meant";
    findings.extend(clashes.map(|clash| Finding::warning("stock policies", clash.text, todo)));
    let deaf = policies::without_folder(&partners);
    if !deaf.is_empty() {
        let text = policies::deaf(&deaf);
        let todo = policies::GIVE_FOLDER;
        findings.push(Finding::warning("partners' folders", text, todo));
    }
    let Some(secrets) = &site.secrets else {
        let todo = "--secrets-dir DIR";
        findings.push(Finding::warning("partners' folders", "not looked at", todo));
        return findings;
    };
    let looks = partners.into_iter().filter_map(|(name, partner)| {
        let (server, secrets) = (partner.sftp?, secrets.clone());
        let look = move || of_partner(&name, &server, &secrets);
        Some(tokio::task::spawn_blocking(look))
    });
    for found in join_all(looks).await {
        let panicked = |_| vec![Finding::bad("partners' folders", "the check panicked", "")];
        findings.extend(found.unwrap_or_else(panicked));
    }
    findings
}

/// Can `up` take over the user's file? Each thing that is wrong is a finding.
fn taken_over(path: &Path) -> Vec<Finding> {
    let what = format!("partners of {}", path.display());
    let tables = match std::fs::read_to_string(path) {
        Ok(text) => sources::tables(&text, path.parent().unwrap_or(Path::new(""))),
        Err(error) => Err(vec![Problem::new(path.display().to_string(), error.to_string())]),
    };
    let Err(problems) = tables else { return vec![Finding::good(what, "valid")] };
    let wrong = |problem: Problem| {
        let text = format!("not taken over, what was before still holds: {problem}");
        let todo =
            format!("correct it; then: orderflow partners reload --partners {}", path.display());
        Finding::bad(&what, text, todo)
    };
    problems.into_iter().map(wrong).collect()
}

/// Blocks.
fn of_partner(name: &PartnerId, server: &Sftp, secrets: &Path) -> Vec<Finding> {
    let what = format!("partner {name}");
    match enter(server, secrets) {
        Ok(session) => folders(&what, server, &session),
        Err(Closed::Secret(secret, error)) => {
            let text = format!("the secret {secret} cannot be read: {error}");
            vec![Finding::bad(what, text, format!("put it into {}", secrets.display()))]
        }
        Err(Closed::Server(error)) => vec![Finding::bad(what, error.to_string(), todo(&error))],
    }
}

enum Closed {
    Secret(String, std::io::Error),
    Server(Error),
}

fn enter(server: &Sftp, secrets: &Path) -> Result<Session, Closed> {
    let read = |name: &Option<String>| {
        let name = name.clone()?;
        let text = std::fs::read_to_string(secrets.join(&name));
        Some(text.map_err(|error| Closed::Secret(name, error)))
    };
    let (key, password) = (read(&server.private_key_secret), read(&server.password_secret));
    let (key, password) = (key.transpose()?, password.transpose()?);
    let login = match (&key, &password) {
        (Some(key), _) => Login::PrivateKey(key.trim()),
        (None, password) => Login::Password(password.as_deref().unwrap_or_default().trim()),
    };
    Session::connect(server, login, LIMITS).map_err(Closed::Server)
}

fn todo(error: &Error) -> &'static str {
    match error {
        Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Disconnected { .. } => {
            "see whether the server runs, and whether host and port in partners.yml are right"
        }
        Error::HostKey { .. } => {
            "ask the partner for the server's fingerprint by another way; only if it is the \
             presented one, change host-key in partners.yml"
        }
        Error::BadHostKey { .. } => "write host-key as in known_hosts: ssh-ed25519 AAAA…",
        Error::Login { .. } => {
            "see whether user and secret belong together, and whether the partner knows the key"
        }
        Error::Denied { .. } => "ask the partner for the permission",
        Error::NotFound { .. } => "make the folder, or correct path in partners.yml",
        Error::NoSpace { .. } => "ask the partner to make room",
        Error::Exists { .. }
        | Error::Path { .. }
        | Error::NotAFile { .. }
        | Error::Protocol { .. } => "see the log of the partner's server",
    }
}

fn folders(what: &str, server: &Sftp, session: &Session) -> Vec<Finding> {
    let place = format!("{}:{} as {}", server.host, server.port, server.user);
    let mut there = Vec::new();
    // The others are made when they are needed.
    for folder in ["inbox", "depot", "archive", "quarantine"] {
        match session.stat(folder) {
            Ok(Some(entry)) if entry.kind == Kind::Directory => there.push(folder),
            Ok(Some(_)) => {
                let text = format!("{place}: {folder} is no folder");
                return vec![Finding::bad(what, text, "ask the partner to move it away")];
            }
            Ok(None) if folder == "inbox" => {
                let text = format!("{place}: there is no folder inbox");
                let todo = "make it, or correct path in partners.yml";
                return vec![Finding::bad(what, text, todo)];
            }
            Ok(None) => {}
            Err(error) => {
                let text = format!("{place}: {error}");
                return vec![Finding::bad(what, text, todo(&error))];
            }
        }
    }
    let before = clock::now().timestamp();
    // Results are written there, so it has to be possible.
    let written = if there.contains(&"depot") { "depot" } else { "inbox" };
    let now = match session.now(written) {
        Ok(now) => i64::try_from(now).unwrap_or(i64::MAX),
        Err(error) => {
            let text = format!("{place}: {written} cannot be written: {error}");
            return vec![Finding::bad(what, text, todo(&error))];
        }
    };
    // Its clock has whole seconds.
    let ahead_ms = now.saturating_sub(before).saturating_mul(1_000);
    let text = format!("{place}: {}", there.join(", "));
    vec![Finding::good(what, text), clocks::finding(&format!("clock of {what}"), ahead_ms)]
}
