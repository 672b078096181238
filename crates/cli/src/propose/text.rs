//! From bytes to text: which encoding.

use domain::partner::Encoding;
use tabular::look::{self, Text};

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
    // A line that is cut off would look like a bad one, and a letter like none.
    let bytes = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if !is_whole => {
            let wide = usize::from(bytes.get(end + 1) == Some(&0));
            bytes.get(..=end + wide).unwrap_or(bytes)
        }
        _ => bytes,
    };
    let Text { text, encoding, has_mark } = look::decode(bytes);
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
        Encoding::Utf16 => (Trust::Sure, "it begins with the byte order mark of UTF-16".to_owned()),
        Encoding::Utf16Le | Encoding::Utf16Be => {
            (Trust::Sure, "every other byte is zero, as in UTF-16".to_owned())
        }
        Encoding::Utf8 => utf_8(&value, has_mark),
        _ => windows_1252(&value, bytes),
    };
    Ok(Decoded { value, encoding, trust, why })
}

fn utf_8(text: &str, has_mark: bool) -> (Trust, String) {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        let why = "letters were lost before the file came: it has U+FFFD in their place";
        return (Trust::Unsure, why.to_owned());
    }
    let mut foreign = foreign_words(text);
    if let Some(word) = foreign.find(|word| look::is_doubly_encoded(word)) {
        let why = format!("{word:?} looks like UTF-8 that was read as Windows-1252 before it came");
        return (Trust::Unsure, why);
    }
    let why = match (has_mark, text.is_ascii()) {
        (true, _) => "it begins with a byte order mark".to_owned(),
        (false, true) => "it has plain ASCII only".to_owned(),
        (false, false) => format!("all of it is UTF-8, for example {}", words(text)),
    };
    (Trust::Sure, why)
}

fn windows_1252(text: &str, bytes: &[u8]) -> (Trust, String) {
    let shown = words(text);
    let (mut all, mut strange) = (0, 0);
    for word in foreign_words(text) {
        all += 1;
        strange += usize::from(is_strange(word));
    }
    if strange * 10 <= all {
        let why = format!("not UTF-8; look whether these are right: {shown}");
        return (Trust::Likely, why);
    }
    let others = OTHERS.iter().filter_map(|name| {
        let encoding = Encoding::parse(name).ok()?;
        let text = look::decode_as(bytes, encoding)?;
        Some(format!("{name}: {}", words(&text)))
    });
    let others: Vec<String> = others.collect();
    let why = format!(
        "not UTF-8, and no text as Windows-1252 ({shown}); ask the sender, or look which is right: {}",
        others.join("; ")
    );
    (Trust::Unsure, why)
}

/// What is tried where a text is none as Windows-1252.
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

/// Words with letters beyond ASCII, with the signs inside of them.
fn foreign_words(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    text.split(is_end).filter(|word| !word.is_ascii())
}

/// Is it no word of a language that is written with Windows-1252? There, foreign letters are few and
/// small, and a sign does not stand between letters.
fn is_strange(word: &str) -> bool {
    let is_letter = |c: char| {
        matches!(c, '\u{C0}'..='\u{FF}' | 'Š' | 'š' | 'Ž' | 'ž' | 'Œ' | 'œ' | 'Ÿ')
            && !matches!(c, '×' | '÷')
    };
    let letters: Vec<char> = word.chars().collect();
    let run = letters.split(char::is_ascii).map(<[char]>::len).max().unwrap_or(0);
    let control = letters.iter().any(|c| c.is_control());
    let inside = letters.windows(3).any(|three| {
        let [before, sign, behind] = three else { return false };
        let text = |c: &char| c.is_alphabetic();
        !sign.is_alphabetic()
            && !sign.is_ascii()
            && !matches!(sign, '’' | '·' | '–' | '-')
            && text(before)
            && text(behind)
    });
    let capital = letters.windows(2).any(|two| {
        let [before, letter] = two else { return false };
        before.is_lowercase() && letter.is_uppercase() && !letter.is_ascii()
    });
    let odd = letters.iter().filter(|c| !c.is_ascii() && !is_letter(**c)).count();
    let alone = matches!(letters.as_slice(), [_] | [_, _]);
    control || 2 < run || inside || capital || (!alone && odd * 2 > letters.len())
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
    fn what_looks_like_no_text_of_the_guess_is_unsure() {
        for (name, text) in [
            ("shift_jis", "歯ブラシ 8本セット"),
            ("windows-1251", "Чайник стальной"),
            ("windows-1250", "żółty kubek, świeca"),
            ("euc-kr", "칫솔"),
            ("windows-1253", "Βραστήρας"),
            ("gbk", "牙刷"),
        ] {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            let found = decode(&encoding.encode(text).0, true).unwrap();
            assert_eq!(found.trust, Trust::Unsure, "{name}: {}", found.why);
        }
        let why = decode(&encoding_rs::SHIFT_JIS.encode("歯ブラシ").0, true).unwrap().why;
        assert!(why.contains("shift_jis: 歯ブラシ"), "{why}");
        for text in [
            "Qté;Désignation;1,50 €",
            "ÄRMELLOSE BLUSE",
            "Crème brûlée “à la carte”",
            "N° 5 – 10 m²",
            "Jalapeño’s",
            "Größe: 5½",
        ] {
            let found = decode(&encoding_rs::WINDOWS_1252.encode(text).0, true).unwrap();
            assert_eq!(found.trust, Trust::Likely, "{text}: {}", found.why);
        }
        // Valid UTF-8 may be garbled as well.
        for text in ["GrÃ¶ÃŸe", "Gr\u{FFFD}\u{FFFD}e"] {
            assert_eq!(decode(text.as_bytes(), true).unwrap().trust, Trust::Unsure, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_cut_off_is_left_out() {
        check("a\né".as_bytes().get(..3).unwrap(), false, (Encoding::Utf8, Trust::Sure, "a\n"));
    }

    #[test]
    fn utf_16_has_its_mark_and_what_is_no_text_is_refused() {
        check(b"\xFF\xFEa\0,\0", true, (Encoding::Utf16, Trust::Sure, "a,"));
        let text = "order,sku,qty,price\n1,2,3,4\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&bytes, true, (Encoding::Utf16Le, Trust::Sure, text));
        let cut = bytes.get(..bytes.len() - 4).unwrap();
        check(cut, false, (Encoding::Utf16Le, Trust::Sure, "order,sku,qty,price\n"));
        check(b"\xFE\xFF\0a\0\n\0b", false, (Encoding::Utf16, Trust::Sure, "a\n"));
        assert_eq!(decode(b"PK\x03\x04\0\0", true).unwrap_err(), NoProposal::NoText);
        assert_eq!(decode(b" \n\r\n", true).unwrap_err(), NoProposal::Empty);
        assert_eq!(decode(b"", true).unwrap_err(), NoProposal::Empty);
    }
}
