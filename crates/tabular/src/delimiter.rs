//! The delimiters that are tried.

/// The delimiters that `auto` tries.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What to configure where the only name in the header holds another delimiter several times.
pub(crate) fn another(found: &[String]) -> String {
    let [one] = found else { return String::new() };
    let count = |delimiter: &char| one.matches(*delimiter).count();
    let most = DELIMITERS.map(char::from).into_iter().max_by_key(count);
    let hint = |delimiter: char| {
        format!(" (one column; should it be `delimiter: {:?}`?)", delimiter.to_string())
    };
    most.filter(|delimiter| 2 <= count(delimiter)).map(hint).unwrap_or_default()
}
