//! Writes to standard output and standard error; no other code does.

use std::borrow::Cow;
use std::io::Write as _;

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Shown before commands of another program.
pub const NATS_CLI: &str = "with the NATS command line, which is not part of orderflow \
                                   (https://github.com/nats-io/natscli)";

/// Prints a line of the answer. A reader that has closed the pipe is not an error.
pub fn line(text: impl std::fmt::Display) {
    let text = text.to_string();
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{}", plain(&text)).and_then(|()| out.flush()));
}

/// Escapes text for a terminal. Partners choose the names and contents of files: a control character
/// could move the cursor, and a direction mark could reverse the following text.
fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Escapes a name for use within one line.
pub fn name(name: &str) -> Cow<'_, str> {
    escaped(name, |_| false)
}

fn escaped(text: &str, allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    escaped_as(text, allowed, |c| c.escape_default().to_string())
}

fn escaped_as(
    text: &str,
    allowed: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_bad = |c: char| (c.is_control() && !allowed(c)) || turns(c);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_bad(c) {
            escaped.push_str(&escape(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Prints the answer for scripts.
pub fn json(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("answers have only string keys");
    // Also escapes what JSON allows unescaped; the meaning is the same.
    line(escaped_as(&text, |_| false, |c| format!("\\u{:04x}", u32::from(c))));
}

/// A number with a noun in the singular, which gets an `s` if needed.
pub fn count(count: impl std::fmt::Display, what: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A size for people: `58.1 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    let (unit, name) = match bytes {
        bytes if bytes >= GIB => (GIB, "GiB"),
        bytes if bytes >= GIB >> 10 => (GIB >> 10, "MiB"),
        _ => (GIB >> 20, "KiB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

/// Prints a progress line for people to standard error; scripts read standard output.
pub fn note(text: impl std::fmt::Display) {
    let text = text.to_string();
    drop(writeln!(std::io::stderr().lock(), "{}", plain(&text)));
}

/// Where text for people goes: standard output, or standard error if a program reads that.
pub type Say = fn(&dyn std::fmt::Display);

/// Prints a table; the columns `right` (from 0) are right-aligned.
pub fn table(head: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) {
    table_to(|text| line(text), head, right, rows);
}

/// Prints a table with `say`.
pub fn table_to(
    say: Say,
    head: &[&str],
    right: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|name| name.to_uppercase()));
    let plain = |cell: String| plain(&cell).into_owned();
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(plain).collect::<Vec<_>>()));
    let last = head.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { 2 }));
        if right.contains(&number) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    say(&table.trim_fmt());
}

/// A progress bar on standard error; drawn only on a terminal.
pub fn progress(length: u64, template: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    bar.set_style(ProgressStyle::with_template(template).expect("the templates are our own"));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let texts = [0, 1, 2].map(|n| count(n, "refused order"));
        assert_eq!(texts, ["0 refused orders", "1 refused order", "2 refused orders"]);
    }

    #[test]
    fn names_of_partners_are_escaped_for_a_terminal() {
        let bad = "a\u{1b}[2J\u{9b}1m\u{7}\n\u{202e}vsc.b";
        assert_eq!(plain(bad), "a\\u{1b}[2J\\u{9b}1m\\u{7}\n\\u{202e}vsc.b");
        assert_eq!(name(bad), "a\\u{1b}[2J\\u{9b}1m\\u{7}\\n\\u{202e}vsc.b");
        for good in ["orders ünï 2024.csv", "✓ a → b"] {
            assert_eq!((plain(good), name(good)), (good.into(), good.into()));
        }
        thread_local! {
            static SAID: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
        }
        let say: Say = |text| SAID.with_borrow_mut(|said| *said = text.to_string());
        table_to(say, &["file", "state"], &[], [vec!["\u{1b}[31m.csv".into(), "done".into()]]);
        let said = SAID.with_borrow(Clone::clone);
        assert!(said.contains("\\u{1b}[31m.csv  done"), "{said}");
    }
}
