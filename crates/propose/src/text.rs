//! Detects the encoding and converts bytes to text.

use domain::partner::Encoding;
use tabular::look::{self, Candidate, Text};

use super::guess::{NoProposal, Trust};

/// The decoded text.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) value: String,
    pub(super) encoding: Encoding,
    pub(super) trust: Trust,
    pub(super) why: String,
    /// The possible encodings, if it cannot be determined.
    pub(super) candidates: Vec<Candidate>,
}

/// The text in the encoding that a person `named`, or else in the one that is found.
pub(super) fn decode(
    bytes: &[u8],
    is_whole: bool,
    named: Option<Encoding>,
) -> Result<Decoded, NoProposal> {
    // An incomplete last line would look like a bad row, and an incomplete character like another
    // encoding.
    let bytes = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if !is_whole => {
            let wide = usize::from(bytes.get(end + 1) == Some(&0));
            bytes.get(..=end + wide).unwrap_or(bytes)
        }
        _ => bytes,
    };
    let named = named.filter(|named| *named != Encoding::Auto);
    let Text { text, encoding, has_mark, candidates } = match named {
        Some(named) => look::decode_as(bytes, named).map_err(NoProposal::OtherEncoding)?,
        None => look::decode(bytes),
    };
    let end = match text.rfind('\n') {
        Some(end) if !is_whole => end + 1,
        _ => text.len(),
    };
    let value = text.get(..end).unwrap_or_default().to_owned();
    if value.contains('\0') {
        return Err(NoProposal::NoText);
    }
    if value.trim().is_empty() {
        return Err(NoProposal::Empty);
    }
    let (trust, why) = match encoding {
        _ if named.is_some() => (Trust::Sure, "named by hand".to_owned()),
        Encoding::Utf16 => (Trust::Sure, "it begins with the byte order mark of UTF-16".to_owned()),
        Encoding::Utf16Le | Encoding::Utf16Be => {
            (Trust::Sure, "every other byte is zero, as in UTF-16".to_owned())
        }
        Encoding::Utf8 => utf_8(&value, has_mark),
        Encoding::Windows1252 => windows_1252(&value, &candidates),
        other => (Trust::Sure, format!("it has what only {} has", other.name())),
    };
    Ok(Decoded { value, encoding, trust, why, candidates })
}

fn utf_8(text: &str, has_mark: bool) -> (Trust, String) {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        let why = "letters were lost before the file came: it has U+FFFD in their place";
        return (Trust::Unsure, why.to_owned());
    }
    let mut foreign = look::foreign_words(text);
    if let Some(word) = foreign.find(|word| look::is_doubly_encoded(word)) {
        let why = format!("{word:?} looks like UTF-8 that was read as Windows-1252 before it came");
        return (Trust::Unsure, why);
    }
    let why = match (has_mark, text.is_ascii()) {
        (true, _) => "it begins with a byte order mark".to_owned(),
        (false, true) => "it has plain ASCII only".to_owned(),
        (false, false) => format!("all of it is UTF-8, for example {}", look::words(text)),
    };
    (Trust::Sure, why)
}

fn windows_1252(text: &str, candidates: &[Candidate]) -> (Trust, String) {
    if candidates.is_empty() {
        let why = format!("not UTF-8; look whether these are right: {}", look::words(text));
        return (Trust::Likely, why);
    }
    let listed: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    let why = format!(
        "not UTF-8, and no text as Windows-1252; ask the sender, or look which is right: {}",
        listed.join(", ")
    );
    (Trust::Unsure, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], is_whole: bool, expected: (Encoding, Trust, &str)) {
        let text = decode(bytes, is_whole, None).unwrap();
        assert_eq!((text.encoding, text.trust, text.value.as_str()), expected);
    }

    #[test]
    fn utf_8_is_detected() {
        check(b"a,b\n1,2", true, (Encoding::Utf8, Trust::Sure, "a,b\n1,2"));
        check("\u{feff}a\n".as_bytes(), true, (Encoding::Utf8, Trust::Sure, "a\n"));
        check("Désignation\n".as_bytes(), true, (Encoding::Utf8, Trust::Sure, "Désignation\n"));
    }

    #[test]
    fn other_text_is_likely_windows_1252_and_shows_its_words() {
        check(
            b"D\xE9signation;\x80\n",
            true,
            (Encoding::Windows1252, Trust::Likely, "Désignation;€\n"),
        );
        assert!(decode(b"D\xE9signation\n", true, None).unwrap().why.contains("Désignation"));
    }

    #[test]
    fn text_that_the_reader_refuses_or_that_is_garbled_is_unsure() {
        let found = decode(&encoding_rs::SHIFT_JIS.encode("歯ブラシ").0, true, None).unwrap();
        assert!(
            found.trust == Trust::Unsure && found.why.contains("shift_jis (歯ブラシ)"),
            "{found:?}"
        );
        // Valid UTF-8 may be garbled, too.
        for text in ["GrÃ¶ÃŸe", "Gr\u{FFFD}\u{FFFD}e"] {
            assert_eq!(decode(text.as_bytes(), true, None).unwrap().trust, Trust::Unsure, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_cut_off_is_left_out() {
        check("a\né".as_bytes().get(..3).unwrap(), false, (Encoding::Utf8, Trust::Sure, "a\n"));
    }

    #[test]
    fn utf_16_is_detected_by_its_mark_and_binary_files_are_refused() {
        check(b"\xFF\xFEa\0,\0", true, (Encoding::Utf16, Trust::Sure, "a,"));
        let text = "order,sku,qty,price\n1,2,3,4\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&bytes, true, (Encoding::Utf16Le, Trust::Sure, text));
        let cut = bytes.get(..bytes.len() - 4).unwrap();
        check(cut, false, (Encoding::Utf16Le, Trust::Sure, "order,sku,qty,price\n"));
        check(b"\xFE\xFF\0a\0\n\0b", false, (Encoding::Utf16, Trust::Sure, "a\n"));
        assert_eq!(decode(b"PK\x03\x04\0\0", true, None).unwrap_err(), NoProposal::NoText);
        assert_eq!(decode(b" \n\r\n", true, None).unwrap_err(), NoProposal::Empty);
        assert_eq!(decode(b"", true, None).unwrap_err(), NoProposal::Empty);
    }
}
