//! The only place that writes to standard output and error.

use std::io::Write as _;

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// A line of the answer. A reader that has gone away is no error.
pub(crate) fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// The answer for scripts.
pub(crate) fn json(value: &impl Serialize) {
    line(serde_json::to_string(value).expect("answers have only string keys"));
}

/// A line about what happens, for people; scripts read standard output.
pub(crate) fn note(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Where an answer's text for people goes: standard output, or beside it where that is for a program.
pub(crate) type Say = fn(&dyn std::fmt::Display);

/// Prints a table; numbers in the columns `right` (from 0) stand to the right.
pub(crate) fn table(head: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) {
    table_to(|text| line(text), head, right, rows);
}

/// The same, elsewhere.
pub(crate) fn table_to(
    say: Say,
    head: &[&str],
    right: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    let last = head.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { 2 }));
        if right.contains(&number) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    say(&table.trim_fmt());
}

/// A progress bar on standard error; nothing is drawn where nobody looks.
pub(crate) fn progress(length: u64, template: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    bar.set_style(ProgressStyle::with_template(template).expect("the templates are our own"));
    bar
}
