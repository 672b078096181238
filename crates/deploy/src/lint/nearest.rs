//! Which name was probably meant.

/// `did you mean "annotations"?`, if one of `known` is much like `name`.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = domain::nearest(name, known);
    nearest.map_or_else(String::new, |known| format!("did you mean {known:?}?"))
}
