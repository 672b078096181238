//! Texts of a person.

/// Most characters of a name, of a company, and of a line of an address.
pub const NAME_CHARS_MAX: usize = 300;

/// What is wrong with a text of 1 to 300 characters on one line.
pub(super) fn name_problem(text: &str) -> Option<String> {
    let count = text.chars().count();
    if text.trim().is_empty() {
        return Some("is empty".into());
    }
    if NAME_CHARS_MAX < count {
        return Some(format!("has {count} characters, the limit is {NAME_CHARS_MAX}"));
    }
    text.chars().any(char::is_control).then(|| "contains a control character".into())
}
