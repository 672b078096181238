//! Character encodings by the names that programs use.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Character encoding of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16; without a byte order mark little-endian.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Windows code page 1252. What calls itself ISO-8859-1 is this: it has letters where
    /// ISO-8859-1 has control characters, and the WHATWG's standard takes the names as one.
    Windows1252,
    /// ISO 8859-15, which has a euro sign.
    Iso8859_15,
    /// Any other of the WHATWG's standard, by its name there in small letters.
    Named(&'static str),
    /// By the byte order mark; else UTF-16 if every other byte is zero, UTF-8 if it is that, ISO-2022-JP by
    /// how it changes letters, and else Windows-1252 if that makes words. A file in which it does not is
    /// refused. Looked at is the beginning of the file.
    Auto,
}

/// No encoding has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no encoding that is known; known are auto and the names of the WHATWG's standard, such as \
     utf-8, utf-16, windows-1252, windows-1251, iso-8859-2, shift_jis, euc-kr, gb18030 and big5"
)]
pub struct UnknownEncoding(String);

/// Encodings with a place of their own in [`Encoding`], and what else they are called.
const OWN: [(Encoding, &[&str]); 7] = [
    (Encoding::Auto, &["auto"]),
    (Encoding::Utf8, &["utf-8", "utf8"]),
    (Encoding::Utf16, &["utf-16", "utf16"]),
    (Encoding::Utf16Le, &["utf-16le", "utf16le"]),
    (Encoding::Utf16Be, &["utf-16be", "utf16be"]),
    (
        Encoding::Windows1252,
        &["windows-1252", "cp1252", "iso-8859-1", "iso8859-1", "latin1", "ascii", "us-ascii"],
    ),
    (Encoding::Iso8859_15, &["iso-8859-15", "iso8859-15", "latin9"]),
];

/// The others: the name in the WHATWG's standard, and what else they are called.
const NAMED: [(&str, &[&str]); 33] = [
    ("big5", &["big5-hkscs", "cp950"]),
    ("euc-jp", &["eucjp", "x-euc-jp"]),
    ("euc-kr", &["euckr", "cp949", "windows-949", "korean", "ks_c_5601-1987", "uhc"]),
    ("gb18030", &[]),
    ("gbk", &["gb2312", "gb_2312", "cp936", "windows-936", "chinese"]),
    ("ibm866", &["cp866", "866"]),
    ("iso-2022-jp", &[]),
    ("iso-8859-2", &["iso8859-2", "latin2"]),
    ("iso-8859-3", &["iso8859-3", "latin3"]),
    ("iso-8859-4", &["iso8859-4", "latin4"]),
    ("iso-8859-5", &["iso8859-5", "cyrillic"]),
    ("iso-8859-6", &["iso8859-6", "arabic"]),
    ("iso-8859-7", &["iso8859-7", "greek"]),
    ("iso-8859-8", &["iso8859-8", "hebrew"]),
    ("iso-8859-8-i", &[]),
    ("iso-8859-10", &["iso8859-10", "latin6"]),
    ("iso-8859-13", &["iso8859-13", "latin7"]),
    ("iso-8859-14", &["iso8859-14", "latin8"]),
    ("iso-8859-16", &["iso8859-16", "latin10"]),
    ("koi8-r", &["koi8", "koi8r"]),
    ("koi8-u", &["koi8u"]),
    ("macintosh", &["mac", "mac-roman", "macroman", "x-mac-roman"]),
    ("shift_jis", &["shift-jis", "sjis", "cp932", "ms932", "windows-31j", "windows-932"]),
    ("windows-874", &["cp874", "tis-620", "iso-8859-11"]),
    ("windows-1250", &["cp1250"]),
    ("windows-1251", &["cp1251"]),
    ("windows-1253", &["cp1253"]),
    ("windows-1254", &["cp1254", "iso-8859-9", "iso8859-9", "latin5"]),
    ("windows-1255", &["cp1255"]),
    ("windows-1256", &["cp1256"]),
    ("windows-1257", &["cp1257"]),
    ("windows-1258", &["cp1258"]),
    ("x-mac-cyrillic", &["mac-cyrillic"]),
];

impl Encoding {
    /// The encoding of this name, in any case.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(name: &str) -> Result<Self, UnknownEncoding> {
        let name = name.trim().to_ascii_lowercase();
        let is = |names: &&[&str]| names.contains(&name.as_str());
        if let Some((encoding, _)) = OWN.iter().find(|(_, names)| is(names)) {
            return Ok(*encoding);
        }
        let found = NAMED.iter().find(|(known, names)| *known == name || is(names));
        found.map(|(known, _)| Self::Named(known)).ok_or(UnknownEncoding(name))
    }

    /// Its name in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Named(name) => name,
            own => {
                let found = OWN.iter().find(|(encoding, _)| *encoding == own);
                found.and_then(|(_, names)| names.first()).copied().unwrap_or_default()
            }
        }
    }

    /// All names that have no place of their own in this type.
    pub fn others() -> impl Iterator<Item = Self> {
        NAMED.iter().map(|(name, _)| Self::Named(name))
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_has_the_names_that_programs_use() {
        for (text, expected) in [
            ("utf-8", Encoding::Utf8),
            ("utf-16", Encoding::Utf16),
            ("utf-16be", Encoding::Utf16Be),
            ("cp1252", Encoding::Windows1252),
            ("iso-8859-1", Encoding::Windows1252),
            ("iso-8859-15", Encoding::Iso8859_15),
            ("auto", Encoding::Auto),
            ("Shift_JIS", Encoding::Named("shift_jis")),
            ("cp1251", Encoding::Named("windows-1251")),
            ("GB2312", Encoding::Named("gbk")),
            ("x-mac-cyrillic", Encoding::Named("x-mac-cyrillic")),
        ] {
            assert_eq!(serde_json::from_value::<Encoding>(text.into()).unwrap(), expected);
        }
        let error = Encoding::parse("klingon").unwrap_err().to_string();
        assert!(error.starts_with("\"klingon\" is no encoding that is known"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_again_and_no_name_means_two() {
        let own = OWN.iter().map(|(encoding, _)| *encoding);
        for encoding in own.chain(Encoding::others()) {
            assert_eq!(Encoding::parse(encoding.name()), Ok(encoding));
        }
        let mut names: Vec<&str> =
            OWN.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        names.extend(NAMED.iter().flat_map(|(name, others)| others.iter().copied().chain([*name])));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
