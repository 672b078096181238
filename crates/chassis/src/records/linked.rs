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
    let mut links = Map::from_iter([("self".to_owned(), href(None))]);
    if let Some(next) = &page.next {
        links.insert("next".to_owned(), href(Some(&next.to_string())));
    }
    let size = listing.limit;
    let figures = counts.map_or_else(
        || json!({"size": size}),
        |(before, all)| {
            let (pages, number) = (all.div_ceil(size), before / size);
            json!({"size": size, "totalElements": all, "totalPages": pages, "number": number})
        },
    );
    let embedded = json!({plural::<T>(): items});
    [("_embedded", embedded), (LINKS, links.into()), ("page", figures)]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}
