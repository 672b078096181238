//! Determines the encoding of a file if it is not configured. Both the reader with `encoding: auto` and
//! the proposal of a configuration use this, so that they agree.

use domain::partner::Encoding;
use encoding_rs::{ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::fmt;

/// How much of a file is examined.
pub(super) const LOOKED_AT_BYTES: usize = 256 << 10;
/// How many words of a text are shown, and how many characters of each.
const WORDS_MAX: usize = 3;
const WORD_CHARS_MAX: usize = 20;
/// One invalid byte sequence among this many valid characters is a mistake in UTF-8 rather than another
/// encoding.
const GOOD_LETTERS_MIN: usize = 10;
/// One unusual word among this many is ignored.
const USUAL_WORDS_MIN: usize = 10;
/// Possible encodings of a file that is not UTF-8 and gives no words as Windows-1252.
const OTHERS: [&str; 9] = [
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "iso-8859-2",
    "koi8-r",
];

/// The result for the first bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auto {
    /// The encoding, with the length of its mark (0 if it was determined by the content).
    Is(&'static encoding_rs::Encoding, usize),
    /// It may be any of these.
    Unclear(Vec<Candidate>),
}

/// A possible encoding of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The value for the configuration.
    pub encoding: Encoding,
    /// The first words with non-ASCII letters, decoded with it.
    pub words: String,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding.name())?;
        if self.words.is_empty() { Ok(()) } else { write!(f, " ({})", self.words) }
    }
}

/// The encoding of a file that begins with `first`. Bytes beyond the examined part do not matter.
pub(crate) fn auto(first: &[u8]) -> Auto {
    if let Some((marked, len)) = encoding_rs::Encoding::for_bom(first) {
        return Auto::Is(marked, len);
    }
    let seen = seen(first);
    let found = wide(seen).or_else(|| utf_8(seen));
    let found = found.map(|found| Auto::Is(found, 0));
    found.unwrap_or_else(|| windows_1252(seen))
}

/// The complete lines of the examined part, because a character may be cut after them.
fn seen(first: &[u8]) -> &[u8] {
    let Some(seen) = first.get(..LOOKED_AT_BYTES) else { return first };
    let end = memchr::memrchr(b'\n', seen).map_or(seen.len(), |at| at + 1);
    // In UTF-16, the second byte of the line end may follow.
    seen.get(..end.next_multiple_of(2).min(seen.len())).unwrap_or(seen)
}

/// A CSV consists mostly of ASCII, in which every other byte is zero in UTF-16; a stray zero byte is
/// not enough.
fn wide(seen: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let zeros = |odd: usize| seen.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let most = seen.len() / 4;
    if most < odd && even < odd / 8 {
        return Some(UTF_16LE);
    }
    (most < even && odd < even / 8).then_some(UTF_16BE)
}

/// Is it UTF-8, or an encoding that uses only ASCII bytes?
fn utf_8(seen: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let (good, broken) = letters(seen);
    if broken * GOOD_LETTERS_MIN > good {
        return None;
    }
    // ISO-2022-JP switches to Japanese characters with ESC $ B or ESC $ @, which no other text
    // contains.
    let changes = |bytes: &[u8]| matches!(bytes, b"\x1B$B" | b"\x1B$@");
    Some(if seen.windows(3).any(changes) { ISO_2022_JP } else { UTF_8 })
}

/// Number of non-ASCII characters in UTF-8, and of invalid sequences.
fn letters(seen: &[u8]) -> (usize, usize) {
    let (mut good, mut broken) = (0, 0);
    for chunk in seen.utf8_chunks() {
        good += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    (good, broken)
}

fn windows_1252(seen: &[u8]) -> Auto {
    let text = WINDOWS_1252.decode_without_bom_handling(seen).0;
    let (mut all, mut strange) = (0, 0);
    for word in foreign_words(&text) {
        all += 1;
        strange += usize::from(is_strange(word));
    }
    if strange * USUAL_WORDS_MIN <= all {
        return Auto::Is(WINDOWS_1252, 0);
    }
    let mut candidates = Vec::new();
    let (good, broken) = letters(seen);
    if broken < good {
        let text = String::from_utf8_lossy(seen);
        candidates.push(Candidate { encoding: Encoding::Utf8, words: words(&text) });
    }
    candidates.extend(OTHERS.iter().filter_map(|name| {
        let encoding = Encoding::parse(name).ok()?;
        let rs = encoding_rs::Encoding::for_label(name.as_bytes())?;
        let text = rs.decode_without_bom_handling_and_without_replacement(seen)?;
        (!text.contains(is_no_text)).then(|| Candidate { encoding, words: words(&text) })
    }));
    candidates.push(Candidate { encoding: Encoding::Windows1252, words: words(&text) });
    Auto::Unclear(candidates)
}

/// Characters that occur in no file of orders.
fn is_no_text(c: char) -> bool {
    let is_private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..);
    is_private || (c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
}

/// Words with non-ASCII letters, including signs inside them.
pub(crate) fn foreign_words(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    text.split(is_end).filter(|word| !word.is_ascii())
}

/// Is it unlikely to be a word of a language that uses Windows-1252? In such words, non-ASCII letters
/// are few and mostly lower case, and there are no signs between letters.
fn is_strange(word: &str) -> bool {
    let is_letter = |c: char| {
        matches!(c, '\u{C0}'..='\u{FF}' | 'Š' | 'š' | 'Ž' | 'ž' | 'Œ' | 'œ' | 'Ÿ')
            && !matches!(c, '×' | '÷')
    };
    // Signs that join the words of a name, and have the same bytes in most encodings.
    let joins = |c: char| matches!(c, '’' | '·' | '–' | '—' | '-' | '®' | '™' | '°' | '\u{A0}');
    let letters: Vec<char> = word.chars().collect();
    let run = letters.split(char::is_ascii).map(<[char]>::len).max().unwrap_or(0);
    let control = letters.iter().any(|c| c.is_control());
    let inside = letters.windows(3).any(|three| {
        let [before, sign, behind] = three else { return false };
        let is_sign = !sign.is_alphabetic() && !sign.is_ascii() && !joins(*sign);
        is_sign && before.is_alphabetic() && behind.is_alphabetic()
    });
    let capital = letters.windows(2).any(|two| {
        let [before, letter] = two else { return false };
        before.is_lowercase() && letter.is_uppercase() && !letter.is_ascii()
    });
    let odd = letters.iter().filter(|c| !c.is_ascii() && !is_letter(**c)).count();
    let alone = matches!(letters.as_slice(), [_] | [_, _]);
    control || 2 < run || inside || capital || (!alone && odd * 2 > letters.len())
}

/// The first words with non-ASCII letters: mostly names of columns.
pub(crate) fn words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let parts = text.split(|c: char| !c.is_alphabetic() && c != '€');
    for word in parts.filter(|word| !word.is_ascii()) {
        let word: String = word.chars().take(WORD_CHARS_MAX).collect();
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
    fn is(bytes: &[u8], expected: &str) {
        match auto(bytes) {
            Auto::Is(found, _) => assert_eq!(found.name(), expected),
            Auto::Unclear(candidates) => panic!("{expected}: {candidates:?}"),
        }
    }

    fn encoded(name: &str, text: &str) -> Vec<u8> {
        let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
        encoding.encode(text).0.into_owned()
    }

    #[test]
    fn an_unclear_encoding_is_not_guessed_and_the_right_one_is_a_candidate() {
        for (name, text) in [
            ("shift_jis", "歯ブラシ 8本セット"),
            ("gb18030", "牙刷"),
            ("big5", "牙刷 八支裝"),
            ("euc-kr", "칫솔"),
            ("windows-1250", "żółty kubek, świeca"),
            ("windows-1251", "Чайник стальной"),
            ("windows-1253", "Βραστήρας"),
            ("koi8-r", "Чайник стальной"),
        ] {
            let Auto::Unclear(candidates) = auto(&encoded(name, text)) else {
                panic!("{name} is guessed")
            };
            let right = candidates.iter().find(|candidate| candidate.encoding.name() == name);
            let word = text.split([' ', ',']).next().unwrap();
            let right = right.unwrap_or_else(|| panic!("{name}: {candidates:?}"));
            assert!(right.words.contains(word.trim_end_matches('8')), "{right}");
        }
    }

    #[test]
    fn western_european_text_is_windows_1252() {
        for text in [
            "Qté;Désignation;1,50 €",
            "ÄRMELLOSE BLUSE",
            "Crème brûlée “à la carte”",
            "N° 5 – 10 m²",
            "Jalapeño’s",
            "Größe: 5½",
            "Lego®Set",
        ] {
            is(&encoded("windows-1252", text), "windows-1252");
        }
    }

    #[test]
    fn utf_8_with_an_invalid_byte_is_utf_8_and_mixed_files_are_not_guessed() {
        let mut file = "größe;süß;fußweg;gemüse;möhre;länge;höhe;tür\n".repeat(2).into_bytes();
        file.extend(b"\xE9t\n");
        is(&file, "UTF-8");
        file.extend(encoded("windows-1252", &"größe;süß\n".repeat(9)));
        let Auto::Unclear(candidates) = auto(&file) else { panic!("it is guessed") };
        let names: Vec<_> = candidates.iter().map(|one| one.encoding.name()).collect();
        assert!(names.contains(&"windows-1252"), "{names:?}");
    }

    #[test]
    fn seven_bit_japanese_is_detected_by_its_escape_sequences() {
        is(&encoded("iso-2022-jp", "sku,name\n1,歯ブラシ\n"), "ISO-2022-JP");
        is(b"a\x1B[0m,b\n", "UTF-8");
    }

    #[test]
    fn a_character_that_is_cut_at_the_end_of_the_examined_part_does_not_matter() {
        let line = "größe;süß\n";
        for name in ["utf-8", "utf-16le"] {
            let bytes: Vec<u8> = match name {
                "utf-8" => line.repeat(40_000).into_bytes(),
                _ => line.repeat(40_000).encode_utf16().flat_map(u16::to_le_bytes).collect(),
            };
            let expected = name.to_uppercase();
            for more in 0..20 {
                is(bytes.get(..LOOKED_AT_BYTES + more).unwrap(), &expected);
            }
        }
    }
}
