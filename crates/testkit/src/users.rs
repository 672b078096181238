//! The users of a test's nats-server: what production refuses to a function is refused in its tests.

use messaging::rights::Rights;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who may do everything, like the set-up in production.
const ADMIN: &str = "setup";

/// The block of nats-server's configuration: an administrator, and the function `name` with its rights. A
/// user's password is its name.
pub(crate) fn authorization(name: &str, rights: &Rights) -> String {
    let admin = format!("{{ user: {ADMIN}, password: {ADMIN} }}");
    let function = rights.user(name, &format!("\"{name}\""));
    format!("authorization {{\n  users: [\n{admin}\n{function}  ]\n}}\n")
}

/// `url`, which may be several, with the login of the administrator or of another user.
pub(crate) fn login(url: &str, user: Option<&str>) -> String {
    let user = user.unwrap_or(ADMIN);
    url.replacen("://", &format!("://{user}:{user}@"), 1)
}

/// What servers refused to their users. A test in which something was refused fails when this is dropped,
/// unless it has asked for the refusals.
#[derive(Debug)]
pub(crate) struct Refusals {
    logs: Vec<PathBuf>,
    is_asked: AtomicBool,
}

impl Refusals {
    pub(crate) fn of(logs: Vec<PathBuf>) -> Self {
        Self { logs, is_asked: AtomicBool::new(false) }
    }

    /// Lines of the servers' logs.
    pub(crate) fn ask(&self) -> Vec<String> {
        self.is_asked.store(true, Ordering::Relaxed);
        let text = |log: &PathBuf| std::fs::read_to_string(log).unwrap_or_default();
        let logs: String = self.logs.iter().map(text).collect();
        logs.lines().filter(|line| line.contains("Violation")).map(str::to_owned).collect()
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        if !*self.is_asked.get_mut() && !std::thread::panicking() {
            let refused = self.ask();
            assert!(refused.is_empty(), "the function's RIGHTS lack something: {refused:#?}");
        }
    }
}
