//! How many messages a text is for the provider: 160 characters of the GSM alphabet, or 70 of any other (3GPP TS 23.038);
//! 153 and 67 where it takes more than one (TS 23.040, with a header of 6 bytes).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The basic alphabet, without the escape character.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those that take two places.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// What a text message takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Segments {
    /// `gsm7` or `ucs2`.
    pub(crate) encoding: String,
    /// Places that it takes: of 160 with `gsm7`, of 70 with `ucs2`.
    pub(crate) units: usize,
    /// Messages that it is sent in, and paid for.
    pub(crate) segments: usize,
}

/// What `text` takes.
pub(crate) fn segments(text: &str) -> Segments {
    let places = |c: char| match c {
        c if GSM.contains(c) => Some(1),
        c if EXTENDED.contains(c) => Some(2),
        _ => None,
    };
    let gsm: Option<Vec<usize>> = text.chars().map(places).collect();
    let (encoding, sizes, one, many) = match gsm {
        Some(sizes) => ("gsm7", sizes, 160, 153),
        None => ("ucs2", text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    let units = sizes.iter().sum();
    let segments = if units <= one { 1 } else { split(&sizes, many) };
    Segments { encoding: encoding.to_owned(), units, segments }
}

/// A character of two places is never divided.
fn split(sizes: &[usize], room: usize) -> usize {
    let (mut count, mut used) = (1, 0);
    for size in sizes {
        if room < used + size {
            (count, used) = (count + 1, 0);
        }
        used += size;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, encoding: &str, units: usize, count: usize) {
        let expected = Segments { encoding: encoding.into(), units, segments: count };
        assert_eq!(segments(text), expected, "{text}");
    }

    #[test]
    fn a_text_is_counted_as_the_provider_does() {
        check("", "gsm7", 0, 1);
        check("Votre commande A-1 est confirmée", "gsm7", 32, 1);
        check(&"a".repeat(160), "gsm7", 160, 1);
        check(&"a".repeat(161), "gsm7", 161, 2);
        check(&"a".repeat(307), "gsm7", 307, 3);
        check("10 €", "gsm7", 5, 1);
        // The euro does not fit into the last place of the first segment.
        check(&format!("{}€{}", "a".repeat(152), "a".repeat(152)), "gsm7", 306, 3);
        check("ê", "ucs2", 1, 1);
        check(&"ê".repeat(71), "ucs2", 71, 2);
        check("🛒", "ucs2", 2, 1);
    }
}
