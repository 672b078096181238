//! Which name was probably meant.

/// Longest name for which a similar one is looked for, in bytes: comparing takes time by its length.
const NAME_BYTES_MAX: usize = 48;

/// The one of `known` that `name` was probably meant to be: `orderId`, `order-id` and `ORDER_ID` are one
/// name, and two slips of the keyboard are forgiven in a long one. Nothing if none is much like it.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if NAME_BYTES_MAX < name.len() {
        return None;
    }
    let given = plain(name);
    let slips = |known: &str| strsim::osa_distance(&given, &plain(known));
    let (slips, known) = known.map(|known| (slips(known), known)).min()?;
    // Two slips in a short word make another word.
    (slips <= 2 && slips * 3 <= known.len()).then_some(known)
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn what_is_much_like_a_known_name_is_that_name() {
        let known = ["order-id", "quantity", "sku"];
        for (name, expected) in [
            ("OrderID", Some("order-id")),
            ("quantty", Some("quantity")),
            ("qauntity", Some("quantity")),
            ("sk", Some("sku")),
            ("abc", None),
            ("", None),
            (&"quantity".repeat(9), None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }
}
