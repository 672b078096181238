//! From bytes to text: which encoding.

use domain::partner::Encoding;

use super::{NoProposal, Trust};

/// Words with foreign letters that are shown.
const WORDS_MAX: usize = 3;

/// What the bytes say.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) value: String,
    pub(super) encoding: Encoding,
    pub(super) trust: Trust,
    pub(super) why: String,
}

pub(super) fn decode(bytes: &[u8], is_whole: bool) -> Result<Decoded, NoProposal> {
    if let Some((utf_16, _)) = encoding_rs::Encoding::for_bom(bytes)
        && utf_16 != encoding_rs::UTF_8
    {
        return Ok(utf_16_text(utf_16, bytes, is_whole));
    }
    // A line that is cut off would look like a bad one.
    let end = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if !is_whole => end + 1,
        _ => bytes.len(),
    };
    let bytes = bytes.get(..end).unwrap_or_default();
    if bytes.contains(&0) {
        return Err(NoProposal::NoText);
    }
    let (bytes, has_mark) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let (value, encoding, trust, why) = match std::str::from_utf8(bytes) {
        Ok(text) => {
            let why = match (has_mark, text.is_ascii()) {
                (true, _) => "it begins with a byte order mark".to_owned(),
                (false, true) => "it has plain ASCII only".to_owned(),
                (false, false) => format!("all of it is UTF-8, for example {}", words(text)),
            };
            (text.to_owned(), Encoding::Utf8, Trust::Sure, why)
        }
        Err(error) => {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
            let byte = error.valid_up_to() + 1;
            let why =
                format!("byte {byte} is not UTF-8; look whether these are right: {}", words(&text));
            (text.into_owned(), Encoding::Windows1252, Trust::Likely, why)
        }
    };
    if value.trim().is_empty() {
        return Err(NoProposal::Empty);
    }
    Ok(Decoded { value, encoding, trust, why })
}

fn utf_16_text(encoding: &'static encoding_rs::Encoding, bytes: &[u8], is_whole: bool) -> Decoded {
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    let end = match text.rfind('\n') {
        Some(end) if !is_whole => end + 1,
        _ => text.len(),
    };
    let value = text.get(..end).unwrap_or_default().to_owned();
    let why = "it begins with the byte order mark of UTF-16".to_owned();
    Decoded { value, encoding: Encoding::Utf16, trust: Trust::Sure, why }
}

/// The first words of the first lines with letters beyond ASCII: names of columns mostly.
fn words(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let parts = text.split(|c: char| !c.is_alphabetic() && c != '€');
    for word in parts.filter(|word| !word.is_ascii()) {
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], is_whole: bool, expected: (Encoding, Trust, &str)) {
        let text = decode(bytes, is_whole).unwrap();
        assert_eq!((text.encoding, text.trust, text.value.as_str()), expected);
    }

    #[test]
    fn what_is_utf_8_is_utf_8() {
        check(b"a,b\n1,2", true, (Encoding::Utf8, Trust::Sure, "a,b\n1,2"));
        check("\u{feff}a\n".as_bytes(), true, (Encoding::Utf8, Trust::Sure, "a\n"));
        check("Désignation\n".as_bytes(), true, (Encoding::Utf8, Trust::Sure, "Désignation\n"));
    }

    #[test]
    fn what_is_not_is_most_likely_windows_1252_and_shows_its_words() {
        check(
            b"D\xE9signation;\x80\n",
            true,
            (Encoding::Windows1252, Trust::Likely, "Désignation;€\n"),
        );
        assert!(decode(b"D\xE9signation\n", true).unwrap().why.contains("Désignation"));
    }

    #[test]
    fn a_line_that_is_cut_off_is_left_out() {
        check("a\né".as_bytes().get(..3).unwrap(), false, (Encoding::Utf8, Trust::Sure, "a\n"));
    }

    #[test]
    fn utf_16_has_its_mark_and_what_is_no_text_is_refused() {
        check(b"\xFF\xFEa\0,\0", true, (Encoding::Utf16, Trust::Sure, "a,"));
        check(b"\xFE\xFF\0a\0\n\0b", false, (Encoding::Utf16, Trust::Sure, "a\n"));
        assert_eq!(decode(b"PK\x03\x04\0\0", true).unwrap_err(), NoProposal::NoText);
        assert_eq!(decode(b" \n\r\n", true).unwrap_err(), NoProposal::Empty);
        assert_eq!(decode(b"", true).unwrap_err(), NoProposal::Empty);
    }
}
