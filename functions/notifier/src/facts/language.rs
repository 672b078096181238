//! Names of languages.

/// `fr` of `fr-CA`.
pub(crate) fn base(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}
