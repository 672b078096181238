//! `Accept: application/hal+json`: records with links, as clients of Spring Data REST know them.

use super::resource::{Resource, encoded, plural};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

/// The media type.
pub(super) const HAL: &str = "application/hal+json";

/// The member with links.
pub(super) const LINKS: &str = "_links";

/// Does the sender ask for it?
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accept.flat_map(|value| value.split(','));
    let name = |kind: &str| kind.split(';').next().unwrap_or_default().trim().to_owned();
    kinds.any(|kind| name(kind).eq_ignore_ascii_case(HAL))
}

/// Where a record is, relative to the list, so that it is right behind a gateway that adds a prefix.
pub(super) fn place<T: Resource>(key: &[String]) -> String {
    let parts: Vec<String> = key.iter().map(|part| encoded(part)).collect();
    format!("{}/{}", plural::<T>(), parts.join("/"))
}

/// Adds the link of a record to itself.
pub(super) fn link(record: &mut Value, href: &str) {
    if let Some(fields) = record.as_object_mut() {
        fields.insert(LINKS.to_owned(), json!({"self": {"href": href}}));
    }
}
