//! The text functions, applied to one row.

use super::tree::TextFunction;
use std::borrow::Cow;
use std::str::Chars;

/// Most bytes of a text that a function makes longer: our columns have at most 512.
pub(super) const BYTES_MAX: usize = 4 << 10;

type Made<'a> = Result<Cow<'a, str>, Cow<'static, str>>;

/// Applies `function` to the arguments of one row.
pub(super) fn apply<'a>(function: TextFunction, texts: &[&'a str], numbers: &[i64]) -> Made<'a> {
    let text = texts.first().copied().unwrap_or_default();
    let second = texts.get(1).copied();
    let number = numbers.first().copied().unwrap_or_default();
    Ok(match function {
        TextFunction::Upper => text.to_uppercase().into(),
        TextFunction::Lower => text.to_lowercase().into(),
        TextFunction::Trim => text.trim().into(),
        TextFunction::TrimStart => text.trim_start().into(),
        TextFunction::TrimEnd => text.trim_end().into(),
        TextFunction::Left => between(text, 0, length(number)?).into(),
        TextFunction::Right => {
            let from = text.chars().count().saturating_sub(length(number)?);
            between(text, from, usize::MAX).into()
        }
        TextFunction::Substring => {
            // Counted from 1; positions before the first character count, and are empty.
            let end = match numbers.get(1) {
                Some(len) => {
                    number.saturating_add(i64::try_from(length(*len)?).unwrap_or(i64::MAX))
                }
                None => i64::MAX,
            };
            let place = |at: i64| usize::try_from(at.saturating_sub(1)).unwrap_or(0);
            between(text, place(number), place(end)).into()
        }
        TextFunction::Replace => replaced(text, second, texts.get(2).copied())?,
        TextFunction::SplitPart => part(text, second.unwrap_or_default(), number)?.into(),
        TextFunction::PadStart => padded(text, length(number)?, second.unwrap_or(" "), true)?,
        TextFunction::PadEnd => padded(text, length(number)?, second.unwrap_or(" "), false)?,
    })
}

/// Concatenates two texts.
pub(super) fn joined(left: &str, right: &str) -> Result<String, Cow<'static, str>> {
    if left.len() + right.len() > BYTES_MAX { Err(too_long()) } else { Ok([left, right].concat()) }
}

/// Does `text` match `pattern`, in which `%` is any text and `_` any character?
pub(super) fn like(text: &str, pattern: &[char]) -> bool {
    // The positions after the last `%` and after the text that it matches; extended by one character
    // whenever the rest does not match.
    let mut any: Option<(usize, Chars<'_>)> = None;
    let (mut at, mut rest) = (0, text.chars());
    loop {
        let mut behind = rest.clone();
        match (pattern.get(at), behind.next()) {
            (Some('%'), _) => {
                at += 1;
                any = Some((at, rest.clone()));
            }
            (Some(sign), Some(c)) if *sign == '_' || *sign == c => {
                at += 1;
                rest = behind;
            }
            (None, None) => return true,
            _ => {
                let Some((again, from)) = &mut any else { return false };
                if from.next().is_none() {
                    return false;
                }
                (at, rest) = (*again, from.clone());
            }
        }
    }
}

fn too_long() -> Cow<'static, str> {
    format!("a text of more than {BYTES_MAX} bytes").into()
}

fn length(number: i64) -> Result<usize, Cow<'static, str>> {
    usize::try_from(number).map_err(|_| "a length below zero".into())
}

/// The characters `from..to`.
fn between(text: &str, from: usize, to: usize) -> &str {
    let place = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let from = place(from);
    text.get(from..place(to).max(from)).unwrap_or_default()
}

fn replaced<'a>(text: &'a str, from: Option<&str>, to: Option<&str>) -> Made<'a> {
    let Some((from, to)) = from.filter(|from| !from.is_empty()).zip(to) else {
        return Ok(text.into());
    };
    let added = text.matches(from).count().saturating_mul(to.len());
    if added > BYTES_MAX { Err(too_long()) } else { Ok(text.replace(from, to).into()) }
}

/// A part, counted from 1; parts after the last one are empty.
fn part<'a>(text: &'a str, separator: &str, number: i64) -> Result<&'a str, Cow<'static, str>> {
    let Some(before) = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)) else {
        return Err("a SPLIT_PART below 1".into());
    };
    if separator.is_empty() {
        return Ok(if before == 0 { text } else { "" });
    }
    Ok(text.split(separator).nth(before).unwrap_or_default())
}

/// Like in SQL, a longer text is cut to `width` characters.
fn padded<'a>(text: &'a str, width: usize, fill: &str, start: bool) -> Made<'a> {
    let count = text.chars().count();
    if width <= count || fill.is_empty() {
        return Ok(between(text, 0, width).into());
    }
    if width > BYTES_MAX {
        return Err(too_long());
    }
    let fill: String = fill.chars().cycle().take(width - count).collect();
    let (left, right) = if start { (fill.as_str(), text) } else { (text, fill.as_str()) };
    joined(left, right).map(Cow::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(function: TextFunction, texts: &[&str], numbers: &[i64], expected: &str) {
        let made = apply(function, texts, numbers);
        assert_eq!(made.unwrap_or_else(|reason| reason), expected);
    }

    #[test]
    fn characters_are_counted_from_one() {
        use TextFunction::{Left, Right, SplitPart, Substring};
        check(Left, &["Größe"], &[3], "Grö");
        check(Left, &["Größe"], &[9], "Größe");
        check(Right, &["Größe"], &[3], "öße");
        check(Right, &["ab"], &[0], "");
        check(Right, &["ab"], &[3], "ab");
        check(Substring, &["20261122"], &[5, 2], "11");
        check(Substring, &["20261122"], &[7], "22");
        check(Substring, &["abc"], &[0, 2], "a");
        check(Substring, &["abc"], &[9, 2], "");
        check(SplitPart, &["a-b-c", "-"], &[2], "b");
        check(SplitPart, &["a-b-c", "-"], &[4], "");
        check(SplitPart, &["a-b-c", ""], &[1], "a-b-c");
    }

    #[test]
    fn texts_are_padded_replaced_and_trimmed() {
        use TextFunction::{Lower, PadEnd, PadStart, Replace, Trim, TrimEnd, TrimStart, Upper};
        check(PadStart, &["7", "0"], &[4], "0007");
        check(PadStart, &["12345", "0"], &[4], "1234");
        check(PadEnd, &["a", "xy"], &[4], "axyx");
        check(PadEnd, &["ö"], &[3], "ö  ");
        check(Replace, &["a.b.c", ".", ""], &[], "abc");
        check(Replace, &["abc", "", "x"], &[], "abc");
        check(Trim, &[" a "], &[], "a");
        check(TrimStart, &[" a "], &[], "a ");
        check(TrimEnd, &[" a "], &[], " a");
        check(Upper, &["straße"], &[], "STRASSE");
        check(Lower, &["ÄB"], &[], "äb");
    }

    #[test]
    fn impossible_texts_are_reported() {
        use TextFunction::{Left, PadStart, Replace, SplitPart};
        check(Left, &["a"], &[-1], "a length below zero");
        check(SplitPart, &["a", "-"], &[0], "a SPLIT_PART below 1");
        check(PadStart, &["a"], &[1 << 40], "a text of more than 4096 bytes");
        check(PadStart, &["a", "€"], &[2_000], "a text of more than 4096 bytes");
        check(Replace, &["aaa", "a", &"x".repeat(2_000)], &[], "a text of more than 4096 bytes");
        assert!(joined(&"x".repeat(4_000), &"x".repeat(97)).is_err());
    }

    #[test]
    fn a_pattern_holds_any_text_and_any_character() {
        for (text, pattern, expected) in [
            ("refund", "ref%", true),
            ("refund", "%fu%", true),
            ("refund", "refund", true),
            ("refund", "_efun_", true),
            ("refund", "_efun", false),
            ("", "%", true),
            ("", "_", false),
            ("a%b", "a%b", true),
            ("ö", "_", true),
            ("aab", "%a%a%b", true),
            ("ab", "%a%a%b", false),
        ] {
            let pattern: Vec<char> = pattern.chars().collect();
            assert_eq!(like(text, &pattern), expected, "{text:?} {pattern:?}");
        }
        // Only the text matched by the last `%` is tried again, so that no text takes long.
        let pattern: Vec<char> = "%a".repeat(30).chars().collect();
        assert!(!like(&"b".repeat(2_000), &pattern));
    }
}
