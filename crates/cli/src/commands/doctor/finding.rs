//! One line of the report.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Value, json};
use terminal::output::NATS_CLI;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it has to be.
    Good,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, or breaks a promise.
    Bad,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    what: String,
    text: String,
    todo: String,
}

impl Finding {
    pub(super) fn good(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), text: text.into(), todo: String::new() }
    }

    pub(super) fn warning(
        what: impl Into<String>,
        text: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, todo: todo.into(), ..Self::good(what, text) }
    }

    pub(super) fn bad(
        what: impl Into<String>,
        text: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Bad, todo: todo.into(), ..Self::good(what, text) }
    }

    pub(super) fn json(&self) -> Value {
        let level = match self.level {
            Level::Good => "ok",
            Level::Warning => "warning",
            Level::Bad => "failed",
        };
        let todo = (!self.todo.is_empty()).then(|| with_tools(&self.todo));
        json!({"level": level, "what": self.what, "text": self.text, "do": todo})
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Good => "✓",
            Level::Warning => "!",
            Level::Bad => "✗",
        };
        write!(f, "{mark} {}: {}", self.what, self.text)?;
        if self.todo.is_empty() { Ok(()) } else { write!(f, " → {}", with_tools(&self.todo)) }
    }
}

/// Says what is needed for commands that are not of orderflow, Kubernetes or OpenFaaS.
fn with_tools(todo: &str) -> Cow<'_, str> {
    if ["nats stream ", "nats consumer ", "nats server "].iter().any(|part| todo.contains(part)) {
        return format!("{NATS_CLI}: {todo}").into();
    }
    todo.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_says_what_to_do() {
        let bad = Finding::bad("stream ORDERS", "missing", "orderflow setup");
        assert_eq!(bad.to_string(), "✗ stream ORDERS: missing → orderflow setup");
        assert_eq!(bad.json()["level"], "failed");
        let good = Finding::good("gateway", "answers");
        assert_eq!(good.to_string(), "✓ gateway: answers");
        assert_eq!(good.json()["do"], Value::Null);
        let foreign = Finding::bad("stream ORDERS", "full", "nats stream info ORDERS").to_string();
        let expected = "✗ stream ORDERS: full → with the NATS command line, which is not part of \
                        orderflow (https://github.com/nats-io/natscli): nats stream info ORDERS";
        assert_eq!(foreign, expected);
        assert_eq!(
            Finding::warning("clock", "3 s off", "ntp").to_string(),
            "! clock: 3 s off → ntp"
        );
    }
}
