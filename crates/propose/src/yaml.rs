//! The proposal as YAML that a person can read and correct.

use std::fmt::Write as _;

use domain::PartnerId;
use domain::partner::{Encoding, QuoteEscape};
use serde_json::{Value, json};

use super::guess::Guess;
use super::proposal::Proposal;

/// Width of a line before its comment.
const WIDTH: usize = 44;

impl Proposal {
    /// The configuration, with the reason for every guess as a comment.
    pub fn yaml(&self, name: &PartnerId, file: &str) -> String {
        let mut lines = Lines(String::new());
        lines.plain(
            0,
            &format!(
                "# Proposed for {}; a look at every line that is not sure pays.",
                one_line(file)
            ),
        );
        lines.plain(0, "partners:");
        lines.plain(1, &format!("{name}:"));
        lines.guess(2, "currency", &self.currency, Clone::clone);
        lines.guess(2, "time-zone", &self.time_zone, Clone::clone);
        lines.noted(
            2,
            "stock: if-known",
            "likely: products whose stock was never set are not checked",
        );
        self.file(&mut lines);
        lines.plain(2, "rules:");
        lines.guess(3, "customer-required", &self.customer_required, bool::to_string);
        lines.guess(3, "price-positive", &self.price_positive, bool::to_string);
        if let Some(duplicates) = &self.duplicates {
            lines.guess(3, "duplicates", duplicates, |what| quoted(what));
        }
        if let Some(prefix) = &self.return_prefix {
            lines.guess(3, "return-prefix", prefix, |prefix| quoted(prefix));
        }
        lines.noted(
            3,
            "on-bad-line: reject-order",
            "or drop-line: place the order without the line",
        );
        lines.noted(3, "policy: reject-rows", "or reject-file: one bad row refuses the file");
        lines.0
    }

    /// How a file is read.
    fn file(&self, lines: &mut Lines) {
        lines.plain(2, "file:");
        lines.guess(3, "delimiter", &self.delimiter, |c| quoted(&c.to_string()));
        lines.guess(3, "encoding", &self.encoding, |encoding| word(*encoding));
        if let Some(quotes) = &self.quotes {
            lines.guess(3, "quote", quotes, |(quote, _)| quoted(&quote.to_string()));
            if quotes.value.1 == QuoteEscape::Backslash {
                lines.guess(3, "quote-escape", quotes, |_| "backslash".to_owned());
            }
        }
        lines.guess(3, "decimal-mark", &self.decimal_mark, |c| quoted(&c.to_string()));
        if let Some(mark) = &self.thousands_mark {
            lines.guess(3, "thousands-mark", mark, |c| quoted(&c.to_string()));
        }
        if let Some(signs) = &self.currency_signs {
            lines.guess(3, "currency-signs", signs, |signs| list(signs));
        }
        if let Some(footer) = &self.footer_lines {
            lines.guess(3, "footer-lines", footer, usize::to_string);
        }
        if let Some(continued) = &self.continued_rows {
            lines.guess(3, "continued-rows", continued, bool::to_string);
        }
        if let Some(short) = &self.short_rows {
            lines.guess(3, "short-rows", short, |_| "fill".to_owned());
        }
        lines.guess(3, "dates", &self.dates, |formats| list(formats));
        if let Some(condition) = &self.condition {
            lines.plain(3, "transform:");
            lines.guess(4, "where", condition, |condition| quoted(condition));
        }
        lines.plain(3, "columns:");
        for (role, guess) in &self.columns {
            lines.guess(4, role.key(), guess, |name| quoted(name));
        }
        if let Some(column) = &self.currency_column {
            lines.guess(4, "currency", column, |name| quoted(name));
        }
        self.persons(lines);
        if !self.unused.is_empty() {
            let names: Vec<String> = self.unused.iter().map(|name| one_line(name)).collect();
            lines.plain(4, &format!("# not used: {}", names.join(", ")));
        }
    }

    /// The columns about the person who buys; those of an address below its name.
    fn persons(&self, lines: &mut Lines) {
        let names = |names: &Vec<String>| match names.as_slice() {
            [name] => quoted(name),
            names => list(names),
        };
        let mut before = "";
        for (column, guess) in &self.persons {
            let Some((address, part)) = column.key().split_once('.') else {
                lines.guess(4, column.key(), guess, names);
                continue;
            };
            if address != before {
                lines.plain(4, &format!("{address}:"));
                before = address;
            }
            lines.guess(5, part, guess, names);
        }
        for note in &self.notes {
            lines.plain(4, &format!("# {}", one_line(note)));
        }
    }

    /// The guesses, for scripts.
    pub fn guesses(&self) -> Vec<Value> {
        let mut all = vec![
            entry("currency", &self.currency, Clone::clone),
            entry("time-zone", &self.time_zone, Clone::clone),
            entry("file.delimiter", &self.delimiter, char::to_string),
            entry("file.encoding", &self.encoding, |encoding| word(*encoding)),
            entry("file.decimal-mark", &self.decimal_mark, char::to_string),
            entry("file.dates", &self.dates, |dates| dates.join(" | ")),
            entry("rules.customer-required", &self.customer_required, bool::to_string),
            entry("rules.price-positive", &self.price_positive, bool::to_string),
        ];
        let columns = self.columns.iter();
        all.extend(columns.map(|(role, guess)| {
            entry(&format!("file.columns.{}", role.key()), guess, Clone::clone)
        }));
        all.extend(self.persons.iter().map(|(column, guess)| {
            entry(&format!("file.columns.{}", column.key()), guess, |names| names.join(" | "))
        }));
        let quotes = self.quotes.as_ref();
        all.extend(
            quotes.map(|quotes| entry("file.quote", quotes, |(quote, _)| quote.to_string())),
        );
        let currency = self.currency_column.as_ref();
        all.extend(currency.map(|name| entry("file.columns.currency", name, Clone::clone)));
        let mark = self.thousands_mark.as_ref();
        all.extend(mark.map(|mark| entry("file.thousands-mark", mark, char::to_string)));
        let signs = self.currency_signs.as_ref();
        all.extend(signs.map(|signs| entry("file.currency-signs", signs, |signs| signs.join(" "))));
        let footer = self.footer_lines.as_ref();
        all.extend(footer.map(|lines| entry("file.footer-lines", lines, usize::to_string)));
        let continued = self.continued_rows.as_ref();
        all.extend(continued.map(|rows| entry("file.continued-rows", rows, bool::to_string)));
        let short = self.short_rows.as_ref();
        all.extend(short.map(|short| entry("file.short-rows", short, |_| "fill".to_owned())));
        let duplicates = self.duplicates.as_ref();
        all.extend(duplicates.map(|it| entry("rules.duplicates", it, Clone::clone)));
        let condition = self.condition.as_ref();
        all.extend(condition.map(|it| entry("file.transform.where", it, Clone::clone)));
        all.extend(
            self.return_prefix.as_ref().map(|p| entry("rules.return-prefix", p, Clone::clone)),
        );
        all
    }
}

fn entry<T>(setting: &str, guess: &Guess<T>, show: impl Fn(&T) -> String) -> Value {
    json!({"setting": setting, "value": show(&guess.value), "confidence": guess.trust,
        "reason": guess.why})
}

struct Lines(String);

impl Lines {
    fn plain(&mut self, depth: usize, text: &str) {
        writeln!(self.0, "{:indent$}{text}", "", indent = depth * 2).expect("a String takes all");
    }

    fn noted(&mut self, depth: usize, text: &str, note: &str) {
        let line = format!("{:indent$}{text}", "", indent = depth * 2);
        writeln!(self.0, "{line:<WIDTH$} # {}", one_line(note)).expect("a String takes all");
    }

    fn guess<T>(&mut self, depth: usize, key: &str, guess: &Guess<T>, show: impl Fn(&T) -> String) {
        let note = format!("{}: {}", guess.trust.as_str(), guess.why);
        self.noted(depth, &format!("{key}: {}", show(&guess.value)), &note);
    }
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn word(encoding: Encoding) -> String {
    match serde_json::to_value(encoding) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Text from a file must not end a comment or begin a line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// JSON strings are valid YAML strings.
fn quoted(text: &str) -> String {
    // JSON leaves characters as they are that YAML does not allow.
    let json = Value::from(text).to_string();
    let escaped = |c: char| match c {
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    json.chars().map(escaped).collect()
}
