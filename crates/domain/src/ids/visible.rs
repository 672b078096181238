//! Texts that look equal as equal texts. Pure.

use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// `text` in the form in which ids are compared.
///
/// That is Unicode normal form C, without characters that show nothing (byte order marks, zero-width
/// characters, marks of direction, soft hyphens, variation selectors), and every blank as a plain one.
/// Control characters and blanks around it stay as they are.
///
/// Whoever groups or compares ids before they are parsed uses it as well.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let is_plain = |c: char| !shows_nothing(c) && plain_blank(c) == c;
    if text.chars().all(is_plain) && is_nfc(text) {
        return Cow::Borrowed(text);
    }
    // What shows nothing goes first: it may stand between a letter and its accent.
    let shown = text.chars().filter(|c| !shows_nothing(*c)).map(plain_blank);
    Cow::Owned(shown.nfc().collect())
}

/// A no-break space or a thin one looks like a blank. Separators of lines and paragraphs do not.
fn plain_blank(c: char) -> char {
    let is_blank = c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    if is_blank { ' ' } else { c }
}

/// `Default_Ignorable_Code_Point` of Unicode, and the marks around annotations.
fn shows_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_without_such_things_is_not_copied() {
        for text in ["A1", "two words", "\u{e9}", "\u{1f6d2}", "a\tb"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_made_visible_stays_so(text in "[aeo\u{301}\u{308}\u{200b}\u{feff}\u{a0}\u{1100}\u{1161}\u{115f}\u{2000}\u{212b}\\PC]{0,12}") {
            let once = visible(&text).into_owned();
            prop_assert_eq!(visible(&once).into_owned(), once.clone());
            prop_assert!(!once.chars().any(shows_nothing));
        }
    }
}
