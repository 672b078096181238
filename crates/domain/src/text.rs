//! Texts that people read: names, categories.

/// Why a text is none that can be shown, if it is not: it has to have 1 to `max` characters that are not only
/// blanks, and none that controls a terminal or turns the direction in which other text is read.
#[must_use]
pub fn problem(text: &str, max: usize) -> Option<String> {
    let count = text.chars().count();
    if text.trim().is_empty() || max < count {
        return Some(format!("has {count} characters; 1 to {max} are allowed, not only blanks"));
    }
    let hidden = text.chars().find(|c| controls(*c))?;
    Some(format!("contains the control character {hidden:?}"))
}

/// How many bytes `text` has in JSON, without its quotes; control characters are written as `\u0001`.
#[must_use]
pub fn json_len(text: &str) -> usize {
    let len = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(len).sum()
}

/// Right-to-left text needs none of these: letters have their direction by themselves, and the marks that
/// only say it (U+200E, U+200F, U+061C) stay.
fn controls(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_be_shown_in_every_script() {
        for text in
            ["Tea", "شاي أخضر", "תה \u{200f}(12)", "お茶", "☕", "Th\u{e9}", &"é".repeat(20)]
        {
            assert_eq!(problem(text, 20), None, "{text}");
        }
        for (text, expected) in [
            ("", "has 0 characters; 1 to 20 are allowed, not only blanks"),
            (" \u{a0}", "has 2 characters; 1 to 20 are allowed, not only blanks"),
            (&"é".repeat(21), "has 21 characters; 1 to 20 are allowed, not only blanks"),
            ("a\nb", "contains the control character '\\n'"),
            ("a\u{1b}[31m", "contains the control character '\\u{1b}'"),
            ("a\u{202e}b", "contains the control character '\\u{202e}'"),
            ("a\u{9b}b", "contains the control character '\\u{9b}'"),
        ] {
            assert_eq!(problem(text, 20).as_deref(), Some(expected), "{text:?}");
        }
    }
}
