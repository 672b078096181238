//! Converts a file of any encoding to UTF-8 for the scanner.

mod auto;

pub use auto::Candidate;
pub(crate) use auto::{Auto, auto, foreign_words, words};

use crate::file_error::FileError;
use auto::LOOKED_AT_BYTES;
use domain::partner::Encoding;
use encoding_rs::{DecoderResult, ISO_8859_15, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Replaces bytes that are invalid in the file's encoding: it is never part of UTF-8, so the row is
/// rejected.
const NO_TEXT: u8 = 0xFF;

/// Converts a file's bytes to UTF-8, wherever they are cut.
#[derive(Debug)]
pub(crate) struct Decode {
    configured: Encoding,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The encoding is not known yet; these are the first bytes.
    Start(Vec<u8>),
    Plain,
    Decoding(Box<encoding_rs::Decoder>),
}

/// A file's encoding, and whether it began with a byte order mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) encoding: &'static encoding_rs::Encoding,
    pub(crate) bom: bool,
}

impl Decode {
    pub(crate) fn new(configured: Encoding) -> Self {
        Self { configured, state: State::Start(Vec::new()) }
    }

    /// Adds `bytes` to `into` as UTF-8; `end` means that no more follow. Returns the encoding of the
    /// file in the call in which it is determined.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        end: bool,
        into: &mut Vec<u8>,
    ) -> Result<Option<Found>, FileError> {
        let State::Start(first) = &mut self.state else {
            self.decode(bytes, end, into);
            return Ok(None);
        };
        first.extend_from_slice(bytes);
        let needed = if self.configured == Encoding::Auto { LOOKED_AT_BYTES } else { 3 };
        if first.len() < needed && !end {
            return Ok(None);
        }
        let first = std::mem::take(first);
        let (found, mark) = find(self.configured, &first)?;
        self.state = if found.encoding == UTF_8 {
            State::Plain
        } else {
            State::Decoding(Box::new(found.encoding.new_decoder_without_bom_handling()))
        };
        self.decode(first.get(mark..).unwrap_or_default(), end, into);
        Ok(Some(found))
    }

    fn decode(&mut self, bytes: &[u8], end: bool, into: &mut Vec<u8>) {
        let State::Decoding(decoder) = &mut self.state else {
            into.extend_from_slice(bytes);
            return;
        };
        let mut bytes = bytes;
        loop {
            let start = into.len();
            let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
            into.resize(start + most.unwrap_or(bytes.len()) + 1, 0);
            let room = into.get_mut(start..).unwrap_or_default();
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(bytes, room, end);
            into.truncate(start + written);
            bytes = bytes.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => into.push(NO_TEXT),
            }
        }
    }
}

/// Determines the encoding from a file's first bytes; also returns the length of the byte order mark.
pub(crate) fn find(configured: Encoding, first: &[u8]) -> Result<(Found, usize), FileError> {
    let marked = encoding_rs::Encoding::for_bom(first);
    let wanted = match configured {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16 => {
            marked.map(|(mark, _)| mark).filter(|m| *m == UTF_16BE).unwrap_or(UTF_16LE)
        }
        Encoding::Utf16Le => UTF_16LE,
        Encoding::Utf16Be => UTF_16BE,
        Encoding::Windows1252 => WINDOWS_1252,
        Encoding::Iso8859_15 => ISO_8859_15,
        Encoding::Named(name) => encoding_rs::Encoding::for_label(name.as_bytes())
            .expect("every name of `domain` is one of the standard"),
        Encoding::Auto => match auto(first) {
            Auto::Is(found, _) => found,
            Auto::Unclear(candidates) => return Err(FileError::EncodingUnclear { candidates }),
        },
    };
    match marked {
        // In single-byte encodings, no text begins with the letters that a mark would be.
        Some((mark, _)) if mark != wanted => {
            Err(FileError::OtherEncoding { configured: wanted.name(), found: mark.name() })
        }
        Some((encoding, len)) => Ok((Found { encoding, bom: true }, len)),
        None => Ok((Found { encoding: wanted, bom: false }, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a file and its encoding are the same however the file is cut.
    #[track_caller]
    fn check(configured: Encoding, file: &[u8], expected: &str, encoding: &str) {
        for cut in [1, 2, 3, 1000] {
            let mut decode = Decode::new(configured);
            let (mut text, mut found) = (Vec::new(), None);
            for bytes in file.chunks(cut) {
                found = found.or(decode.push(bytes, false, &mut text).unwrap());
            }
            found = found.or(decode.push(b"", true, &mut text).unwrap());
            let found = found.unwrap();
            assert_eq!(String::from_utf8_lossy(&text), expected, "cut at {cut}");
            assert_eq!(format!("{} {}", found.encoding.name(), found.bom), encoding);
        }
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_says_what_a_file_is() {
        let text = "größe,🛒\n";
        let marked = format!("\u{FEFF}{text}");
        check(Encoding::Auto, marked.as_bytes(), text, "UTF-8 true");
        check(Encoding::Utf8, marked.as_bytes(), text, "UTF-8 true");
        check(Encoding::Auto, &utf16(&marked, u16::to_le_bytes), text, "UTF-16LE true");
        check(Encoding::Utf16, &utf16(&marked, u16::to_be_bytes), text, "UTF-16BE true");
    }

    #[test]
    fn without_a_mark_the_bytes_say_it() {
        let text = "größe,quantity,5 €\n";
        check(Encoding::Auto, text.as_bytes(), text, "UTF-8 false");
        check(Encoding::Auto, b"plain\n", "plain\n", "UTF-8 false");
        check(Encoding::Auto, b"", "", "UTF-8 false");
        check(Encoding::Auto, b"a\0b,c\n", "a\0b,c\n", "UTF-8 false");
        check(Encoding::Auto, &utf16(text, u16::to_le_bytes), text, "UTF-16LE false");
        check(Encoding::Auto, &utf16(text, u16::to_be_bytes), text, "UTF-16BE false");
        check(Encoding::Utf16, &utf16(text, u16::to_le_bytes), text, "UTF-16LE false");
        check(Encoding::Auto, b"gr\xF6\xDFe,5 \x80\n", "größe,5 €\n", "windows-1252 false");
        check(Encoding::Iso8859_15, b"gr\xF6\xDFe,5 \xA4\n", "größe,5 €\n", "ISO-8859-15 false");
    }

    #[test]
    fn every_encoding_of_the_standard_can_be_configured() {
        let mut known: Vec<&str> = Encoding::others()
            .map(|encoding| {
                encoding_rs::Encoding::for_label(encoding.name().as_bytes()).unwrap().name()
            })
            .collect();
        known.extend(["UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252", "ISO-8859-15"]);
        known.sort_unstable();
        known.dedup();
        // 40 in total; two of them cannot encode text.
        assert_eq!(known.len(), 38);
        for (name, text) in
            [("shift_jis", "歯ブラシ"), ("windows-1251", "Чайник"), ("euc-kr", "칫솔")]
        {
            let configured = Encoding::parse(name).unwrap();
            let rs = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            let file = rs.encode(text).0;
            check(configured, &file, text, &format!("{} false", rs.name()));
        }
    }

    #[test]
    fn how_much_comes_at_once_does_not_decide() {
        let mut file = vec![b'x'; LOOKED_AT_BYTES];
        file.extend(b"gr\xF6\xDFe\n");
        let encoding = |cut: usize| {
            let mut decode = Decode::new(Encoding::Auto);
            let mut found = file.chunks(cut).map(|b| decode.push(b, false, &mut Vec::new()));
            found.find_map(Result::unwrap).map(|found| found.encoding.name())
        };
        assert_eq!(encoding(LOOKED_AT_BYTES), Some("UTF-8"));
        assert_eq!(encoding(1_000), Some("UTF-8"));
        assert_eq!(encoding(usize::MAX), Some("UTF-8"));
    }

    #[test]
    fn invalid_bytes_stay_visible() {
        let mut file = utf16("a,", u16::to_le_bytes);
        file.extend([0x00, 0xD8]); // Half of a surrogate pair.
        file.extend(utf16(",b\n", u16::to_le_bytes));
        check(Encoding::Utf16Le, &file, "a,\u{FFFD},b\n", "UTF-16LE false");
        file.push(b'x'); // Half of a character.
        check(Encoding::Utf16Le, &file, "a,\u{FFFD},b\n\u{FFFD}", "UTF-16LE false");
    }

    #[test]
    fn a_mark_that_contradicts_the_configuration_is_an_error() {
        let file = utf16("\u{FEFF}a,b\n", u16::to_le_bytes);
        for configured in [Encoding::Utf8, Encoding::Utf16Be, Encoding::Windows1252] {
            let error = Decode::new(configured).push(&file, true, &mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("UTF-16LE"), "{error}");
        }
    }
}
