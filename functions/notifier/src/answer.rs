//! What servers answer, in a form that is shown to people and kept: no addresses.

use lettre::transport::smtp::response::Response;

/// Longest answer that is kept, in characters.
const CHARS_MAX: usize = 300;
/// Fewest digits of a number that may be one of a telephone.
const DIGITS_MIN: usize = 7;
const HIDDEN: &str = "(address)";

/// The code and the words of a mail server.
pub(crate) fn shown(response: &Response, to: &str) -> String {
    let words: Vec<&str> = response.message().collect();
    scrubbed(&format!("{} {}", response.code(), words.join(" ")), to)
}

/// A text without the recipient, and without anything else that looks like an e-mail address or a telephone
/// number; control characters are blanks.
pub(crate) fn scrubbed(text: &str, to: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = if to.is_empty() { plain } else { replaced(&plain, to) };
    let mut out = String::new();
    let mut word = String::new();
    let is_end = |c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c);
    for c in plain.chars().chain([' ']) {
        if is_end(c) {
            out.push_str(if is_address(&word) { HIDDEN } else { &word });
            word.clear();
            out.push(c);
        } else {
            word.push(c);
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}

fn is_address(word: &str) -> bool {
    let is_number = word.strip_prefix('+').unwrap_or(word);
    let is_number = DIGITS_MIN <= is_number.len() && is_number.bytes().all(|b| b.is_ascii_digit());
    (word.contains('@') && word != HIDDEN) || (is_number && word.starts_with('+'))
}

/// Every part that is the recipient, in whatever capitals.
fn replaced(text: &str, to: &str) -> String {
    let (lower, to) = (text.to_ascii_lowercase(), to.to_ascii_lowercase());
    // A telephone number comes back with and without its plus.
    let to = to.trim_start_matches('+');
    let mut out = String::new();
    let mut rest = 0;
    for (at, found) in lower.match_indices(to) {
        out.push_str(text.get(rest..at).unwrap_or_default());
        out.push_str(HIDDEN);
        rest = at + found.len();
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_hold_no_address() {
        for (given, to, expected) in [
            (
                "550 5.1.1 <Ann@Example.org>: unknown",
                "ann@example.org",
                "550 5.1.1 <(address)>: unknown",
            ),
            ("550 bob@other.org is full", "ann@example.org", "550 (address) is full"),
            ("to=33612345678 queued as 77", "+33612345678", "to=(address) queued as 77"),
            ("call +33698765432 please", "", "call (address) please"),
            (
                "250 2.0.0 Ok: queued as 1234567890",
                "ann@example.org",
                "250 2.0.0 Ok: queued as 1234567890",
            ),
            ("a\r\nb\tc", "x@y.z", "a b c"),
        ] {
            assert_eq!(scrubbed(given, to), expected);
        }
        assert_eq!(scrubbed(&"é".repeat(1_000), "").chars().count(), CHARS_MAX);
    }
}
