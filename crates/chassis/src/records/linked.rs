//! Pages of records with links: HAL.

use super::hal::{LINKS, link, place};
use super::listing::Listing;
use super::resource::{Resource, key_of, plural};
use serde_json::{Map, Value, json};
use state::record::Page;

/// A page of records. `counts`: how many there are before it, and at all, if that is known.
pub(super) fn list<T: Resource>(
    mut items: Vec<Value>,
    page: &Page<T>,
    listing: &Listing<T>,
    counts: Option<(usize, usize)>,
) -> Map<String, Value> {
    for item in &mut items {
        let href = place::<T>(&key_of::<T>(item));
        link(item, &href);
    }
    let href = |cursor: Option<&str>| {
        let query: Vec<String> = listing.query(cursor).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        json!({"href": format!("{}{mark}{}", plural::<T>(), query.join("&"))})
    };
    let mut links = json!({"self": href(None)});
    if let Some(next) = &page.next {
        links["next"] = href(Some(&next.to_string()));
    }
    let size = listing.limit;
    let mut figures = json!({"size": size});
    if let Some((before, all)) = counts {
        figures["totalElements"] = all.into();
        figures["totalPages"] = all.div_ceil(size).into();
        figures["number"] = (before / size).into();
    }
    let embedded = json!({plural::<T>(): items});
    [("_embedded", embedded), (LINKS, links), ("page", figures)]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}
